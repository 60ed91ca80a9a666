//! A package's modules, as its files declare them, and where a path leads.

use crate::tree::Tree;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Attribute, Expr, ExprLit, File, Item, Lit, Meta, UseTree};

/// A module's path from the crate's root, without `crate`.
pub(crate) type ModulePath = Vec<String>;

/// The modules of a package that are not for tests alone.
pub(crate) struct Package {
    /// The files in the order of their modules.
    pub(crate) files: Vec<SourceFile>,
    modules: BTreeMap<ModulePath, Module>,
}

/// A file that is a module.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) module: ModulePath,
    pub(crate) syntax: File,
}

impl SourceFile {
    /// Whether the module is a folder with files.
    pub(crate) fn is_folder(&self) -> bool {
        self.path.ends_with("/mod.rs")
    }

    /// Whether the comment at the file's head has a word, however it is spelled.
    pub(crate) fn says(&self, word: &str) -> bool {
        let comments = self.syntax.attrs.iter().filter_map(|attribute| text_of(attribute, "doc"));
        let is_between = |character: char| !character.is_alphanumeric();
        comments
            .flat_map(|text| text.split(is_between).map(str::to_owned).collect::<Vec<_>>())
            .any(|said| said.eq_ignore_ascii_case(word))
    }
}

/// A module with a file of its own, and the file where `path` names it.
struct Child {
    module: ModulePath,
    file: Option<String>,
}

/// What a module gives names to.
#[derive(Default)]
struct Module {
    /// The module of the file that it stands in.
    file: ModulePath,
    items: BTreeSet<String>,
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

impl Package {
    /// Reads a package from its first file on.
    ///
    /// # Panics
    /// Where a file is not Rust, or a module's file is not there: the compiler says why.
    pub(crate) fn read(tree: &Tree, first: &str) -> Package {
        let mut package = Package { files: Vec::new(), modules: BTreeMap::new() };
        package.read_file(tree, first, Vec::new());
        package
    }

    fn read_file(&mut self, tree: &Tree, path: &str, module: ModulePath) {
        let text = tree.text(path).unwrap_or_else(|| panic!("{path} is not there"));
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (folder, name) = path.rsplit_once('/').expect("a source file lies in a folder");
        let stem = name.trim_end_matches(".rs");
        let owns_folder = matches!(stem, "lib" | "main" | "mod");
        let below = if owns_folder { folder.to_owned() } else { format!("{folder}/{stem}") };
        let children = self.read_items(&syntax.items, &module, &module);
        self.files.push(SourceFile { path: path.to_owned(), module, syntax });
        for Child { module, file } in children {
            let place = format!("{below}/{}", module.last().expect("a child has a name"));
            let places = match file {
                Some(named) => vec![format!("{folder}/{named}")],
                None => vec![format!("{place}.rs"), format!("{place}/mod.rs")],
            };
            let file = places.into_iter().find(|file| tree.holds(file));
            self.read_file(tree, &file.unwrap_or_else(|| panic!("{place}.rs is not there")), module);
        }
    }

    /// Takes what a module declares; gives the modules that have files of their own.
    fn read_items(&mut self, items: &[Item], module: &ModulePath, file: &ModulePath) -> Vec<Child> {
        let mut here = Module { file: file.clone(), ..Module::default() };
        let mut children = Vec::new();
        for item in items.iter().filter(|item| !is_for_tests(attributes_of(item))) {
            match item {
                Item::Mod(child) => {
                    let path = [module.as_slice(), &[child.ident.to_string()]].concat();
                    match &child.content {
                        Some((_, items)) => children.extend(self.read_items(items, &path, file)),
                        None => children.push(Child {
                            module: path,
                            file: child.attrs.iter().find_map(|each| text_of(each, "path")),
                        }),
                    }
                }
                Item::Use(import) => here.import(&import.tree, &mut Vec::new()),
                other => here.items.extend(name_of(other)),
            }
        }
        // A module may be declared twice, for two architectures.
        self.modules.entry(module.clone()).or_default().take(here);
        children
    }

    /// The modules at the crate's root, with their files.
    pub(crate) fn roots(&self) -> BTreeMap<&str, &SourceFile> {
        let roots = self.files.iter().filter(|file| file.module.len() == 1);
        roots.map(|file| (file.module[0].as_str(), file)).collect()
    }

    /// The module of the file in which a path's item is declared, as seen from a module; none if it is not this package's.
    pub(crate) fn resolve(&self, from: &ModulePath, path: &[String]) -> Option<&ModulePath> {
        self.find(from, path, 0).map(|module| &self.modules[&module].file)
    }

    fn find(&self, from: &ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        // Imports that lead to one another in a ring do not compile; deep chains of them do not exist.
        if depth > 16 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(Vec::new(), rest, depth),
            "self" => self.descend(from.clone(), rest, depth),
            "super" => {
                let parent = from.split_last()?.1.to_vec();
                if rest.is_empty() { Some(parent) } else { self.find_relative(parent, rest, depth) }
            }
            _ => {
                let here = self.modules.get(from)?;
                let by_globs = || here.globs.iter().find_map(|glob| self.find_in_glob(from, glob, path, depth));
                if self.declares(from, first) { self.descend(from.clone(), path, depth) } else { by_globs() }
            }
        }
    }

    /// Whether a module has a name by itself, not by a glob.
    fn declares(&self, module: &ModulePath, name: &String) -> bool {
        let child = [module.as_slice(), std::slice::from_ref(name)].concat();
        let own = |module: &Module| module.items.contains(name) || module.imports.contains_key(name);
        self.modules.contains_key(&child) || self.modules.get(module).is_some_and(own)
    }

    /// After `super`, where another `super` may follow.
    fn find_relative(&self, module: ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        if path.first().is_some_and(|first| first == "super") {
            self.find(&module, path, depth)
        } else {
            self.descend(module, path, depth)
        }
    }

    fn find_in_glob(&self, from: &ModulePath, glob: &[String], path: &[String], depth: usize) -> Option<ModulePath> {
        let module = self.find(from, glob, depth + 1)?;
        let holds = path.first().is_some_and(|first| self.declares(&module, first));
        if holds { self.descend(module, path, depth + 1) } else { None }
    }

    /// From a module on by the names of its children, and what it passes on from elsewhere.
    fn descend(&self, mut module: ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        for (at, name) in path.iter().enumerate() {
            let child = [module.as_slice(), std::slice::from_ref(name)].concat();
            if self.modules.contains_key(&child) {
                module = child;
                continue;
            }
            let import = self.modules.get(&module)?.imports.get(name);
            return match import {
                Some(import) => self.find(&module, &[import.as_slice(), &path[at + 1..]].concat(), depth + 1),
                None => Some(module),
            };
        }
        Some(module)
    }
}

impl Module {
    fn take(&mut self, other: Module) {
        self.file = other.file;
        self.items.extend(other.items);
        self.imports.extend(other.imports);
        self.globs.extend(other.globs);
    }

    fn import(&mut self, tree: &UseTree, before: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.import(&path.tree, before);
                before.pop();
            }
            UseTree::Name(name) if name.ident == "self" => {
                if let Some(last) = before.last().cloned() {
                    self.imports.insert(last, before.clone());
                }
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.imports.insert(name.clone(), [before.as_slice(), &[name]].concat());
            }
            UseTree::Rename(name) => {
                let path = [before.as_slice(), &[name.ident.to_string()]].concat();
                self.imports.insert(name.rename.to_string(), path);
            }
            UseTree::Glob(_) => self.globs.push(before.clone()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before)),
        }
    }
}

/// Whether what has these attributes is compiled for tests alone.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => {
            list.path.is_ident("cfg") && matches!(list.tokens.to_string().as_str(), "test" | "all (test)")
        }
        Meta::Path(path) => path.is_ident("test"),
        Meta::NameValue(_) => false,
    })
}

/// The text of an attribute such as `#[path = "…"]` or a comment.
fn text_of(attribute: &Attribute, name: &str) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    match &pair.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if pair.path.is_ident(name) => Some(text.value()),
        _ => None,
    }
}

/// An item's attributes.
pub(crate) fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name that an item declares.
fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
