//! Calls that take addresses away from others: munmap(2), and mmap(2) with `MAP_FIXED`. Both succeed in silence, so they
//! are looked at before the call, while the kernel can still be asked what is there.

use super::known::{tell_gone, tell_mapped, whole};
use super::memory::{self, Shown};
use crate::call::{Mmap, Munmap};
use crate::facts::descriptor;
use crate::facts::mapping::{Mapping, Mappings};
use crate::facts::{self, Module, whole_pages};
use crate::interpose::thread_pointer;
use crate::report::{Draft, Report};
use crate::sys::Errno;
use crate::track::{self, By, Known, KnownGone, Range, Taken};
use mapsan_model::{Rule, Severity};

/// Mappings of the kernel's list that are looked at in one range.
const MOST: usize = 64;

/// What is in the way.
enum Victim {
    Heap,
    Stack,
    /// A loaded object; true if it is the writable data of the object that calls.
    Object(bool),
    /// An attached segment; true if only part of it.
    Segment(bool),
}

impl Victim {
    /// What the kernel's mapping is, if it is none of the program's own.
    fn of(there: &Mapping, range: Range, caller: usize) -> Option<Victim> {
        let (start, end) = (there.start.max(range.start), there.end.min(range.end));
        if there.is_segment() {
            return Some(Victim::Segment(start > there.base() || end < there.end));
        }
        if there.name() == b"[heap]" {
            return Some(Victim::Heap);
        }
        if there.name().starts_with(b"[stack") && end == there.end {
            return Some(Victim::Stack);
        }
        // An object's zeroed data is anonymous memory right behind its file's.
        let object = Module::find_without_lock(start).or_else(|| Module::find_without_lock(end.wrapping_sub(1)))?;
        let calls = object.extent().is_some_and(|(first, last)| first <= caller && caller < last);
        Some(Victim::Object(calls && object.is_data(range.start, range.end)))
    }
}

/// The first mapping in the range that belongs to somebody else; what the program mapped itself is its own, but for
/// segments.
fn victim(range: Range, taken: &Taken, caller: usize) -> Option<(Victim, Mapping)> {
    let mappings = Mappings::open()?;
    let mut at = range.start;
    for _ in 0..MOST {
        let there = mappings.at_or_after(at).filter(|there| there.start < range.end)?;
        let first = there.start.max(range.start);
        if let Some(victim) = Victim::of(&there, range, caller)
            && (matches!(victim, Victim::Segment(_)) || !was_taken(first, taken))
        {
            return Some((victim, there));
        }
        at = there.end;
    }
    None
}

/// Whether the release that is under way took the memory at `address` from the tracker.
fn was_taken(address: usize, taken: &Taken) -> bool {
    taken_at(address, taken).is_some()
}

fn taken_at(address: usize, taken: &Taken) -> Option<Known> {
    track::last_gone(address).filter(|gone| gone.gone.release == taken.release).map(|gone| gone.was)
}

/// The mapping of the stack that this runs on, if the range holds part of it that is in use: from the stack pointer up to
/// the end of `[stack]`, or on a stack of libc's making to the thread's own block at its top. What lies above may be
/// somebody else's, joined to one mapping by the kernel.
fn stack(range: Range) -> Option<Mapping> {
    let local = 0_u8;
    let here = &raw const local as usize;
    let there = memory::mapping_at(here)?;
    let block = thread_pointer();
    let end = if there.name().starts_with(b"[stack") {
        there.end
    } else if here < block && block < there.end {
        block
    } else {
        here.saturating_add(facts::page_size())
    };
    (range.start < end && here < range.end).then_some(there)
}

/// Two mappings side by side that one release hits, of which the second is not meant.
struct Neighbours {
    first: Known,
    second: Known,
}

/// The first two pieces that belong to different mappings side by side, made at different places, unless the program
/// put the later one beside the earlier itself.
fn strangers(range: Range, taken: &Taken) -> Option<Neighbours> {
    let mut first = taken_at(range.start, taken)?;
    for _ in 0..taken.pieces {
        let second = taken_at(first.entry.end, taken)?;
        if are_strangers(&first, &second) {
            return Some(Neighbours { first, second });
        }
        first = second;
    }
    None
}

fn are_strangers(first: &Known, second: &Known) -> bool {
    let (one, other) = (&first.origin, &second.origin);
    if first.entry.origin == second.entry.origin || one.site == other.site {
        return false;
    }
    let later = if one.serial.wrapping_sub(other.serial).cast_signed() > 0 { one } else { other };
    !later.placed && !share_a_reservation(first, second)
}

/// Whether an earlier mapping that is remembered held both.
fn share_a_reservation(first: &Known, second: &Known) -> bool {
    let (start, end) = (first.entry.start, second.entry.end);
    track::with(|state| {
        let regions = &state.regions;
        regions.history.newest_first().any(|gone| {
            regions.origin(&gone.entry).is_some_and(|origin| {
                let range = Range::new(origin.base, whole_pages(origin.length));
                range.start <= start && end <= range.end
            })
        })
    })
    .unwrap_or(true)
}

/// Whether the kernel has something in every page, as the tracker thinks.
fn is_mapped(range: Range) -> bool {
    matches!(memory::range(range.start, range.length()), memory::Range::Whole)
}

impl Munmap {
    /// munmap is about to release this.
    pub(super) fn look(&self, taken: &Taken, report: &Report<'_>) -> Option<Errno> {
        let range = Range::new(self.address, whole_pages(self.length));
        if let Some(there) = stack(range) {
            return self.foreign(&Victim::Stack, &there, report);
        }
        if (!taken.whole || taken.notable)
            && let Some((victim, there)) = victim(range, taken, report.caller)
        {
            return self.foreign(&victim, &there, report);
        }
        if taken.pieces == 0 {
            return self.nothing(range, report);
        }
        if taken.mixed
            && taken.cut
            && is_mapped(range)
            && let Some(neighbours) = strangers(range, taken)
        {
            return self.overrun(range, &neighbours, report);
        }
        if taken.notable {
            super::mmap::look_at_empty(range, taken);
        }
        None
    }

    fn foreign(&self, victim: &Victim, there: &Mapping, report: &Report<'_>) -> Option<Errno> {
        let severity = if matches!(victim, Victim::Segment(true)) { Severity::Warning } else { Severity::Error };
        report.offence(Rule::MunmapForeign, severity, |draft| {
            let what = match victim {
                Victim::Heap => "the heap, which malloc uses",
                Victim::Stack => "a stack that is in use",
                Victim::Object(_) => "a loaded object (program or library)",
                Victim::Segment(false) => "an attached segment",
                Victim::Segment(true) => "part of an attached segment",
            };
            draft.message(format_args!("the {} bytes at {:#x} hold {what}", self.length, self.address));
            if let Victim::Segment(_) = victim
                && let Some(gone) = track::last_gone(there.start.max(self.address))
            {
                tell_mapped(&gone.was, draft);
            }
            draft.note(format_args!("it is {}", Shown(there)));
            match victim {
                Victim::Segment(_) => draft.help(format_args!("detach it with shmdt({:#x})", there.base())),
                _ => draft.help(format_args!("unmap what mmap returned, with the length that was mapped")),
            }
        })
    }

    /// Nothing is tracked there.
    fn nothing(&self, range: Range, report: &Report<'_>) -> Option<Errno> {
        let mappings = Mappings::open()?;
        if mappings.at_or_after(range.start).is_some_and(|there| there.start < range.end) {
            return None;
        }
        match track::last_gone(self.address) {
            Some(gone) => is_double(&gone, range).then(|| self.double(&gone, report))?,
            None => self.not_mapped(range, report),
        }
    }

    fn double(&self, gone: &KnownGone, report: &Report<'_>) -> Option<Errno> {
        report.offence(Rule::MunmapDouble, Severity::Error, |draft| {
            draft.message(format_args!("the mapping at {:#x} is unmapped already", self.address));
            tell_gone(gone, draft);
            tell_mapped(&gone.was, draft);
            draft.note(format_args!(
                "munmap succeeds all the same; had another thread mapped something there meanwhile, it would be gone now"
            ));
            draft.help(format_args!("unmap each mapping once; set the pointer to NULL after munmap"));
        })
    }

    fn not_mapped(&self, range: Range, report: &Report<'_>) -> Option<Errno> {
        let unknown = track::with(|state| {
            let regions = &state.regions;
            let known = [&regions.history.forgotten, &regions.asked];
            regions.forgetful || known.iter().any(|extents| extents.meets(self.address, self.address.saturating_add(1)))
        });
        if unknown.unwrap_or(true) {
            return None;
        }
        let severity = if self.address == 0 { Severity::Error } else { Severity::Warning };
        report.offence(Rule::MunmapNotMapped, severity, |draft| {
            match self.address {
                0 => draft.message(format_args!("munmap of NULL, where nothing is mapped")),
                address => draft.message(format_args!(
                    "nothing is mapped in the {} bytes at {address:#x}, and this program never mapped anything there",
                    self.length
                )),
            }
            draft.note(format_args!("the kernel says nothing: munmap of what is not mapped succeeds"));
            if let Some(next) = Mappings::open().and_then(|mappings| mappings.at_or_after(range.end)) {
                draft.note(format_args!("the next mapping above is {}", Shown(&next)));
            }
            draft.help(format_args!("unmap the very pointer that mmap returned"));
        })
    }

    fn overrun(&self, range: Range, neighbours: &Neighbours, report: &Report<'_>) -> Option<Errno> {
        let Neighbours { first, second } = neighbours;
        report.offence(Rule::MunmapOverrun, Severity::Error, |draft| {
            let too_far = range.end.saturating_sub(second.entry.start);
            draft.message(format_args!(
                "the {} bytes at {:#x} end {too_far} bytes inside the next mapping",
                self.length, self.address
            ));
            for known in [first, second] {
                tell_mapped(known, draft);
            }
            let right = if first.origin.base == self.address {
                first.origin.length
            } else {
                first.entry.end.saturating_sub(self.address)
            };
            draft.note(format_args!(
                "the first mapping ends at {:#x}, where the second, of {} bytes, starts",
                first.entry.end, second.origin.length
            ));
            draft.help(format_args!("pass the length that was mapped: {right}"));
        })
    }
}

/// Whether what is unmapped now was unmapped before as a whole: a mapping at an address that the kernel chose, or the
/// very piece of it. Clearing a range whose pieces went one by one is legal.
fn is_double(gone: &KnownGone, range: Range) -> bool {
    let entry = gone.gone.entry;
    let was = &gone.was;
    let released = Range { start: entry.start, end: entry.end };
    was.origin.base == range.start
        && entry.start == range.start
        && !was.origin.placed
        && gone.gone.by != By::Mmap
        && (released.length() >= whole(was).length() || range.end <= entry.end)
}

impl Mmap {
    /// `MAP_FIXED` is about to replace this.
    pub(super) fn look(&self, taken: &Taken, report: &Report<'_>) -> Option<Errno> {
        let range = Range::new(self.address, whole_pages(self.length));
        if !self.may_succeed() {
            return None;
        }
        if let Some(there) = stack(range) {
            return self.clobber(&Victim::Stack, &there, report);
        }
        if (!taken.whole || taken.notable)
            && let Some((victim, there)) = victim(range, taken, report.caller)
        {
            return self.clobber(&victim, &there, report);
        }
        if taken.notable {
            super::mmap::look_at_empty(range, taken);
        }
        if taken.mixed
            && is_mapped(range)
            && let Some(neighbours) = strangers(range, taken)
        {
            return self.clobber_neighbour(range, &neighbours, report);
        }
        None
    }

    /// Whether none of the usual causes makes the call fail: what does not happen destroys nothing.
    fn may_succeed(&self) -> bool {
        let anonymous = self.flags & libc::MAP_ANONYMOUS != 0;
        let writes = self.prot & libc::PROT_WRITE != 0 && self.flags & libc::MAP_SHARED != 0;
        let mode = || descriptor::flags(self.fd).map(|flags| flags & libc::O_ACCMODE);
        facts::page_remainder(usize::try_from(self.offset).unwrap_or(1)) == 0
            && self.flags & crate::call::MAP_TYPE != 0
            && (anonymous || matches!(mode(), Ok(libc::O_RDWR)) || matches!(mode(), Ok(libc::O_RDONLY)) && !writes)
    }

    fn clobber(&self, victim: &Victim, there: &Mapping, report: &Report<'_>) -> Option<Errno> {
        let severity = if matches!(victim, Victim::Object(true)) { Severity::Warning } else { Severity::Error };
        report.offence(Rule::MmapFixedClobber, severity, |draft| {
            let what = match victim {
                Victim::Heap => "the heap, which malloc uses",
                Victim::Stack => "a stack that is in use",
                Victim::Object(false) => "part of a loaded object (program or library)",
                Victim::Object(true) => "data of the program or library that makes this call",
                Victim::Segment(_) => "an attached segment",
            };
            draft.message(format_args!("MAP_FIXED at {:#x} replaces {what}", self.address));
            if let Victim::Segment(_) = victim
                && let Some(gone) = track::last_gone(there.start.max(self.address))
            {
                tell_mapped(&gone.was, draft);
            }
            draft.note(format_args!("it is {}", Shown(there)));
            say_noreplace(draft);
        })
    }

    fn clobber_neighbour(&self, range: Range, neighbours: &Neighbours, report: &Report<'_>) -> Option<Errno> {
        let Neighbours { first, second } = neighbours;
        report.offence(Rule::MmapFixedClobber, Severity::Error, |draft| {
            let hit = range.end.min(second.entry.end).saturating_sub(second.entry.start);
            draft.message(format_args!(
                "MAP_FIXED at {:#x} runs out of one mapping and replaces {hit} bytes of the next one",
                self.address
            ));
            for known in [first, second] {
                tell_mapped(known, draft);
            }
            draft.note(format_args!(
                "the first mapping ends at {:#x}, {} bytes into the {} of this call",
                first.entry.end,
                first.entry.end.saturating_sub(range.start),
                self.length
            ));
            say_noreplace(draft);
        })
    }
}

fn say_noreplace(draft: &mut Draft) {
    draft.help(format_args!(
        "use MAP_FIXED only inside memory that was reserved by mmap; MAP_FIXED_NOREPLACE fails where something is mapped"
    ));
}
