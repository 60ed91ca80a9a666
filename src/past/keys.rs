//! The keys that ftok(3) has given, and the segments that keys have led to.

use crate::output::ReportLock;
use crate::plain::hash::mix;
use crate::plain::hidden::Hidden;
use crate::sys;
use core::ffi::{CStr, c_int};
use core::sync::atomic::{
    AtomicPtr, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use core::{ptr, slice};

/// Keys that are remembered; later ones are not compared.
const ENTRIES: usize = 512;
/// The bytes of a path that are kept.
const PATH: usize = 256;

/// One key that ftok gave.
pub(crate) struct Given {
    pub(crate) key: c_int,
    pub(crate) id: c_int,
    /// The return address of the call.
    site: Hidden,
    device: (u32, u32),
    inode: u64,
    path: [u8; PATH],
    path_length: usize,
}

impl Given {
    /// A key that ftok gave for this file, with an empty path.
    pub(crate) fn new(key: c_int, id: c_int, site: usize, (device, inode): ((u32, u32), u64)) -> Given {
        Given { key, id, site: Hidden::new(site), device, inode, path: [0; PATH], path_length: 0 }
    }

    /// Appends to the path; `None` if it gets too long.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.path_length.checked_add(bytes.len()).filter(|end| *end < PATH)?;
        self.path.get_mut(self.path_length..end)?.copy_from_slice(bytes);
        self.path_length = end;
        Some(())
    }

    /// The return address of the call.
    pub(crate) fn site(&self) -> usize {
        self.site.get()
    }

    /// The absolute path.
    pub(crate) fn path(&self) -> &[u8] {
        self.path.get(..self.path_length).unwrap_or_default()
    }

    /// The absolute path, for a call.
    pub(crate) fn path_as_c_str(&self) -> Option<&CStr> {
        // There is always a zero behind it.
        CStr::from_bytes_until_nul(&self.path).ok()
    }

    /// The file's device and inode number, of which ftok keeps 8 and 16 bits.
    pub(crate) fn file(&self) -> ((u32, u32), u64) {
        (self.device, self.inode)
    }
}

/// Hashes that are remembered.
const SEEN: usize = 1024;

struct Keys {
    /// The table, in memory that is mapped with its first entry: most programs call no ftok. An entry is written once, by
    /// the holder of the report lock, before `used` publishes it.
    table: AtomicPtr<Given>,
    used: AtomicUsize,
    /// Hashes of the calls that have been looked at, so that a repetition costs one lookup.
    calls: [AtomicU64; SEEN],
    segments: [AtomicU64; SEEN],
}

static KEYS: Keys = Keys {
    table: AtomicPtr::new(ptr::null_mut()),
    used: AtomicUsize::new(0),
    calls: [const { AtomicU64::new(0) }; SEEN],
    segments: [const { AtomicU64::new(0) }; SEEN],
};

/// Enters `hash` and says whether it was there.
fn seen(table: &[AtomicU64; SEEN], hash: u64) -> bool {
    let mixed = mix(hash) >> 54;
    let Some(slot) = usize::try_from(mixed).ok().and_then(|index| table.get(index)) else {
        return true;
    };
    if slot.load(Relaxed) == hash {
        return true;
    }
    slot.store(hash, Relaxed);
    false
}

/// Whether this key has led to this segment before.
#[inline]
pub(crate) fn led_to(key: c_int, id: c_int) -> bool {
    seen(&KEYS.segments, u64::from(key.cast_unsigned()) << 32 | u64::from(id.cast_unsigned()) | 1 << 63)
}

/// Whether this path text and id have given this key before.
#[inline]
pub(crate) fn was_given(path: &CStr, id: c_int, key: c_int) -> bool {
    // FNV-1a, 64 bits at a time.
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x100_0000_01b3).rotate_left(29);
    let mut hash = mix(0xcbf2_9ce4_8422_2325, u64::from(id.cast_unsigned()) << 32 | u64::from(key.cast_unsigned()));
    let (words, rest) = path.to_bytes().as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_ne_bytes(*word));
    }
    for byte in rest {
        hash = mix(hash, u64::from(*byte));
    }
    seen(&KEYS.calls, hash | 1)
}

/// How a key stands to those before it.
#[derive(Default)]
pub(crate) struct Relations {
    /// An earlier call with another file or id that gave the same key, and whose file is still there.
    pub(crate) same_key: Option<&'static Given>,
    /// An earlier call with the same absolute path and id that gave another key.
    pub(crate) other_key: Option<&'static Given>,
}

/// Compares a key with those before it, and remembers it. `is_still_there` says whether a path still leads to the file that it
/// led to; only one file is asked for.
pub(crate) fn remember(given: Given, is_still_there: impl Fn(&Given) -> bool, lock: &ReportLock) -> Relations {
    let relations = compare(&given, is_still_there);
    store(given, lock);
    relations
}

fn entries() -> &'static [Given] {
    let used = KEYS.used.load(Acquire);
    // SAFETY: entries below `used` are not written again.
    if used == 0 { &[] } else { unsafe { slice::from_raw_parts(KEYS.table.load(Relaxed), used) } }
}

/// The call that gave this key.
pub(crate) fn given(key: c_int) -> Option<&'static Given> {
    entries().iter().rev().find(|given| given.key == key)
}

/// Whether ftok has given this key.
pub(crate) fn is_given(key: c_int) -> bool {
    entries().iter().any(|given| given.key == key)
}

fn compare(given: &Given, is_still_there: impl Fn(&Given) -> bool) -> Relations {
    let same_key = |earlier: &&Given| {
        earlier.key == given.key
            && (earlier.file() != given.file() || earlier.id != given.id)
            && is_still_there(earlier)
    };
    // Only the latest key of a path counts: a file that comes and goes is one replacement at a time.
    let last_of_path = |earlier: &&Given| earlier.path() == given.path() && earlier.id == given.id;
    Relations {
        same_key: entries().iter().rev().find(same_key),
        other_key: entries().iter().rev().find(last_of_path).filter(|earlier| earlier.key != given.key),
    }
}

fn store(given: Given, _lock: &ReportLock) {
    let index = KEYS.used.load(Relaxed);
    if index >= ENTRIES {
        return;
    }
    if KEYS.table.load(Relaxed).is_null() {
        let Some(memory) = sys::zeroed_memory(ENTRIES.wrapping_mul(size_of::<Given>())) else { return };
        KEYS.table.store(memory.cast(), Relaxed);
    }
    // SAFETY: inside the table, as just compared.
    let place = unsafe { KEYS.table.load(Relaxed).add(index) };
    // SAFETY: the report lock is held, so nobody else writes, and nobody reads at or above `used`.
    unsafe { place.write(given) };
    KEYS.used.store(index.wrapping_add(1), Release);
}
