//! A thread of a process that is dead, and the signal that it died of.

use super::words::{longs, word};

/// Where `struct elf_prstatus` has what, `<sys/procfs.h>`.
const BLOCKED: usize = 24;
const TID: usize = 32;
const REGISTERS: usize = 112;
/// How many words `struct user_regs_struct` has there, `<sys/user.h>`.
#[cfg(target_arch = "x86_64")]
const WORDS: usize = 27;
#[cfg(target_arch = "aarch64")]
const WORDS: usize = 34;
#[cfg(target_arch = "riscv64")]
const WORDS: usize = 32;
/// Bytes of a `siginfo_t`.
const GIVEN: usize = 128;

/// A thread.
#[derive(Clone, Debug)]
pub(crate) struct Thread {
    pub(crate) tid: u32,
    /// The signals that it took none of, a bit for each, the lowest for signal 1.
    blocked: u64,
    /// Its registers, in the order of `struct user_regs_struct`.
    pub(crate) registers: [u64; WORDS],
}

impl Thread {
    /// Reads an `NT_PRSTATUS`.
    pub(super) fn read(content: &[u8]) -> Option<Thread> {
        let words: Vec<u64> = longs(content.get(REGISTERS..)?).take(WORDS).collect();
        let blocked = longs(content.get(BLOCKED..)?).next()?;
        Some(Thread { tid: word(content, TID)?, blocked, registers: words.try_into().ok()? })
    }

    /// Whether it took none of a signal, as a handler for it does while it runs.
    pub(crate) fn blocks(&self, signal: i32) -> bool {
        self.blocked >> signal.wrapping_sub(1) & 1 != 0
    }
}

/// What is told with a signal, as the kernel lays it out (`siginfo_t`).
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) bytes: [u8; GIVEN],
}

impl Given {
    /// Reads an `NT_SIGINFO`, or what a handler was given.
    pub(crate) fn read(content: &[u8]) -> Option<Given> {
        Some(Given { bytes: content.get(..GIVEN)?.try_into().ok()? })
    }

    /// What the kernel tells of a signal that it raises.
    pub(crate) fn of(signal: i32, code: i32, address: u64) -> Given {
        let mut bytes = [0; GIVEN];
        bytes[..4].copy_from_slice(&signal.to_ne_bytes());
        bytes[8..12].copy_from_slice(&code.to_ne_bytes());
        bytes[16..24].copy_from_slice(&address.to_ne_bytes());
        Given { bytes }
    }

    pub(crate) fn signal(&self) -> i32 {
        self.number(0)
    }

    /// Positive if the kernel raised it.
    pub(crate) fn code(&self) -> i32 {
        self.number(8)
    }

    /// The address, of a fault.
    pub(crate) fn address(&self) -> u64 {
        longs(&self.bytes[16..]).next().unwrap_or(0)
    }

    /// Whether the kernel raised it for a fault.
    pub(crate) fn is_fault(&self) -> bool {
        [libc::SIGSEGV, libc::SIGBUS].contains(&self.signal()) && self.code() > 0
    }

    fn number(&self, at: usize) -> i32 {
        word(&self.bytes, at).unwrap_or(0).cast_signed()
    }
}
