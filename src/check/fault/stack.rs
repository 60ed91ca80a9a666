//! Stacks that are used up.

use super::NEAR;
use super::words::{Accessed, RememberedMemory, note_advised_guard};
use crate::call::Fault;
use crate::check::memory::ShownMapping;
use crate::check::provenance::{note_mapped, note_protected};
use crate::check::{ByteCount, IfSome};
use crate::facts::limits::{self, Bytes};
use crate::facts::mapping::{Mapping, Mappings};
use crate::facts::pagemap;
use crate::facts::threads::Thread;
use crate::form::{Calls, Draft, RelatedCall, Round};
use crate::machine::{Architecture, Machine};
use crate::observe::tracked;
use crate::plain::page::{page_size, page_start, whole_pages};
use crate::sys;
use crate::track::{By, TrackedRange};

/// How far below the stack pointer an access may be one to the stack: the red zone, what a call pushes, and what instructions
/// store that move the pointer afterwards (`AArch64`).
const BELOW: usize = 512;

/// What the kernel keeps free below the main stack, `stack_guard_gap`, unless it was started with another figure.
const GAP: usize = 1 << 20;

/// Whose stack it is.
enum Stack {
    /// The main thread's, which the kernel makes.
    Main,
    /// Another thread's, of libc's making.
    Thread,
    /// The alternate signal stack that the program has registered for this thread.
    Alternate(Option<TrackedRange>),
    /// Memory that the program has mapped.
    Own(TrackedRange),
}

/// An access below the end of a stack, by the thread that is on it.
pub(crate) struct Overflow {
    stack: Stack,
    /// What can be used of it.
    usable: Mapping,
    /// One past its last byte.
    end: usize,
    pointer: usize,
    /// Whether the kernel's list says so.
    is_listed: bool,
}

/// What an access has to do with the stack.
#[expect(clippy::large_enum_variant, reason = "there is no heap; one of them lives at a time")]
pub(super) enum Looked {
    Elsewhere,
    /// It is below a stack of which nothing is known.
    BelowUnknown,
    Below(Overflow),
}

/// Looks whether an access is one to the stack, and below its end.
pub(super) fn look(fault: &Fault) -> Looked {
    let Some(mappings) = Mappings::open() else { return look_without_list(fault) };
    if tracked::at(fault.address).is_some() && mappings.at(fault.address).is_none() {
        // The stack itself is gone.
        return Looked::Elsewhere;
    }
    match Overflow::below(fault, &mappings) {
        None => Looked::Elsewhere,
        Some((usable, pointer)) => match whose(&usable, fault) {
            None => Looked::BelowUnknown,
            Some((Stack::Own(known), _)) if was_part_of(&known, fault.address) => Looked::Elsewhere,
            Some((stack, end)) => Looked::Below(Overflow { stack, usable, end, pointer, is_listed: true }),
        },
    }
}

/// Whether what was released at an address was part of what is still mapped elsewhere.
fn was_part_of(known: &TrackedRange, address: usize) -> bool {
    tracked::last_gone(address).is_some_and(|gone| gone.was.origin.serial == known.origin.serial)
}

/// The same where the kernel's list can't be read: the end of a stack is where pages begin that can be read, and all is mapped
/// from there on to what is known to lie at its top.
fn look_without_list(fault: &Fault) -> Looked {
    let (address, pointer) = (fault.address, fault.registers.stack());
    let page = page_size();
    let first = page_start(address);
    if pointer == 0 || address.saturating_add(BELOW) < pointer || sys::memory::is_readable(first, page) {
        return Looked::Elsewhere;
    }
    let mut pages =
        (1..NEAR.checked_div(page).unwrap_or(1)).map(|above| first.saturating_add(above.wrapping_mul(page)));
    let Some(start) = pages.find(|start| sys::memory::is_readable(*start, page)) else { return Looked::Elsewhere };
    if pointer > start.saturating_add(page) {
        return Looked::Elsewhere;
    }
    let known = tracked::at(start).filter(|known| known.origin.by != By::Shmat);
    if tracked::last_gone(address).is_some() {
        return Looked::Elsewhere;
    }
    let end = match &known {
        Some(known) => known.entry.end,
        None if Thread::own().is_main() => whole_pages(sys::process::stack_top()),
        None => whole_pages(Machine::thread_pointer()),
    };
    let usable = Mapping::unlisted(start, end);
    if end <= start || sys::memory::is_mapped(start, end.wrapping_sub(start)) != Some(true) {
        return Looked::BelowUnknown;
    }
    let stack = match whose(&usable, fault) {
        None if Thread::own().is_main() => Some((Stack::Main, end)),
        found => found,
    };
    stack.map_or(Looked::BelowUnknown, |(stack, end)| {
        Looked::Below(Overflow { stack, usable, end, pointer, is_listed: false })
    })
}

impl Overflow {
    /// The memory of the stack that the access is below, and the stack pointer.
    fn below(fault: &Fault, mappings: &Mappings) -> Option<(Mapping, usize)> {
        let (address, pointer) = (fault.address, fault.registers.stack());
        if pointer == 0 || address.saturating_add(BELOW) < pointer {
            return None;
        }
        let next = usable(mappings, address, pointer)?;
        if next.start <= pointer {
            return Some((next, pointer));
        }
        // The stack pointer may be any value, or one frame may be larger than what lies between two stacks, or between a stack
        // and a library: the callers know.
        let calls = Calls::of_fault(fault.registers);
        let own = mappings.at(Machine::thread_pointer()).filter(|own| address < own.start);
        let callers = [Some(next), own].into_iter().flatten().find(|stack| calls.reach(stack.start, stack.end));
        let is_close = || next.start.wrapping_sub(pointer) < NEAR && tracked::last_gone(pointer).is_none();
        callers.or_else(|| is_close().then_some(next)).map(|stack| (stack, pointer))
    }

    /// Says what happened.
    pub(super) fn tell(&self, fault: &Fault, draft: &mut Draft) {
        let calls = Calls::of_fault(fault.registers);
        let frame = calls.innermost_frame().filter(|frame| *frame >= self.size() >> 2);
        self.tell_access(frame, fault, draft);
        if self.is_listed {
            draft.mapping(&self.usable);
        }
        if let Stack::Own(known) | Stack::Alternate(Some(known)) = &self.stack {
            note_mapped(known, draft);
        }
        if let Some(round) = calls.round() {
            self.tell_recursion(&round, &calls, draft);
            self.note_limits(fault, draft);
            draft.help(format_args!(
                "look for what should end the recursion; if it is meant to go so deep, {}, or use a loop",
                self.larger()
            ));
            return;
        }
        if frame.is_none() {
            self.note_pointer(draft);
        }
        self.note_limits(fault, draft);
        let larger = self.larger();
        if frame.is_some() {
            draft
                .help(format_args!("put the large variables of that function elsewhere (malloc, static), or {larger}"));
        } else {
            draft.help(format_args!("{larger}, or let the functions on it use less of it"));
        }
    }

    fn tell_access(&self, frame: Option<usize>, fault: &Fault, draft: &mut Draft) {
        let access = Accessed(fault);
        let short = Bytes(self.usable.start.saturating_sub(fault.address) as u64);
        let (state, lack) = match frame {
            // The function has not come to the end of its frame.
            Some(frame) if sys::memory::value(fault.registers.instruction()).is_some_and(Machine::is_stack_probe) => {
                (", which has no room for a frame of at least ", Some(Bytes(frame as u64)))
            }
            Some(frame) => (", which has no room for a frame of ", Some(Bytes(frame as u64))),
            None => (", which is used up", None),
        };
        let (lack, thread) = (IfSome(lack), Thread::own());
        let size = Bytes(self.size() as u64);
        match (&self.stack, self.limit()) {
            (Stack::Main, Some(limit)) => draft.message(format_args!(
                "{access}, {short} below the stack of {thread}{state}{lack}: it may have {}",
                Bytes(limit)
            )),
            (Stack::Main | Stack::Thread, _) => {
                draft
                    .message(format_args!("{access}, {short} below the stack of {thread}{state}{lack}: it has {size}"));
            }
            (Stack::Alternate(_), _) => draft.message(format_args!(
                "{access}, {short} below the alternate signal stack of {thread}{state}{lack}: it has {size}"
            )),
            (Stack::Own(known), _) => draft.message(format_args!(
                "{access}, {short} below a stack in {}{state}{lack}: it has {size}",
                RememberedMemory(known)
            )),
        }
    }

    /// How much of it can be used, in bytes.
    fn size(&self) -> usize {
        self.end.wrapping_sub(self.usable.start)
    }

    fn tell_recursion(&self, round: &Round, calls: &Calls, draft: &mut Draft) {
        let place = RelatedCall { outer: round.outer, ..RelatedCall::of_site(round.site) };
        let bytes = ByteCount(round.bytes as u64);
        match round.calls {
            1 => draft.related_call(
                place,
                format_args!("a recursion: this call repeats, and takes {bytes} of stack each time"),
            ),
            length => draft.related_call(
                place,
                format_args!("a recursion: these {length} calls repeat, and take {bytes} of stack each time"),
            ),
        }
        let used = self.end.wrapping_sub(self.pointer);
        if let Some(count) = calls.count() {
            draft.note(format_args!("the stack holds {count} calls"));
        } else {
            let rounds = used.checked_div(round.bytes).unwrap_or(0);
            draft.note(format_args!("the stack holds about {} calls", rounds.saturating_mul(round.calls)));
        }
    }

    fn note_pointer(&self, draft: &mut Draft) {
        let (start, pointer) = (self.usable.start, self.pointer);
        if let Some(below) = start.checked_sub(pointer).filter(|below| *below > 0) {
            draft.note(format_args!("the stack pointer is {pointer:#x}, {} below the stack", Bytes(below as u64)));
        } else {
            let rest = ByteCount(pointer.wrapping_sub(start) as u64);
            draft.note(format_args!("the stack pointer is {pointer:#x}, {rest} above the end of the stack"));
        }
    }

    /// Says where the stack is, what keeps the main stack from growing further, and what the access ran into.
    fn note_limits(&self, fault: &Fault, draft: &mut Draft) {
        draft.note(format_args!("the stack: {:#x}-{:#x}", self.usable.start, self.end));
        if matches!(self.stack, Stack::Main) {
            if self.limit().is_some() {
                draft.note(format_args!("its limit is RLIMIT_STACK (ulimit -s)"));
                return;
            }
            if let Some(there) = self.obstacle() {
                let gap = self.usable.start.saturating_sub(there.end) as u64;
                let shown = ShownMapping(&there);
                if gap == 0 {
                    draft.note(format_args!("it can't grow further: directly below it is {shown}"));
                } else {
                    draft.note(format_args!("it can't grow further: {} below it is {shown}", ByteCount(gap)));
                }
                if let Some(known) = tracked::at(there.start) {
                    let by = known.origin.by.function();
                    draft.related(by, known.origin.site, format_args!("what is in its way was mapped here"));
                }
            }
        }
        if let Some(guard) = tracked::at(fault.address).filter(|guard| guard.entry.prot == 0)
            && let Some(given) = tracked::protection(fault.address, 0, Some(guard.origin.serial))
        {
            note_protected("the guard below it was ", &given, draft);
        } else if fault.code == Fault::MAPERR && pagemap::is_guard(fault.address) {
            note_advised_guard(fault.address, draft);
        }
    }

    /// The limit of the main stack, if that is what it has reached.
    fn limit(&self) -> Option<u64> {
        let length = self.end.wrapping_sub(self.usable.start.min(self.pointer)) as u64;
        let is_reached = |limit: &u64| length.saturating_add(page_size() as u64) >= *limit;
        limits::soft(libc::RLIMIT_STACK).filter(is_reached)
    }

    /// What is mapped closely below the main stack.
    fn obstacle(&self) -> Option<Mapping> {
        let mappings = Mappings::open()?;
        let mut at = self.usable.start.saturating_sub(GAP.saturating_add(page_size()));
        let mut last = None;
        while let Some(there) = mappings.at_or_after(at).filter(|there| there.start < self.usable.start) {
            at = there.end;
            last = Some(there);
        }
        last
    }

    /// How to make the stack larger.
    fn larger(&self) -> &'static str {
        match &self.stack {
            Stack::Main if self.limit().is_none() && self.obstacle().is_some() => {
                "map nothing that close below it (mmap without an address keeps away)"
            }
            Stack::Main if limits::is_unlimited(libc::RLIMIT_STACK) => "run that part in a thread with a larger stack",
            Stack::Main => "run it on a larger stack (ulimit -s, or a thread with pthread_attr_setstacksize)",
            Stack::Thread => "give the thread a larger stack (pthread_attr_setstacksize)",
            Stack::Alternate(_) => "register a larger alternate stack with sigaltstack",
            Stack::Own(_) => "map a larger stack",
        }
    }
}

/// The memory of the stack that has run out at `address`: what is above it, and the stack pointer in it or below it.
fn usable(mappings: &Mappings, address: usize, pointer: usize) -> Option<Mapping> {
    let is_usable = |there: &Mapping| there.is_readable() && there.is_writable();
    if let Some(mut there) = mappings.at(pointer).filter(is_usable) {
        if there.contains(address) {
            // The kernel does not show guards of madvise(2) in its list.
            let mut above = page_start(address);
            while above < there.end && pagemap::is_guard(above) {
                above = above.saturating_add(page_size());
            }
            there.start = above;
        }
        // What the program has unmapped there is no guard.
        let is_below = address < there.start && pointer < there.start.saturating_add(BELOW);
        return (is_below && tracked::last_gone(address).is_none()).then_some(there);
    }
    // What it has run out of is the next above.
    let mut at = pointer;
    loop {
        let there = mappings.at_or_after(at)?;
        if is_usable(&there) {
            return (address < there.start).then_some(there);
        }
        at = there.end;
    }
}

/// Whose stack the memory is, and where it ends; `None` if that is not known.
#[inline(never)]
fn whose(usable: &Mapping, fault: &Fault) -> Option<(Stack, usize)> {
    if usable.name().starts_with(b"[stack") {
        return Some((Stack::Main, usable.end));
    }
    let known = tracked::at(usable.start).filter(|known| known.origin.by != By::Shmat);
    if let Some(registered) = fault.alternate
        && (usable.start..usable.start.saturating_add(page_size())).contains(&registered.start)
    {
        return Some((Stack::Alternate(known), registered.end));
    }
    // libc puts the thread's control block at the top of its stack. Memory of another call may be joined to that.
    let block = Machine::thread_pointer();
    let is_in = |known: &TrackedRange| (known.entry.start..known.entry.end).contains(&block);
    if usable.contains(block) && known.as_ref().is_none_or(is_in) {
        return Some((known.map_or(Stack::Thread, Stack::Own), whole_pages(block)));
    }
    known.map(|known| (Stack::Own(known), usable.end.min(known.entry.end)))
}
