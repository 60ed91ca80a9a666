//! What the kernel has told of a process beside its memory (core(5)).

use super::thread::{Given, Thread};
use super::words::{longs, word};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Notes of `<elf.h>`.
const NT_PRSTATUS: u32 = 1;
const NT_PRPSINFO: u32 = 3;
const NT_AUXV: u32 = 6;
const NT_FILE: u32 = 0x4649_4c45;
const NT_SIGINFO: u32 = 0x5349_4749;

/// Where `struct elf_prpsinfo` has what, `<sys/procfs.h>`.
const OWNER: usize = 16;
const PROCESS: usize = 24;
const PARENT: usize = 28;
const NAME: usize = 40;

/// Sizes of pages that there are.
const PAGES: std::ops::RangeInclusive<u64> = 4096..=65536;

/// What is known of a process.
pub(crate) struct Notes {
    pub(crate) pid: Option<u32>,
    pub(crate) parent: Option<u32>,
    pub(crate) owner: Option<u32>,
    /// What the first of the threads was called.
    pub(crate) name: String,
    /// Where the program begins.
    pub(crate) entry: u64,
    /// Where the kernel's own page lies; 0 if there is none.
    pub(crate) vdso: u64,
    /// Where the name of the program lies, on the first stack.
    pub(crate) executed: u64,
    /// Bytes of a page, as the process had them.
    pub(crate) page: u64,
    /// The first is the one that brought the process down.
    pub(crate) threads: Vec<Thread>,
    /// The signal that brought it down, as it was given.
    pub(crate) signal: Option<Given>,
    pub(super) files: Vec<MappedFile>,
}

impl Default for Notes {
    fn default() -> Notes {
        Notes {
            pid: None,
            parent: None,
            owner: None,
            name: String::new(),
            entry: 0,
            vdso: 0,
            executed: 0,
            page: 4096,
            threads: Vec::new(),
            signal: None,
            files: Vec::new(),
        }
    }
}

/// A file that was mapped.
pub(super) struct MappedFile {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) offset: u64,
    pub(super) path: PathBuf,
}

impl Notes {
    /// Reads the notes of a segment.
    pub(super) fn take(&mut self, notes: &[u8]) {
        let mut rest = notes;
        while let Some((kind, content, after)) = note(rest) {
            match kind {
                NT_PRPSINFO => self.take_process(content),
                NT_PRSTATUS => self.threads.extend(Thread::read(content)),
                NT_SIGINFO => self.signal = self.signal.take().or_else(|| Given::read(content)),
                NT_AUXV => self.take_auxiliary_vector(content),
                NT_FILE => self.files.extend(mapped_files(content)),
                _ => {}
            }
            rest = after;
        }
    }

    fn take_process(&mut self, content: &[u8]) {
        self.pid = self.pid.or_else(|| word(content, PROCESS));
        self.parent = self.parent.or_else(|| word(content, PARENT));
        self.owner = self.owner.or_else(|| word(content, OWNER));
        let name = content.get(NAME..NAME + 16).unwrap_or_default();
        let name: Vec<u8> = name.iter().copied().take_while(|byte| *byte != 0).collect();
        self.name = String::from_utf8_lossy(&name).into_owned();
    }

    /// What the kernel told the program of itself, getauxval(3).
    fn take_auxiliary_vector(&mut self, content: &[u8]) {
        let (pairs, _) = content.as_chunks::<16>();
        for pair in pairs {
            let mut numbers = longs(pair);
            match (numbers.next(), numbers.next()) {
                (Some(libc::AT_ENTRY), Some(entry)) => self.entry = entry,
                (Some(libc::AT_SYSINFO_EHDR), Some(vdso)) => self.vdso = vdso,
                (Some(libc::AT_EXECFN), Some(executed)) => self.executed = executed,
                (Some(libc::AT_PAGESZ), Some(page)) if PAGES.contains(&page) && page.is_power_of_two() => {
                    self.page = page;
                }
                _ => {}
            }
        }
    }
}

/// The first note: its kind, its content, and what follows it.
fn note(notes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (name, content, kind) = (word(notes, 0)? as usize, word(notes, 4)? as usize, word(notes, 8)?);
    let begin = 12 + name.checked_next_multiple_of(4)?;
    let end = begin.checked_add(content)?;
    let next = begin.checked_add(content.checked_next_multiple_of(4)?)?;
    Some((kind, notes.get(begin..end)?, notes.get(next..).unwrap_or_default()))
}

/// The files of `NT_FILE`: how many, the unit of offsets, a triple of numbers for each, then the names.
fn mapped_files(content: &[u8]) -> Vec<MappedFile> {
    let mut numbers = longs(content);
    let (Some(count), Some(unit)) = (numbers.next(), numbers.next()) else { return Vec::new() };
    let Some(names) = usize::try_from(count).ok().and_then(|count| content.get(16 + count.checked_mul(24)?..)) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for name in names.split(|byte| *byte == 0).take(usize::try_from(count).unwrap_or(0)) {
        let (Some(start), Some(end), Some(offset)) = (numbers.next(), numbers.next(), numbers.next()) else { break };
        let path = PathBuf::from(OsStr::from_bytes(name));
        files.push(MappedFile { start, end, offset: offset.saturating_mul(unit), path });
    }
    files
}
