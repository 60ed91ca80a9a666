//! A process that has the memory of a dead one: each piece of it is put in its place when it is touched.

use crate::system::core::{Core, Piece};
use crate::system::memory::Memory;
use crate::system::tracee::{self, KEPT, OWN, RESTORER, Registers, Tracee};
use nix::sys::signal::Signal;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use std::collections::{HashMap, HashSet};
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// No process without a wish of its own has addresses from here on.
const END: u64 = 1 << 47;
/// How much is put in its place at once.
const WINDOW: u64 = 1 << 20;
/// How far apart the places are that are tried for what the process has of its own.
const STEP: u64 = 1 << 20;
const LOWEST: u64 = 1 << 24;

/// The process.
pub(super) struct Body<'a> {
    core: &'a Core,
    tracee: Tracee,
    /// What has been put in its place, by where it starts.
    placed: HashSet<u64>,
    /// The page that can't be accessed for now.
    forbidden: Option<u64>,
    /// Files that were mapped, open in the process; `None` of what can't be had.
    files: HashMap<PathBuf, Option<Opened>>,
    /// The core, open in the process.
    dump: Option<u64>,
}

/// A file that the process has open.
#[derive(Clone, Copy)]
struct Opened {
    descriptor: u64,
    size: u64,
}

/// Why it stopped.
pub(super) enum Stop {
    /// It wants a system call.
    Call,
    /// It is to get a signal, for what it has done; at this address, if it is told.
    Fault(Signal, Option<u64>),
}

impl<'a> Body<'a> {
    /// Makes one.
    pub(super) fn make(core: &'a Core) -> io::Result<Body<'a>> {
        let is_free = |own: &u64| {
            let index = core.pieces().partition_point(|piece| piece.end <= *own);
            core.pieces().get(index).is_none_or(|piece| piece.start >= own + OWN)
        };
        let mut places = (0..END / STEP).map(|step| LOWEST + step * STEP).filter(is_free);
        let own = places.next().ok_or_else(|| io::Error::other("it has mapped all of its memory"))?;
        let tracee = Tracee::start(own)?;
        Ok(Body { core, tracee, placed: HashSet::new(), forbidden: None, files: HashMap::new(), dump: None })
    }

    /// Goes on until there is something to do about it.
    pub(super) fn go_on(&mut self, mut signal: Option<Signal>) -> io::Result<Stop> {
        loop {
            match self.tracee.go_on(signal.take())? {
                tracee::Stop::Call => return Ok(Stop::Call),
                tracee::Stop::Signal(Signal::SIGSEGV, Some(address)) if self.place(address)? => {}
                tracee::Stop::Signal(which @ (Signal::SIGSEGV | Signal::SIGBUS), address) => {
                    return Ok(Stop::Fault(which, address));
                }
                tracee::Stop::Signal(Signal::SIGXCPU, _) => return Err(io::Error::other("it takes too long")),
                tracee::Stop::Signal(which, _) => return Err(io::Error::other(format!("it met {which}"))),
            }
        }
    }

    /// Executes one instruction; the address and the signal of the fault that it met.
    pub(super) fn step(&mut self) -> io::Result<Option<(Signal, u64)>> {
        loop {
            match self.tracee.step()? {
                tracee::Stop::Signal(Signal::SIGSEGV, Some(address)) if self.place(address)? => {}
                tracee::Stop::Signal(which, Some(address)) => return Ok(Some((which, address))),
                _ => return Ok(None),
            }
        }
    }

    /// Puts what lies around an address in its place; whether it was not there, and is now.
    fn place(&mut self, address: u64) -> io::Result<bool> {
        let core = self.core;
        let Some(piece) = core.piece_at(address) else { return Ok(false) };
        let around = address & !(WINDOW - 1);
        let window = around.max(piece.start)..around.saturating_add(WINDOW).min(piece.end);
        if piece.end > END || piece.protection == 0 || !self.placed.insert(window.start) {
            return Ok(false);
        }
        let page = core.notes.page;
        let dumped = piece.start + (piece.dumped.min(piece.end - piece.start) & !(page - 1));
        // Of a core that was cut short, what is missing is not what the file has.
        let there = core.length().saturating_sub(piece.at) & !(page - 1);
        let there = dumped.min(piece.start.saturating_add(there));
        if window.start < there {
            self.place_dumped(piece, window.start..window.end.min(there))?;
        }
        if window.end > dumped {
            self.place_rest(piece, window.start.max(dumped)..window.end)?;
        }
        if let Some(page) = self.forbidden.filter(|page| window.contains(page)) {
            self.protect(page, 0);
        }
        Ok(true)
    }

    /// Of what was dumped.
    fn place_dumped(&mut self, piece: &Piece, part: Range<u64>) -> io::Result<()> {
        let (length, at) = (part.end - part.start, piece.at.saturating_add(part.start - piece.start));
        if at.is_multiple_of(self.core.notes.page) {
            let dump = match self.dump {
                Some(dump) => dump,
                None => self.open(self.core.as_fd().as_raw_fd())?,
            };
            self.dump = Some(dump);
            match self.map(part.start, length, piece.protection, Some((dump, at))) {
                // A file system from which nothing is executed.
                Err(error) if error.raw_os_error() == Some(libc::EPERM) => {}
                done => return done,
            }
        }
        self.map(part.start, length, piece.protection, None)?;
        let bytes = self.core.bytes(part.start, usize::try_from(length).unwrap_or(0));
        self.tracee.write(part.start, &bytes.unwrap_or_default())
    }

    /// Of what its file still holds.
    fn place_rest(&mut self, piece: &Piece, part: Range<u64>) -> io::Result<()> {
        let Some((path, offset)) = &piece.file else { return Ok(()) };
        let opened = match self.files.get(path) {
            Some(opened) => *opened,
            None => match self.core.file_of(piece) {
                Some(file) => {
                    let size = file.metadata()?.size();
                    Some(Opened { descriptor: self.open(file.as_raw_fd())?, size })
                }
                None => None,
            },
        };
        self.files.insert(path.clone(), opened);
        let Some(opened) = opened else { return Ok(()) };
        let page = self.core.notes.page;
        let offset = offset.saturating_add(part.start - piece.start);
        let there = opened.size.saturating_sub(offset).saturating_add(page - 1) & !(page - 1);
        let length = (part.end - part.start).min(there);
        if length > 0 {
            self.map(part.start, length, piece.protection, Some((opened.descriptor, offset)))?;
        }
        Ok(())
    }

    /// Opens in the process what is open here.
    fn open(&mut self, descriptor: i32) -> io::Result<u64> {
        let path = format!("/proc/{}/fd/{descriptor}\0", std::process::id());
        self.tracee.call_with(
            libc::SYS_openat,
            [bits(libc::AT_FDCWD), 0, bits(libc::O_RDONLY), 0, 0, 0],
            1,
            path.as_bytes(),
        )
    }

    fn map(&mut self, start: u64, length: u64, protection: u32, file: Option<(u64, u64)>) -> io::Result<()> {
        let (descriptor, offset) = file.unwrap_or((u64::MAX, 0));
        let anonymous = if file.is_none() { libc::MAP_ANONYMOUS } else { 0 };
        let flags = bits(libc::MAP_PRIVATE | libc::MAP_FIXED_NOREPLACE | libc::MAP_NORESERVE | anonymous);
        self.tracee.call(libc::SYS_mmap, [start, length, protection.into(), flags, descriptor, offset]).map(|_| ())
    }

    fn protect(&mut self, page: u64, protection: u32) {
        let arguments = [page, self.core.notes.page, protection.into(), 0, 0, 0];
        // Where nothing is mapped there is nothing to protect.
        let _ = self.tracee.call(libc::SYS_mprotect, arguments);
    }

    /// Lets nothing access the page of an address, for now.
    pub(super) fn forbid(&mut self, address: u64) -> io::Result<()> {
        let page = address & !(self.core.notes.page - 1);
        self.place(address)?;
        self.forbidden = Some(page);
        self.protect(page, 0);
        Ok(())
    }

    /// Lets the page be accessed as it could be.
    pub(super) fn allow(&mut self) {
        let Some(page) = self.forbidden.take() else { return };
        self.protect(page, self.core.piece_at(page).map_or(0, |piece| piece.protection));
    }

    /// Reads the memory as the process may read it itself; how much, or `None` if it may not even begin.
    pub(super) fn read(&mut self, address: u64, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let mut at = address;
        let end = address.saturating_add(buffer.len() as u64);
        while at < end {
            self.place(at)?;
            at = (at | (self.core.notes.page - 1)).saturating_add(1);
        }
        let length = buffer.len();
        let base = usize::try_from(address).unwrap_or(usize::MAX);
        let read =
            process_vm_readv(self.tracee.pid(), &mut [IoSliceMut::new(buffer)], &[RemoteIoVec { base, len: length }]);
        Ok(read.ok())
    }

    /// So many bytes.
    pub(super) fn bytes(&mut self, address: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let read = self.read(address, &mut bytes)?;
        if read == Some(length) {
            Ok(bytes)
        } else {
            Err(io::Error::other(format!("nothing can be read at {address:#x}")))
        }
    }

    pub(super) fn word(&mut self, address: u64) -> io::Result<u64> {
        let bytes = self.bytes(address, 8)?;
        Ok(bytes.try_into().map_or(0, u64::from_ne_bytes))
    }

    /// Writes the memory, but for the code by which it makes system calls.
    pub(super) fn write(&mut self, address: u64, bytes: &[u8]) -> io::Result<()> {
        let (own, end) = (self.tracee.own(), address.checked_add(bytes.len() as u64));
        if end.is_none_or(|end| address < own + KEPT && end > own) {
            return Err(io::Error::from_raw_os_error(libc::EFAULT));
        }
        self.place(address)?;
        self.place(address.saturating_add(bytes.len() as u64).saturating_sub(1))?;
        self.tracee.write(address, bytes)
    }

    /// Whether a range is mapped.
    pub(super) fn is_mapped(&self, start: u64, length: u64) -> bool {
        let mut at = start;
        let end = start.saturating_add(length);
        let index = self.core.pieces().partition_point(|piece| piece.end <= start);
        for piece in self.core.pieces().get(index..).unwrap_or_default() {
            if at >= end || piece.start > at {
                break;
            }
            at = piece.end;
        }
        at >= end
    }

    /// Makes sure that the code at an address is that of the file that was mapped there.
    pub(super) fn check_code(&mut self, address: u64) -> io::Result<()> {
        self.bytes(address, RESTORER.len()).map(|_| ()).map_err(|_| {
            let file = self.core.piece_at(address).and_then(|piece| piece.file.as_ref());
            let name = file.map_or_else(|| "the library".to_owned(), |(path, _)| format!("'{}'", path.display()));
            io::Error::other(format!("{name} has changed since, or is gone"))
        })
    }

    pub(super) fn tracee(&mut self) -> &mut Tracee {
        &mut self.tracee
    }

    pub(super) fn set_registers(&self, registers: Registers) -> io::Result<()> {
        self.tracee.set_registers(registers)
    }
}

fn bits(flags: i32) -> u64 {
    u64::from(flags.cast_unsigned())
}
