//! shmget(2).
//!
//! The kernel (`ipcget`, `newseg` of ipc/, Linux 6.18) looks for the key first: EEXIST, then the size (EINVAL), then
//! the mode bits (EACCES) of what exists; ENOENT without `IPC_CREAT`; for a new segment the size against SHMMAX
//! (EINVAL), SHMALL (ENOSPC), memory, and the number of segments (ENOSPC).

mod limits;
mod mixed;
mod stale;

use super::segment::{Removal, help_with_permission, is_allowed, note_hidden, note_other_refusal, note_permissions};
use super::{Check, note_failure, unexplained};
use crate::call::{Key, SHM_HUGETLB, Shmget};
use crate::facts::limits::Bytes;
use crate::facts::mapping::Mappings;
use crate::facts::segment::{self, Segment};
use crate::finding::Report;
use crate::form::Draft;
use crate::observe::tracked;
use crate::past::failures::{self, Failed};
use crate::past::keys;
use crate::plain::Line;
use crate::plain::bits::Octal;
use crate::plain::page::page_size;
use crate::plain::texts::{Texts, texts};
use crate::sys::{self, Errno};
use crate::track::By;
use core::ffi::c_int;
use core::fmt::Write as _;
use mapsan_model::{Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::EINVAL => "the size, or SHM_HUGETLB's page size, is not one that this system takes",
    libc::ENOMEM => "there is no memory for the segment",
    libc::EPERM => "SHM_HUGETLB needs CAP_IPC_LOCK or the group of /proc/sys/vm/hugetlb_shm_group",
    libc::ENFILE => "the system's limit on open files is reached",
    libc::ENOSPC => "as many segments or pages as there may be exist (kernel.shmmni, kernel.shmall)",
};

impl Shmget {
    fn creates(&self) -> bool {
        self.key == libc::IPC_PRIVATE || self.flags & libc::IPC_CREAT != 0
    }

    fn is_exclusive(&self) -> bool {
        let both = libc::IPC_CREAT | libc::IPC_EXCL;
        self.flags & both == both
    }

    fn mode(&self) -> c_int {
        self.flags & 0o777
    }

    /// The mode that was meant, if the flags are what its decimal digits give. All of these numbers hold the bit of
    /// `IPC_CREAT` (01000).
    #[inline]
    fn decimal_mode(&self) -> Option<(c_int, c_int)> {
        match self.flags & (libc::IPC_CREAT | 0o777) {
            666 => Some((666, 0o666)),
            644 => Some((644, 0o644)),
            600 => Some((600, 0o600)),
            660 => Some((660, 0o660)),
            777 => Some((777, 0o777)),
            _ => None,
        }
    }

    /// Whether a call that succeeded may break a rule; `opt_in` if a rule is on that is off by default.
    #[inline]
    pub(crate) fn is_doubtful(&self, opt_in: bool) -> bool {
        self.key == -1 || self.creates() && (self.flags & 0o400 == 0 || opt_in || self.decimal_mode().is_some())
    }

    /// Whether the mode is one that a rule looks at, if the segment is new.
    #[inline]
    fn has_doubtful_mode(&self) -> bool {
        self.mode() & 0o400 == 0 || self.mode() & 0o002 != 0 || self.decimal_mode().is_some()
    }

    /// Whether the segment may be left over from earlier: its key is new here, and it need not be.
    #[inline]
    pub(crate) fn may_be_stale(&self, id: c_int) -> bool {
        self.key != libc::IPC_PRIVATE && !self.is_exclusive() && !keys::led_to(self.key, id)
    }

    /// Whether a call that succeeded has made a new segment, whatever there was.
    #[inline]
    pub(crate) fn surely_creates(&self) -> bool {
        self.key == libc::IPC_PRIVATE || self.is_exclusive()
    }

    /// Whether the call makes, or has made, a new segment.
    fn is_new(&self, report: &Report<'_>) -> bool {
        if !self.creates() {
            return false;
        }
        if self.surely_creates() {
            return true;
        }
        if report.outcome.is_considered() {
            return sys::segments::find_segment(self.key) == Err(libc::ENOENT);
        }
        self.made
    }
}

impl Check for Shmget {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        failures::note(Failed::Shmget, report.return_address, errno);
        if self.key == -1 {
            Self::failed_key(report);
            return;
        }
        let explained = match errno {
            libc::EEXIST => self.exists(report),
            libc::ENOENT => {
                self.missing(report);
                true
            }
            libc::EACCES => {
                self.denied(report);
                true
            }
            libc::EINVAL => self.invalid(report),
            libc::ENOSPC | libc::ENOMEM => self.no_space(errno, report),
            _ => false,
        };
        if !explained {
            unexplained(Rule::ShmgetFailed, errno, MEANINGS, report);
        }
    }

    fn violates(&self, report: &Report<'_>) -> Option<Errno> {
        let key = if self.key == -1 { Self::failed_key(report) } else { None };
        let mode = if self.has_doubtful_mode() && self.is_new(report) { self.mode_offends(report) } else { None };
        key.or(mode)
    }

    fn succeeded(&self, report: &Report<'_>) {
        self.left_by_another(report);
    }
}

impl Shmget {
    fn failed_key(report: &Report<'_>) -> Option<Errno> {
        report.offence(Rule::ShmgetFailedKey, Severity::Error, |draft| {
            draft.message(format_args!("the key is -1, which is what ftok returns when it fails"));
            if failures::last(Failed::Ftok).is_some() {
                note_failure(Failed::Ftok, draft);
            } else {
                draft.note(format_args!("no ftok that failed was seen in this process"));
            }
            draft
                .note(format_args!("shmget takes -1 as a key: every program with the same mistake shares its segment"));
            draft.help(format_args!("compare what ftok returns with -1 before using it, and print errno then"));
        })
    }

    fn existing(&self) -> Option<Segment> {
        if self.key == libc::IPC_PRIVATE { None } else { segment::any_by_key(self.key) }
    }

    fn exists(&self, report: &Report<'_>) -> bool {
        report.finding(Rule::ShmgetExists, Severity::Note, |draft| {
            draft.message(format_args!("a segment with key {} exists already", Key(self.key)));
            if let Some(segment) = self.existing() {
                let own = note_maker(&segment, draft);
                draft.note(format_args!("it is {segment}"));
                if own {
                    draft.help(format_args!("use the id that the earlier shmget gave, or leave IPC_EXCL out"));
                } else {
                    draft.help(format_args!("use it, without IPC_EXCL; {}", Removal(&segment)));
                }
            }
        });
        true
    }

    fn missing(&self, report: &Report<'_>) {
        report.finding(Rule::ShmgetMissing, Severity::Note, |draft| {
            if mixed::tell(self, draft) {
                mixed::note_missing(self, draft);
                return;
            }
            draft.message(format_args!("no segment has key {}, and IPC_CREAT is not given", Key(self.key)));
            mixed::note_size_that_may_be_flags(self, draft);
            match segment::usage() {
                Some(usage) => {
                    draft.note(format_args!(
                        "ipcs -m shows {} segments in this IPC namespace, none with this key",
                        usage.segments
                    ));
                }
                None => draft.note(format_args!("ipcs -m shows none with this key")),
            }
            if !self.tell_attached(draft) {
                let compare = if keys::given(self.key).is_some() { "its ftok path and id" } else { "its key" };
                let make = match (self.size, self.mode()) {
                    (0, _) => "or make it with IPC_CREAT | 0600 and a size",
                    (_, 0) => "or add IPC_CREAT | 0600",
                    _ => "or add IPC_CREAT",
                };
                draft.help(format_args!(
                    "start the program that creates it before this one, compare {compare} there, {make}"
                ));
            }
        });
    }

    /// Tells that this process is still attached to what had the key, or has removed it; whether it is so.
    fn tell_attached(&self, draft: &mut Draft) -> bool {
        let mut had = Line::<32>::new();
        let _ = write!(had, "/SYSV{:08x} (deleted)", self.key);
        let mappings = Mappings::open();
        let mut at = 0;
        while let Some(known) = tracked::at_or_after(at) {
            at = known.entry.end;
            let there = mappings.as_ref().filter(|_| known.origin.by == By::Shmat);
            let Some(there) = there.and_then(|list| list.at(known.entry.start)) else { continue };
            let Ok(id) = c_int::try_from(there.inode) else { continue };
            if there.name() != had.as_bytes() {
                continue;
            }
            draft.note(format_args!(
                "this process is still attached, at {:#x}, to segment {id}, which had the key until it was removed",
                there.start
            ));
            match tracked::segment(id).and_then(|segment| segment.removed_at()) {
                Some(site) => draft.related("shmctl", site, format_args!("segment {id} was removed here")),
                None => draft.note(format_args!("another process has removed it, or a call that was not seen")),
            }
            draft.help(format_args!(
                "remove a segment (IPC_RMID) when every process that needs it has attached it: its key is free from \
                 then on"
            ));
            return true;
        }
        let Some(site) = tracked::segment_removed_with_key(self.key) else { return false };
        draft.related("shmctl", site, format_args!("the segment with this key was removed here"));
        draft.help(format_args!("look it up before it is removed, or make a new one with IPC_CREAT | 0600"));
        true
    }

    fn denied(&self, report: &Report<'_>) {
        report.finding(Rule::ShmgetDenied, Severity::Note, |draft| {
            if mixed::tell(self, draft) {
                let mode = Octal(self.mode());
                draft.note(format_args!("so the rights of mode {mode} are asked for, and the segment refuses them"));
                return;
            }
            // The kernel looks at what is asked of owner, group and others together.
            let bits = (self.mode() >> 6 | self.mode() >> 3 | self.mode()) & 7;
            let Some(segment) = self.existing() else {
                draft.message(format_args!(
                    "the segment with key {} may not be used as the flags ask ({})",
                    Key(self.key),
                    Octal(self.mode())
                ));
                match sys::segments::find_segment(self.key) {
                    Ok(id) => note_hidden(id, draft),
                    Err(_) => draft.note(format_args!("ipcs -m lists it with its owner and mode")),
                }
                return;
            };
            let refused = !is_allowed(&segment, bits);
            if refused {
                draft.message(format_args!(
                    "the mode of the segment with key {} ({}) refuses what the flags ask for ({})",
                    Key(self.key),
                    Octal(segment.mode),
                    Octal(self.mode())
                ));
            } else {
                draft.message(format_args!(
                    "the segment with key {} may not be used as the flags ask ({})",
                    Key(self.key),
                    Octal(self.mode())
                ));
            }
            note_permissions(&segment, draft);
            if !refused {
                note_other_refusal(draft);
            } else if bits != 4 && segment::by_id(segment.id).is_ok() {
                // IPC_STAT needs the permission to read, too.
                draft.help(format_args!("ask for 0400, and attach it with SHM_RDONLY, which its mode allows"));
            } else {
                help_with_permission(&segment, draft);
            }
        });
    }

    /// EINVAL: the size of what exists, or of what is to be made.
    fn invalid(&self, report: &Report<'_>) -> bool {
        let most = segment::limits().map_or(u64::MAX, |limits| limits.max_size);
        if let Some(segment) = self.existing() {
            if segment.size >= self.size {
                return false;
            }
            report.finding(Rule::ShmgetSizeMismatch, Severity::Warning, |draft| {
                if mixed::tell(self, draft) {
                    note_maker(&segment, draft);
                    return draft.note(format_args!(
                        "so {} bytes are asked for, and the segment with key {} has {}",
                        self.size,
                        Key(self.key),
                        segment.size
                    ));
                }
                draft.message(format_args!(
                    "the segment with key {} has {} bytes, and {} are asked for",
                    Key(self.key),
                    segment.size,
                    self.size
                ));
                let own = note_maker(&segment, draft);
                draft.note(format_args!("it is {segment}"));
                draft.note(format_args!("the size of a segment never changes"));
                if own {
                    draft.help(format_args!("make it with the size that is needed, or ask for no more than it has"));
                } else {
                    draft.help(format_args!(
                        "ask for no more than it has, or choose another key; {}",
                        Removal(&segment)
                    ));
                }
            });
        } else if self.size == 0 {
            report.finding(Rule::ShmgetZeroSize, Severity::Error, |draft| {
                draft.message(format_args!("a new segment of size 0; a segment has at least one byte"));
                draft.note(format_args!("size 0 is right only for a segment that exists"));
                draft.help(format_args!("pass the number of bytes that the segment is to have"));
            });
        } else if self.size as u64 > most {
            self.over_shmmax(most, report);
        } else {
            return self.unknown_page_size(report);
        }
        true
    }

    fn no_space(&self, errno: Errno, report: &Report<'_>) -> bool {
        if errno == libc::ENOMEM {
            if self.flags & SHM_HUGETLB != 0 {
                self.no_huge_pages(report);
            } else {
                self.no_memory(report);
            }
            return true;
        }
        let (Some(limits), Some(usage)) = (segment::limits(), segment::usage()) else {
            return false;
        };
        let page = page_size() as u64;
        let wanted = (self.size as u64).div_ceil(page);
        let pages_left = limits.max_pages.saturating_sub(usage.pages);
        let full = u64::try_from(usage.segments).is_ok_and(|segments| segments >= limits.max_segments);
        if wanted > pages_left {
            report.finding(Rule::ShmgetSizeLimit, Severity::Note, |draft| {
                draft.message(format_args!(
                    "a segment of {} would exceed kernel.shmall: {}, of which {} are in use",
                    Bytes(self.size as u64),
                    Bytes(limits.max_pages.saturating_mul(page)),
                    Bytes(usage.pages.saturating_mul(page))
                ));
                draft.help(format_args!(
                    "ask for less, remove segments that nobody uses (ipcs -m), or raise sysctl kernel.shmall, in pages"
                ));
            });
        } else if full {
            report.finding(Rule::ShmgetSegmentLimit, Severity::Note, |draft| {
                let (mut idle, mut own) = (0_u32, 0_u32);
                segment::find(|segment| {
                    idle = idle.wrapping_add(u32::from(segment.attached == 0));
                    own = own.wrapping_add(u32::from(segment.creator_pid == sys::getpid()));
                    false
                });
                draft.message(format_args!(
                    "the IPC namespace has as many segments as it may (SHMMNI, {})",
                    limits.max_segments
                ));
                draft.note(format_args!("{} exist, {idle} of them with no process attached", usage.segments));
                if own > 0 {
                    draft.note(format_args!("{own} of them were made by this process"));
                }
                draft.help(format_args!(
                    "remove each segment when its last user ends (shmctl IPC_RMID; ipcs -m -p lists them), or raise \
                     kernel.shmmni"
                ));
            });
        } else {
            return false;
        }
        true
    }

    // ---- new segments ----

    /// Whether it may only have tried whether a key is free: the segment is told of when it is still there at exit.
    pub(super) fn tries_key(&self) -> bool {
        self.key != libc::IPC_PRIVATE && self.flags & libc::IPC_EXCL != 0 && self.mode() == 0
    }

    fn mode_offends(&self, report: &Report<'_>) -> Option<Errno> {
        if let Some((decimal, meant)) = self.decimal_mode() {
            return report.offence(Rule::ShmgetDecimalMode, Severity::Warning, |draft| {
                draft.message(format_args!(
                    "the mode is written in decimal: {decimal} is mode {} and the bit of IPC_CREAT",
                    Octal(self.mode())
                ));
                draft.help(format_args!("write {}: the leading 0 makes it octal", Octal(meant)));
            });
        }
        let readable = if self.mode() & 0o400 == 0 && !self.tries_key() {
            report.offence(Rule::ShmgetNoPermissions, Severity::Warning, |draft| {
                if mixed::tell(self, draft) {
                    draft.note(format_args!(
                        "so the new segment has {} bytes, and mode {}: its owner can't read it",
                        self.size,
                        Octal(self.mode())
                    ));
                    return;
                }
                tell_no_permissions(self.mode(), draft);
            })
        } else {
            None
        };
        let closed = if self.mode() & 0o002 == 0 {
            None
        } else {
            report.offence(Rule::ShmgetWorldWritable, Severity::Warning, |draft| {
                draft.message(format_args!(
                    "the new segment has mode {}: every user may write to it",
                    Octal(self.mode())
                ));
                draft.help(format_args!("pass 0600, or 0660 for a group"));
            })
        };
        readable.or(closed)
    }
}

/// Tells of a new segment that its owner can't attach.
pub(super) fn tell_no_permissions(mode: c_int, draft: &mut Draft) {
    let who = if mode & 0o044 == 0 { "nobody without privileges can attach it" } else { "its owner can't attach it" };
    draft.message(format_args!(
        "the new segment has mode {}, which gives its owner no read permission: {who}",
        Octal(mode)
    ));
    draft.help(format_args!("add | 0600 to the flags"));
}

/// Tells where this process has made a segment; whether it has.
fn note_maker(segment: &Segment, draft: &mut Draft) -> bool {
    let made = tracked::segment(segment.id).filter(|made| made.is_created() && segment.creator_pid == sys::getpid());
    if let Some(site) = made.and_then(|made| made.met_at()) {
        draft.related("shmget", site, format_args!("this process made it here"));
    }
    made.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_modes_are_told_from_octal_ones() {
        let of = |flags| Shmget { key: 1, size: 1, flags, made: false }.decimal_mode().map(|(_, meant)| meant);
        for (decimal, meant) in [(666, 0o666), (644, 0o644), (600, 0o600), (660, 0o660), (777, 0o777)] {
            assert_eq!(of(decimal), Some(meant));
            assert_eq!(of(libc::IPC_CREAT | decimal), Some(meant));
            assert_eq!(of(libc::IPC_CREAT | libc::IPC_EXCL | decimal), Some(meant));
            assert_eq!(of(libc::IPC_CREAT | meant), None);
        }
        assert_eq!(of(libc::IPC_CREAT), None);
    }
}
