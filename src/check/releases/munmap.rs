//! munmap(2): what it takes away that it should not.

use super::neighbours::Neighbours;
use super::victim::{Named, Owner, Victim};
use super::{Frame, Loss, LossKind, Search, note_there, range_of};
use crate::call::Munmap;
use crate::check::memory::ShownMapping;
use crate::check::provenance::{note_gone, note_mapped, whole};
use crate::facts::mapping::{self, Mappings};
use crate::finding::Report;
use crate::form::Draft;
use crate::observe::tracked;
use crate::plain::Range;
use crate::sys::Errno;
use crate::track::{By, ReleasedMapping, ReleasedPieces, TrackedRange};
use mapsan_model::{Rule, Severity};

impl Munmap {
    /// What munmap is about to take away.
    pub(in crate::check) fn find_loss(&self, taken: &ReleasedPieces, frame: Frame) -> Option<Loss> {
        let range = range_of(self.address, self.length)?;
        let search = Search { range, taken, frame };
        if let Some(loss) = search.victim(true, || true) {
            return Some(loss);
        }
        if taken.pieces == 0 {
            return is_empty(range).then(|| search.loss(LossKind::NothingMapped));
        }
        if taken.partial_tail
            && let Some(loss) = search.hits_a_neighbour()
        {
            return Some(loss);
        }
        None
    }

    /// Tells of mappings that start past the end of their file, and that it is about to take away.
    pub(in crate::check) fn inspect_files(&self, taken: &ReleasedPieces) {
        if let Some(range) = range_of(self.address, self.length) {
            crate::check::past_eof::inspect_taken(range, taken);
        }
    }

    /// Tells of it.
    pub(in crate::check) fn tell(&self, loss: &Loss, taken: &ReleasedPieces, report: &Report<'_>) -> Option<Errno> {
        match &loss.kind {
            LossKind::Victim(victim) => self.foreign(victim, loss, taken, report),
            LossKind::Neighbour(severity) => self.overrun(*severity, loss.range, taken, report),
            LossKind::NothingMapped => self.nothing(loss.range, report),
            LossKind::Part(_) | LossKind::View => None,
        }
    }

    fn foreign(&self, victim: &Victim, loss: &Loss, taken: &ReleasedPieces, report: &Report<'_>) -> Option<Errno> {
        let severity = match victim {
            Victim::Segment(true) | Victim::Heap(true) => Severity::Warning,
            _ => Severity::Error,
        };
        report.offence(Rule::MunmapForeign, severity, |draft| {
            draft.message(format_args!("the {} bytes at {:#x} hold {}", self.length, self.address, Named(victim)));
            note_there(loss, report, draft);
            match (victim, &loss.there) {
                (Victim::Segment(_), Some(there)) => {
                    if let Some(gone) = super::taken_at(there.start.max(self.address), taken) {
                        note_mapped(&gone, draft);
                    }
                    draft.note(match victim {
                        Victim::Segment(true) => format_args!("the rest stays attached until shmdt"),
                        _ => format_args!("munmap detaches it as shmdt does; a shmdt of it fails from now on"),
                    });
                    draft.help(format_args!("detach it with shmdt({:#x})", there.base()));
                }
                _ => self.tell_remedy(victim, taken, draft),
            }
        })
    }

    /// The mapping of this length that ends at the address, to whose end the pointer may have been moved.
    fn moved_from(&self) -> Option<TrackedRange> {
        let below = tracked::neighbours(self.address).0?;
        let is_meant = below.origin.length == self.length && whole(&below).end == self.address;
        is_meant.then_some(below)
    }

    /// Says that the pointer was moved to the end of a mapping; whether it may have been.
    fn tell_moved(&self, draft: &mut Draft) -> bool {
        let Some(meant) = self.moved_from() else { return false };
        note_mapped(&meant, draft);
        draft.help(format_args!(
            "a mapping of {} bytes ends at this address: if it was meant, pass the pointer that mmap returned, {:#x}",
            self.length, meant.origin.base
        ));
        true
    }

    fn tell_remedy(&self, victim: &Victim, taken: &ReleasedPieces, draft: &mut Draft) {
        victim.note_owner(draft);
        victim.note_consequence(draft);
        // A mapping of the program's begins here, and the range runs out of it.
        if let Some(first) = super::taken_at(self.address, taken).filter(|first| first.origin.base == self.address)
            && whole(&first).length() < crate::plain::page::whole_pages(self.length)
        {
            note_mapped(&first, draft);
            match self.moved_from() {
                Some(below) => draft.help(format_args!(
                    "pass the length that was mapped: {}; or, if the mapping of {} bytes that ends at this address was \
                     meant, the pointer that mmap returned, {:#x}",
                    first.origin.length, self.length, below.origin.base
                )),
                None => tell_length(first.origin.length, draft),
            }
            return;
        }
        // So did one of which the beginning has been released since.
        if let Some(gone) = tracked::last_gone(self.address).filter(|gone| gone.was.origin.length < self.length)
            && super::taken_at(gone.was.entry.end, taken).is_some_and(|rest| rest.origin.base == self.address)
        {
            note_gone(&gone, draft);
            tell_length(gone.was.origin.length, draft);
            return;
        }
        if self.tell_moved(draft) {
            return;
        }
        match victim {
            Victim::Heap(false) => {
                draft.help(format_args!("give memory of malloc back with free, and unmap only what mmap returned"));
            }
            Victim::Heap(true) => draft.help(format_args!(
                "lower the break with brk or sbrk, or take the memory with mmap, which may be unmapped in pieces"
            )),
            Victim::AlternateStack(_) => {
                draft.help(format_args!("call sigaltstack with SS_DISABLE first, in the thread that registered it"));
            }
            Victim::Stack(Owner::OtherThread(_)) | Victim::Block(Owner::OtherThread(_)) => {
                draft.help(format_args!(
                    "unmap a thread's stack after pthread_join, and only if the program has mapped it"
                ));
            }
            Victim::Object(_) => draft.help(format_args!("unmap only what mmap returned; dlclose unloads a library")),
            _ => draft.help(format_args!("unmap only what mmap returned, with the length that was mapped")),
        }
    }

    /// Nothing was mapped there.
    fn nothing(&self, range: Range, report: &Report<'_>) -> Option<Errno> {
        match tracked::last_gone(self.address) {
            Some(gone) => is_double(&gone, range).then(|| self.double(&gone, report))?,
            None => self.not_mapped(report),
        }
    }

    fn double(&self, gone: &ReleasedMapping, report: &Report<'_>) -> Option<Errno> {
        report.offence(Rule::MunmapDouble, Severity::Error, |draft| {
            draft.message(format_args!("the {} bytes at {:#x} have already been unmapped", self.length, self.address));
            note_gone(gone, draft);
            note_mapped(&gone.was, draft);
            draft.note(format_args!(
                "munmap succeeds where nothing is mapped; memory that another thread maps there in between would be \
                 lost"
            ));
            draft.help(format_args!("unmap each mapping once: leave out one of the two calls"));
        })
    }

    fn not_mapped(&self, report: &Report<'_>) -> Option<Errno> {
        if tracked::may_have_returned(self.address) {
            return None;
        }
        let severity = if self.address == 0 { Severity::Error } else { Severity::Warning };
        report.offence(Rule::MunmapNotMapped, severity, |draft| {
            match self.address {
                0 => draft.message(format_args!("munmap of NULL: nothing is mapped there")),
                address => draft.message(format_args!(
                    "nothing is mapped in the {} bytes at {address:#x}, and no mmap of this program has returned them",
                    self.length
                )),
            }
            draft.note(format_args!("munmap of what is not mapped succeeds, and releases nothing"));
            self.tell_nearest(draft);
        })
    }

    /// The mapping that was probably meant: the nearest below, which the range has missed; else what comes above.
    fn tell_nearest(&self, draft: &mut Draft) {
        /// In bytes: a larger distance is no slip.
        const NEAR: usize = 64 * 1024;
        let below =
            tracked::neighbours(self.address).0.filter(|known| self.address.wrapping_sub(known.entry.end) < NEAR);
        if let Some(below) = below {
            let start = below.origin.base;
            note_mapped(&below, draft);
            match self.address.wrapping_sub(below.entry.end) {
                0 => {
                    draft.note(format_args!("the mapping below ends where this range starts; it starts at {start:#x}"));
                }
                distance => draft.note(format_args!(
                    "the mapping below ends {distance} bytes before this range; it starts at {start:#x}"
                )),
            }
            draft.help(format_args!("if that mapping is meant, pass {start:#x}, which mmap returned"));
            return;
        }
        if self.address != 0
            && let Some(next) = Mappings::open().and_then(|mappings| mappings.at_or_after(self.address))
        {
            draft.note(format_args!("the next mapping above is {}", ShownMapping(&next)));
        }
        match self.address {
            0 => draft.help(format_args!("pass the pointer that mmap returned; it is not in this variable")),
            _ => draft.help(format_args!("pass the pointer that mmap returned; give memory of malloc back with free")),
        }
    }

    fn overrun(&self, severity: Severity, range: Range, taken: &ReleasedPieces, report: &Report<'_>) -> Option<Errno> {
        report.offence(Rule::MunmapOverrun, severity, |draft| {
            let Some(neighbours) = Neighbours::find(range, taken) else { return };
            let Neighbours { first, second } = &neighbours;
            let too_far = range.end.saturating_sub(second.entry.start);
            draft.message(format_args!(
                "the {} bytes at {:#x} reach {too_far} bytes into the next mapping",
                self.length, self.address
            ));
            for known in [first, second] {
                note_mapped(known, draft);
            }
            draft.note(format_args!(
                "the first mapping ends at {:#x}, where the next, of {} bytes, starts",
                first.entry.end, second.origin.length
            ));
            neighbours.note_doubt(draft);
            if self.tell_moved(draft) {
                return;
            }
            if first.origin.base == self.address {
                tell_length(first.origin.length, draft);
            } else {
                let right = first.entry.end.saturating_sub(self.address);
                draft.help(format_args!("pass at most {right}, the bytes from here to the end of the first mapping"));
            }
        })
    }
}

#[inline(never)]
fn tell_length(mapped: usize, draft: &mut Draft) {
    draft.help(format_args!("pass the length that was mapped: {mapped}"));
}

/// Whether the kernel has nothing in a range.
fn is_empty(range: Range) -> bool {
    mapping::is_empty(range.start, range.end) == Some(true)
}

/// Whether what is unmapped now was unmapped before as a whole: a mapping at an address that the kernel chose, or the
/// very piece of it. Clearing a range whose pieces went one by one is legal.
fn is_double(gone: &ReleasedMapping, range: Range) -> bool {
    let entry = gone.gone.entry;
    let was = &gone.was;
    let released = Range { start: entry.start, end: entry.end };
    was.origin.base == range.start
        && entry.start == range.start
        && !was.origin.placed
        && !matches!(gone.gone.by, By::Mmap | By::Madvise)
        && (released.length() >= whole(was).length() || range.end <= entry.end)
}
