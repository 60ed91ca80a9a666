//! Mappings counted by the call that made them.

use super::origin::By;
use super::pool::{Item, Memory, Pool};
use super::regions::{Regions, TrackedRange};
use super::tree::Entry;
use crate::plain::hidden::Hidden;
use crate::plain::page::whole_pages;

/// Call sites that the library itself has room for: others lie in memory that is mapped when there are more.
const FIRST: usize = 16;
/// Call sites that are told apart; mappings of further ones are not counted.
const SITES: u32 = 240;

/// The live mappings that one call made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeakSite {
    site: Hidden,
    /// Whether they are attached segments.
    pub(crate) attached: bool,
    /// How many there are.
    pub(crate) count: usize,
    /// How many of them have been unmapped in part.
    pub(crate) partial: usize,
    /// How much of them is still mapped, and how much was, in bytes.
    pub(crate) bytes: usize,
    pub(crate) whole: usize,
    /// One of the pieces of the first of them, and the number of its origin.
    first: Hidden<Entry>,
    serial: u32,
}

impl LeakSite {
    const NONE: LeakSite = LeakSite {
        site: Hidden::unused(0),
        attached: false,
        count: 0,
        partial: 0,
        bytes: 0,
        whole: 0,
        first: Hidden::unused(Entry::NONE),
        serial: 0,
    };
}

impl Item for LeakSite {
    const EMPTY: LeakSite = LeakSite::NONE;

    fn link(&mut self) -> &mut u32 {
        &mut self.serial
    }
}

/// The call sites.
pub(crate) struct LeakSites<M> {
    table: Pool<M, LeakSite, FIRST>,
    /// Records that have been taken, which are never given back: their numbers begin with 1. The first so many are in use.
    taken: u32,
    used: u32,
}

impl<M: Memory> LeakSites<M> {
    pub(crate) const fn new() -> LeakSites<M> {
        LeakSites { table: Pool::new(), taken: 0, used: 0 }
    }

    fn used(&self) -> impl Iterator<Item = (u32, &LeakSite)> {
        (1..=self.used).filter_map(|number| Some((number, self.table.get(number)?)))
    }

    /// A record for one site more, and its number.
    fn next_record(&mut self) -> Option<u32> {
        if self.used == self.taken {
            if self.taken == SITES {
                return None;
            }
            self.taken = self.table.take(LeakSite::NONE)?;
        }
        self.used = self.used.wrapping_add(1);
        Some(self.used)
    }

    /// Begins to count anew.
    pub(crate) fn begin(&mut self) {
        // Its page is written to only where something is to be changed.
        if self.used != 0 {
            self.used = 0;
        }
    }

    /// Counts a piece of what this process has mapped or attached itself, of which so many bytes are there.
    pub(crate) fn add(&mut self, entry: &Entry, bytes: usize, regions: &mut Regions<impl Memory>) {
        let Some(origin) = regions.origin(entry).filter(|origin| regions.is_own(origin)) else { return };
        let (site, attached) = (Hidden::new(origin.site), origin.by == By::Shmat);
        let known = self.used().find(|(_, leak)| leak.site == site && leak.attached == attached);
        let number = if let Some((number, _)) = known {
            number
        } else {
            let Some(number) = self.next_record() else { return };
            if let Some(place) = self.table.get_mut(number) {
                let serial = origin.serial;
                *place = LeakSite { site, attached, first: Hidden::of(*entry), serial, ..LeakSite::NONE };
            }
            number
        };
        let whole = whole_pages(origin.length);
        let new = regions.counts(entry);
        let is_partial = new && (bytes < entry.end.wrapping_sub(entry.start) || regions.left_of(entry) < whole);
        let Some(leak) = self.table.get_mut(number) else { return };
        leak.count = leak.count.wrapping_add(usize::from(new));
        leak.partial = leak.partial.wrapping_add(usize::from(is_partial));
        leak.bytes = leak.bytes.wrapping_add(bytes);
        leak.whole = leak.whole.wrapping_add(if new { whole } else { 0 });
        if leak.serial.wrapping_sub(origin.serial).cast_signed() > 0 {
            (leak.first, leak.serial) = (Hidden::of(*entry), origin.serial);
        }
    }

    /// The sites in the order of their first mappings, one at a time: the one after serial number `after`, with that
    /// first mapping.
    pub(crate) fn next(
        &self,
        after: Option<u32>,
        regions: &Regions<impl Memory>,
    ) -> Option<(LeakSite, TrackedRange, u32)> {
        let later = |leak: &&LeakSite| after.is_none_or(|after| leak.serial > after);
        let leak = *self.used().map(|(_, leak)| leak).filter(later).min_by_key(|leak| leak.serial)?;
        let first = leak.first.get();
        let entry = regions.at(first.start).filter(|entry| entry.origin == first.origin)?;
        Some((leak, regions.known(entry)?, leak.serial))
    }
}
