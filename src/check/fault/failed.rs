//! The result of a call that failed, used as a pointer: `MAP_FAILED`, or the negated errno that some wrappers return.

use super::words::Accessed;
use super::{LOWEST, NEAR};
use crate::call::Fault;
use crate::check::LastFailure;
use crate::form::Draft;
use crate::past::failures::{self, Failed, Failure};
use crate::plain::errno::{self, ErrnoName};
use crate::plain::page::page_size;
use crate::sys::Errno;
use core::fmt;

/// The calls that give pointers.
const KINDS: [Failed; 3] = [Failed::Mmap, Failed::Mremap, Failed::Shmat];

/// How far below a pointer libc's string functions may read: they load whole vectors, aligned.
const VECTOR: usize = 64;

/// A pointer that stands for a failure.
#[derive(Clone, Copy)]
pub(crate) struct FailedPointer {
    kind: Failed,
    failure: Failure,
    /// Whether it is the negated errno, not -1.
    is_errno: bool,
    /// Whether a register still holds it.
    is_held: bool,
    /// Whether a null pointer gives the address, too.
    or_null: bool,
    /// The errno whose negation gives it, too, if it is one of -1.
    or_errno: Option<Errno>,
}

impl FailedPointer {
    /// The pointer that an access is likely to have gone through, if a call that could have given it has failed.
    pub(super) fn of(fault: &Fault) -> Option<FailedPointer> {
        let address = fault.address;
        // Only what lies around the last address of all, which is neither user memory nor the kernel's to hand out.
        if address == 0 || !(address < NEAR || address >= usize::MAX.wrapping_sub(page_size())) {
            return None;
        }
        let minus_one = failures::last_of(&KINDS).map(|(kind, failure)| (kind, failure, false));
        let is_near = |failed: Errno| fits(address, value(failed), page_size());
        // EPERM is 1: its negation is -1.
        let negated = failures::last_with(&KINDS, |failed| failed != libc::EPERM && is_near(failed))
            .map(|(kind, failure)| (kind, failure, true));
        let candidates = [minus_one.filter(|_| fits(address, usize::MAX, NEAR)), negated];
        let size = fault.registers.operand_size();
        let mut pointers = candidates.map(|candidate| {
            let (kind, failure, is_errno) = candidate?;
            let mut pointer = FailedPointer { kind, failure, is_errno, is_held: false, or_null: false, or_errno: None };
            pointer.is_held = fault.registers.holds(pointer.value());
            pointer.judge(address, size).then_some(pointer)
        });
        if let [Some(one), Some(other)] = &mut pointers
            && address < LOWEST
            && one.is_held == other.is_held
        {
            one.or_errno = Some(other.failure.errno);
        }
        // What a register still holds is the likeliest, then the very address, then one below it, and -1 before an errno; for
        // strings an errno before -1, which their functions make of any of these pointers by looking for the end of a vector.
        pointers.into_iter().flatten().min_by_key(|pointer| {
            let is_above = address.wrapping_sub(pointer.value()) < NEAR;
            (!pointer.is_held, pointer.value() != address, !is_above, pointer.is_errno == is_above)
        })
    }

    /// The pointer as a number.
    fn value(&self) -> usize {
        if self.is_errno { value(self.failure.errno) } else { usize::MAX }
    }

    /// Whether the address can be meant, by its distance and the size of the access.
    fn judge(&mut self, address: usize, size: Option<usize>) -> bool {
        let distance = address.wrapping_sub(self.value());
        // Fields are aligned; where the size of the access can't be told, as for one of four bytes.
        let size = size.unwrap_or(4);
        // A string is read by vectors wherever it starts, behind a null pointer, too. Most follow fields of four bytes.
        let is_vector = size > 8;
        let size = if is_vector { 4 } else { size };
        if address >= LOWEST {
            return distance.is_multiple_of(size) || address.is_multiple_of(16);
        }
        self.or_null = !self.is_held && (is_vector || address.is_multiple_of(size));
        self.is_held || distance.is_multiple_of(size)
    }

    /// Says what happened.
    pub(super) fn tell(&self, fault: &Fault, draft: &mut Draft) {
        let function = self.kind.function();
        let access = Accessed(fault);
        let pointer = PointerOffset(self, fault.address);
        let what = if self.is_errno { "the negated errno" } else { "the result" };
        let of = WithArticle(self.kind);
        if self.or_null {
            draft.message(format_args!(
                "{access}, which is {pointer}, {what} of {of} that failed, or a null pointer + {}",
                fault.address
            ));
        } else {
            draft.message(format_args!("{access}, which is {pointer}, {what} of {of} that failed"));
        }
        draft.related(
            function,
            self.failure.site,
            format_args!(
                "{} ({}: {})",
                LastFailure(self.kind, self.failure.is_injected),
                ErrnoName(self.failure.errno),
                errno::meaning(self.failure.errno)
            ),
        );
        if self.or_null {
            draft.note(format_args!(
                "which of the two it was can't be told: no register holds {} any more",
                PointerName(self)
            ));
        }
        if let Some(errno) = self.or_errno {
            let distance = fault.address.wrapping_sub(value(errno));
            draft.note(format_args!(
                "so is -{} + {distance}, if a wrapper around the call returns the negated errno",
                ErrnoName(errno)
            ));
        }
        if self.is_errno {
            draft.note(format_args!(
                "a wrapper that returns -errno as a pointer gives {}, which is neither MAP_FAILED (-1) nor NULL",
                PointerName(self)
            ));
            draft.help(format_args!(
                "test what the wrapper returns for all of -4095 to -1: (unsigned long)p >= -4095UL; or let it return \
                 MAP_FAILED"
            ));
            return;
        }
        let result = if self.kind == Failed::Shmat { "(void *) -1" } else { "MAP_FAILED" };
        draft.note(format_args!("{function} gives (void *) -1 when it fails, which is not NULL"));
        draft.help(format_args!("compare what {function} returns with {result}, not with NULL, before it is used"));
    }
}

/// The negated errno as an address.
fn value(errno: Errno) -> usize {
    usize::try_from(errno).unwrap_or(0).wrapping_neg()
}

/// Whether an access at `address` may be one through `pointer`: `most` bytes above it, modulo 2^64, or a vector below it.
fn fits(address: usize, pointer: usize, most: usize) -> bool {
    address.wrapping_sub(pointer) <= most || pointer.wrapping_sub(address) <= VECTOR
}

/// Shows the pointer by its name: `MAP_FAILED`, `-ENOMEM`.
struct PointerName<'a>(&'a FailedPointer);

impl fmt::Display for PointerName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            FailedPointer { is_errno: true, failure, .. } => write!(f, "-{}", ErrnoName(failure.errno)),
            FailedPointer { kind: Failed::Shmat, .. } => f.write_str("(void *) -1"),
            _ => f.write_str("MAP_FAILED"),
        }
    }
}

/// Shows an address by its distance from the pointer: `MAP_FAILED + 8`.
struct PointerOffset<'a>(&'a FailedPointer, usize);

impl fmt::Display for PointerOffset<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let distance = self.1.wrapping_sub(self.0.value()).cast_signed();
        PointerName(self.0).fmt(f)?;
        match distance {
            0 => Ok(()),
            1.. => write!(f, " + {distance}"),
            _ => write!(f, " - {}", distance.unsigned_abs()),
        }
    }
}

/// Shows a function with its article.
struct WithArticle(Failed);

impl fmt::Display for WithArticle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let article = if self.0 == Failed::Shmat { "a" } else { "an" };
        write!(f, "{article} {}", self.0.function())
    }
}
