//! What the kernel has noted of the hits of a watchpoint: the buffer of a perf event (`perf_event_open(2)`, "MMAP layout"), which the
//! processor that is hit fills at that moment, whatever becomes of the thread afterwards.

use super::tracer::Registers;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

const PAGE: usize = 4096;
/// The page that says how far the other is filled, and that one.
const LENGTH: usize = 2 * PAGE;
/// Where it says so (`data_head`), and where is said how far it was read (`data_tail`).
const HEAD: usize = 1024;
const TAIL: usize = 1032;

/// The registers that are noted (`enum perf_event_x86_regs`): AX, BX, CX, DX, SI, DI, BP, SP, IP and R8 to R15.
pub(super) const REGISTERS: u64 = 0x00ff_01ff;
const COUNT: usize = REGISTERS.count_ones() as usize;
/// A record of a hit: the header, the instruction's address, that of the bytes, the kind of registers, and the registers.
const SAMPLE: usize = 4 * 8 + COUNT * 8;
const PERF_RECORD_SAMPLE: u32 = 9;
const PERF_SAMPLE_REGS_ABI_64: u64 = 2;

/// The buffer.
#[derive(Debug)]
pub(super) struct Samples {
    memory: NonNull<u8>,
}

// SAFETY: memory of this process that nobody else points to.
unsafe impl Send for Samples {}

/// A hit: the bytes' address, and the registers right after the access.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(super) address: u64,
    registers: [u64; COUNT],
}

impl Seen {
    /// Whether a thread with these registers still is where it was.
    pub(crate) fn is_at(&self, registers: &Registers) -> bool {
        let Registers { rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, rip, .. } = *registers;
        let Registers { r8, r9, r10, r11, r12, r13, r14, r15, .. } = *registers;
        self.registers == [rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, rip, r8, r9, r10, r11, r12, r13, r14, r15]
    }
}

impl Samples {
    pub(super) fn of(event: &OwnedFd) -> io::Result<Samples> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, wherever there is room.
        let memory = unsafe { libc::mmap(ptr::null_mut(), LENGTH, protection, libc::MAP_SHARED, event.as_raw_fd(), 0) };
        if memory == libc::MAP_FAILED {
            let error = io::Error::last_os_error();
            // For want of memory that may be locked, and not of the right to watch.
            let is_limit = error.raw_os_error() == Some(libc::EPERM);
            return Err(if is_limit { io::Error::from_raw_os_error(libc::ENOBUFS) } else { error });
        }
        let memory = NonNull::new(memory.cast()).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        Ok(Samples { memory })
    }

    fn counter(&self, at: usize) -> &AtomicU64 {
        // SAFETY: inside the first page.
        let counter = unsafe { self.memory.add(at) }.cast();
        // SAFETY: aligned, and there as long as this value is.
        unsafe { counter.as_ref() }
    }

    pub(super) fn are_there(&self) -> bool {
        self.counter(HEAD).load(Ordering::Acquire) != self.counter(TAIL).load(Ordering::Relaxed)
    }

    /// Takes all that is there away.
    pub(super) fn forget(&self) {
        let head = self.counter(HEAD).load(Ordering::Acquire);
        self.counter(TAIL).store(head, Ordering::Release);
    }

    /// Takes all that is there; what it is if that is one hit.
    pub(super) fn take(&self) -> Option<Seen> {
        let head = self.counter(HEAD).load(Ordering::Acquire);
        let tail = self.counter(TAIL).load(Ordering::Relaxed);
        let is_one = head.wrapping_sub(tail) == SAMPLE as u64;
        let seen = is_one.then(|| self.sample(tail)).flatten();
        self.counter(TAIL).store(head, Ordering::Release);
        seen
    }

    fn sample(&self, tail: u64) -> Option<Seen> {
        let start = usize::try_from(tail % PAGE as u64).ok()?;
        let word = |index: usize| {
            let at = PAGE + (start + index * 8) % PAGE;
            // SAFETY: inside the second page.
            let word = unsafe { self.memory.add(at) }.cast::<u64>();
            // SAFETY: aligned, as all records are, and written no more until it was read.
            unsafe { word.read_volatile() }
        };
        // The kind, something else, and the length, in 32, 16 and 16 bits.
        let header = word(0);
        let is_sample = header & 0xffff_ffff == u64::from(PERF_RECORD_SAMPLE) && header >> 48 == SAMPLE as u64;
        let has_registers = is_sample && word(3) == PERF_SAMPLE_REGS_ABI_64;
        has_registers.then(|| Seen { address: word(2), registers: std::array::from_fn(|index| word(4 + index)) })
    }
}

impl Drop for Samples {
    fn drop(&mut self) {
        // SAFETY: the mapping that was made for it, and that nothing refers to any more.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), LENGTH) };
    }
}
