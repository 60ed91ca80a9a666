//! The mappings of the process by the calls that made them, counted in the kernel's list at this moment: told where they are
//! too many, or about to be.

use crate::facts::mapping;
use crate::form::{Draft, RelatedCall};
use crate::harden;
use crate::observe::tracked;
use crate::plain::Range;
use crate::track::{By, TrackedRange};

/// What the first of the program's calls mapped that lies in a range.
fn first_in(range: Range) -> Option<TrackedRange> {
    tracked::at_or_after(range.start).filter(|known| known.entry.start < range.end)
}

/// Call sites that are counted at once. If there are more, those that have made few give way, and the others are counted
/// again.
const SITES: usize = 64;
/// How many of them are told.
const TOLD: usize = 3;

/// What one call site has made.
#[derive(Clone, Copy)]
struct Site {
    made_by: usize,
    /// An address in it.
    example: usize,
    count: u64,
    /// How many of these are a part of what one call mapped; and how many of those can't be accessed.
    parts: u64,
    closed_parts: u64,
}

impl Site {
    const NONE: Site = Site { made_by: 0, example: 0, count: 0, parts: 0, closed_parts: 0 };

    fn add(&mut self, there: Range, known: &TrackedRange) {
        let whole = super::provenance::whole(known);
        let is_part = whole.start < there.start || there.end < whole.end;
        let is_closed = is_part && known.entry.prot == 0;
        self.count = self.count.saturating_add(1);
        self.parts = self.parts.saturating_add(u64::from(is_part));
        self.closed_parts = self.closed_parts.saturating_add(u64::from(is_closed));
    }
}

/// The mappings that there are.
pub(super) struct Census {
    /// All of them.
    pub(super) count: u64,
    /// Those of hardened mode.
    guards: u64,
    /// Those of the calls that were seen.
    known: u64,
    sites: [Site; SITES],
}

impl Census {
    /// Counts them, on the report's stack.
    pub(super) fn take() -> Census {
        let mut census = Census { count: 0, guards: 0, known: 0, sites: [Site::NONE; SITES] };
        let mut is_full = false;
        mapping::for_each_range(&mut |there| {
            census.count = census.count.saturating_add(1);
            match first_in(there) {
                Some(known) => {
                    census.known = census.known.saturating_add(1);
                    is_full |= !census.add(there, &known);
                }
                None if harden::held(there.start).is_some() => census.guards = census.guards.saturating_add(1),
                None => {}
            }
        });
        if is_full {
            census.count_again();
        }
        census
    }

    /// Counts a mapping for its site; `false` if there is no place for it, and all have lost one for that: who has made
    /// more than one in so many as there are places keeps his.
    fn add(&mut self, there: Range, known: &TrackedRange) -> bool {
        let made_by = known.origin.site;
        let place = self.sites.iter().position(|site| site.count > 0 && site.made_by == made_by);
        if let Some(site) =
            place.or_else(|| self.sites.iter().position(|site| site.count == 0)).and_then(|at| self.sites.get_mut(at))
        {
            if place.is_none() {
                *site = Site { made_by, example: known.entry.start, ..Site::NONE };
            }
            site.add(there, known);
            return true;
        }
        for site in &mut self.sites {
            site.count = site.count.saturating_sub(1);
        }
        false
    }

    /// Counts those sites that have a place, and all mappings, anew.
    fn count_again(&mut self) {
        let sites = self.sites;
        for (site, kept) in self.sites.iter_mut().zip(sites) {
            *site =
                Site { made_by: if kept.count > 0 { kept.made_by } else { 0 }, example: kept.example, ..Site::NONE };
        }
        (self.count, self.known, self.guards) = (0, 0, 0);
        mapping::for_each_range(&mut |there| {
            self.count = self.count.saturating_add(1);
            let Some(known) = first_in(there) else {
                self.guards = self.guards.saturating_add(u64::from(harden::held(there.start).is_some()));
                return;
            };
            self.known = self.known.saturating_add(1);
            if let Some(site) = self.sites.iter_mut().find(|site| site.made_by == known.origin.site) {
                site.add(there, &known);
            }
        });
    }

    /// Tells the calls that have made the most, what others there are, and what can be done.
    pub(super) fn tell(&self, draft: &mut Draft) {
        let Some(first) = self.most_but(&[]) else {
            draft.note(format_args!("no call of this program that was seen has made them"));
            Self::help(draft);
            return;
        };
        let mut told = [0; TOLD];
        for number in 0..TOLD {
            let Some(site) = self.most_but(told.get(..number).unwrap_or_default()) else { break };
            if let Some(place) = told.get_mut(number) {
                *place = site.made_by;
            }
            let Some(known) = tracked::at(site.example) else { continue };
            let by = known.origin.by;
            let place = RelatedCall { outer: known.outer, ..RelatedCall::at(by.function(), site.made_by) };
            let made = match by {
                By::Shmat => "attached",
                By::Mremap => "moved",
                _ => "mapped",
            };
            draft.related_call(place, format_args!("{} of them lie in memory that was {made} here", site.count));
        }
        Self::note_parts(first, draft);
        let others = self.count.saturating_sub(self.known).saturating_sub(self.guards);
        draft.note(format_args!(
            "{others} others are libc's (stacks of threads, large blocks of malloc), the loader's and mapsan's"
        ));
        if self.guards > 0 {
            draft.note(format_args!("{} are guards of harden=guard, or in quarantine", self.guards));
        }
        if first.closed_parts > first.count / 4 {
            draft.help(format_args!(
                "guard pages need no mapping of their own with madvise(address, length, MADV_GUARD_INSTALL), since \
                 Linux 6.13, in place of mprotect or mmap with PROT_NONE"
            ));
        }
        Self::help(draft);
    }

    /// The site with the most of those that are not among these.
    fn most_but(&self, sites: &[usize]) -> Option<&Site> {
        self.sites.iter().filter(|site| site.count > 0 && !sites.contains(&site.made_by)).max_by_key(|site| site.count)
    }

    /// Tells that mappings have been split, where that has made many of them.
    fn note_parts(first: &Site, draft: &mut Draft) {
        if first.parts > first.count / 2 {
            draft.note(format_args!(
                "{} of {} are parts: the kernel splits what a call has mapped where mprotect, munmap, madvise or \
                 mlock change a part of it",
                first.parts, first.count
            ));
        }
    }

    fn help(draft: &mut Draft) {
        draft.help(format_args!(
            "unmap what is no longer needed, map many small pieces as one large one, and change whole mappings \
             rather than single pages; or raise the limit (sysctl vm.max_map_count=N)"
        ));
    }
}
