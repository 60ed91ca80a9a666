//! A hardware watchpoint of a thread: a perf event (`PERF_TYPE_BREAKPOINT`, `perf_event_open(2)`), which ends with the descriptor
//! that the command has of it, whatever becomes of the command.
//!
//! The thread is told by a signal that is ignored by default, for which it stops as every traced thread does. SIGTRAP, which
//! the kernel offers for this (`sigtrap`), would end a program whose tracer is killed at that moment: 66 of 120 did.
//!
//! The signal says that there was an access, not which: it waits while it is blocked, and one that was sent for the bytes that
//! were watched before looks like any other. What was accessed, and with which registers, is in the event's buffer.

use super::samples::{REGISTERS, Samples, Seen};
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The attributes of an event (`struct perf_event_attr`), as far as Linux 3.7 has them.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint: u32,
    address: u64,
    length: u64,
    branch_sample_type: u64,
    sample_registers: u64,
    sample_stack: u32,
    clock: i32,
}

const PERF_TYPE_BREAKPOINT: u32 = 5;
const HW_BREAKPOINT_W: u32 = 2;
const HW_BREAKPOINT_RW: u32 = 3;
const PERF_SAMPLE_IP: u64 = 1;
const PERF_SAMPLE_ADDR: u64 = 1 << 3;
const PERF_SAMPLE_REGS_USER: u64 = 1 << 12;
const DISABLED: u64 = 1;
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
/// Linux 5.13: the program that the thread executes next has other memory.
const REMOVE_ON_EXEC: u64 = 1 << 36;
const PERF_FLAG_FD_CLOEXEC: i32 = 8;
const PERF_EVENT_IOC_DISABLE: libc::Ioctl = 0x2401;
const PERF_EVENT_IOC_MODIFY_ATTRIBUTES: libc::Ioctl = 0x4008_240b;

/// What hits a watchpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hits {
    Writes,
    ReadsAndWrites,
}

impl Hits {
    fn kind(self) -> u32 {
        match self {
            Hits::Writes => HW_BREAKPOINT_W,
            Hits::ReadsAndWrites => HW_BREAKPOINT_RW,
        }
    }
}

/// A watchpoint, set or not.
#[derive(Debug)]
pub(crate) struct Watchpoint {
    event: OwnedFd,
    samples: Samples,
    hits: Hits,
    flags: u64,
    is_set: bool,
    bytes: Range<u64>,
}

impl Watchpoint {
    /// Sets one for accesses of aligned bytes, 1, 2, 4 or 8 of them, by a thread, which is sent this signal for each.
    pub(crate) fn set(thread: i32, bytes: &Range<u64>, hits: Hits, signal: i32) -> io::Result<Watchpoint> {
        let flags = EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR | REMOVE_ON_EXEC;
        let (event, flags) = match open(thread, bytes, hits, flags) {
            Ok(event) => (event, flags),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                let flags = EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR;
                (open(thread, bytes, hits, flags)?, flags)
            }
            Err(error) => return Err(error),
        };
        let samples = Samples::of(&event)?;
        let mut watchpoint = Watchpoint { event, samples, hits, flags, is_set: false, bytes: bytes.clone() };
        watchpoint.tell_by(thread, signal)?;
        watchpoint.move_to(bytes, hits)?;
        Ok(watchpoint)
    }

    /// Has the thread told by a signal.
    fn tell_by(&self, thread: i32, signal: i32) -> io::Result<()> {
        /// `struct f_owner_ex`, fcntl(2).
        #[repr(C)]
        struct Owner {
            kind: i32,
            id: i32,
        }
        const F_SETSIG: i32 = 10;
        const F_SETOWN_EX: i32 = 15;
        const F_OWNER_TID: i32 = 0;
        let event = self.event.as_raw_fd();
        let owner = Owner { kind: F_OWNER_TID, id: thread };
        // SAFETY: a structure that the call reads.
        checked(unsafe { libc::fcntl(event, F_SETOWN_EX, &raw const owner) })?;
        // SAFETY: takes a number.
        checked(unsafe { libc::fcntl(event, F_SETSIG, signal) })?;
        // SAFETY: takes a number.
        checked(unsafe { libc::fcntl(event, libc::F_SETFL, libc::O_ASYNC) })
    }

    /// Moves it to other bytes of the same thread. What is known of those before is forgotten.
    pub(crate) fn move_to(&mut self, bytes: &Range<u64>, hits: Hits) -> io::Result<()> {
        self.unset();
        self.samples.forget();
        (self.bytes, self.hits) = (bytes.clone(), hits);
        let attributes = attributes(bytes, self.hits, self.flags);
        // SAFETY: a structure that the call reads.
        let moved =
            unsafe { libc::ioctl(self.event.as_raw_fd(), PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &raw const attributes) };
        checked(moved)?;
        self.is_set = true;
        Ok(())
    }

    /// Lets others hit it from now on, if it is set. What was seen is forgotten.
    pub(crate) fn turn_to(&mut self, hits: Hits) {
        if self.is_set && self.hits != hits {
            let bytes = self.bytes.clone();
            // One that can't be set again is not: the next word's is.
            let _ = self.move_to(&bytes, hits);
        }
    }

    /// Takes it away until it is moved.
    pub(crate) fn unset(&mut self) {
        if self.is_set {
            // SAFETY: takes no argument.
            unsafe { libc::ioctl(self.event.as_raw_fd(), PERF_EVENT_IOC_DISABLE, 0) };
            self.is_set = false;
        }
    }

    /// Whether it was hit since that was last asked for by [`Watchpoint::take`], or it was moved.
    pub(crate) fn is_hit(&self) -> bool {
        self.samples.are_there()
    }

    /// The access for which it was hit; `None` if there was none since, or more than one.
    pub(crate) fn take(&mut self) -> Option<Seen> {
        self.samples.take().filter(|seen| seen.address == self.bytes.start)
    }

    /// By which the signal tells it from others.
    pub(crate) fn descriptor(&self) -> i32 {
        self.event.as_raw_fd()
    }
}

/// Whether watchpoints can be had at all: one of this thread's own, which is never hit.
pub(crate) fn check() -> io::Result<()> {
    let word = 0_u64;
    let start = (&raw const word) as u64;
    open(0, &(start..start + 8), Hits::ReadsAndWrites, EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR).map(drop)
}

fn attributes(bytes: &Range<u64>, hits: Hits, flags: u64) -> Attributes {
    Attributes {
        kind: PERF_TYPE_BREAKPOINT,
        size: u32::try_from(size_of::<Attributes>()).unwrap_or_default(),
        sample_period: 1,
        sample_type: PERF_SAMPLE_IP | PERF_SAMPLE_ADDR | PERF_SAMPLE_REGS_USER,
        sample_registers: REGISTERS,
        flags,
        wakeup_events: 1,
        breakpoint: hits.kind(),
        address: bytes.start,
        length: bytes.end - bytes.start,
        ..Attributes::default()
    }
}

fn open(thread: i32, bytes: &Range<u64>, hits: Hits, flags: u64) -> io::Result<OwnedFd> {
    let attributes = attributes(bytes, hits, flags | DISABLED);
    let (none, flags) = (-1_i32, PERF_FLAG_FD_CLOEXEC);
    // SAFETY: a structure that the call reads, and numbers.
    let event = unsafe { libc::syscall(libc::SYS_perf_event_open, &raw const attributes, thread, none, none, flags) };
    let event = i32::try_from(event).unwrap_or(-1);
    checked(event)?;
    // SAFETY: a descriptor that is nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(event) })
}

fn checked(answer: i32) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
