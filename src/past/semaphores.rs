//! The named semaphores that this line of forks has opened.

use crate::plain::hash::mix;
use crate::plain::shm::without_slashes;
use core::ffi::CStr;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Names that are remembered.
const NAMES: usize = 128;

/// Hashes of names: each goes over the one that has its place.
static OPENED: [AtomicU64; NAMES] = [const { AtomicU64::new(0) }; NAMES];

/// Notes that a semaphore has been opened; whether it is the first time, as far as that is remembered.
pub(crate) fn opened(name: &CStr) -> bool {
    let hash = without_slashes(name.to_bytes()).iter().fold(1, |hash, byte| mix(hash ^ u64::from(*byte)));
    let place = usize::try_from(hash >> 57).unwrap_or(0);
    OPENED.get(place).is_some_and(|place| place.swap(hash, Relaxed) != hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_new_once() {
        assert!(opened(c"/gate") && !opened(c"gate") && opened(c"/gates"));
    }
}
