//! The programs of the rules that `mapsan sweep` asks: swept by the command, which lies beside the library.

use crate::program::Program;
use crate::{golden, verdict};
use anyhow::{Context, Result, ensure};
use regex::Regex;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a sweep of a program writes to standard error, in a form.
fn swept(binary: &Path, program: &Program, library: &Path, form: &str) -> Result<String> {
    let mut command = Command::new(library.with_file_name("mapsan"));
    // One run after the other, so that of several errnos at one place the same one comes first.
    command.args(["sweep", "--no-project-file", "--jobs", "1", "--format", form]).env("MAPSAN_RUNTIME", library);
    command.args(program.options.split([':', ' ']).filter(|word| !word.is_empty()).map(|word| format!("--{word}")));
    command.arg("--").arg(binary).stdin(Stdio::null());
    let output = command.output().context("running mapsan sweep")?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(0), "mapsan sweep ends with {}:\n{text}", output.status);
    Ok(text)
}

/// The bad program gives exactly one finding, of the rule, on the marked line.
pub(crate) fn is_bad(folder: &Path, rule: &str, binary: &Path, program: &Program, library: &Path) -> Result<()> {
    let records = verdict::records(&swept(binary, program, library, "json")?)?;
    verdict::one_finding(&records, rule, binary, program.faulty_line()?)?;
    let text = swept(binary, program, library, "text")?;
    golden::compare(&folder.join("bad.expected"), &block(&text, binary)?)
}

/// The good one gives none.
pub(crate) fn is_good(binary: &Path, program: &Program, library: &Path) -> Result<()> {
    verdict::no_finding(&verdict::records(&swept(binary, program, library, "json")?)?)
}

/// The finding, without the source that it shows and what varies: addresses, times, and frames of libraries.
fn block(text: &str, binary: &Path) -> Result<String> {
    let is_of_source = Regex::new(r"^ +(-->|\d* *\|)")?;
    let is_own = |line: &&str| !line.trim_start().starts_with("at 0x") || line.contains("/bad.c:");
    let start = text.lines().skip_while(|line| !line.contains("[sweep-"));
    let end = start.take_while(|line| !line.starts_with("mapsan: ") || line.contains("[sweep-"));
    let lines: Vec<&str> = end.filter(is_own).filter(|line| !is_of_source.is_match(line)).collect();
    let mut text = lines.join("\n") + "\n";
    for (regex, replacement) in [
        (r"\b0x[0-9a-f]{9,}\b", "<ADDR>"),
        (r"\([^ ()]*/bad\.c:", "(bad.c:"),
        (r"\b[0-9]+\.[0-9] s\b", "<TIME>"),
        (r"\bfd \d+\b", "fd <FD>"),
        (r"\d+ <[^<>]*\(deleted\)>", "<FD>"),
        (r"\b(shmat|shmctl)\(\d+,", "$1(<ID>,"),
        (r"\bsegment \d+ of", "segment <ID> of"),
        (r"\bchild process \d+", "child process <PID>"),
    ] {
        text = Regex::new(regex)?.replace_all(&text, replacement).into_owned();
    }
    let binary = binary.to_str().context("the program's path is not UTF-8")?;
    Ok(text.replace(binary, "<PROGRAM>"))
}
