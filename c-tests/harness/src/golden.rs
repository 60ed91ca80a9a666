//! The text form of a bad program's finding, compared with the one that is committed.
//!
//! What differs from run to run and from machine to machine is replaced by numbered names, so that two addresses that
//! were the same stay the same. `MAPSAN_UPDATE=1` writes the files anew.

use anyhow::{Context, Result, bail, ensure};
use regex::{Captures, Regex};
use std::path::Path;
use std::{env, fs};

/// Makes a block comparable: the program's own frames and everything else that does not vary.
pub(crate) fn normalise(log: &str, program: &Path, varying: &[Regex]) -> Result<String> {
    let program = program.canonicalize()?;
    let program = program.to_str().context("the program's path is not UTF-8")?;
    let own: Vec<&str> = log.lines().filter(|line| is_own(line, program)).chain([""]).collect();
    let mut text = own.join("\n");
    for regex in varying {
        text = regex.replace_all(&text, "<VARIES>").into_owned();
    }
    let frame =
        Regex::new(&format!(r"at 0x[0-9a-f]+ (?:[\w@.]+\+0x[0-9a-f]+ )?\({}\+0x[0-9a-f]+\)", regex::escape(program)))?;
    text = frame.replace_all(&text, "at <CALL>").into_owned();
    text = text.replace(program, "<PROGRAM>");
    // Ids of segments: 0 in a namespace of the program's own, anything without one.
    for (regex, replacement) in [
        (r"\b(segment(?: with id)?|of id|ipcrm -m) \d+", "$1 <ID>"),
        (r"\b(shmat|shmctl)\(\d+,", "$1(<ID>,"),
        (r"(?m)(    shmget\(.*\)) = \d+$", "$1 = <ID>"),
        // Advised only where the id means the same to whoever started the program.
        (r"(?m); by hand: ipcrm(?: -m \d+)+$", ""),
        (r"ipcs -m shows \d+ segments", "ipcs -m shows <NUMBER> segments"),
        // The kernel joins anonymous mappings that happen to lie side by side.
        (r"\(\d+ bytes, ([rwxps-]{4})\), anonymous memory", "(<SIZE>, $1), anonymous memory"),
    ] {
        text = Regex::new(regex)?.replace_all(&text, replacement).into_owned();
    }
    for (regex, name) in [
        (r"/tmp/\.tmp[A-Za-z0-9]+", "DIRECTORY"),
        (r"/tmp/#\d+ \(deleted\)", "FILE"),
        (r"\bpid \d+", "PID"),
        (r"(?:pipe|socket):\[\d+\]", "OBJECT"),
        (r"\buid \d+", "UID"),
        (r"\bgid \d+", "GID"),
        (r"\b0x[0-9a-f]{9,}\b", "ADDR"),
        (r"\b0x[0-9a-f]{8}\b", "KEY"),
    ] {
        text = number(&text, &Regex::new(regex)?, name);
    }
    Ok(text)
}

/// Whether a line belongs into the comparison: frames of libc and of the start-up code are the machine's business.
fn is_own(line: &str, program: &str) -> bool {
    let is_frame = line.trim_start().starts_with("at 0x");
    let start_up = line.contains(" _start+");
    !is_frame || line.contains(&format!("({program}+")) && !start_up
}

/// Replaces each different match by a name with a number of its own, in the order of first appearance.
fn number(text: &str, regex: &Regex, name: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    regex
        .replace_all(text, |captures: &Captures<'_>| {
            let found = captures[0].to_owned();
            let index = seen.iter().position(|earlier| *earlier == found).unwrap_or_else(|| {
                seen.push(found);
                seen.len() - 1
            });
            format!("<{name}{}>", index + 1)
        })
        .into_owned()
}

/// Compares a block with the committed file, or writes it there.
pub(crate) fn compare(file: &Path, block: &str) -> Result<()> {
    if env::var_os("MAPSAN_UPDATE").is_some_and(|value| value == "1") {
        return fs::write(file, block).with_context(|| format!("writing {}", file.display()));
    }
    let Ok(expected) = fs::read_to_string(file) else {
        bail!("{} is missing; run once with MAPSAN_UPDATE=1 and read what it writes", file.display());
    };
    ensure!(
        expected == block,
        "the text differs from {}; if it is meant to, run with MAPSAN_UPDATE=1.\nexpected:\n{expected}\n\
         found:\n{block}",
        file.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_numbered_by_first_appearance() {
        let log = "mapsan: error[x-y]: segment at 0x7f0000001000 made by pid 12\n    \
            shmdt(0x7f0000001000) = -1 (EINVAL)\n    at 0x555555555149 main+0x2d (/bin/true+0x1149)\n    \
            at 0x7f00000aa249 (/lib/libc.so.6+0x27249)\n    note: next 0x7f0000003000 of 24 pages\n";
        let program = Path::new("/bin/true").canonicalize().unwrap();
        let log = log.replace("/bin/true", program.to_str().unwrap());
        let text = normalise(&log, &program, &[Regex::new(r"of \d+ pages").unwrap()]).unwrap();
        let expected = "mapsan: error[x-y]: segment at <ADDR1> made by <PID1>\n    \
            shmdt(<ADDR1>) = -1 (EINVAL)\n    at <CALL>\n    note: next <ADDR2> <VARIES>\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn drift_and_absence_are_caught() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bad.expected");
        assert!(compare(&file, "a\n").unwrap_err().to_string().contains("is missing"));
        fs::write(&file, "a\n").unwrap();
        assert!(compare(&file, "a\n").is_ok());
        assert!(compare(&file, "b\n").unwrap_err().to_string().contains("expected:\na"));
    }
}
