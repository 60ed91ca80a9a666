//! Locks in shared memory: looked at when they are made, and when a process ends.
//!
//! What is not asked of the kernel is not told: whether another process has the memory, or can find it, is read in the lists of
//! mappings. A lock that was never made by a call, but statically, is not known.

use super::memory::Named;
use crate::call::{LockInit, Outcome};
use crate::facts::holders::{Holders, has_mapped, process_of};
use crate::facts::lock;
use crate::facts::mapping::{Mapping, Mappings};
use crate::facts::segment;
use crate::finding::{self, Report};
use crate::form::{Draft, NewLock};
use crate::observe;
use crate::observe::tracked;
use crate::past::locks::{self, KnownLock};
use crate::plain::Outer;
use crate::plain::escape::Quoted;
use crate::plain::lock::LockKind;
use crate::sys;
use crate::track::TrackedRange;
use core::ffi::c_int;
use core::fmt;
use mapsan_model::{Rule, Severity};

/// What the kernel has at an address, if it is shared and can be read.
fn memory_at(address: usize) -> Option<Mapping> {
    Mappings::open()?.at(address).filter(|memory| memory.is_shared() && memory.is_readable())
}

/// How a process comes by shared memory.
enum Way {
    /// By its key.
    Key(c_int),
    /// By the file's name.
    Name,
    /// By inheritance, or from who has it.
    Given,
}

impl Way {
    fn to(memory: &Mapping) -> Way {
        if memory.is_segment() {
            let id = c_int::try_from(memory.inode).unwrap_or(-1);
            return match segment::any_by_id(id) {
                Some(segment) if segment.key != libc::IPC_PRIVATE && !segment.removed => Way::Key(segment.key),
                _ => Way::Given,
            };
        }
        let name = memory.name();
        let is_gone = name.ends_with(b" (deleted)");
        let is_device = name.starts_with(b"/dev/") && !name.starts_with(b"/dev/shm/");
        if name.starts_with(b"/") && !is_gone && !is_device { Way::Name } else { Way::Given }
    }

    fn is_given(&self) -> bool {
        matches!(self, Way::Given)
    }
}

/// Shows where an address lies in shared memory.
struct Place<'a>(&'a Mapping, usize);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place(memory, address) = self;
        let offset = address.wrapping_sub(memory.base());
        let name = memory.name();
        if memory.is_segment() {
            let segment = memory.inode;
            match Way::to(memory) {
                Way::Key(key) => write!(f, "offset {offset} of segment {segment} (key {key:#010x})"),
                _ => write!(f, "offset {offset} of segment {segment}"),
            }
        } else if memory.is_anonymous() || name.starts_with(b"/dev/zero") {
            write!(f, "offset {offset} of an anonymous shared mapping{}", Named(memory))
        } else {
            write!(f, "offset {offset} of {}", Quoted(name))
        }
    }
}

/// The thread of another living process that holds what a call is about to make anew.
pub(crate) fn owner_elsewhere(call: &LockInit) -> Option<c_int> {
    let owner = lock::owner(call.kind, call.address)?;
    if sys::thread_exists(sys::getpid(), owner) {
        return None;
    }
    let mut is_alive = false;
    finding::with_room(&mut || {
        // By its memory: a number may be given again, and a dead one has none.
        is_alive = memory_at(call.address).is_some_and(|memory| has_mapped(owner, &memory) == Some(true));
    });
    is_alive.then_some(owner)
}

/// A lock has been made in shared memory; `owner` held what was there.
pub(crate) fn made(call: &LockInit, memory: &TrackedRange, owner: Option<c_int>, return_address: usize) {
    let earlier = locks::at(call.address).filter(|lock| lock.mapping == memory.origin.serial);
    let Some(attributes) = lock::attributes(call.kind, call.attributes) else { return };
    observe::lock_made(call, memory, attributes, return_address);
    let is_known = earlier.is_some_and(|lock| lock.site == return_address);
    if attributes.is_shared && !attributes.is_robust && lock::has_owner(call.kind) && !is_known {
        record(call, return_address);
    }
    let report = Report::of(call, Outcome::Succeeded(0), return_address);
    if let Some(owner) = owner {
        made_twice(call, owner, earlier, &report);
    }
    if !attributes.is_shared {
        not_shared(call, attributes.is_robust, &report);
    }
}

/// Tells the command where a lock is: it reads it when processes have died.
fn record(call: &LockInit, return_address: usize) {
    if !finding::are_recorded() || locks::at(call.address).is_none() {
        return;
    }
    let mut memory = None;
    finding::with_room(&mut || memory = memory_at(call.address));
    if let Some(memory) = memory {
        let lock = NewLock { kind: call.kind, address: call.address, memory: &memory, site: return_address };
        finding::write_lock(call, &lock);
    }
}

fn made_twice(call: &LockInit, owner: c_int, earlier: Option<KnownLock>, report: &Report<'_>) {
    let LockInit { kind, address, .. } = *call;
    report.finding(Rule::LockMadeTwice, Severity::Warning, |draft| {
        let pid = process_of(owner);
        draft.message(format_args!("a {kind} is made anew while pid {pid} holds it"));
        if pid != owner {
            draft.note(format_args!("thread {owner} of pid {pid} holds it"));
        }
        if let Some(earlier) = earlier {
            draft.related(kind.function(), earlier.site, format_args!("it was made here before"));
        }
        note_place(address, draft);
        draft.note(format_args!("it is free now, although its owner is still inside: two may be inside at once"));
        draft.help(format_args!(
            "let one process alone make it, the one that made the memory (IPC_CREAT|IPC_EXCL, O_CREAT|O_EXCL), and let \
             the others wait until it has said there that it is made"
        ));
    });
}

fn note_place(address: usize, draft: &mut Draft) {
    if let Some(memory) = memory_at(address) {
        draft.note(format_args!("it lies at {}", Place(&memory, address)));
        draft.mapping(&memory);
    }
}

/// A lock that processes are not to share, in memory that another process has, or can find.
fn not_shared(call: &LockInit, is_robust: bool, report: &Report<'_>) {
    let mut place = None;
    finding::with_room(&mut || {
        let Some(memory) = memory_at(call.address) else { return };
        place = match Way::to(&memory) {
            Way::Key(_) | Way::Name => Some("in memory that other processes can find"),
            Way::Given if !memory.is_segment() || Holders::of_mapping(&memory).count() == 0 => None,
            Way::Given => Some("in memory that other processes share"),
        };
    });
    if let Some(place) = place {
        locks::told(call.address);
        tell_not_shared(call, is_robust, report, place);
    }
}

fn tell_not_shared(call: &LockInit, is_robust: bool, report: &Report<'_>, place: &str) {
    let LockInit { kind, address, attributes, .. } = *call;
    let rule = if kind == LockKind::Semaphore { Rule::SemNotShared } else { Rule::LockNotShared };
    report.finding(rule, Severity::Warning, |draft| {
        match kind {
            LockKind::Semaphore => draft.message(format_args!("a semaphore {place} is made with pshared 0")),
            _ => draft.message(format_args!("a {kind} {place} is made without PTHREAD_PROCESS_SHARED")),
        }
        note_place(address, draft);
        match kind {
            LockKind::Spin => draft.note(format_args!(
                "the spin locks of glibc make no difference; POSIX leaves open what happens when processes share it"
            )),
            // So that the kernel's own call at the owner's death reaches those who wait.
            _ if is_robust => draft.note(format_args!(
                "the robust mutexes of glibc make no difference; POSIX leaves open what happens when processes share it"
            )),
            _ => draft.note(format_args!(
                "who waits for it is woken by threads of its own process alone, and may wait for ever for one of \
                 another"
            )),
        }
        match (kind.setter(), attributes) {
            (None, _) if kind == LockKind::Semaphore => {
                draft.help(format_args!("give sem_init 1 as its second argument"));
            }
            (None, _) => draft.help(format_args!("give {} PTHREAD_PROCESS_SHARED", kind.function())),
            (Some(setter), 0) => draft.help(format_args!(
                "give {} attributes that {}init has made and {setter}(&attributes, PTHREAD_PROCESS_SHARED) has set",
                kind.function(),
                setter.trim_end_matches("setpshared")
            )),
            (Some(setter), _) => draft
                .help(format_args!("call {setter}(&attributes, PTHREAD_PROCESS_SHARED) before {}", kind.function())),
        }
    });
}

/// The process ends: what it holds, and what it has inherited that is not made to be shared.
pub(crate) fn find_at_end() {
    if !locks::are_known() {
        return;
    }
    let own = sys::getpid();
    for known in locks::all() {
        let KnownLock { call, site, mapping, maker, is_shared, is_robust, is_told } = known;
        if tracked::at(call.address).is_none_or(|memory| memory.origin.serial != mapping) {
            continue;
        }
        let report =
            Report { call: &call, outcome: Outcome::Succeeded(0), return_address: site, earlier: Some(&Outer::NONE) };
        if is_shared && !is_robust {
            owner_died(&call, &report);
        } else if !is_shared && !is_told && maker != own && !locks::was_replaced() {
            let mut is_there = false;
            finding::with_room(&mut || is_there = memory_at(call.address).is_some());
            if is_there {
                tell_not_shared(&call, is_robust, &report, "that a process and its forked child share");
            }
        }
    }
}

/// The thread of this process that holds a lock, and goes on holding it.
fn own_owner(call: &LockInit) -> Option<c_int> {
    let is_own = |owner: &c_int| sys::thread_exists(sys::getpid(), *owner);
    let owner = lock::owner(call.kind, call.address).filter(is_own)?;
    if owner != sys::gettid() {
        // Another thread may be about to unlock it.
        sys::sleep_a_moment();
    }
    (lock::owner(call.kind, call.address) == Some(owner)).then_some(owner)
}

fn owner_died(call: &LockInit, report: &Report<'_>) {
    let Some(owner) = own_owner(call) else { return };
    let mut who = None;
    finding::with_room(&mut || {
        let Some(memory) = memory_at(call.address) else { return };
        let others = Holders::of_mapping(&memory);
        if others.count() > 0 || !Way::to(&memory).is_given() {
            who = Some((memory, others));
        }
    });
    let Some((memory, others)) = who else { return };
    let LockInit { kind, address, .. } = *call;
    report.finding(Rule::LockOwnerDied, Severity::Warning, |draft| {
        let pid = sys::getpid();
        draft.message(format_args!("pid {pid} ends while it holds this {kind}, which is not robust"));
        draft.note(format_args!("it lies at {}", Place(&memory, address)));
        draft.note(format_args!("this is the call that made it; where it was locked is not known"));
        draft.mapping(&memory);
        if owner != pid {
            draft.note(format_args!("thread {owner} holds it"));
        }
        match others.count() {
            0 => draft.note(format_args!(
                "no other process that may be looked at has it mapped now; who finds it gets it no more"
            )),
            1 => draft.note(format_args!("{others} has it mapped, too, and gets it no more")),
            _ => draft.note(format_args!("{others} have it mapped, too, and get it no more")),
        }
        if kind == LockKind::Mutex {
            draft.help(format_args!(
                "unlock it on every way out, or make it robust (pthread_mutexattr_setrobust): the next to lock it \
                 gets EOWNERDEAD, puts the data in order, and calls pthread_mutex_consistent"
            ));
        } else {
            draft.help(format_args!(
                "unlock it on every way out; a read-write lock can't be robust, as a mutex can \
                 (pthread_mutexattr_setrobust)"
            ));
        }
    });
}
