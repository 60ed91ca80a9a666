//! The locks that this process, or one that forked it, has made in shared memory.

use crate::call::LockInit;
use crate::plain::hidden::Hidden;
use crate::plain::lock::LockKind;
use crate::sys;
use core::ffi::c_int;
use core::sync::atomic::{
    AtomicI32, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// Locks that are remembered; of more, nothing is told.
const LOCKS: usize = 512;

/// A lock in shared memory, as it was made.
#[derive(Clone, Copy)]
pub(crate) struct KnownLock {
    pub(crate) call: LockInit,
    /// The return address of the call.
    pub(crate) site: usize,
    /// The number of the call that mapped the memory.
    pub(crate) mapping: u32,
    /// The process that made it.
    pub(crate) maker: c_int,
    /// Whether processes are to share it, and whether it outlives its owner's death.
    pub(crate) is_shared: bool,
    pub(crate) is_robust: bool,
    /// Whether it was told that processes are not to share it.
    pub(crate) is_told: bool,
}

struct Slot {
    /// The complement of the lock's address; 0 if the place is free, [`BUSY`] while it is written.
    address: AtomicUsize,
    attributes: AtomicUsize,
    site: AtomicUsize,
    count: AtomicU32,
    mapping: AtomicU32,
    maker: AtomicI32,
    /// The kind, and the bits of what is true of it.
    state: AtomicU32,
}

const BUSY: usize = 1;
const SHARED: u32 = 0x10;
const ROBUST: u32 = 0x20;
const TOLD: u32 = 0x40;

static TABLE: [Slot; LOCKS] = [const {
    Slot {
        address: AtomicUsize::new(0),
        attributes: AtomicUsize::new(0),
        site: AtomicUsize::new(0),
        count: AtomicU32::new(0),
        mapping: AtomicU32::new(0),
        maker: AtomicI32::new(0),
        state: AtomicU32::new(0),
    }
}; LOCKS];

/// All lie below this place: nobody is to touch the rest of the table. Apart from it, of which a process without such locks
/// touches nothing.
static USED: AtomicUsize = AtomicUsize::new(0);

/// The process that has tried to become another program; 0 for none. One of vfork(2) leaves it in its parent's memory.
static REPLACED: AtomicI32 = AtomicI32::new(0);

/// This process is about to become another program.
pub(crate) fn is_replaced() {
    if are_known() {
        REPLACED.store(sys::getpid(), Relaxed);
    }
}

/// Whether this process has tried to become another program.
pub(crate) fn was_replaced() -> bool {
    REPLACED.load(Relaxed) == sys::getpid()
}

fn used() -> &'static [Slot] {
    TABLE.get(..USED.load(Acquire)).unwrap_or_default()
}

impl Slot {
    fn lock(&self) -> Option<KnownLock> {
        let address = self.address.load(Acquire);
        if address <= BUSY {
            return None;
        }
        let state = self.state.load(Relaxed);
        let kind = *LockKind::ALL.get((state & 0xf) as usize)?;
        let attributes = Hidden::of_bits(self.attributes.load(Relaxed)).get();
        let call = LockInit { kind, address: !address, attributes, count: self.count.load(Relaxed) };
        Some(KnownLock {
            call,
            site: Hidden::of_bits(self.site.load(Relaxed)).get(),
            mapping: self.mapping.load(Relaxed),
            maker: self.maker.load(Relaxed),
            is_shared: state & SHARED != 0,
            is_robust: state & ROBUST != 0,
            is_told: state & TOLD != 0,
        })
    }

    /// Takes the place if it is free, or holds the lock of an address.
    fn take(&self, address: usize) -> bool {
        let there = self.address.load(Relaxed);
        (there == 0 || there == !address) && self.address.compare_exchange(there, BUSY, Acquire, Relaxed).is_ok()
    }
}

/// A lock has been made, in the place of what was made there before.
#[cold]
pub(crate) fn made(lock: &KnownLock) {
    let address = lock.call.address;
    forget(address);
    let Some(index) = TABLE.iter().position(|slot| slot.take(address)) else { return };
    let Some(slot) = TABLE.get(index) else { return };
    slot.attributes.store(Hidden::new(lock.call.attributes).bits(), Relaxed);
    slot.site.store(Hidden::new(lock.site).bits(), Relaxed);
    slot.count.store(lock.call.count, Relaxed);
    slot.mapping.store(lock.mapping, Relaxed);
    slot.maker.store(lock.maker, Relaxed);
    let bit = |is: bool, bit| if is { bit } else { 0 };
    let bits = bit(lock.is_shared, SHARED) | bit(lock.is_robust, ROBUST) | bit(lock.is_told, TOLD);
    slot.state.store(lock.call.kind as u32 | bits, Relaxed);
    slot.address.store(!address, Release);
    USED.fetch_max(index.wrapping_add(1), Release);
}

fn slot(address: usize) -> Option<&'static Slot> {
    used().iter().find(|slot| slot.address.load(Acquire) == !address)
}

/// The lock at an address is no more.
#[inline]
pub(crate) fn forget(address: usize) {
    if let Some(slot) = slot(address) {
        let _ = slot.address.compare_exchange(!address, 0, Acquire, Relaxed);
    }
}

/// It was told that processes are not to share the lock at an address.
pub(crate) fn told(address: usize) {
    if let Some(slot) = slot(address) {
        slot.state.fetch_or(TOLD, Relaxed);
    }
}

/// The lock at an address.
pub(crate) fn at(address: usize) -> Option<KnownLock> {
    slot(address)?.lock()
}

/// Whether there are any.
#[inline]
pub(crate) fn are_known() -> bool {
    USED.load(Relaxed) != 0
}

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = KnownLock> {
    used().iter().filter_map(Slot::lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_known_until_it_is_destroyed_or_made_anew() {
        let call = LockInit { kind: LockKind::Rwlock, address: 0x4000, attributes: 0, count: 0 };
        let lock = KnownLock { call, site: 9, mapping: 2, maker: 7, is_shared: true, is_robust: false, is_told: false };
        made(&lock);
        let known = at(0x4000).unwrap();
        assert_eq!((known.call.kind, known.site, known.mapping, known.maker), (LockKind::Rwlock, 9, 2, 7));
        assert!(known.is_shared && !known.is_robust && !known.is_told && are_known());
        made(&KnownLock { site: 10, is_shared: false, ..lock });
        told(0x4000);
        assert!(at(0x4000).is_some_and(|lock| lock.site == 10 && !lock.is_shared && lock.is_told));
        assert_eq!(all().filter(|lock| lock.call.address == 0x4000).count(), 1);
        forget(0x4000);
        assert!(at(0x4000).is_none());
    }
}
