//! Shared objects that dlclose has removed: where they were, for calls that still go there.
//!
//! The loader unmaps them by itself and forgets their names: what its list had before and after is told here
//! (`observe::libraries`).

use crate::plain::hidden::Hidden;

/// Objects that are remembered.
const KEPT: usize = 128;
/// The bytes of an object's path that are kept: the last ones.
const PATH: usize = 104;

/// A shared object.
#[derive(Clone, Copy)]
pub(crate) struct Library {
    start: Hidden,
    /// One past its last byte; the last address for a place that is free.
    end: Hidden,
    /// The return address of the dlclose that removed it; 0 if another thread was inside dlclose, too.
    site: Hidden,
    /// When it was removed, in milliseconds since an arbitrary start.
    pub(crate) time: u32,
    is_removed: bool,
    /// Whether it was seen in the list that is being looked at.
    is_there: bool,
    length: u8,
    path: [u8; PATH],
}

impl Library {
    const NONE: Library = Library {
        start: Hidden::new(usize::MAX),
        end: Hidden::new(usize::MAX),
        site: Hidden::new(usize::MAX),
        time: 0,
        is_removed: false,
        is_there: false,
        length: 0,
        path: [0; PATH],
    };

    /// An object that is loaded.
    pub(crate) fn loaded(start: usize, end: usize, path: &[u8]) -> Library {
        let kept = path.get(path.len().saturating_sub(PATH)..).unwrap_or_default();
        let mut library = Library { start: Hidden::new(start), end: Hidden::new(end), is_there: true, ..Library::NONE };
        for (place, byte) in library.path.iter_mut().zip(kept) {
            *place = *byte;
        }
        library.length = u8::try_from(kept.len()).unwrap_or(0);
        library
    }

    /// Its path, or the end of one that is long.
    pub(crate) fn path(&self) -> &[u8] {
        self.path.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Where it began.
    pub(crate) fn start(&self) -> usize {
        self.start.get()
    }

    /// The return address of the call that removed it, if that is known.
    pub(crate) fn site(&self) -> Option<usize> {
        Some(self.site.get()).filter(|site| *site != 0)
    }

    fn is_used(&self) -> bool {
        self.end.get() != usize::MAX
    }

    fn contains(&self, address: usize) -> bool {
        self.is_used() && self.start.get() <= address && address < self.end.get()
    }
}

/// What is known of the loader's list.
pub(crate) struct Libraries {
    ring: [Library; KEPT],
    /// How many have ever been entered.
    entered: usize,
    /// The loader's count of objects added, when its list was last read whole.
    adds: u64,
}

impl Libraries {
    #[allow(clippy::large_stack_arrays, reason = "the value of a static")]
    pub(super) const fn new() -> Libraries {
        Libraries { ring: [Library::NONE; KEPT], entered: 0, adds: 0 }
    }

    /// Begins to read the loader's list, which counts so many additions; false if nothing has been added since the last time.
    pub(crate) fn begin(&mut self, adds: u64, always: bool) -> bool {
        if !always && adds == self.adds {
            return false;
        }
        self.adds = adds;
        for library in &mut self.ring {
            library.is_there = false;
        }
        true
    }

    /// An object of the list.
    pub(crate) fn see(&mut self, library: &Library) {
        let same = |known: &&mut Library| {
            !known.is_removed
                && (known.start, known.end) == (library.start, library.end)
                && known.path() == library.path()
        };
        if let Some(known) = self.ring.iter_mut().find(same) {
            known.is_there = true;
        } else if let Some(place) = self.ring.get_mut(self.entered % KEPT) {
            *place = *library;
            self.entered = self.entered.wrapping_add(1);
        }
    }

    /// The list has been read, after a dlclose that returns to `site`: what is no longer there has been removed.
    pub(crate) fn removed(&mut self, site: usize, time: u32) {
        let gone = |library: &&mut Library| library.is_used() && !library.is_removed && !library.is_there;
        for library in self.ring.iter_mut().filter(gone) {
            (library.is_removed, library.site, library.time) = (true, Hidden::new(site), time);
        }
    }

    /// The object that was at an address until dlclose removed it, the last of several.
    pub(crate) fn removed_at(&self, address: usize) -> Option<Library> {
        let entered = self.entered;
        (1..=entered.min(KEPT))
            .filter_map(|age| self.ring.get(entered.wrapping_sub(age) % KEPT))
            .filter(|library| library.is_removed && library.contains(address))
            .max_by_key(|library| library.time)
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_from_the_list_was_removed() {
        let mut libraries = Box::new(Libraries::new());
        let (one, other) = (Library::loaded(1000, 2000, b"/lib/one.so"), Library::loaded(3000, 4000, b"/lib/other.so"));
        assert!(libraries.begin(7, false));
        libraries.see(&one);
        libraries.see(&other);
        assert!(!libraries.begin(7, false), "nothing has been added");
        assert!(libraries.begin(7, true));
        libraries.see(&other);
        libraries.removed(99, 5);
        let gone = libraries.removed_at(1999).unwrap();
        assert_eq!((gone.path(), gone.site(), gone.start(), gone.time), (&b"/lib/one.so"[..], Some(99), 1000, 5));
        assert!(
            libraries.removed_at(2000).is_none()
                && libraries.removed_at(3500).is_none()
                && libraries.removed_at(usize::MAX - 1).is_none()
        );
        // Loaded again at the same place, it is another one.
        assert!(libraries.begin(8, false));
        libraries.see(&one);
        libraries.see(&other);
        assert!(libraries.begin(8, true));
        libraries.see(&other);
        libraries.removed(0, 6);
        assert_eq!(libraries.removed_at(1000).map(|gone| (gone.site(), gone.time)), Some((None, 6)));
    }

    #[test]
    fn the_end_of_a_long_path_is_kept() {
        let path = [b'x'; 200];
        assert_eq!(Library::loaded(1, 2, &path).path().len(), PATH);
    }
}
