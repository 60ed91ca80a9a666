//! The library's records, read while they are written.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// One record, as far as the command looks at it.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    #[serde(default)]
    pub(crate) schema: String,
    #[serde(default)]
    pub(crate) time: String,
    pub(crate) pid: u32,
    #[serde(default)]
    pub(crate) tid: u32,
    #[serde(default)]
    pub(crate) exe: String,
    #[serde(flatten)]
    pub(crate) kind: Kind,
}

/// What a record tells.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Kind {
    Start {},
    Finding(Box<Finding>),
    Segment(Segment),
    End {
        repeated: u64,
    },
    #[serde(other)]
    Other,
}

/// A System V segment that a process has made.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Segment {
    pub(crate) id: i32,
    /// The call that made it.
    pub(crate) call: Call,
    pub(crate) stack: Vec<Frame>,
}

/// A finding.
#[derive(Debug, Deserialize)]
pub(crate) struct Finding {
    pub(crate) rule: String,
    pub(crate) severity: String,
    pub(crate) call: Call,
    pub(crate) message: String,
    pub(crate) notes: Vec<String>,
    pub(crate) help: Vec<String>,
    pub(crate) stack: Vec<Frame>,
    pub(crate) related: Vec<Related>,
}

/// The call of a finding.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Call {
    pub(crate) function: String,
    pub(crate) args: Vec<String>,
    pub(crate) result: String,
    pub(crate) errno: Option<String>,
}

impl Call {
    /// Whether it is a signal that ended the process.
    pub(crate) fn is_signal(&self) -> bool {
        self.function.starts_with("SIG")
    }
}

impl fmt::Display for Call {
    /// As strace(1) shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { function, result, .. } = self;
        let arguments = self.args.join(", ");
        if self.is_signal() {
            return write!(f, "--- {function} {{{arguments}}} ---");
        }
        write!(f, "{function}({arguments}) = {result}")?;
        match &self.errno {
            Some(errno) => write!(f, " ({errno})"),
            None => Ok(()),
        }
    }
}

/// One frame.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Frame {
    pub(crate) address: String,
    pub(crate) module: Option<String>,
    pub(crate) offset: Option<String>,
    pub(crate) build_id: Option<String>,
    pub(crate) symbol: Option<String>,
}

impl Frame {
    /// The offset as a number.
    pub(crate) fn offset(&self) -> Option<u64> {
        u64::from_str_radix(self.offset.as_deref()?.strip_prefix("0x")?, 16).ok()
    }
}

/// A place that belongs to the finding.
#[derive(Debug, Deserialize)]
pub(crate) struct Related {
    pub(crate) label: String,
    pub(crate) stack: Vec<Frame>,
}

/// A folder into which each process writes a file of records.
pub(crate) struct Tail {
    folder: PathBuf,
    read: BTreeMap<PathBuf, u64>,
}

impl Tail {
    /// Follows the files of a folder.
    pub(crate) fn new(folder: &Path) -> Tail {
        Tail { folder: folder.to_owned(), read: BTreeMap::new() }
    }

    /// The whole lines that have been written since the last time.
    pub(crate) fn new_lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return lines;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let at = self.read.entry(path.clone()).or_default();
            if entry.metadata().is_ok_and(|metadata| metadata.len() == *at) {
                continue;
            }
            let before = lines.len();
            let _ = read_lines(&path, at, &mut lines);
            // Nobody writes to it after that: a tree of many processes does not pile up files.
            if lines.len() > before && lines.last().is_some_and(|line| line.contains(r#","kind":"end","#)) {
                let _ = fs::remove_file(&path);
                self.read.remove(&path);
            }
        }
        // In the order in which things happened, across the files of several processes.
        lines.sort_by(|one, other| time_of(one).cmp(time_of(other)));
        lines
    }
}

/// The time of a record, whose form (RFC 3339, UTC) sorts as text.
fn time_of(line: &str) -> &str {
    line.split_once("\"time\":\"").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(time, _)| time)
}

fn read_lines(path: &Path, at: &mut u64, lines: &mut Vec<String>) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(*at))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    // A line that is still being written is left for the next time.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        lines.push(String::from_utf8_lossy(line).into_owned());
    }
    *at += whole as u64;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn lines_are_read_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut tail = Tail::new(folder.path());
        assert!(tail.new_lines().is_empty());
        let mut file = File::create(folder.path().join("1.json")).unwrap();
        file.write_all(b"{\"a\":1}\n{\"b\"").unwrap();
        assert_eq!(tail.new_lines(), ["{\"a\":1}"]);
        file.write_all(b":2}\n").unwrap();
        assert_eq!(tail.new_lines(), ["{\"b\":2}"]);
        assert!(tail.new_lines().is_empty() && folder.path().join("1.json").exists());
        // The file of a process that has told its end goes.
        let end = r#"{"schema":"mapsan/1","kind":"end","time":"3"}"#;
        file.write_all(format!("{end}\n").as_bytes()).unwrap();
        assert_eq!(tail.new_lines(), [end]);
        assert!(!folder.path().join("1.json").exists());
    }

    #[test]
    fn kinds() {
        let read = |text: &str| serde_json::from_str::<Record>(text).unwrap().kind;
        assert!(matches!(read(r#"{"pid":1,"kind":"start","version":"0"}"#), Kind::Start {}));
        assert!(matches!(read(r#"{"pid":1,"kind":"end","errors":0,"repeated":3}"#), Kind::End { repeated: 3 }));
        assert!(matches!(read(r#"{"pid":1,"kind":"new"}"#), Kind::Other));
    }
}
