//! What a release takes away that no call of the program's has mapped, or that is in use: the heap, stacks, control blocks,
//! loaded objects, attached segments.

use super::{Search, taken_at};
use crate::check::memory;
use crate::facts::Module;
use crate::facts::alternate;
use crate::facts::mapping::{Mapping, Mappings};
use crate::facts::threads::{self, Thread};
use crate::form::Draft;
use crate::machine::{Architecture, Machine};
use crate::observe::tracked;
use crate::past::program_break;
use crate::plain::{Range, page};
use crate::track::{By, ReleasedPieces};
use crate::{harden, next};
use core::fmt;
use core::sync::atomic::Ordering::Relaxed;

/// Mappings of the kernel's list that are looked at in one range.
const MOST: usize = 64;

/// What is in the way.
pub(super) enum Victim {
    /// The memory below the program break; true if the program itself has called brk or sbrk.
    Heap(bool),
    /// The stack that the call runs on, or the part of another thread's that is in use.
    Stack(Owner),
    /// The control block of a thread.
    Block(Owner),
    /// The registered alternate signal stack of a thread.
    AlternateStack(Owner),
    /// A loaded object; true if the whole range lies in it.
    Object(bool),
    /// An attached segment; true if only part of it.
    Segment(bool),
}

/// Which thread's.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    CallingThread,
    OtherThread(Thread),
}

impl Owner {
    /// Tells where that thread was started, if it is another than the calling one.
    pub(super) fn tell(self, draft: &mut Draft) {
        if let Owner::OtherThread(thread) = self
            && let Some(started) = thread.started()
        {
            draft.related("pthread_create", started.site, format_args!("thread {} was started here", started.number));
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::CallingThread => f.write_str("the calling thread"),
            Owner::OtherThread(thread) => thread.fmt(f),
        }
    }
}

/// Shows what a victim is, after "hold" or "replaces".
pub(super) struct Named<'a>(pub(super) &'a Victim);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Victim::Heap(false) => "part of the heap, which malloc uses",
            Victim::Heap(true) => "memory below the program break, which malloc may use",
            Victim::Stack(Owner::CallingThread) => "the stack that this call runs on",
            Victim::Stack(whose) => return write!(f, "the stack of {whose}"),
            Victim::Block(Owner::CallingThread) => "the calling thread's control block (TLS)",
            Victim::Block(whose) => return write!(f, "the control block (TLS) of {whose}, which is still running"),
            Victim::AlternateStack(whose) => {
                return write!(f, "the alternate signal stack of {whose}, which is still registered");
            }
            Victim::Object(_) => "part of a loaded object (program or library)",
            Victim::Segment(false) => "an attached segment",
            Victim::Segment(true) => "part of an attached segment",
        })
    }
}

impl Victim {
    /// What the kernel's mapping is, if it is none of the program's own.
    fn of(there: &Mapping, range: Range) -> Option<Victim> {
        let (start, end) = (there.start.max(range.start), there.end.min(range.end));
        if there.is_segment() {
            return Some(Victim::Segment(start > there.base() || end < there.end));
        }
        let name = there.name();
        if name == b"[heap]" {
            return Some(Victim::Heap(program_break::has_moved()));
        }
        if name.starts_with(b"[stack") && end == there.end {
            // That of the main thread, and not this one's, which has been looked at.
            return Some(Victim::Stack(Owner::OtherThread(Thread::main())));
        }
        // [vdso] and [vvar] are the kernel's; who restores a process moves and unmaps them.
        if name.starts_with(b"[v") {
            return None;
        }
        // An object's zeroed data is anonymous memory right behind its file's.
        let object = Module::find_without_lock(start).or_else(|| Module::find_without_lock(end.wrapping_sub(1)))?;
        // The loader's index has the vDSO where it was at start.
        if object.path().starts_with(b"linux-vdso") {
            return None;
        }
        let whole = object.extent().is_some_and(|(first, last)| {
            page::page_start(first) <= range.start && range.end <= page::whole_pages(last)
        });
        Some(Victim::Object(whole))
    }

    /// Tells which thread it belongs to.
    pub(super) fn note_owner(&self, draft: &mut Draft) {
        if let Victim::Stack(whose) | Victim::Block(whose) | Victim::AlternateStack(whose) = self {
            whose.tell(draft);
        }
    }

    /// Tells what comes of it when it is unmapped.
    pub(super) fn note_consequence(&self, draft: &mut Draft) {
        match self {
            Victim::Heap(false) => draft.note(format_args!(
                "malloc and free know nothing of it: the next use of memory there raises SIGSEGV, in whichever thread"
            )),
            Victim::Heap(true) => draft.note(format_args!(
                "this program has called brk or sbrk itself, so it may be memory of its own; malloc takes from there, \
                 too"
            )),
            Victim::Stack(Owner::CallingThread) => {
                draft.note(format_args!("this is told before the call: it may not return"));
            }
            Victim::Stack(Owner::OtherThread(_)) | Victim::Block(Owner::OtherThread(_)) => {
                draft.note(format_args!("that thread runs on it: its next step that touches it raises SIGSEGV"));
            }
            Victim::Block(Owner::CallingThread) => draft.note(format_args!(
                "errno, thread-local variables and libc's own data of the thread are in it: any use of them may raise \
                 SIGSEGV afterwards, so this is told before the call"
            )),
            Victim::AlternateStack(_) => draft.note(format_args!(
                "the next signal with a handler for it (SA_ONSTACK) finds no stack: the kernel then ends the process \
                 with SIGSEGV"
            )),
            Victim::Object(_) => draft.note(format_args!("the next use of its code or data there raises SIGSEGV")),
            Victim::Segment(_) => {}
        }
    }

    /// Tells what comes of it when something else takes its place.
    pub(super) fn note_replaced(&self, draft: &mut Draft) {
        match self {
            Victim::Heap(false) => draft.note(format_args!(
                "the contents of the blocks there are lost, and malloc's own data where some lies between them: malloc \
                 and free may crash later"
            )),
            Victim::Heap(true) | Victim::Block(Owner::CallingThread) => self.note_consequence(draft),
            Victim::Stack(Owner::OtherThread(_)) | Victim::Block(Owner::OtherThread(_)) => {
                draft.note(format_args!("that thread runs on it, and finds other contents there when it goes on"));
            }
            Victim::Stack(Owner::CallingThread) => draft.note(format_args!(
                "this is told before the call: its return address and the variables of its callers are lost with it"
            )),
            Victim::Object(_) => draft.note(format_args!(
                "its code or data there is gone; a program that moves its text or restores data puts it back at once"
            )),
            Victim::AlternateStack(_) | Victim::Segment(_) => {}
        }
    }

    /// Whether this thread or the library can't tell anything once it is gone.
    pub(super) fn is_needed(&self, range: Range, return_address: usize) -> bool {
        match self {
            Victim::Stack(Owner::CallingThread) | Victim::Block(Owner::CallingThread) => true,
            Victim::Object(_) => holds_needed_code(range, return_address),
            _ => false,
        }
    }
}

/// Whether a range touches the library, libc, the loader, the code that the call returns to, or what a report reads of an
/// object: its headers and symbols.
fn holds_needed_code(range: Range, return_address: usize) -> bool {
    let touches = |start: usize, end: usize| range.start < end && start < range.end;
    let libc = next::SLOTS.munmap.load(Relaxed) as usize;
    touches(return_address, return_address.wrapping_add(1))
        || Module::find_without_lock(libc)
            .into_iter()
            .chain(Module::own_and_loader())
            .any(|object| object.extent().is_some_and(|(start, end)| touches(start, end)))
        || [range.start, range.end.wrapping_sub(1)]
            .into_iter()
            .filter_map(Module::find_without_lock)
            .any(|object| object.read_by_reports().into_iter().flatten().any(|(start, end)| touches(start, end)))
}

impl Search<'_> {
    /// The first thing in the range that is not the program's own, with the kernel's mapping.
    pub(super) fn first(&self, unmaps: bool) -> Option<(Victim, Mapping)> {
        if let Some(there) = stack(self.range, self.frame.stack) {
            return Some((Victim::Stack(Owner::CallingThread), there));
        }
        let block = Machine::thread_pointer();
        if self.range.start <= block && block < self.range.end {
            return Some((Victim::Block(Owner::CallingThread), memory::mapping_at(block)?));
        }
        if self.taken.contiguous && !self.taken.needs_check {
            return None;
        }
        if unmaps && let Some(there) = alternate_stack(self.range) {
            return Some((Victim::AlternateStack(Owner::CallingThread), there));
        }
        let mappings = Mappings::open()?;
        let mut may_hold_a_thread = self.taken.needs_check;
        self.walk(&mappings, &mut may_hold_a_thread)
            .or_else(|| may_hold_a_thread.then(|| other_thread(self.range, &mappings, unmaps))?)
    }

    /// Looks at the kernel's mappings in the range; what the program mapped itself is its own, but for segments. Other
    /// private, anonymous memory may be a stack of libc's making.
    fn walk(&self, mappings: &Mappings, may_hold_a_thread: &mut bool) -> Option<(Victim, Mapping)> {
        let Search { range, taken, .. } = *self;
        let mut at = range.start;
        for _ in 0..MOST {
            let there = mappings.at_or_after(at).filter(|there| there.start < range.end)?;
            let first = there.start.max(range.start);
            at = there.end;
            if harden::held(first).is_some() {
                // Ours, and on its way out.
                continue;
            }
            match Victim::of(&there, range) {
                Some(Victim::Segment(_)) if is_in_a_reservation(first, taken) => {}
                Some(victim @ Victim::Segment(_)) => return Some((victim, there)),
                Some(victim) if taken_at(first, taken).is_none() => return Some((victim, there)),
                Some(_) => {}
                None => *may_hold_a_thread |= there.inode == 0 && !there.is_shared(),
            }
        }
        None
    }
}

/// What of another living thread is in the range: its control block, its alternate signal stack, or its stack from the
/// stack pointer up, where that is known. The rest of a stack may be something else: runtimes put guard pages there.
fn other_thread(range: Range, mappings: &Mappings, unmaps: bool) -> Option<(Victim, Mapping)> {
    let touches = |start: usize, end: usize| range.start < end && start < range.end;
    let last = mappings.at(range.end.wrapping_sub(1));
    let victim = threads::find(|thread| {
        let whose = Owner::OtherThread(thread);
        if touches(thread.block, thread.block.wrapping_add(1)) {
            return Some(Victim::Block(whose));
        }
        let alternate = thread.alternate_stack().filter(|stack| unmaps && touches(stack.start, stack.end));
        if alternate.is_some() {
            return Some(Victim::AlternateStack(whose));
        }
        let stack = last.as_ref().filter(|last| last.contains(thread.block))?;
        let pointer = thread.stack_pointer().filter(|pointer| stack.contains(*pointer) && *pointer < thread.block)?;
        touches(page::page_start(pointer), thread.block).then_some(Victim::Stack(whose))
    })?;
    let there = mappings.at_or_after(range.start)?;
    Some((victim, there))
}

/// Whether a segment was attached with `SHM_REMAP` inside addresses that an earlier call had reserved, as far as that is
/// remembered.
fn is_in_a_reservation(address: usize, taken: &ReleasedPieces) -> bool {
    let Some(known) = taken_at(address, taken) else { return false };
    let origin = &known.origin;
    let range = Range::new(origin.base, page::whole_pages(origin.length));
    origin.by == By::Shmat
        && origin.placed
        && (tracked::was_one(range, origin.serial) || tracked::may_have_forgotten(range))
}

/// The mapping of the stack that this runs on, if the range holds part of it that is in use: from the stack pointer up to
/// the end of `[stack]`, or on a stack of libc's making to the thread's own block at its top. What lies above may be
/// somebody else's, joined to one mapping by the kernel.
fn stack(range: Range, here: usize) -> Option<Mapping> {
    // The likely answer without a question to the kernel: no stack has a hole.
    if range.end <= here {
        return None;
    }
    let there = memory::mapping_at(here)?;
    let block = Machine::thread_pointer();
    let end = if there.name().starts_with(b"[stack") {
        there.end
    } else if here < block && block < there.end {
        block
    } else {
        page::page_start(here).saturating_add(page::page_size())
    };
    (range.start < end && here < range.end).then_some(there)
}

/// The mapping of the alternate signal stack of this thread, if one is registered in the range.
fn alternate_stack(range: Range) -> Option<Mapping> {
    let registered = alternate::of_program()?;
    (registered.start < range.end && range.start < registered.end).then(|| memory::mapping_at(registered.start))?
}
