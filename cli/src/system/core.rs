//! A process that is dead: its memory, as the kernel or a debugger left them in a core file (core(5),
//! elf(5)).

use super::memory::{KernelMapping, Memory};
use crate::failure::{Failure, reason};
use object::elf::{self, FileHeader64, PT_LOAD, PT_NOTE, ProgramHeader64};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, ReadCache};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Notes of `<elf.h>`.
const NT_PRPSINFO: u32 = 3;
const NT_AUXV: u32 = 6;
const NT_FILE: u32 = 0x4649_4c45;

/// The machine of this command, `EM_…`.
#[cfg(target_arch = "x86_64")]
const MACHINE: elf::Machine = elf::EM_X86_64;
#[cfg(target_arch = "aarch64")]
const MACHINE: elf::Machine = elf::EM_AARCH64;
#[cfg(target_arch = "riscv64")]
const MACHINE: elf::Machine = elf::EM_RISCV;

/// Where `struct elf_prpsinfo` has the process, `<sys/procfs.h>`.
const PROCESS: usize = 24;

/// A core, open.
pub(crate) struct Core {
    file: File,
    length: u64,
    /// What was mapped, lowest first.
    pieces: Vec<Piece>,
    program: PathBuf,
    /// Where the program has moved, if it has.
    moved: Option<PathBuf>,
    pub(crate) pid: Option<u32>,
    /// Where the program begins.
    entry: u64,
    /// Bytes of a page, as the process had them.
    page: u64,
    /// The files of what was not dumped, open.
    files: RefCell<HashMap<PathBuf, Option<File>>>,
}

/// A range that was mapped.
#[derive(Clone, Debug)]
struct Piece {
    pub(crate) start: u64,
    /// One past the last byte.
    pub(crate) end: u64,
    /// `PROT_READ` and so on.
    protection: u32,
    /// Where in the core its bytes begin, and how many were dumped.
    pub(crate) at: u64,
    pub(crate) dumped: u64,
    /// The file that was mapped there, and where in it.
    pub(crate) file: Option<(PathBuf, u64)>,
}

/// A file that was mapped.
struct MappedFile {
    start: u64,
    end: u64,
    offset: u64,
    path: PathBuf,
}

impl Core {
    /// Opens a core; `moved` is where its program is now.
    pub(crate) fn open(path: &Path, moved: Option<PathBuf>) -> Result<Core, Failure> {
        let shown = path.display();
        let unreadable = |error: &io::Error| Failure::own(format!("'{shown}' can't be read: {}", reason(error)));
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Failure::not_found(format!("there is no file '{shown}': it takes the pid of a process, or a core file"))
            }
            _ => unreadable(&error),
        })?;
        let metadata = file.metadata().map_err(|error| unreadable(&error))?;
        let no_core = |what: &str| {
            Failure::own(format!(
                "'{shown}' is {what}: it takes the pid of a process, or a core file (core(5), gcore(1))"
            ))
        };
        if !metadata.is_file() {
            return Err(no_core("no regular file"));
        }
        let cache = ReadCache::new(file.try_clone().map_err(|error| unreadable(&error))?);
        let Ok(header) = FileHeader64::<Endianness>::parse(&cache) else {
            return Err(no_core("no ELF file of 64 bits"));
        };
        let Ok(endian) = header.endian() else { return Err(no_core("no ELF file of 64 bits")) };
        if header.e_type(endian) != elf::ET_CORE {
            return Err(no_core("an ELF file, but no core"));
        }
        if header.e_machine.get(endian) != MACHINE {
            return Err(Failure::own(format!(
                "'{shown}' is the core of a program of another architecture: use mapsan there"
            )));
        }
        let Ok(headers) = header.program_headers(endian, &cache) else {
            return Err(Failure::own(format!("'{shown}' was cut short: its program headers are missing")));
        };
        let mut core = Core {
            length: metadata.len(),
            pieces: Vec::new(),
            program: PathBuf::new(),
            moved,
            pid: None,
            entry: 0,
            page: 4096,
            files: RefCell::default(),
            file,
        };
        if !core.take_headers(headers, endian) {
            return Err(Failure::own(format!("'{shown}' was cut short: its notes are missing")));
        }
        Ok(core)
    }

    /// Reads what the program headers lead to; `false` if notes are missing.
    fn take_headers(&mut self, headers: &[ProgramHeader64<Endianness>], endian: Endianness) -> bool {
        let mut files = Vec::new();
        for header in headers.iter().filter(|header| header.p_type(endian) == PT_NOTE) {
            let length = usize::try_from(header.p_filesz(endian)).unwrap_or(0);
            let Some(notes) = self.dumped(header.p_offset(endian), length.min(1 << 28)) else { return false };
            self.take_notes(&notes, &mut files);
        }
        for header in headers.iter().filter(|header| header.p_type(endian) == PT_LOAD) {
            let start = header.p_vaddr(endian);
            self.pieces.push(Piece {
                start,
                end: start.saturating_add(header.p_memsz(endian)),
                protection: protection(header.p_flags(endian).0),
                at: header.p_offset(endian),
                dumped: header.p_filesz(endian),
                file: None,
            });
        }
        self.pieces.sort_unstable_by_key(|piece| piece.start);
        self.name_pieces(files);
        true
    }

    /// Gives the pieces their files. A debugger leaves out what it does not dump.
    fn name_pieces(&mut self, files: Vec<MappedFile>) {
        for file in files {
            if file.start <= self.entry && self.entry < file.end {
                self.program.clone_from(&file.path);
            }
            let mut at = file.start;
            let first = self.pieces.partition_point(|piece| piece.end <= file.start);
            let mut missing = Vec::new();
            for piece in self.pieces.iter_mut().skip(first).take_while(|piece| piece.start < file.end) {
                if piece.start >= file.start && piece.end <= file.end {
                    piece.file = Some((file.path.clone(), file.offset + (piece.start - file.start)));
                }
                if at < piece.start {
                    missing.push((at, piece.start));
                }
                at = at.max(piece.end);
            }
            if at < file.end {
                missing.push((at, file.end));
            }
            let undumped = missing.into_iter().map(|(start, end)| Piece {
                start,
                end,
                // What a debugger leaves out is what could only be read.
                protection: u32::try_from(libc::PROT_READ | libc::PROT_EXEC).unwrap_or(0),
                at: 0,
                dumped: 0,
                file: Some((file.path.clone(), file.offset + (start - file.start))),
            });
            self.pieces.extend(undumped);
            self.pieces.sort_unstable_by_key(|piece| piece.start);
        }
    }

    /// Reads the notes of a segment.
    fn take_notes(&mut self, notes: &[u8], files: &mut Vec<MappedFile>) {
        let mut rest = notes;
        while let Some((kind, content, after)) = note(rest) {
            match kind {
                NT_PRPSINFO => self.pid = self.pid.or_else(|| word(content, PROCESS)),
                NT_AUXV => self.take_auxiliary_vector(content),
                NT_FILE => files.extend(mapped_files(content)),
                _ => {}
            }
            rest = after;
        }
    }

    /// What the kernel told the program of itself, getauxval(3).
    fn take_auxiliary_vector(&mut self, content: &[u8]) {
        let (pairs, _) = content.as_chunks::<16>();
        for pair in pairs {
            let mut numbers = longs(pair);
            match (numbers.next(), numbers.next()) {
                (Some(libc::AT_ENTRY), Some(entry)) => self.entry = entry,
                (Some(libc::AT_PAGESZ), Some(page)) if page.is_power_of_two() => self.page = page,
                _ => {}
            }
        }
    }

    /// The program's file, as it was called when it was mapped.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Whether bytes that were dumped are missing at the core's end.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.pieces.iter().any(|piece| piece.at.saturating_add(piece.dumped) > self.length)
    }

    /// Where a file that was mapped is now.
    pub(crate) fn place_of<'a>(&'a self, mapped: &'a Path) -> &'a Path {
        if mapped == self.program { self.moved.as_deref().unwrap_or(mapped) } else { mapped }
    }

    /// All that was mapped, in the form of the kernel's list. What was shared is not told by a core.
    pub(crate) fn mappings(&self) -> Vec<KernelMapping> {
        let letter = |piece: &Piece, bit: i32, letter: char| {
            if piece.protection & bit.cast_unsigned() == 0 { '-' } else { letter }
        };
        let listed = |piece: &Piece| KernelMapping {
            start: piece.start,
            end: piece.end,
            rights: [
                letter(piece, libc::PROT_READ, 'r'),
                letter(piece, libc::PROT_WRITE, 'w'),
                letter(piece, libc::PROT_EXEC, 'x'),
                'p',
            ]
            .iter()
            .collect(),
            offset: piece.file.as_ref().map_or(0, |(_, offset)| *offset),
            // A core does not tell it.
            inode: 0,
            name: piece
                .file
                .as_ref()
                .map_or_else(String::new, |(path, _)| self.place_of(path).to_string_lossy().into_owned()),
        };
        self.pieces.iter().map(listed).collect()
    }

    /// Reads what lies in one piece; how many bytes, 0 if they are not to be had.
    fn read_piece(&self, piece: &Piece, address: u64, buffer: &mut [u8]) -> usize {
        let into = address - piece.start;
        let most = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if into < piece.dumped {
            let length = most(piece.dumped - into);
            let Some(part) = buffer.get_mut(..length) else { return 0 };
            return if self.file.read_exact_at(part, piece.at + into).is_ok() { length } else { 0 };
        }
        let Some((path, offset)) = &piece.file else { return 0 };
        let length = most(piece.end - address);
        let mut files = self.files.borrow_mut();
        let file = files.entry(path.clone()).or_insert_with(|| File::open(self.place_of(path)).ok());
        let (Some(file), Some(part)) = (file, buffer.get_mut(..length)) else { return 0 };
        if file.read_exact_at(part, offset + into).is_ok() { length } else { 0 }
    }

    /// Bytes of the core itself.
    fn dumped(&self, at: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }
}

impl Memory for Core {
    fn page_size(&self) -> u64 {
        self.page
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        let mut at = address;
        let mut rest = buffer;
        while !rest.is_empty() {
            let index = self.pieces.partition_point(|piece| piece.end <= at);
            let Some(piece) = self.pieces.get(index).filter(|piece| piece.start <= at) else { return false };
            let read = self.read_piece(piece, at, rest);
            if read == 0 {
                return false;
            }
            at = at.saturating_add(read as u64);
            rest = &mut rest[read..];
        }
        true
    }
}

/// `PROT_READ` and so on, of `PF_R` and so on.
fn protection(flags: u32) -> u32 {
    let bits = [(elf::PF_R.0, libc::PROT_READ), (elf::PF_W.0, libc::PROT_WRITE), (elf::PF_X.0, libc::PROT_EXEC)];
    bits.iter().filter(|(flag, _)| flags & flag != 0).fold(0, |all, (_, bit)| all | bit.cast_unsigned())
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn longs(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.as_chunks::<8>().0.iter().map(|chunk| u64::from_ne_bytes(*chunk))
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
