//! A fault that no mapping explains: its address may be a pointer of another process, or come of damage that a write past the
//! end of a mapping has done before. What of that can be seen now, or with hardened mode, is said in one line.

use super::code::ChangedCode;
use super::stored::StoredPointer;
use super::words::Accessed;
use crate::call::{Call, Fault};
use crate::check::contents::{self, PastEnd};
use crate::enabled::{self, GUARD, TAIL};
use crate::observe::tracked;
use crate::plain::errno::{self, ErrnoName};
use crate::sys::Errno;
use crate::track::{Requested, TrackedRange};
use core::fmt;

/// The most mappings that are looked at.
const MOST: usize = 1024;

/// What there is to say of such a fault.
pub(crate) struct Unexplained<'a> {
    fault: &'a Fault,
    clue: Clue,
}

/// What may have to do with it.
enum Clue {
    /// Where its address stands in shared memory.
    Stored(StoredPointer),
    Code(ChangedCode),
    /// The address is such as negated errnos are.
    Negated(Errno),
    /// The start of a mapping of the program, and what was written past its end.
    PastEnd(usize, PastEnd),
    /// There are mappings that can be written past their ends.
    Exposed,
}

impl Unexplained<'_> {
    /// What finds the same in a run that does not end so.
    fn when_unmapped() -> &'static str {
        if enabled::bits() & TAIL == 0 { "; harden=tail tells of it when the memory is unmapped" } else { "" }
    }
}

/// What to say of a fault without a cause; `None` where hardened mode would find no more.
pub(crate) fn unexplained(fault: &Fault) -> Option<Unexplained<'_>> {
    if let Some(cut) = ChangedCode::cut(fault) {
        return Some(Unexplained { fault, clue: Clue::Code(cut) });
    }
    if fault.code == Fault::MAPERR
        && let Some(stored) = StoredPointer::find(fault.address)
    {
        return Some(Unexplained { fault, clue: Clue::Stored(stored) });
    }
    // Calls that failed by functions have been seen.
    if let Some(errno) = errno::negated(fault.address) {
        return Some(Unexplained { fault, clue: Clue::Negated(errno) });
    }
    let (mut at, mut is_exposed) = (0, false);
    for _ in 0..MOST {
        let Some(known) = tracked::at_or_after(at) else { break };
        at = known.entry.end;
        if let Some(past_end) = contents::past_end(&known) {
            return Some(Unexplained { fault, clue: Clue::PastEnd(known.origin.base, past_end) });
        }
        is_exposed |= libc::PROT_WRITE & i32::from(known.entry.prot) != 0 && !is_followed_on_purpose(&known);
    }
    if let Some(written) = ChangedCode::written(fault) {
        return Some(Unexplained { fault, clue: Clue::Code(written) });
    }
    (is_exposed && enabled::bits() & GUARD == 0).then_some(Unexplained { fault, clue: Clue::Exposed })
}

/// Whether the program has placed another mapping right behind one, so that no guard has room there.
fn is_followed_on_purpose(known: &TrackedRange) -> bool {
    tracked::at(known.entry.end).is_some_and(|next| matches!(next.requested, Requested::Address(_)))
}

impl fmt::Display for Unexplained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no mapping explains this {}", self.fault.function())?;
        // Others do not tell an address.
        if self.fault.code != Fault::KERNEL {
            write!(f, " ({})", Accessed(self.fault))?;
        }
        match self.clue {
            Clue::Stored(ref stored) => write!(f, ", but {stored}"),
            Clue::Code(ref code) => write!(f, ", but {code}"),
            Clue::Negated(libc::EPERM) => f.write_str(
                ", but the address is (void *) -1, such as a call gives when it fails: compare its result with that",
            ),
            Clue::Negated(errno) => write!(
                f,
                ", but the address is -{}, such as a raw system call gives when it fails: compare its result with \
                 -4095 to -1",
                ErrnoName(errno)
            ),
            Clue::PastEnd(base, PastEnd::Requested(length)) => {
                write!(f, ", but bytes past the end of the mapping of {length} bytes at {base:#x} have been written")?;
                f.write_str(Self::when_unmapped())
            }
            Clue::PastEnd(base, PastEnd::File(size)) => {
                write!(
                    f,
                    ", but the mapping at {base:#x} holds bytes past the end of its file, which has {size} bytes"
                )?;
                f.write_str(": they never reach it")?;
                f.write_str(Self::when_unmapped())
            }
            Clue::Exposed => f.write_str(
                ": if a write past the end of one has damaged what led to it, harden=guard makes that write fault \
                 (MAPSAN_OPTIONS, or mapsan run --harden=guard)",
            ),
        }
    }
}
