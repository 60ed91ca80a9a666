//! Processes of a run that are still there when its program has ended.

use std::fs;

/// A process that still runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Living {
    pub(crate) pid: u32,
    /// Its executable.
    pub(crate) exe: String,
}

/// Whether a process has this word in the environment that it was started with, as all of a run have that were not given
/// another one. A zombie has none any more.
fn has_word(pid: u32, word: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.windows(word.len()).any(|window| window == word.as_bytes())
}

fn of(pid: u32) -> Living {
    let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    Living { pid, exe: exe.to_string_lossy().trim_end_matches(" (deleted)").to_owned() }
}

/// Those of some processes that run with this word.
fn among(pids: impl Iterator<Item = u32>, word: &str) -> Vec<Living> {
    pids.filter(|pid| has_word(*pid, word)).map(of).collect()
}

/// All processes younger than `first` that run with this word.
pub(crate) fn since(first: u32, word: &str) -> Vec<Living> {
    let own = std::process::id();
    // The last number that was given, at the end of the line: where it is lower, they have begun anew.
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let last = load.split_whitespace().last().and_then(|last| last.parse::<u32>().ok()).unwrap_or(0);
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.retain(|pid| *pid != own && (*pid > first || last < first));
    pids.sort_unstable();
    among(pids.into_iter(), word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    #[test]
    fn a_process_is_known_by_its_environment() {
        let word = format!("a-word-of-{}", std::process::id());
        let start = |word: &str| {
            let piped = || Stdio::piped();
            let mut cat = Command::new("cat").env("WORD", word).stdin(piped()).stdout(piped()).spawn().unwrap();
            // When spawn returns the kernel may not have come to its environment yet; when it answers it has.
            cat.stdin.as_mut().unwrap().write_all(b"x").unwrap();
            cat.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
            cat
        };
        let (mut one, mut other) = (start(&word), start("another"));
        let pids = [one.id(), other.id()];
        assert_eq!(among(pids.into_iter(), &word).iter().map(|living| living.pid).collect::<Vec<_>>(), pids[..1]);
        assert!(since(1, &word).iter().any(|living| living.pid == pids[0] && living.exe.ends_with("cat")));
        for child in [&mut one, &mut other] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(since(1, &word).is_empty());
    }
}
