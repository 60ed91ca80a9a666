//! Files and functions that call for a split.

use crate::tree::{Defect, Tree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, Signature, TraitItemFn};

/// A file of more lines has more than one subject.
const FILE: usize = 500;

/// A function of more lines does more than one thing.
const FUNCTION: usize = 60;

/// The files and functions that are too long, tests as all others.
pub(crate) fn too_long(tree: &Tree) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (path, text) in tree.rust() {
        let lines = text.lines().count();
        if lines > FILE {
            defects.push(Defect::new(path, FILE, format!("the file has {lines} lines, more than {FILE}")));
        }
        let syntax = syn::parse_file(text).expect("the file is Rust");
        Functions { path, defects: &mut defects }.visit_file(&syntax);
    }
    defects
}

struct Functions<'a> {
    path: &'a str,
    defects: &'a mut Vec<Defect>,
}

impl Functions<'_> {
    /// From `fn` or what stands before it to the closing brace.
    fn measure(&mut self, signature: &Signature, block: &Block) {
        let start = signature.span().start().line;
        let lines = block.span().end().line - start + 1;
        if lines > FUNCTION {
            let what = format!("{} has {lines} lines, more than {FUNCTION}", signature.ident);
            self.defects.push(Defect::new(self.path, start, what));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.measure(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_and_functions_are_found() {
        let function =
            |lines: usize| format!("impl A {{\n    fn f() {{\n{}    }}\n}}\n", "        g();\n".repeat(lines - 2));
        let found = |text: &str| too_long(&Tree::of(&[("src/a.rs", text)]));
        assert_eq!(found(&function(FUNCTION)), []);
        assert_eq!(found(&function(FUNCTION + 1)), [Defect::new("src/a.rs", 2, "f has 61 lines, more than 60")]);
        assert_eq!(found(&"use a;\n".repeat(FILE)), []);
        let long = Defect::new("src/a.rs", FILE, "the file has 501 lines, more than 500");
        assert_eq!(found(&"use a;\n".repeat(FILE + 1)), [long]);
    }
}
