//! The calls that put a mapping in the place of what is there.

mod view;

use super::copies::{has_copy, is_same};
use super::neighbours::{Neighbours, is_plain};
use super::victim::{Named, Victim};
use super::{Frame, Loss, LossKind, Search, note_there, range_of, taken_at};
use crate::call::{Mmap, Mremap, Shmat};
use crate::check::memory;
use crate::check::provenance::note_mapped;
use crate::check::segment::bits_for_caller;
use crate::facts::{descriptor, limits, segment};
use crate::finding::Report;
use crate::form::Draft;
use crate::observe;
use crate::observe::tracked;
use crate::plain::Range;
use crate::plain::page::{self, page_start, whole_pages};
use crate::sys::Errno;
use crate::track::{By, ReleasedPieces};
use mapsan_model::{Rule, Severity};

/// A call that replaces what is in a range.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Replacing {
    Mmap,
    Mremap,
    Shmat,
}

impl Replacing {
    fn rule(self) -> Rule {
        match self {
            Replacing::Mmap => Rule::MmapFixedClobber,
            Replacing::Mremap => Rule::MremapClobber,
            Replacing::Shmat => Rule::ShmatClobber,
        }
    }

    /// The flag that does it.
    fn flag(self) -> &'static str {
        match self {
            Replacing::Mmap => "MAP_FIXED",
            Replacing::Mremap => "MREMAP_FIXED",
            Replacing::Shmat => "SHM_REMAP",
        }
    }

    /// Tells of what is replaced.
    pub(in crate::check) fn tell(self, loss: &Loss, taken: &ReleasedPieces, report: &Report<'_>) -> Option<Errno> {
        match &loss.kind {
            LossKind::Victim(victim) => self.victim(victim, loss, taken, report),
            LossKind::Neighbour(severity) => self.neighbour(*severity, loss.range, taken, report),
            LossKind::Part(severity) => self.part(*severity, loss.range, taken, report),
            LossKind::View => view::tell(loss, taken, report),
            LossKind::NothingMapped => None,
        }
    }

    fn victim(self, victim: &Victim, loss: &Loss, taken: &ReleasedPieces, report: &Report<'_>) -> Option<Errno> {
        let severity = match victim {
            Victim::Object(true) | Victim::Heap(true) => Severity::Warning,
            _ => Severity::Error,
        };
        report.offence(self.rule(), severity, |draft| {
            let Range { start, .. } = loss.range;
            draft.message(format_args!("{} at {start:#x} replaces {}", self.flag(), Named(victim)));
            note_there(loss, report, draft);
            if let (Victim::Segment(_), Some(there)) = (victim, &loss.there)
                && let Some(gone) = taken_at(there.start.max(start), taken)
            {
                note_mapped(&gone, draft);
                draft.note(format_args!("the segment is detached there; other processes still have its contents"));
            }
            victim.note_owner(draft);
            victim.note_replaced(draft);
            self.help_with_remedy(draft);
        })
    }

    fn neighbour(self, severity: Severity, range: Range, taken: &ReleasedPieces, report: &Report<'_>) -> Option<Errno> {
        report.offence(self.rule(), severity, |draft| {
            let Some(neighbours) = Neighbours::find(range, taken) else { return };
            let Neighbours { first, second } = &neighbours;
            let hit = range.end.min(second.entry.end).saturating_sub(second.entry.start);
            draft.message(format_args!(
                "{} at {:#x} runs out of one mapping and replaces {hit} bytes of the next one",
                self.flag(),
                range.start
            ));
            for known in [first, second] {
                note_mapped(known, draft);
            }
            draft.note(format_args!(
                "the first mapping ends at {:#x}, {} bytes into the {} of this call",
                first.entry.end,
                first.entry.end.saturating_sub(range.start),
                range.length()
            ));
            neighbours.note_doubt(draft);
            self.help_with_remedy(draft);
        })
    }

    fn part(self, severity: Severity, range: Range, taken: &ReleasedPieces, report: &Report<'_>) -> Option<Errno> {
        report.offence(self.rule(), severity, |draft| {
            let Some(known) = taken_at(range.start, taken) else { return };
            draft.message(format_args!(
                "{} at {:#x} replaces {} of the {} bytes of a mapping that another call made",
                self.flag(),
                range.start,
                range.length(),
                known.origin.length
            ));
            note_mapped(&known, draft);
            draft.note(format_args!("what was in these bytes is lost"));
            self.help_with_remedy(draft);
        })
    }

    fn help_with_remedy(self, draft: &mut Draft) {
        match self {
            Replacing::Mmap => draft.help(format_args!(
                "leave MAP_FIXED out and let the kernel choose, or pass MAP_FIXED_NOREPLACE, which fails where \
                 something is mapped; MAP_FIXED is for memory that an mmap of this program has reserved"
            )),
            Replacing::Mremap => draft.help(format_args!(
                "leave MREMAP_FIXED out and use the address that mremap returns; MREMAP_FIXED is for memory that an \
                 mmap of this program has reserved"
            )),
            Replacing::Shmat => draft.help(format_args!(
                "leave SHM_REMAP out, pass NULL, and use the address that shmat returns; SHM_REMAP is for memory that \
                 an mmap of this program has reserved"
            )),
        }
    }
}

impl Mmap {
    /// What `MAP_FIXED` is about to replace.
    pub(in crate::check) fn find_loss(&self, taken: &ReleasedPieces, frame: Frame) -> Option<Loss> {
        let range = range_of(self.address, self.length)?;
        let search = Search { range, taken, frame };
        let victim = search.victim(false, || self.surely_succeeds()).filter(|loss| !self.puts_back(loss));
        if victim.is_some() {
            return victim;
        }
        search.hits_a_neighbour().or_else(|| self.replaces_view(&search))
    }

    /// Tells of mappings that start past the end of their file, and that it is about to replace.
    pub(in crate::check) fn inspect_files(&self, taken: &ReleasedPieces) {
        if let Some(range) = range_of(self.address, self.length)
            && self.surely_succeeds()
        {
            crate::check::past_eof::inspect_taken(range, taken);
        }
    }

    /// Whether nothing is known that would make the call fail.
    fn surely_succeeds(&self) -> bool {
        let anonymous = self.flags & libc::MAP_ANONYMOUS != 0;
        let writes = self.prot & libc::PROT_WRITE != 0 && self.flags & libc::MAP_SHARED != 0;
        let mode = || descriptor::flags(self.fd).map(|flags| flags & libc::O_ACCMODE);
        page::page_remainder(usize::try_from(self.offset).unwrap_or(1)) == 0
            && self.flags & crate::call::MAP_TYPE != 0
            && self.flags & (libc::MAP_HUGETLB | libc::MAP_LOCKED) == 0
            && has_no_limit()
            && (anonymous || matches!(mode(), Ok(libc::O_RDWR)) || matches!(mode(), Ok(libc::O_RDONLY)) && !writes)
    }

    /// Whether an object's text or data is replaced by the same: by the same part of its file, or to be copied back from
    /// where the program has a copy of it, as is done to move text to large pages.
    fn puts_back(&self, loss: &Loss) -> bool {
        let LossKind::Victim(Victim::Object(true)) = &loss.kind else { return false };
        let Some(there) = &loss.there else { return false };
        let skipped = loss.range.start.saturating_sub(there.start) as u64;
        let is_same_file = self.flags & libc::MAP_ANONYMOUS == 0
            && there.inode != 0
            && there.offset.wrapping_add(skipped) == self.offset.cast_unsigned()
            && crate::sys::statx_fd(self.fd).is_ok_and(|file| file.stx_ino == there.inode);
        is_same_file || has_copy(loss.range)
    }
}

/// Whether the process has no limit that a mapping could run into.
fn has_no_limit() -> bool {
    limits::is_unlimited(libc::RLIMIT_AS) && limits::is_unlimited(libc::RLIMIT_DATA)
}

impl Mremap {
    /// What `MREMAP_FIXED` is about to replace.
    pub(in crate::check) fn find_loss(&self, taken: &ReleasedPieces, frame: Frame) -> Option<Loss> {
        if self.flags & libc::MREMAP_FIXED == 0 {
            return None;
        }
        let range = range_of(self.new_address, self.new_size)?;
        let search = Search { range, taken, frame };
        let victim = search.victim(false, || self.surely_succeeds()).filter(|loss| !self.puts_back(loss));
        if victim.is_some() {
            return victim;
        }
        search.hits_a_neighbour().or_else(|| self.hits_a_part(&search))
    }

    fn surely_succeeds(&self) -> bool {
        self.flags & libc::MREMAP_MAYMOVE != 0
            && self.old_size > 0
            && whole_pages(self.new_size) <= whole_pages(self.old_size)
            && matches!(memory::coverage(self.old_address, self.old_size), memory::Coverage::Whole)
            && has_no_limit()
    }

    /// Whether an object's own text or data is put back: what is moved there has the same contents.
    fn puts_back(&self, loss: &Loss) -> bool {
        matches!(loss.kind, LossKind::Victim(Victim::Object(true))) && is_same(loss.range, self.old_address)
    }

    /// The loss, if a part of a mapping is replaced that a different call made than the one that is moved, and that is not
    /// there to be replaced.
    fn hits_a_part(&self, search: &Search<'_>) -> Option<Loss> {
        let Search { range, taken, .. } = *search;
        let known = search.taken_at(range.start)?;
        let origin = &known.origin;
        let belongs = |address| tracked::at(address).is_some_and(|other| other.entry.origin == known.entry.origin);
        let is_part = taken.pieces == 1
            && known.entry.end == range.end
            && (belongs(range.start.wrapping_sub(1)) || belongs(range.end));
        let moved = tracked::at(self.old_address).or_else(|| Some(tracked::last_gone(self.old_address)?.was));
        let is_other = moved.is_none_or(|moved| moved.origin.site != origin.site);
        let is_reserved = origin.placed
            || known.entry.prot == 0
            || origin.prot == 0
            || origin.by == By::Mremap
            || origin.flags & libc::MAP_NORESERVE != 0
            || tracked::was_one(range, origin.serial);
        // Memory that is mapped to be replaced looks so, too.
        let severity = if is_plain(&known) { Severity::Warning } else { Severity::Error };
        (is_part && is_other && !is_reserved).then(|| search.loss(LossKind::Part(severity)))
    }
}

impl Shmat {
    /// What `SHM_REMAP` is about to replace.
    pub(in crate::check) fn find_loss(&self, taken: &ReleasedPieces, frame: Frame) -> Option<Loss> {
        let range = range_of(page_start(self.address), observe::segment_size(self.id))?;
        let search = Search { range, taken, frame };
        let victim = search.victim(false, || self.surely_succeeds());
        if victim.is_some() {
            return victim;
        }
        search.hits_a_neighbour()
    }

    fn surely_succeeds(&self) -> bool {
        let needs = if self.flags & libc::SHM_RDONLY == 0 { 6 } else { 4 };
        (page::page_remainder(self.address) == 0 || self.flags & libc::SHM_RND != 0)
            && self.flags & libc::SHM_EXEC == 0
            && has_no_limit()
            && segment::any_by_id(self.id).is_some_and(|segment| bits_for_caller(&segment) & needs == needs)
    }
}
