//! What holds for the repository itself: its layers, lengths, forms, and that its documents and its code agree.
//!
//! Each check is a function of a tree of files, with tests of its own that show that it fails.

mod arrows;
mod code;
mod documents;
mod facts;
mod format;
mod known;
mod layers;
mod length;
mod package;
mod tree;

use arrows::arrows;
use known::{Known, but_known};
use layers::Layers;
use package::Package;
use tree::{Defect, Tree};

/// The packages that have layers, by their first files, with the headings of their tables in ARCHITECTURE.md.
const LAYERED: [(&str, &str); 2] =
    [("src/lib.rs", "## The layers of the runtime"), ("cli/src/main.rs", "## The layers of the command")];

/// The first files of all packages, but for `proof`, whose modules are the runtime's.
const PACKAGES: [&str; 6] = [
    "src/lib.rs",
    "cli/src/main.rs",
    "model/src/lib.rs",
    "c-tests/harness/src/main.rs",
    "xtask/src/main.rs",
    "xtask/tests/tidy/main.rs",
];

#[test]
fn no_arrow_runs_up() {
    let tree = Tree::of_the_repository();
    let upward = |(first, heading): &(&str, &str)| layers(&tree, heading).upward(&arrows(&Package::read(&tree, first)));
    none_but(LAYERED.iter().flat_map(upward).collect(), known::UPWARD);
}

#[test]
fn each_module_has_its_layer() {
    let tree = Tree::of_the_repository();
    let gaps = |(first, heading): &(&str, &str)| layers(&tree, heading).gaps(&Package::read(&tree, first));
    none_but(LAYERED.iter().flat_map(gaps).collect(), known::UNPLACED);
}

#[test]
fn there_is_no_circle() {
    let tree = Tree::of_the_repository();
    let circles = |first: &&str| layers::circles(&arrows(&Package::read(&tree, first)));
    none_but(PACKAGES.iter().flat_map(circles).collect(), known::CIRCLES);
}

#[test]
fn no_file_and_no_function_is_too_long() {
    none_but(length::too_long(&Tree::of_the_repository()), known::LONG);
}

#[test]
fn rustfmt_formats_all_code() {
    none_but(format::left_alone(&Tree::of_the_repository()), known::LEFT_ALONE);
}

#[test]
fn each_fact_is_stated_once() {
    none_but(facts::stated_twice(&Tree::of_the_repository(), &facts::FACTS), &[]);
}

#[test]
fn no_rule_is_named_outside_its_check() {
    none_but(facts::rules_named(&Tree::of_the_repository()), known::RULES);
}

#[test]
fn what_the_documents_name_is_there() {
    let tree = Tree::of_the_repository();
    none_but(documents::DOCUMENTS.iter().flat_map(|document| documents::dead_paths(&tree, document)).collect(), &[]);
    none_but(documents::DOCUMENTS.iter().flat_map(|document| documents::dead_names(&tree, document)).collect(), &[]);
}

#[test]
fn the_map_names_each_file_of_the_runtime() {
    let tree = Tree::of_the_repository();
    let package = Package::read(&tree, "src/lib.rs");
    let unnamed = documents::unnamed_files(&tree, &package, "ARCHITECTURE.md", "The runtime, file by file");
    none_but(unnamed, known::UNNAMED);
}

#[test]
fn the_tables_of_folders_have_each() {
    let tree = Tree::of_the_repository();
    none_but(documents::unnamed_folders(&tree, "ARCHITECTURE.md", "Packages"), &[]);
    none_but(documents::unlinked_folders(&tree, "examples/README.md"), &[]);
}

#[test]
fn the_first_page_leads_to_the_first_hour() {
    let tree = Tree::of_the_repository();
    none_but(documents::discouraging(&tree, "README.md", "docs/first-hour.md", "docs/gaps.md"), &[]);
}

fn layers(tree: &Tree, heading: &str) -> Layers {
    Layers::read(tree.text("ARCHITECTURE.md").expect("ARCHITECTURE.md is there"), heading)
}

#[track_caller]
fn none_but(defects: Vec<Defect>, known: &[Known]) {
    let defects: Vec<String> = but_known(defects, known).iter().map(ToString::to_string).collect();
    assert!(defects.is_empty(), "\n{}", defects.join("\n"));
}
