//! Who uses whom: the imports of a package's modules, and the paths that lead to other modules.

use crate::package::{ModulePath, Package, SourceFile, attributes_of, is_for_tests};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeMap;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{ImplItem, Item, ItemMod, ItemUse, Local, Macro, Path, UseTree, VisRestricted};

/// A use of another file's module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrow {
    pub(crate) from: ModulePath,
    pub(crate) to: ModulePath,
    /// Where it is, and how it is written there.
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) path: String,
}

/// All of a package, but what is for tests alone.
pub(crate) fn arrows(package: &Package) -> Vec<Arrow> {
    let macros = macros(package);
    let mut arrows = Vec::new();
    for file in &package.files {
        let mut visitor = Visitor { package, macros: &macros, file, module: file.module.clone(), arrows: &mut arrows };
        visitor.visit_file(&file.syntax);
    }
    arrows.sort();
    arrows.dedup();
    arrows
}

/// The modules that declare a macro; names that several declare are left out, each means its own.
fn macros(package: &Package) -> BTreeMap<String, ModulePath> {
    let mut declared: BTreeMap<String, Vec<&ModulePath>> = BTreeMap::new();
    for file in &package.files {
        for item in &file.syntax.items {
            if let Item::Macro(item) = item
                && let Some(name) = &item.ident
            {
                declared.entry(name.to_string()).or_default().push(&file.module);
            }
        }
    }
    let single = declared.into_iter().filter(|(_, modules)| modules.len() == 1);
    single.map(|(name, modules)| (name, modules[0].clone())).collect()
}

struct Visitor<'a> {
    package: &'a Package,
    macros: &'a BTreeMap<String, ModulePath>,
    file: &'a SourceFile,
    /// The module in which the visitor is, which may stand inside the file's.
    module: ModulePath,
    arrows: &'a mut Vec<Arrow>,
}

impl Visitor<'_> {
    /// Draws the arrow for a path that leads into another file.
    fn draw(&mut self, path: &[String], line: usize) {
        if let Some(to) = self.package.resolve(&self.module, path) {
            self.draw_to(&to.clone(), path, line);
        }
    }

    fn draw_to(&mut self, to: &ModulePath, path: &[String], line: usize) {
        if *to != self.file.module {
            let (from, to, file) = (self.file.module.clone(), to.clone(), self.file.path.clone());
            self.arrows.push(Arrow { from, to, file, line, path: path.join("::") });
        }
    }

    fn draw_imports(&mut self, tree: &UseTree, before: &mut Vec<String>) {
        let line = tree.span().start().line;
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.draw_imports(&path.tree, before);
                before.pop();
            }
            UseTree::Name(name) if name.ident == "self" => self.draw(before, line),
            UseTree::Name(name) => self.draw(&[before.as_slice(), &[name.ident.to_string()]].concat(), line),
            UseTree::Rename(name) => self.draw(&[before.as_slice(), &[name.ident.to_string()]].concat(), line),
            UseTree::Glob(_) => self.draw(before, line),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.draw_imports(tree, before)),
        }
    }

    /// The paths among the tokens of a macro, which are no syntax yet.
    fn draw_tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.draw_tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let line = first.span().start().line;
                    let mut path = vec![first.to_string()];
                    while let Some(next) = next_of_path(&mut tokens) {
                        path.push(next);
                    }
                    if path.len() > 1 {
                        self.draw(&path, line);
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

/// `::name`, where it follows.
fn next_of_path(tokens: &mut (impl Iterator<Item = TokenTree> + Clone)) -> Option<String> {
    let mut ahead = tokens.clone();
    for _ in 0..2 {
        match ahead.next()? {
            TokenTree::Punct(colon) if colon.as_char() == ':' => {}
            _ => return None,
        }
    }
    let TokenTree::Ident(name) = ahead.next()? else { return None };
    *tokens = ahead;
    Some(name.to_string())
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes_of(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = if let ImplItem::Fn(function) = item { function.attrs.as_slice() } else { &[] };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if !is_for_tests(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.draw_imports(&item.tree, &mut Vec::new());
    }

    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {
        // `pub(super)` says who may use this, and uses nobody.
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.segments.len() > 1 && path.leading_colon.is_none() {
            let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.draw(&names, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        if let Some(name) = call.path.get_ident().map(ToString::to_string)
            && let Some(module) = self.macros.get(&name)
        {
            self.draw_to(module, &[name], call.span().start().line);
        }
        self.draw_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;

    /// The arrows of `src/a.rs`, in a crate that also has `b` with its `inner`, as `FILE LINE`.
    fn of_a(text: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("src/lib.rs", "mod a; mod b; #[cfg(test)] mod tried;"),
            ("src/a.rs", text),
            (
                "src/b/mod.rs",
                "pub mod inner; pub use inner::Deep as Passed; pub struct Own; macro_rules! made { () => {}; }",
            ),
            ("src/b/inner.rs", "pub struct Deep; pub fn told() {}"),
            ("src/tried.rs", "use crate::b::Own;"),
        ]);
        let arrows = arrows(&Package::read(&tree, "src/lib.rs"));
        assert!(arrows.iter().all(|arrow| arrow.from != ["tried"]), "a test's arrows are none");
        let of_a = arrows.iter().filter(|arrow| arrow.from == ["a"]);
        of_a.map(|arrow| format!("{} {}", arrow.to.join("::"), arrow.line)).collect()
    }

    #[test]
    fn imports_and_paths_are_arrows() {
        assert_eq!(of_a("use crate::b::Own;\n"), ["b 1"]);
        assert_eq!(of_a("use super::b::{self,\n inner::Deep};"), ["b 1", "b::inner 2"]);
        assert_eq!(of_a("fn f() {\n crate::b::inner::told() }"), ["b::inner 2"]);
        assert_eq!(of_a("use crate::b::inner;\nfn f() { inner::told() }"), ["b::inner 1", "b::inner 2"]);
        assert_eq!(of_a("fn f() { assert!(g(crate::b::Own)) }"), ["b 1"]);
        assert_eq!(of_a("fn f() { made!() }"), ["b 1"]);
        assert_eq!(of_a("mod within { fn f(_: super::super::b::Own) {} }"), ["b 1"]);
    }

    #[test]
    fn what_is_passed_on_leads_to_where_it_is_declared() {
        assert_eq!(of_a("use crate::b::Passed;"), ["b::inner 1"]);
        assert_eq!(of_a("use crate::b::*;\nfn f(_: inner::Deep) {}"), ["b 1", "b::inner 2"]);
    }

    #[test]
    fn what_uses_nobody_is_no_arrow() {
        assert_eq!(
            of_a("use std::fmt; pub(in crate::b) struct A; impl A { fn f() { Self::g(); fmt::b(); } }"),
            [""; 0]
        );
        assert_eq!(of_a("#[cfg(test)] mod tests { use crate::b::Own; }"), [""; 0]);
    }
}
