//! Threads that stand still where they would not if the machine were idle: inside a call, or while they hold the tracker's lock.

use super::{Arena, PAGE, SITE, Step, What, alone, pointer};
use crate::observe::{self, tracked, under_lock};
use crate::{enabled, hooks, plain, track};
use std::sync::Barrier;
use std::thread;

#[test]
fn a_thread_that_stands_still_inside_mremap_loses_nothing() {
    let _alone = alone();
    let (mut arena, other) = (Arena::new(20), Arena::new(21));
    let (old, new) = (plain::Range::new(arena.at(0), 3 * PAGE), plain::Range::new(arena.at(9), 3 * PAGE));
    arena.make(Step::Map { page: 0, length: 3 * PAGE, prot: 1, what: What::Private, flags: libc::MAP_FIXED });
    let by = track::Releaser { by: track::By::Mremap, site: SITE, time: 0 };
    let pending = observe::pending::release_for_mremap(old, by, None);
    for _ in 0..2 * track::RELEASES {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        // SAFETY: a window of its own.
        unsafe {
            hooks::mmap(pointer(other.start), PAGE, 3, flags, -1, 0, SITE);
            hooks::munmap(pointer(other.start), PAGE, SITE);
        }
    }
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    // SAFETY: inside the window.
    let moved = unsafe { libc::mremap(pointer(old.start), 3 * PAGE, 3 * PAGE, flags, pointer(new.start)) };
    assert_eq!(moved, pointer(new.start));
    let made = track::NewMapping {
        by: track::By::Mremap,
        site: SITE,
        base: new.start,
        length: 3 * PAGE,
        prot: 3,
        flags: 0,
        placed: true,
        needs_check: false,
        file: None,
        time: 0,
    };
    observe::events::moved(&pending, old, new, &made, None);
    assert_eq!(arena.check(), Ok(()));
    arena.clear();
}

/// Has the lock held by another thread while `test` runs, as if that thread had lost its processor.
fn while_the_holder_does_not_run(test: impl FnOnce()) {
    let (holds, is_over) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            under_lock(|_| {
                holds.wait();
                is_over.wait();
            })
            .expect("the lock");
        });
        holds.wait();
        test();
        is_over.wait();
    });
}

/// A release whose holder of the lock does not run is told of before the call: as soon as the kernel has the addresses
/// another thread may map them, and be told of first.
#[test]
fn what_is_mapped_where_a_release_was_that_waited_is_known() {
    let _alone = alone();
    let mut arena = Arena::new(22);
    let (length, bits) = (3 * PAGE, enabled::bits());
    let map = |page| Step::Map { page, length, prot: 1, what: What::Private, flags: libc::MAP_FIXED };
    for page in [0, 4, 8] {
        arena.make(map(page));
    }
    arena.make(Step::Attach { page: 12, flags: 0 });
    let known = tracked::at(arena.at(4)).map(|known| known.entry);
    while_the_holder_does_not_run(|| {
        let unmapped = observe::unmaps(arena.at(0), length, SITE, bits);
        // SAFETY: inside the window.
        assert_eq!(unsafe { libc::munmap(pointer(arena.at(0)), length) }, 0);
        arena.make(map(0));
        let failed = observe::unmaps(arena.at(4), length, SITE, bits);
        failed.rollback();
        // Another of the same call site has come to pass before one that fails.
        arena.make(Step::Unmap { page: 8, length, shift: 0 });
        observe::unmaps(arena.at(8), length, SITE, bits).rollback();
        let detached = observe::detaches(arena.at(12), SITE);
        // SAFETY: attached above.
        assert_eq!(unsafe { libc::shmdt(pointer(arena.at(12))) }, 0);
        arena.make(map(12));
        for release in [unmapped, failed, detached] {
            assert!(release.taken().is_none(), "the lock was not held");
        }
    });
    assert_eq!(arena.check(), Ok(()));
    assert_eq!(tracked::at(arena.at(4)).map(|known| known.entry), known);
    arena.clear();
}

/// Moves keep what is known of the memory, too.
#[test]
fn a_move_that_waited_for_the_lock_keeps_the_protection() {
    let _alone = alone();
    let mut arena = Arena::new(23);
    let length = 3 * PAGE;
    for page in [0, 4] {
        arena.make(Step::Map { page, length, prot: 1, what: What::Private, flags: libc::MAP_FIXED });
    }
    while_the_holder_does_not_run(|| {
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        arena.make(Step::Remap { page: 0, old: length, new: length, to: 8, flags });
        arena.make(Step::Remap { page: 4, old: length, new: PAGE, to: 4, flags: 0 });
        arena.make(Step::Remap { page: 8, old: PAGE, new: 2 * PAGE, to: 8, flags: 0 });
    });
    assert_eq!(arena.check(), Ok(()));
    arena.clear();
}
