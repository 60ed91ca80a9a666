//! A process that is dead: its memory, as the kernel or a debugger left them in a core file (core(5),
//! elf(5)).

mod notes;
mod thread;
mod words;

use super::memory::{KernelMapping, Memory};
use super::regular;
use crate::failure::{Failure, reason};
use notes::{MappedFile, Notes};
use object::elf::{self, FileHeader64, PT_LOAD, PT_NOTE, ProgramHeader64};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, ReadCache};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
pub(crate) use thread::Given;
#[cfg(target_arch = "x86_64")]
pub(crate) use thread::Thread;

/// The machine of this command, `EM_…`.
#[cfg(target_arch = "x86_64")]
const MACHINE: elf::Machine = elf::EM_X86_64;
#[cfg(target_arch = "aarch64")]
const MACHINE: elf::Machine = elf::EM_AARCH64;
#[cfg(target_arch = "riscv64")]
const MACHINE: elf::Machine = elf::EM_RISCV;

/// How much of a file's beginning is compared with what was dumped: an ELF header and, mostly, the build id.
const FIRST: usize = 4096;

/// A core, open.
pub(crate) struct Core {
    file: File,
    length: u64,
    /// What was mapped, lowest first.
    pieces: Vec<Piece>,
    program: PathBuf,
    /// Where the program has moved, if it has.
    moved: Option<PathBuf>,
    /// What the kernel has told of it beside its memory.
    pub(crate) notes: Notes,
    /// The files of what was not dumped, open.
    files: RefCell<HashMap<PathBuf, Option<File>>>,
}

/// A range that was mapped.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) start: u64,
    /// One past the last byte.
    pub(crate) end: u64,
    /// `PROT_READ` and so on.
    pub(crate) protection: u32,
    /// Where in the core its bytes begin, and how many were dumped.
    pub(crate) at: u64,
    pub(crate) dumped: u64,
    /// The file that was mapped there, and where in it.
    pub(crate) file: Option<(PathBuf, u64)>,
}

impl Core {
    /// Opens a core; `moved` is where its program is now.
    pub(crate) fn open(path: &Path, moved: Option<PathBuf>) -> Result<Core, Failure> {
        let shown = path.display();
        let unreadable = |error: &io::Error| Failure::own(format!("'{shown}' can't be read: {}", reason(error)));
        let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path);
        let file = file.map_err(|error| match error.kind() {
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
            notes: Notes::default(),
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
        for header in headers.iter().filter(|header| header.p_type(endian) == PT_NOTE) {
            let length = usize::try_from(header.p_filesz(endian)).unwrap_or(0);
            let Some(notes) = self.dumped(header.p_offset(endian), length.min(1 << 28)) else { return false };
            self.notes.take(&notes);
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
        let files = std::mem::take(&mut self.notes.files);
        self.name_pieces(files);
        true
    }

    /// Gives the pieces their files. A debugger leaves out what it does not dump.
    fn name_pieces(&mut self, files: Vec<MappedFile>) {
        for file in files {
            if file.start <= self.notes.entry && self.notes.entry < file.end {
                self.program.clone_from(&file.path);
            }
            let mut at = file.start;
            let first = self.pieces.partition_point(|piece| piece.end <= file.start);
            let mut missing = Vec::new();
            for piece in self.pieces.iter_mut().skip(first).take_while(|piece| piece.start < file.end) {
                if piece.start >= file.start && piece.end <= file.end {
                    piece.file = Some((file.path.clone(), file.offset.saturating_add(piece.start - file.start)));
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
                file: Some((file.path.clone(), file.offset.saturating_add(start - file.start))),
            });
            self.pieces.extend(undumped);
            self.pieces.sort_unstable_by_key(|piece| piece.start);
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
            return if self.file.read_exact_at(part, piece.at.saturating_add(into)).is_ok() { length } else { 0 };
        }
        let Some((path, offset)) = &piece.file else { return 0 };
        let length = most(piece.end - address);
        let mut files = self.files.borrow_mut();
        let file = files.entry(path.clone()).or_insert_with(|| self.open_mapped(path));
        let (Some(file), Some(part)) = (file, buffer.get_mut(..length)) else { return 0 };
        if file.read_exact_at(part, offset.saturating_add(into)).is_ok() { length } else { 0 }
    }

    /// Opens a file that was mapped, unless it is another by now: its first page would not be the one that was dumped.
    fn open_mapped(&self, mapped: &Path) -> Option<File> {
        let file = regular::open(self.place_of(mapped)).ok()?;
        let begins = |piece: &&Piece| piece.file.as_ref().is_some_and(|(path, offset)| path == mapped && *offset == 0);
        let first = self.pieces.iter().find(|piece| begins(piece) && piece.dumped >= FIRST as u64);
        let is_private = first.is_some_and(|first| first.protection & libc::PROT_WRITE.cast_unsigned() == 0);
        if let Some(first) = first.filter(|_| is_private) {
            let mut now = [0; FIRST];
            let there = file.read_exact_at(&mut now, 0);
            if there.is_ok() && self.dumped(first.at, FIRST).is_some_and(|then| then != now) {
                return None;
            }
        }
        Some(file)
    }

    /// The file that was mapped at a place of which it still holds what was not dumped; `None` if there is none.
    pub(crate) fn file_of(&self, piece: &Piece) -> Option<File> {
        let (path, _) = piece.file.as_ref()?;
        let mut files = self.files.borrow_mut();
        files.entry(path.clone()).or_insert_with(|| self.open_mapped(path)).as_ref()?.try_clone().ok()
    }

    /// What was mapped, lowest first.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The piece that holds an address.
    pub(crate) fn piece_at(&self, address: u64) -> Option<&Piece> {
        let index = self.pieces.partition_point(|piece| piece.end <= address);
        self.pieces.get(index).filter(|piece| piece.start <= address)
    }

    /// How long it is, in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Whether an address lies in a page past the end of the file that is mapped there.
    pub(crate) fn is_past_end(&self, piece: &Piece, address: u64) -> bool {
        let Some((_, offset)) = &piece.file else { return false };
        let page = (address - piece.start) & !(self.notes.page - 1);
        let size = self.file_of(piece).and_then(|file| Some(file.metadata().ok()?.len()));
        piece.dumped <= page && size.is_some_and(|size| offset.saturating_add(page) >= size)
    }

    /// When it was written last.
    pub(crate) fn written(&self) -> io::Result<SystemTime> {
        self.file.metadata()?.modified()
    }

    /// Bytes of the core itself.
    fn dumped(&self, at: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }
}

impl AsFd for Core {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Memory for Core {
    fn page_size(&self) -> u64 {
        self.notes.page
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        let mut at = address;
        let mut rest = buffer;
        while !rest.is_empty() {
            let Some(piece) = self.piece_at(at) else { return false };
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
