//! What code says: its tokens one after the other, but for attributes, comments, and what is there for tests alone.

use crate::package::{attributes_of, is_for_tests};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Item, Lit};

/// The tokens of a file; those in brackets of any kind stand where the brackets stood.
pub(crate) fn tokens(text: &str) -> Vec<TokenTree> {
    let mut file = syn::parse_file(text).expect("the file is Rust");
    drop_tests(&mut file.items);
    let mut tokens = Vec::new();
    flatten(file.items.into_iter().map(Item::into_token_stream).collect(), &mut tokens);
    tokens
}

/// The literal texts among tokens, each with its line.
pub(crate) fn texts(tokens: &[TokenTree]) -> impl Iterator<Item = (String, usize)> {
    tokens.iter().filter_map(|token| {
        let TokenTree::Literal(literal) = token else { return None };
        let Lit::Str(text) = Lit::new(literal.clone()) else { return None };
        Some((text.value(), literal.span().start().line))
    })
}

fn drop_tests(items: &mut Vec<Item>) {
    items.retain(|item| !is_for_tests(attributes_of(item)));
    for item in items {
        if let Item::Mod(module) = item
            && let Some((_, items)) = &mut module.content
        {
            drop_tests(items);
        }
    }
}

fn flatten(stream: TokenStream, tokens: &mut Vec<TokenTree>) {
    let mut stream = stream.into_iter().peekable();
    while let Some(token) = stream.next() {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                stream.next_if(|next| matches!(next, TokenTree::Punct(_)));
                stream.next_if(|next| matches!(next, TokenTree::Group(_)));
            }
            TokenTree::Group(group) => flatten(group.stream(), tokens),
            other => tokens.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_attributes_and_tests_say_nothing() {
        let text = r#"
            //! "one"
            /// "two"
            #[deprecated = "three"]
            const TEXT: &str = join!("four", { "five" });
            #[cfg(test)]
            mod tests { const TEXT: &str = "six"; }
        "#;
        let texts: Vec<(String, usize)> = texts(&tokens(text)).collect();
        assert_eq!(texts, [("four".to_owned(), 5), ("five".to_owned(), 5)]);
    }
}
