//! Code that rustfmt leaves as it is, without a word, because some piece of it can't be made to fit.
//!
//! `cargo fmt --check` has nothing against such code, however it is indented. So each line is moved by a blank before
//! rustfmt gets the file: what does not come back as it was is what rustfmt does not look at.

use crate::tree::{Defect, Tree};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Macro, MacroDelimiter, Token};

/// The first line of each stretch that rustfmt does not format.
pub(crate) fn left_alone(tree: &Tree) -> Vec<Defect> {
    let files: Vec<(&str, &str)> = tree.rust().collect();
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let part = |at: usize| -> Vec<Defect> {
        files.iter().skip(at).step_by(jobs).flat_map(|(path, text)| left_in(path, text)).collect()
    };
    thread::scope(|scope| {
        let jobs: Vec<_> = (0..jobs).map(|at| scope.spawn(move || part(at))).collect();
        jobs.into_iter().flat_map(|job| job.join().expect("rustfmt ran")).collect()
    })
}

fn left_in(path: &str, text: &str) -> Vec<Defect> {
    let fixed = fixed_lines(text);
    let is_moved = |at: usize, line: &str| !line.is_empty() && !fixed.contains(&at);
    let lines = (1..).zip(text.lines());
    let moved = lines.map(|(at, line)| if is_moved(at, line) { format!(" {line}\n") } else { format!("{line}\n") });
    let formatted = rustfmt(&moved.collect::<String>());
    let pairs = (1..).zip(text.lines().zip(formatted.lines()));
    let left: BTreeSet<usize> = pairs.filter(|(_, (line, back))| line != back).map(|(at, _)| at).collect();
    let firsts = left.iter().filter(|at| !left.contains(&(**at - 1)));
    firsts
        .map(|at| Defect::new(path, *at, "rustfmt leaves this as it is: some piece of it is too long to fit"))
        .collect()
}

/// What rustfmt makes of a text.
fn rustfmt(text: &str) -> String {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../rustfmt.toml");
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path", config])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("rustfmt is there: rustup component add rustfmt");
    rustfmt.stdin.take().expect("it is a pipe").write_all(text.as_bytes()).expect("rustfmt reads all");
    let output = rustfmt.wait_with_output().expect("rustfmt ends");
    assert!(output.status.success(), "rustfmt failed");
    String::from_utf8(output.stdout).expect("a text stays one")
}

/// The lines that begin inside a literal, or inside a macro whose tokens rustfmt does not take for code.
fn fixed_lines(text: &str) -> BTreeSet<usize> {
    let mut lines = BTreeSet::new();
    let tokens: TokenStream = text.parse().expect("the file is Rust");
    add_literals(tokens, &mut lines);
    let mut macros = Macros(&mut lines);
    macros.visit_file(&syn::parse_file(text).expect("the file is Rust"));
    lines
}

fn add_literals(tokens: TokenStream, lines: &mut BTreeSet<usize>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => add_literals(group.stream(), lines),
            TokenTree::Literal(literal) => lines.extend(literal.span().start().line + 1..=literal.span().end().line),
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

struct Macros<'a>(&'a mut BTreeSet<usize>);

impl<'ast> Visit<'ast> for Macros<'_> {
    fn visit_macro(&mut self, call: &'ast Macro) {
        let is_expressions = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(call.tokens.clone()).is_ok();
        if matches!(call.delimiter, MacroDelimiter::Brace(_)) || !is_expressions {
            let span = call.delimiter.span();
            self.0.extend(span.open().start().line + 1..=span.close().end().line);
        }
        visit::visit_macro(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rustfmt_gives_up_on_is_found() {
        let lines = |text: &str| left_in("a.rs", text).into_iter().map(|defect| defect.line).collect::<Vec<_>>();
        let told =
            |text: &str| format!("fn f() {{\n    g();\n    tell(|| {{\n        say(\"{text}\");\n    }});\n}}\n");
        assert_eq!(lines(&told("short")), [0; 0]);
        assert_eq!(lines(&told(&"long ".repeat(30))), [4]);
        let split = "long ".repeat(20) + "\\\n             " + &"long ".repeat(10);
        assert_eq!(lines(&told(&split)), [0; 0]);
    }

    #[test]
    fn literals_and_the_tokens_of_macros_stay_where_they_are() {
        let text = "const A: &str = \"a\n  b\";\nmade! {\n  x =>\n y;\n}\n\nfn f() {\n    asm!(\n     \"ret\", in(\"rax\") x\n    );\n}\n";
        assert_eq!(left_in("a.rs", text), []);
    }
}
