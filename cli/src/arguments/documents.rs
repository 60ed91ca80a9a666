//! Each command that a document names is one that the parser takes.

use super::command;
use clap::error::ErrorKind;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The documents: those at the top, of docs/ and of examples/.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let examples = files(root.join("examples")).map(|folder| folder.join("README.md"));
    let all = files(root.to_owned()).chain(files(root.join("docs"))).chain(examples);
    all.filter(|path| path.extension().is_some_and(|ending| ending == "md") && path.is_file()).collect()
}

/// The words of the commands of a document that call `mapsan`, as far as the shell leaves them to it.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut is_fenced = false;
    for line in text.lines() {
        is_fenced ^= line.starts_with("```");
        let code = line.strip_prefix("    ").or(is_fenced.then_some(line)).unwrap_or_default();
        let code = code.trim_start_matches("$ ").replace("[ADDRESS…]", "ADDRESS").replace('…', "");
        if let Some(words) = code.starts_with("mapsan ").then(|| shlex::split(&code)).flatten() {
            let ends = |word: &String| ["|", ">", "2>", ">>", "&", "&&", "||", ";"].contains(&word.as_str());
            found.push(words.into_iter().take_while(|word| !ends(word)).collect());
        }
    }
    found
}

#[test]
fn each_command_of_the_documents_is_taken() {
    let mut number = 0;
    for document in documents() {
        for words in commands(&fs::read_to_string(&document).unwrap()) {
            let told = format!("{}: {}", document.display(), words.join(" "));
            // Commands of gdb's that begin with the same word.
            if ["stop", "findings", "address", "mappings", "preload", "caller"].contains(&words[1].as_str()) {
                continue;
            }
            number += 1;
            match command().try_get_matches_from(&words) {
                // A file that is named is not here.
                Err(error) if error.kind() == ErrorKind::ValueValidation => {}
                Err(error) => panic!("{told}\n{error}"),
                Ok(matches) => {
                    let given =
                        matches.subcommand().and_then(|(_, given)| given.try_get_one::<OsString>("program").ok()?);
                    let is_option = given.and_then(|word| word.to_str()).is_some_and(|word| word.starts_with('-'));
                    assert!(!is_option, "{told}: an option that there is not");
                }
            }
        }
    }
    assert!(number > 60, "only {number} commands were found");
}
