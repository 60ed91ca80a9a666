//! Calls that take memory away: munmap(2), and those that replace what is there: mmap(2) with `MAP_FIXED`, mremap(2) with
//! `MREMAP_FIXED`, shmat(2) with `SHM_REMAP`.
//!
//! All of them succeed in silence, and afterwards the kernel can't be asked any more what was there. So they are looked at
//! before the call ([`find`]), and what was found is told after it, when it has succeeded: a call that fails destroys nothing
//! and has a finding of its own. Only where the call takes away what this thread or the library needs to tell anything (its
//! stack, its control block, code that it returns to) is it told before, without a result.

mod copies;
mod munmap;
mod neighbours;
mod replaced;
mod victim;

use super::memory::ShownMapping;
use crate::facts::mapping::{Mapping, Mappings};
use crate::finding::Report;
use crate::form::Draft;
use crate::machine::{WIDEST_USER_SPACE, user_space};
use crate::observe::tracked;
use crate::plain::Range;
use crate::plain::page::{self, page_size, whole_pages};
use crate::track::{ReleasedPieces, TrackedRange};
use mapsan_model::Severity;
use victim::Victim;

pub(super) use neighbours::Neighbours;
pub(super) use replaced::Replacing;

/// What a call is about to take away, and should not.
pub(crate) struct Loss {
    range: Range,
    kind: LossKind,
    /// What the kernel has there: the first mapping that is concerned.
    there: Option<Mapping>,
    /// Whether it has to be told before the call.
    needed: bool,
}

enum LossKind {
    Victim(Victim),
    /// The range runs out of one mapping of the program into the next; both are found again by the number of the release,
    /// where there is room for them.
    Neighbour(Severity),
    /// A part of a mapping that another call made, likewise.
    Part(Severity),
    /// A part of a shared file mapping that the program can write.
    View,
    NothingMapped,
}

impl Loss {
    /// Whether it is a mapping of the program's.
    pub(crate) fn is_of_the_program(&self) -> bool {
        !matches!(self.kind, LossKind::Victim(_))
    }

    /// Whether it has to be told before the call, because nobody could afterwards.
    pub(crate) fn is_needed_to_tell(&self) -> bool {
        self.needed
    }
}

/// The program's frame that makes a call: it is looked at from another stack.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    /// The return address of the call.
    pub(crate) return_address: usize,
    /// The stack pointer.
    pub(crate) stack: usize,
}

/// What is looked for in a range that a call is about to take away.
struct Search<'a> {
    range: Range,
    taken: &'a ReleasedPieces,
    frame: Frame,
}

impl Search<'_> {
    /// What is there and is not the program's own mapping, if the call would succeed: by `is_certain`, as far as can be
    /// known, since what has to be told before the call is told without having seen it.
    fn victim(&self, unmaps: bool, is_certain: impl FnOnce() -> bool) -> Option<Loss> {
        let (victim, there) = self.first(unmaps)?;
        let needed = victim.is_needed(self.range, self.frame.return_address);
        // What can't be told afterwards and may not happen is not told at all.
        (!needed || is_certain()).then_some(Loss {
            range: self.range,
            kind: LossKind::Victim(victim),
            there: Some(there),
            needed,
        })
    }

    /// A loss that the tracker knows all of.
    fn loss(&self, kind: LossKind) -> Loss {
        Loss { range: self.range, kind, there: None, needed: false }
    }

    /// The piece that the release under way took from an address.
    fn taken_at(&self, address: usize) -> Option<TrackedRange> {
        taken_at(address, self.taken)
    }
}

/// The piece that a release took from an address.
fn taken_at(address: usize, taken: &ReleasedPieces) -> Option<TrackedRange> {
    tracked::last_gone(address).filter(|gone| gone.gone.release == taken.release).map(|gone| gone.was)
}

/// The range of a call: none if the kernel refuses it before it looks at anything.
fn range_of(address: usize, length: usize) -> Option<Range> {
    let range = Range::new(address, whole_pages(length));
    (range.length() > 0 && page::page_remainder(address) == 0 && is_user(range)).then_some(range)
}

/// Whether a range lies in the part of the address space that a process can have.
fn is_user(range: Range) -> bool {
    // The kernel leaves the last page free on x86-64; where it does not, its list is asked.
    let end = usize::try_from(user_space()).unwrap_or(usize::MAX).wrapping_sub(page_size());
    // [vsyscall] is mapped in the kernel's half.
    let is_own = |there: Mapping| (there.start as u64) < WIDEST_USER_SPACE;
    range.end <= end || Mappings::open().is_some_and(|mappings| mappings.at_or_after(end).is_some_and(is_own))
}

/// Tells what the kernel has or had there.
fn note_there(loss: &Loss, report: &Report<'_>, draft: &mut Draft) {
    if let Some(there) = &loss.there {
        let tense = if loss.needed || report.outcome.is_considered() { "is" } else { "was" };
        draft.note(format_args!("it {tense} {}", ShownMapping(there)));
    }
}
