//! Which processes a run had, and when: in a file, which tells of them when all of them were killed, and the command, too.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// By how much a time of the kernel's may be off that counts seconds.
const SECOND: Duration = Duration::from_secs(1);

/// The file of a run that lasts.
#[derive(Debug)]
pub(crate) struct Ledger(File);

/// What a file tells.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pids: BTreeSet<u32>,
    times: Option<(SystemTime, SystemTime)>,
}

impl Ledger {
    /// Begins, before the run has a process.
    pub(crate) fn begin(path: &Path) -> io::Result<Ledger> {
        let mut file = OpenOptions::new().append(true).create_new(true).open(path)?;
        file.write_all(&seconds(SystemTime::now()).to_ne_bytes())?;
        Ok(Ledger(file))
    }

    /// Notes a process, before it does anything.
    pub(crate) fn note(&self, pid: libc::pid_t) {
        let _ = (&self.0).write_all(&pid.cast_unsigned().to_ne_bytes());
    }

    /// Notes that the run lasts.
    pub(crate) fn beat(&self) {
        let _ = self.0.set_modified(SystemTime::now());
    }

    /// What the file tells; nothing if there is none.
    pub(crate) fn read(path: &Path) -> Option<Kept> {
        let bytes = fs::read(path).ok()?;
        let to = fs::metadata(path).and_then(|file| file.modified()).ok();
        let (begun, pids) = bytes.split_first_chunk::<8>().unzip();
        let from = begun.map(|begun| SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from_ne_bytes(*begun)));
        let pids = pids.unwrap_or_default().as_chunks::<4>().0.iter().map(|pid| u32::from_ne_bytes(*pid)).collect();
        Some(Kept { pids, times: from.zip(to) })
    }
}

impl Kept {
    /// Whether one of the processes was this one at that time, in seconds: another may have had its number before or after.
    pub(crate) fn has(&self, pid: u32, time: u64) -> bool {
        let within = |(from, to): (SystemTime, SystemTime)| (seconds(from)..=seconds(to + SECOND)).contains(&time);
        self.pids.contains(&pid) && self.times.is_some_and(within)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_known_at_their_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        assert!(Ledger::read(&path).is_none());
        let before = seconds(SystemTime::now());
        let ledger = Ledger::begin(&path).unwrap();
        ledger.note(7);
        ledger.note(70_000);
        ledger.beat();
        let kept = Ledger::read(&path).unwrap();
        assert!(kept.has(7, before) && kept.has(70_000, before + 1));
        assert!(!kept.has(8, before) && !kept.has(7, before - 10) && !kept.has(7, before + 60));
        // One that was cut while it was written.
        fs::write(&path, [1, 2, 3]).unwrap();
        assert!(!Ledger::read(&path).unwrap().has(7, before));
    }
}
