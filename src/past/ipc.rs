//! The semaphore sets and message queues that calls have given to this process, or to one that forked it: by which call, who
//! made them, and where they were removed.

use crate::machine::this_thread;
use crate::plain::hash::mix;
use crate::plain::hidden::Hidden;
use crate::plain::ipc::Kind;
use core::ffi::c_int;
use core::sync::atomic::{
    AtomicI32, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// Objects that are remembered; of more, nothing is known.
const OBJECTS: usize = 256;
/// How far from its place one may lie.
const PROBES: usize = 16;
/// Hashes of calls that have been seen.
const SEEN: usize = 512;

struct Slot {
    /// The kind and the id; 0 if the place is free, [`BUSY`] while it is written.
    object: AtomicU64,
    key: AtomicI32,
    flags: AtomicI32,
    count: AtomicI32,
    /// The process that made it; 0 if that was not seen.
    maker: AtomicI32,
    /// The return address of the call that gave it, and of the one that removed it, hidden; which thread removed it.
    site: AtomicUsize,
    removal: AtomicUsize,
    remover: AtomicUsize,
    /// Whether it exists when this process ends.
    left: AtomicU32,
}

const BUSY: u64 = 1;

struct Table {
    slots: [Slot; OBJECTS],
    /// Hashes of keys, of keys with ids, and of call sites with ids, so that a repetition costs one look.
    keys: [AtomicU64; SEEN],
    ids: [AtomicU64; SEEN],
    uses: [AtomicU64; SEEN],
}

/// Objects that this line of forks has made. Apart from the table, of which a process that makes none touches nothing.
static MADE: AtomicU32 = AtomicU32::new(0);

static TABLE: Table = Table {
    slots: [const {
        Slot {
            object: AtomicU64::new(0),
            key: AtomicI32::new(0),
            flags: AtomicI32::new(0),
            count: AtomicI32::new(0),
            maker: AtomicI32::new(0),
            site: AtomicUsize::new(0),
            removal: AtomicUsize::new(0),
            remover: AtomicUsize::new(0),
            left: AtomicU32::new(0),
        }
    }; OBJECTS],
    keys: [const { AtomicU64::new(0) }; SEEN],
    ids: [const { AtomicU64::new(0) }; SEEN],
    uses: [const { AtomicU64::new(0) }; SEEN],
};

/// What is known of a set or queue.
#[derive(Clone, Copy)]
pub(crate) struct Met {
    pub(crate) kind: Kind,
    pub(crate) id: c_int,
    pub(crate) key: c_int,
    /// The arguments of the call that gave it.
    pub(crate) flags: c_int,
    pub(crate) count: c_int,
    /// The process that made it; `None` if that was not seen.
    pub(crate) maker: Option<c_int>,
    /// The return address of that call.
    pub(crate) site: usize,
    /// Where it was removed, and by which thread.
    pub(crate) removal: Option<(usize, usize)>,
}

fn word(kind: Kind, id: c_int) -> u64 {
    u64::from(id.cast_unsigned()) << 8 | (kind as u64) << 1 | 1 << 7
}

fn places(word: u64) -> impl Iterator<Item = &'static Slot> {
    let start = usize::try_from(mix(word) >> 56).unwrap_or(0);
    (0..PROBES).filter_map(move |probe| TABLE.slots.get(start.wrapping_add(probe) % OBJECTS))
}

fn slot(kind: Kind, id: c_int) -> Option<&'static Slot> {
    let word = word(kind, id);
    places(word).find(|slot| slot.object.load(Acquire) == word)
}

impl Slot {
    fn met(&self) -> Option<Met> {
        let object = self.object.load(Acquire);
        let kind = *Kind::ALL.get(usize::try_from(object >> 1 & 1).ok()?)?;
        let id = u32::try_from(object >> 8).ok()?.cast_signed();
        let removal = Hidden::of_bits(self.removal.load(Relaxed));
        let was_removed = self.removal.load(Relaxed) != 0;
        (object > BUSY).then(|| Met {
            kind,
            id,
            key: self.key.load(Relaxed),
            flags: self.flags.load(Relaxed),
            count: self.count.load(Relaxed),
            maker: Some(self.maker.load(Relaxed)).filter(|pid| *pid != 0),
            site: Hidden::of_bits(self.site.load(Relaxed)).get(),
            removal: was_removed.then(|| (removal.get(), !self.remover.load(Relaxed))),
        })
    }
}

/// A call has given an object for the first time, or has made it.
#[cold]
pub(crate) fn met(met: &Met) {
    let word = word(met.kind, met.id);
    note_key(met.kind, met.key, true);
    let takes = |slot: &&Slot| {
        let there = slot.object.load(Relaxed);
        let is_free = there == word || there == 0 || there > BUSY && slot.removal.load(Relaxed) != 0;
        is_free && slot.object.compare_exchange(there, BUSY, Acquire, Relaxed).is_ok()
    };
    let own = slot(met.kind, met.id).filter(takes);
    let Some(slot) = own.or_else(|| places(word).find(takes)) else { return };
    slot.key.store(met.key, Relaxed);
    slot.flags.store(met.flags, Relaxed);
    slot.count.store(met.count, Relaxed);
    slot.maker.store(met.maker.unwrap_or(0), Relaxed);
    slot.site.store(Hidden::new(met.site).bits(), Relaxed);
    slot.removal.store(0, Relaxed);
    slot.left.store(0, Relaxed);
    slot.object.store(word, Release);
    if met.maker.is_some() {
        MADE.fetch_add(1, Relaxed);
    }
}

/// An object has been removed by a call that returns here; what was known of it.
#[cold]
pub(crate) fn removed(kind: Kind, id: c_int, site: usize) -> Option<Met> {
    let slot = slot(kind, id)?;
    let met = slot.met();
    note_key(kind, slot.key.load(Relaxed), false);
    slot.remover.store(!this_thread(), Relaxed);
    slot.removal.store(Hidden::new(site).bits(), Relaxed);
    met
}

/// What is known of an object.
pub(crate) fn get(kind: Kind, id: c_int) -> Option<Met> {
    slot(kind, id)?.met()
}

/// All of a kind that are known.
pub(crate) fn get_all(kind: Kind) -> impl Iterator<Item = Met> {
    TABLE.slots.iter().filter_map(Slot::met).filter(move |met| met.kind == kind)
}

/// Whether a call has led to an object with this key.
pub(crate) fn has_key(kind: Kind, key: c_int) -> bool {
    get_all(kind).any(|met| met.key == key)
}

/// Whether this line of forks has made any.
pub(crate) fn are_made() -> bool {
    MADE.load(Relaxed) != 0
}

/// Marks those of which `is_left` says that they are there to be told of.
pub(crate) fn mark_left(is_left: impl Fn(&Met) -> bool) {
    for slot in &TABLE.slots {
        let left = slot.met().is_some_and(|met| is_left(&met));
        slot.left.store(u32::from(left), Relaxed);
    }
}

/// Those that are left, in no order.
pub(crate) fn left() -> impl Iterator<Item = Met> {
    TABLE.slots.iter().filter(|slot| slot.left.load(Relaxed) != 0).filter_map(Slot::met)
}

/// Enters `hash` and says whether it was there.
#[inline]
fn seen(table: &[AtomicU64; SEEN], hash: u64) -> bool {
    let mixed = mix(hash) >> 55;
    let Some(slot) = usize::try_from(mixed).ok().and_then(|index| table.get(index)) else { return true };
    if slot.load(Relaxed) == hash {
        return true;
    }
    slot.store(hash, Relaxed);
    false
}

/// Whether this key has led to this object before.
#[inline]
pub(crate) fn led_to(kind: Kind, key: c_int, id: c_int) -> bool {
    let both = u64::from(key.cast_unsigned()) << 32 | u64::from(id.cast_unsigned());
    seen(&TABLE.ids, both ^ (kind as u64) << 63 | 1 << 31)
}

fn key_hash(kind: Kind, key: c_int) -> u64 {
    u64::from(key.cast_unsigned()) << 2 | (kind as u64) << 1 | 1
}

fn key_place(hash: u64) -> Option<&'static AtomicU64> {
    TABLE.keys.get(usize::try_from(mix(hash) >> 55).ok()?)
}

/// Whether a key has led to an object that this process has not removed since, as far as that is remembered.
#[inline]
pub(crate) fn is_key_known(kind: Kind, key: c_int) -> bool {
    let hash = key_hash(kind, key);
    key_place(hash).is_some_and(|place| place.load(Relaxed) == hash)
}

/// Notes that a key has led to an object, or that the object has been removed.
fn note_key(kind: Kind, key: c_int, is_known: bool) {
    let hash = key_hash(kind, key);
    if let Some(place) = key_place(hash) {
        place.store(if is_known { hash } else { 0 }, Relaxed);
    }
}

/// A call site has used an object.
#[inline]
pub(crate) fn used(kind: Kind, id: c_int, site: usize) {
    seen(&TABLE.uses, use_hash(kind, id, site));
}

/// Whether a call site has used an object before, as far as that is remembered.
pub(crate) fn was_used(kind: Kind, id: c_int, site: usize) -> bool {
    let hash = use_hash(kind, id, site);
    let mixed = usize::try_from(mix(hash) >> 55).unwrap_or(0);
    TABLE.uses.get(mixed).is_some_and(|slot| slot.load(Relaxed) == hash)
}

#[inline]
fn use_hash(kind: Kind, id: c_int, site: usize) -> u64 {
    mix(!(site as u64)) ^ u64::from(id.cast_unsigned()) << 1 ^ kind as u64 | 1 << 63
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_known_until_another_has_its_place() {
        let object =
            Met { kind: Kind::Queue, id: 7, key: 5, flags: 0o600, count: 0, maker: Some(3), site: 9, removal: None };
        met(&object);
        let known = get(Kind::Queue, 7).unwrap();
        assert_eq!((known.key, known.maker, known.site, known.removal), (5, Some(3), 9, None));
        assert!(get(Kind::Set, 7).is_none() && has_key(Kind::Queue, 5) && are_made());
        removed(Kind::Queue, 7, 11);
        assert_eq!(get(Kind::Queue, 7).unwrap().removal, Some((11, this_thread())));
        met(&Met { maker: None, ..object });
        assert!(get(Kind::Queue, 7).unwrap().removal.is_none());
        assert!(!led_to(Kind::Set, 4, 5) && led_to(Kind::Set, 4, 5) && !led_to(Kind::Queue, 4, 5));
        assert!(!was_used(Kind::Set, 4, 8));
        used(Kind::Set, 4, 8);
        assert!(was_used(Kind::Set, 4, 8) && !was_used(Kind::Set, 4, 9));
    }
}
