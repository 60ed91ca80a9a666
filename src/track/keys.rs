//! The keys that ftok(3) has given, and the segments that keys have led to.

use crate::facts::Path;
use crate::plain::hash::mix;
use crate::plain::hidden::Hidden;
use crate::{output, sys};
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
    /// The return address of the call.
    pub(crate) fn site(&self) -> usize {
        self.site.get()
    }

    /// The absolute path.
    pub(crate) fn path(&self) -> &[u8] {
        self.path.get(..self.path_length).unwrap_or_default()
    }

    /// The file's device and inode number, of which ftok keeps 8 and 16 bits.
    pub(crate) fn file(&self) -> ((u32, u32), u64) {
        (self.device, self.inode)
    }

    /// Whether the path still leads to the file it led to.
    fn is_still_there(&self) -> bool {
        let mut path = [0_u8; PATH];
        let Some(to) = path.get_mut(..self.path_length) else {
            return false;
        };
        to.copy_from_slice(self.path());
        let Ok(path) = CStr::from_bytes_until_nul(&path) else {
            return false;
        };
        sys::statx_path(path).is_ok_and(|now| identity(&now) == self.file())
    }
}

fn identity(file: &libc::statx) -> ((u32, u32), u64) {
    ((file.stx_dev_major, file.stx_dev_minor), file.stx_ino)
}

/// The table, in memory that is mapped with its first entry: most programs call no ftok. An entry is written once, by the
/// holder of the report lock, before `USED` publishes it.
static TABLE: AtomicPtr<Given> = AtomicPtr::new(ptr::null_mut());
static USED: AtomicUsize = AtomicUsize::new(0);

/// Hashes of the calls that have been looked at, so that a repetition costs one lookup.
const SEEN: usize = 1024;
static CALLS: [AtomicU64; SEEN] = [const { AtomicU64::new(0) }; SEEN];
static SEGMENTS: [AtomicU64; SEEN] = [const { AtomicU64::new(0) }; SEEN];

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
    seen(&SEGMENTS, u64::from(key.cast_unsigned()) << 32 | u64::from(id.cast_unsigned()) | 1 << 63)
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
    seen(&CALLS, hash | 1)
}

/// How a key stands to those before it.
#[derive(Default)]
pub(crate) struct Relations {
    /// An earlier call with another file or id that gave the same key, and whose file is still there.
    pub(crate) same_key: Option<&'static Given>,
    /// An earlier call with the same absolute path and id that gave another key.
    pub(crate) other_key: Option<&'static Given>,
}

/// Compares a key with those before it, and remembers it.
#[inline(never)]
pub(crate) fn remember(path: usize, id: c_int, key: c_int, site: usize) -> Relations {
    let Ok(lock) = output::enter() else {
        return Relations::default();
    };
    let mut relations = Relations::default();
    output::on_own_stack(&lock, &mut || {
        if let Some(given) = inspect(path, id, key, site) {
            relations = compare(&given);
            store(given);
        }
    });
    lock.leave();
    relations
}

/// What there is to remember of a call; `None` if the path can't be looked up any more, or is very long.
fn inspect(path: usize, id: c_int, key: c_int, site: usize) -> Option<Given> {
    let path = Path::at(path)?;
    let file = sys::statx_path(path.as_c_str()?).ok()?;
    let (device, inode) = identity(&file);
    let site = Hidden::new(site);
    let mut given = Given { key, id, site, device, inode, path: [0; PATH], path_length: 0 };
    if !path.is_absolute() {
        let directory = Path::working_directory()?;
        given.append(directory.bytes())?;
        given.append(b"/")?;
    }
    given.append(path.bytes())?;
    Some(given)
}

impl Given {
    fn append(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.path_length.checked_add(bytes.len()).filter(|end| *end < PATH)?;
        self.path.get_mut(self.path_length..end)?.copy_from_slice(bytes);
        self.path_length = end;
        Some(())
    }
}

fn entries() -> &'static [Given] {
    let used = USED.load(Acquire);
    // SAFETY: entries below `USED` are not written again.
    if used == 0 { &[] } else { unsafe { slice::from_raw_parts(TABLE.load(Relaxed), used) } }
}

/// The call that gave this key.
pub(crate) fn given(key: c_int) -> Option<&'static Given> {
    entries().iter().rev().find(|given| given.key == key)
}

/// Whether ftok has given this key.
pub(crate) fn is_given(key: c_int) -> bool {
    entries().iter().any(|given| given.key == key)
}

fn compare(given: &Given) -> Relations {
    let same_key = |earlier: &&Given| {
        earlier.key == given.key
            && (earlier.file() != given.file() || earlier.id != given.id)
            && earlier.is_still_there()
    };
    // Only the latest key of a path counts: a file that comes and goes is one replacement at a time.
    let last_of_path = |earlier: &&Given| earlier.path() == given.path() && earlier.id == given.id;
    Relations {
        same_key: entries().iter().rev().find(same_key),
        other_key: entries().iter().rev().find(last_of_path).filter(|earlier| earlier.key != given.key),
    }
}

fn store(given: Given) {
    let index = USED.load(Relaxed);
    if index >= ENTRIES {
        return;
    }
    if TABLE.load(Relaxed).is_null() {
        let Some(memory) = sys::zeroed_memory(ENTRIES.wrapping_mul(size_of::<Given>())) else { return };
        TABLE.store(memory.cast(), Relaxed);
    }
    // SAFETY: inside the table, as just compared.
    let place = unsafe { TABLE.load(Relaxed).add(index) };
    // SAFETY: the report lock is held, so nobody else writes, and nobody reads at or above `USED`.
    unsafe { place.write(given) };
    USED.store(index.wrapping_add(1), Release);
}
