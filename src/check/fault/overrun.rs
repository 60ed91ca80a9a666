//! Accesses that run out of a mapping, into nothing or into a guard.

use super::protection::help_protected;
use super::stored::StoredPointer;
use super::words::{Accessed, RememberedMemory, note_advised_guard, tell_hint};
use super::{LOWEST, NEAR, allows, is_advised_guard};
use crate::call::Fault;
use crate::check::memory::{ShownMapping, mapping_at};
use crate::check::provenance::{note_last_page, note_mapped, note_protected, whole};
use crate::check::{ByteCount, IfSome};
use crate::facts::Module;
use crate::facts::limits::Bytes;
use crate::facts::mapping::{Mapping, Mappings};
use crate::form::Draft;
use crate::harden::Purpose;
use crate::machine::Access;
use crate::observe::tracked;
use crate::plain::page::{page_size, page_start};
use crate::track::{By, Entry, Protector, TrackedRange};
use core::fmt;

/// How far before a block of malloc's its size is written, in bytes.
const HEADER: usize = size_of::<usize>();

/// The most mappings of others, side by side, over which an access may have run.
const LONGEST_RUN: usize = 64;

/// Which side of a mapping.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    Behind,
}

impl Side {
    fn of_it(self) -> &'static str {
        match self {
            Side::Before => "before its start",
            Side::Behind => "past its end",
        }
    }
}

/// An access outside a mapping, by so much that it is likely to belong to it.
pub(crate) struct Overrun {
    /// The piece of the mapping that the access ran out of.
    known: TrackedRange,
    side: Side,
    guard: Barrier,
    /// The bytes between the mapping's end and the page of the access, all of them writable and none of the program's own.
    between: usize,
}

/// What the access ran into.
enum Barrier {
    /// Nothing is mapped there.
    Nothing,
    /// Pages with this protection, which allows nothing, that were mapped by a call with this number; of the same mapping or
    /// of another.
    Pages { same: bool, prot: u8, serial: u32 },
    /// Pages of the same mapping that madvise has made a guard.
    Advised,
    /// Memory that the program has not mapped, and that forbids the access.
    Foreign,
    /// A page of `harden=guard`.
    Ours,
}

impl Overrun {
    /// The mapping that an access where nothing is mapped has run out of.
    pub(super) fn where_nothing_is(fault: &Fault) -> Option<Overrun> {
        match (Overrun::of_neighbour(fault), Overrun::of_run(fault)) {
            (None, run) => run,
            // It has run over what lies between.
            (Some(Overrun { side: Side::Behind, .. }), Some(run)) if run.between > 0 => Some(run),
            (neighbour, _) => neighbour,
        }
    }

    /// The mapping that an address where nothing is mapped lies closest to.
    fn of_neighbour(fault: &Fault) -> Option<Overrun> {
        let address = fault.address;
        let (below, above) = tracked::neighbours(address);
        let lives = |known: &TrackedRange, at: usize| {
            mapping_at(at).is_some_and(|there| there.contains(known.entry.start) || there.contains(at))
        };
        let below = below
            .map(|known| accessible(known, address, Side::Behind))
            .map(|known| (address.saturating_sub(known.entry.end), known))
            .filter(|(distance, known)| *distance < NEAR && lives(known, known.entry.end.wrapping_sub(1)));
        let above = above
            .map(|known| accessible(known, address, Side::Before))
            .map(|known| (known.entry.start.saturating_sub(address), known))
            .filter(|(distance, known)| *distance <= NEAR && address >= LOWEST && lives(known, known.entry.start));
        let (known, side) = nearer(below.as_ref(), above.as_ref())?;
        Some(Overrun { known, side, guard: Barrier::Nothing, between: 0 })
    }

    /// The accessible memory of the same mapping or reservation that a page without any right borders.
    pub(super) fn into_guard(fault: &Fault) -> Option<Overrun> {
        let address = fault.address;
        let guard = tracked::at(address)?;
        let below = border(&guard, address, Side::Behind).map(|known| (address.wrapping_sub(known.entry.end), known));
        let above = border(&guard, address, Side::Before).map(|known| (known.entry.start.wrapping_sub(address), known));
        let (known, side) = nearer(below.as_ref(), above.as_ref())?;
        let same = guard.origin.serial == known.origin.serial;
        let guard = Barrier::Pages { same, prot: guard.entry.prot, serial: guard.origin.serial };
        Some(Overrun { known, side, guard, between: 0 })
    }

    /// The accessible memory of a mapping that a guard of madvise(2) in it borders.
    pub(super) fn into_advised_guard(address: usize, known: &TrackedRange) -> Option<Overrun> {
        let Entry { start, end, .. } = known.entry;
        // What can be accessed begins behind the guards at the start, and ends before those at the end.
        let (start, end) = (behind_guards(start, known), before_guards(end, known));
        let (low, high) = (before_guards(page_start(address), known), behind_guards(page_start(address), known));
        let below = if start < low { address.wrapping_sub(low) } else { NEAR };
        let above = if high < end { high.wrapping_sub(address) } else { NEAR };
        if below >= NEAR && above >= NEAR {
            return None;
        }
        let (side, start, end) = if above < below { (Side::Before, high, end) } else { (Side::Behind, start, low) };
        let known = TrackedRange { entry: Entry { start, end, ..known.entry }, ..*known };
        Some(Overrun { known, side, guard: Barrier::Advised, between: 0 })
    }

    /// The mapping on whose side a guard of `harden=guard` is.
    pub(super) fn into_own_guard(address: usize, kind: Purpose) -> Option<Overrun> {
        let (side, at) = match kind {
            Purpose::Below => (Side::Before, page_start(address).checked_add(page_size())?),
            Purpose::Above => (Side::Behind, page_start(address).checked_sub(1)?),
            Purpose::Quarantined => return None,
        };
        tracked::at(at).map(|known| Overrun { known, side, guard: Barrier::Ours, between: 0 })
    }

    /// The mapping that the page of the access borders, or writable memory without a gap that reaches to one: what runs on
    /// over its end, or backwards over its start, writes over that, and dies here. Of two the nearer one, or that below.
    pub(super) fn of_run(fault: &Fault) -> Option<Overrun> {
        let page = page_start(fault.address);
        let mappings = Mappings::open()?;
        // What the program had there before may be what was meant.
        if mappings.at(page).is_some_and(|there| allows(fault, there.prot()))
            || tracked::last_gone(fault.address).is_some()
        {
            return None;
        }
        let (below, above) = tracked::neighbours(page);
        let below = below.and_then(|known| {
            let last = known.entry.end.wrapping_sub(1);
            (end_of_run(&mappings, last, page)? == page).then(|| (page.wrapping_sub(known.entry.end), known))
        });
        let above = above.filter(|_| fault.address >= LOWEST).and_then(|known| {
            let (next, start) = (page.wrapping_add(page_size()), known.entry.start);
            // What ran over the stack that is in use ran out of something there.
            let holds_stack = (next..start).contains(&fault.registers.stack());
            (!holds_stack && end_of_run(&mappings, next, start)? >= start && mappings.at(start)?.is_writable())
                .then(|| (start.wrapping_sub(next), known))
        });
        let (known, side) = nearer(below.as_ref(), above.as_ref())?;
        let guard = if fault.code == Fault::MAPERR { Barrier::Nothing } else { Barrier::Foreign };
        let between = match side {
            Side::Behind => page.wrapping_sub(known.entry.end),
            Side::Before => known.entry.start.wrapping_sub(page).wrapping_sub(page_size()),
        };
        Some(Overrun { known, side, guard, between })
    }

    /// How many bytes outside what was asked for the access lies; 1 is the byte next to it.
    fn distance(&self, address: usize) -> usize {
        match self.side {
            Side::Before => self.known.entry.start.wrapping_sub(address),
            Side::Behind => address.wrapping_sub(self.asked_end()).wrapping_add(1),
        }
    }

    /// One past the last byte that was asked for, where the piece holds that; else one past the piece.
    fn asked_end(&self) -> usize {
        let end = self.known.entry.end;
        let asked = self.known.origin.base.wrapping_add(self.known.origin.length);
        if end.wrapping_sub(asked) < page_size() { asked } else { end }
    }

    /// The function of malloc's that looks for the header of a block before the memory, if it is one.
    fn given_to(&self, fault: &Fault) -> Option<&'static str> {
        let starts_here = self.side == Side::Before && self.known.entry.start == self.known.origin.base;
        if !starts_here || self.distance(fault.address) != HEADER || fault.registers.access() != Access::Read {
            return None;
        }
        let instruction = fault.registers.instruction();
        let module = Module::find(instruction)?;
        match module.symbol(instruction)?.0 {
            b"free" | b"cfree" | b"__libc_free" => Some("free"),
            b"realloc" | b"__libc_realloc" => Some("realloc"),
            _ => None,
        }
    }

    /// Says that memory of a mapping call was passed to a function of malloc's.
    fn tell_given_to(&self, function: &str, fault: &Fault, draft: &mut Draft) {
        let by = self.known.origin.by;
        draft.message(format_args!(
            "{function} of {}, which {} made: {}, {} before its start",
            RememberedMemory(&self.known),
            by.function(),
            Accessed(fault),
            ByteCount(HEADER as u64)
        ));
        self.note_mapping(draft);
        note_mapped(&self.known, draft);
        draft.note(format_args!("{function} takes what malloc gave, and looks there for the size of the block"));
        draft.help(match (function, by) {
            (_, By::Shmat) => format_args!("detach with shmdt what shmat returned"),
            ("realloc", _) => {
                format_args!("change the size of what mmap returned with mremap, and unmap it with munmap")
            }
            _ => format_args!("unmap with munmap what mmap returned"),
        });
    }

    /// Says what happened.
    pub(super) fn tell(&self, fault: &Fault, draft: &mut Draft) {
        if let Some(function) = self.given_to(fault) {
            return self.tell_given_to(function, fault, draft);
        }
        let bytes = ByteCount(self.distance(fault.address) as u64);
        let side = match self.side {
            Side::Before => "before the start",
            Side::Behind => "past the end",
        };
        let piece = self.known.entry;
        let (length, all) = (piece.end.wrapping_sub(piece.start), whole(&self.known).length());
        let part = IfSome((length < all).then_some(PartOf(length, piece.prot != 0)));
        let access = Accessed(fault);
        let what = RememberedMemory(&self.known);
        if piece.prot == 0 {
            draft.message(format_args!("{access}: {bytes} {side} of {part}{what}, which is PROT_NONE"));
        } else if self.between > 0 {
            draft.message(format_args!("{access}: probably an overrun of {part}{what}, {bytes} {}", self.side.of_it()));
        } else {
            draft.message(format_args!("{access}: {bytes} {side} of {part}{what}"));
        }
        if self.side == Side::Behind {
            let unused = self.known.entry.end.wrapping_sub(self.asked_end());
            if unused > 0 {
                draft.note(format_args!(
                    "the {} between its end and the end of its page can be accessed, but do not belong to it",
                    ByteCount(unused as u64)
                ));
            }
        }
        self.note_mapping(draft);
        note_mapped(&self.known, draft);
        self.note_between(draft);
        match self.note_guard(fault, draft) {
            Some(by) => help_protected(by.function(), fault, draft),
            None => self.tell_remedy(fault, draft),
        }
    }

    fn note_mapping(&self, draft: &mut Draft) {
        if let Some(there) = mapping_at(self.known.entry.start) {
            draft.mapping(&there);
            draft.note(format_args!("the mapping: {}", ShownMapping(&there)));
        }
    }

    /// Tells of the memory that lies between the mapping and the access.
    fn note_between(&self, draft: &mut Draft) {
        if self.between == 0 {
            return;
        }
        let between = ByteCount(self.between as u64);
        match self.side {
            Side::Behind => draft.note(format_args!(
                "from its end to the access there is writable memory without a gap, {between} that no call of this \
                 program mapped: what runs past the end writes over it, and dies only here; an access that ran \
                 past the end of something there would look the same"
            )),
            Side::Before => draft.note(format_args!(
                "from the access to its start there is writable memory without a gap, {between} that no call of \
                 this program mapped: a loop that runs downwards past the start writes over it, and dies only \
                 here; one that ran past the start of something there would look the same"
            )),
        }
    }

    /// Says what it ran into; the call that has closed it together with what it was given, in the last page of that.
    fn note_guard(&self, fault: &Fault, draft: &mut Draft) -> Option<Protector> {
        match self.guard {
            Barrier::Pages { same, prot, serial } => {
                if same {
                    draft.note(format_args!(
                        "the access ran into a guard: pages of the same mapping that can't be accessed"
                    ));
                } else {
                    draft.note(format_args!(
                        "the access ran into a guard: pages beside the mapping that can't be accessed"
                    ));
                }
                let given = tracked::protection(fault.address, prot, Some(serial))?;
                note_protected("", &given, draft);
                let is_above = self.side == Side::Before;
                let by = given.by;
                return (is_above && note_last_page(by.function(), &given.range, fault.address, draft)).then_some(by);
            }
            Barrier::Advised => note_advised_guard(fault.address, draft),
            Barrier::Ours => draft.note(format_args!("the access ran into a guard of harden=guard")),
            Barrier::Foreign => {
                if let Some(there) = mapping_at(fault.address) {
                    draft.note(format_args!(
                        "the access ran into what no call of this program mapped: {}",
                        ShownMapping(&there)
                    ));
                }
            }
            Barrier::Nothing => draft.note(format_args!("nothing is mapped at the address")),
        }
        None
    }

    fn tell_remedy(&self, fault: &Fault, draft: &mut Draft) {
        if tell_hint(fault.address, draft) {
        } else if self.known.entry.prot == 0 {
            draft.help(format_args!(
                "find out where the address comes from: the memory beside it can't be accessed either"
            ));
        } else if self.between > 0 {
            let length = self.asked_end().wrapping_sub(self.known.entry.start);
            draft.help(format_args!(
                "check the index or length of the accesses to it: there are {} to use; harden=guard makes the \
                 first one {} fault (MAPSAN_OPTIONS, or mapsan run --harden=guard)",
                Bytes(length as u64),
                self.side.of_it()
            ));
        } else if matches!(self.guard, Barrier::Nothing) && self.distance(fault.address) > page_size() {
            draft.note(format_args!(
                "what belongs to the address is judged by the distance alone: a pointer to memory that libc has \
                 unmapped, or one that was overwritten, can give it, too"
            ));
            if let Some(stored) = StoredPointer::find(fault.address) {
                draft.note(format_args!("{stored}"));
            }
            draft.help(format_args!("if this mapping was meant, check the index or length of the access"));
        } else if self.side == Side::Behind {
            let length = self.asked_end().wrapping_sub(self.known.entry.start);
            draft.help(format_args!(
                "check the index or length of the access: there are {} to use",
                Bytes(length as u64)
            ));
        } else {
            draft.help(format_args!("check the index or pointer: it is negative, or lies before what was mapped"));
        }
    }
}

/// The most pages of a guard that are looked at.
const GUARD_PAGES: usize = NEAR / 4096 + 1;

/// Where the guards of madvise(2) end that are at an address of a mapping and above.
#[inline(never)]
fn behind_guards(mut at: usize, known: &TrackedRange) -> usize {
    for _ in 0..GUARD_PAGES {
        if at >= known.entry.end || !is_advised_guard(at, known) {
            break;
        }
        at = at.wrapping_add(page_size());
    }
    at
}

/// Where the guards of madvise(2) begin that are right below an address of a mapping.
#[inline(never)]
fn before_guards(mut at: usize, known: &TrackedRange) -> usize {
    for _ in 0..GUARD_PAGES {
        if at <= known.entry.start || !is_advised_guard(at.wrapping_sub(1), known) {
            break;
        }
        at = at.wrapping_sub(page_size());
    }
    at
}

/// Where memory that is writable without a gap ends, from an address on, which it holds: at `to` or behind it, if it reaches
/// there.
fn end_of_run(mappings: &Mappings, address: usize, to: usize) -> Option<usize> {
    let is_writable = |at: usize| mappings.at(at).filter(Mapping::is_writable);
    if address >= to {
        return Some(address);
    }
    let mut at = is_writable(address)?.end;
    for _ in 0..LONGEST_RUN {
        if at >= to {
            break;
        }
        at = is_writable(at)?.end;
    }
    Some(at)
}

/// The nearer one of two mappings, and the side of it on which the address is.
fn nearer(
    below: Option<&(usize, TrackedRange)>,
    above: Option<&(usize, TrackedRange)>,
) -> Option<(TrackedRange, Side)> {
    match (below, above) {
        (Some((past, _)), Some((short, known))) if short < past => Some((*known, Side::Before)),
        (Some((_, known)), _) => Some((*known, Side::Behind)),
        (None, Some((_, known))) => Some((*known, Side::Before)),
        (None, None) => None,
    }
}

/// The accessible memory behind a neighbour without any right, if it belongs to the same mapping or reservation and is
/// near; else the neighbour itself.
fn accessible(neighbour: TrackedRange, address: usize, side: Side) -> TrackedRange {
    if neighbour.entry.prot != 0 { neighbour } else { border(&neighbour, address, side).unwrap_or(neighbour) }
}

/// Accessible memory on one side of the run of pages without rights around `address`, if it belongs to the same mapping or
/// reservation and is near.
fn border(guard: &TrackedRange, address: usize, side: Side) -> Option<TrackedRange> {
    let mut edge = guard.entry;
    loop {
        let next = match side {
            Side::Behind => edge.start.checked_sub(1)?,
            Side::Before => edge.end,
        };
        let far = match side {
            Side::Behind => address.wrapping_sub(next),
            Side::Before => next.wrapping_sub(address),
        };
        if far > NEAR {
            return None;
        }
        let known = tracked::at(next)?;
        if known.entry.prot != 0 {
            let holds = |known: &TrackedRange, at: usize| whole(known).start <= at && at < whole(known).end;
            let same = known.origin.serial == guard.origin.serial || holds(guard, next) || holds(&known, address);
            return same.then_some(known);
        }
        edge = known.entry;
    }
}

/// Shows which part of a mapping was run out of.
struct PartOf(usize, bool);

impl fmt::Display for PartOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PartOf(length, can_be_accessed) = *self;
        let which = if can_be_accessed { "accessible " } else { "" };
        write!(f, "the {which}{} of ", Bytes(length as u64))
    }
}
