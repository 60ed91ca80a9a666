//! Which file a key is made of, and which process made an object: what a person names, or records tell.

use crate::failure::{Failure, reason};
use crate::findings::records::{Call, Kind, Record};
use crate::system::posix::Posix;
use crate::system::processes::printable;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What is known beside the kernel.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// Files by the lower 24 bits of the keys that ftok(3) makes of them.
    files: BTreeMap<u32, String>,
    /// Files by whole keys.
    exact: BTreeMap<u32, String>,
    /// Processes that made objects, by device and inode number, and when.
    makers: BTreeMap<(String, u64), (u32, i64)>,
}

impl Keys {
    /// Of files `FILE[:ID]`, and files of records.
    pub(crate) fn read<'a>(
        named: impl Iterator<Item = &'a std::ffi::OsString>,
        records: impl Iterator<Item = &'a PathBuf>,
    ) -> Result<Keys, Failure> {
        let mut keys = Keys::default();
        for word in named {
            keys.add_file(word)?;
        }
        for path in records {
            keys.add_records(path)?;
        }
        Ok(keys)
    }

    fn add_file(&mut self, word: &std::ffi::OsStr) -> Result<(), Failure> {
        let path = Path::new(word);
        let shown = printable(word.as_bytes());
        let text = word.to_string_lossy();
        let split = text.rsplit_once(':').filter(|_| !path.exists());
        let (path, project) = match split {
            None => (path, None),
            Some((path, project)) => (Path::new(path), Some(project_id(project).ok_or_else(|| no_project(&shown))?)),
        };
        let metadata =
            fs::metadata(path).map_err(|error| Failure::usage(format!("--ftok '{shown}': {}", reason(&error))))?;
        let below = lower_bits(&metadata);
        let path = printable(path.as_os_str().as_bytes());
        match project {
            None => self.files.insert(below, path),
            Some(project) => self.exact.insert(below | u32::from(project) << 24, format!("{path}:{project:#x}")),
        };
        Ok(())
    }

    fn add_records(&mut self, path: &Path) -> Result<(), Failure> {
        let shown = path.display();
        let unreadable = |error: &std::io::Error| Failure::own(format!("'{shown}' can't be read: {}", reason(error)));
        let file = fs::File::open(path).map_err(|error| unreadable(&error))?;
        for (number, line) in (1_u64..).zip(BufReader::new(file).split(b'\n')) {
            let line = line.map_err(|error| unreadable(&error))?;
            let line = String::from_utf8_lossy(&line);
            if line.trim().is_empty() {
                continue;
            }
            let record = Record::read(&line)
                .map_err(|why| Failure::own(format!("'{shown}', line {number}, can't be used: {why}")))?;
            self.add_record(&record);
        }
        Ok(())
    }

    fn add_record(&mut self, record: &Record) {
        match &record.kind {
            Kind::Object(object) => {
                let time = humantime::parse_rfc3339(&record.time).ok();
                let since = time.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
                if let Some(seconds) = since.and_then(|since| i64::try_from(since.as_secs()).ok()) {
                    self.makers.insert((object.device.clone(), object.inode), (record.pid, seconds));
                }
            }
            Kind::Finding(finding) if finding.call.function == "ftok" => {
                if let Some((key, file)) = ftok(&finding.call) {
                    self.exact.insert(key, file);
                }
            }
            _ => {}
        }
    }

    /// The file and project id of a key.
    pub(crate) fn file(&self, key: u32) -> Option<String> {
        let guessed = || Some(format!("{}:{:#x}", self.files.get(&(key & 0xff_ffff))?, key >> 24));
        self.exact.get(&key).cloned().or_else(guessed)
    }

    /// The process that made a file, and when, in seconds since 1970.
    pub(crate) fn maker(&self, object: &Posix) -> Option<(u32, i64)> {
        let device = format!("{}:{}", libc::major(object.device), libc::minor(object.device));
        let (pid, time) = self.makers.get(&(device, object.inode)).copied()?;
        // An inode number that was given again is another file: one that was made later.
        is_same_age(object, time).then_some((pid, time))
    }
}

/// Whether a file was made when a record says so.
fn is_same_age(object: &Posix, time: i64) -> bool {
    let path = object.path.as_deref();
    let born = path.and_then(|path| fs::symlink_metadata(path).ok()?.created().ok());
    let born = born.and_then(|born| born.duration_since(std::time::UNIX_EPOCH).ok());
    born.and_then(|born| i64::try_from(born.as_secs()).ok()).is_some_and(|born| (born - time).abs() <= 1)
}

/// What ftok(3) makes of a file.
fn lower_bits(metadata: &fs::Metadata) -> u32 {
    let inode = u32::try_from(metadata.ino() & 0xffff).unwrap_or(0);
    let device = u32::try_from(metadata.dev() & 0xff).unwrap_or(0);
    device << 16 | inode
}

/// A number, or a single letter, as programs write it; its lower 8 bits count, and may not be 0.
fn project_id(text: &str) -> Option<u8> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let letter = || text.as_bytes().first().copied().filter(|_| text.len() == 1);
    number.or_else(letter).filter(|id| *id != 0)
}

fn no_project(shown: &str) -> Failure {
    Failure::usage(format!(
        "--ftok '{shown}': what stands behind ':' is no project id (1 to 255, 0x1 to 0xff, or a letter)"
    ))
}

/// The key and the file of a call of ftok that succeeded.
fn ftok(call: &Call) -> Option<(u32, String)> {
    let key = u32::from_str_radix(call.result.strip_prefix("0x")?, 16).ok()?;
    let [path, project] = &call.args[..] else { return None };
    Some((key, format!("{}:{project}", path.trim_matches('"'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_ftok() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let name = std::ffi::CString::new(path).unwrap();
        // SAFETY: a zero-terminated string.
        let key = u32::from_ne_bytes(unsafe { libc::ftok(name.as_ptr(), i32::from(b'M')) }.to_ne_bytes());
        for (word, shown) in [
            (path.to_owned(), true),
            (format!("{path}:M"), true),
            (format!("{path}:0x4d"), true),
            (format!("{path}:3"), false),
        ] {
            let word = std::ffi::OsString::from(word);
            let keys = Keys::read([&word].into_iter(), [].into_iter()).unwrap();
            assert_eq!(keys.file(key), shown.then(|| format!("{path}:0x4d")), "{word:?}");
        }
        for bad in [format!("{path}:"), format!("{path}:0"), format!("{path}:256"), "/no/such".to_owned()] {
            let word = std::ffi::OsString::from(&bad);
            assert_eq!(Keys::read([&word].into_iter(), [].into_iter()).unwrap_err().status(), 2, "{bad}");
        }
    }
}
