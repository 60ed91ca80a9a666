//! shmget(2).
//!
//! The kernel (`ipcget`, `newseg` of ipc/, Linux 6.18) looks for the key first: EEXIST, then the size (EINVAL), then
//! the mode bits (EACCES) of what exists; ENOENT without `IPC_CREAT`; for a new segment the size against SHMMAX
//! (EINVAL), SHMALL (ENOSPC), memory, and the number of segments (ENOSPC).

use super::segment::{tell_hidden, tell_permissions};
use super::{Check, tell_failure, unexplained};
use crate::call::{Call, Key, Octal, SHM_HUGETLB, Shmget};
use crate::facts::limits::{self, Bytes};
use crate::facts::page_size;
use crate::facts::segment::{self, Segment};
use crate::report::Report;
use crate::sys::{self, Errno};
use crate::track::failures::{self, Failed};
use crate::track::keys;
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

const MEANINGS: &[(Errno, &str)] = &[
    (libc::EINVAL, "the size or SHM_HUGETLB's page size is not one that this system takes"),
    (libc::ENOMEM, "no memory for the segment; with SHM_HUGETLB, too few huge pages"),
    (libc::EPERM, "SHM_HUGETLB needs CAP_IPC_LOCK or the group of /proc/sys/vm/hugetlb_shm_group"),
    (libc::ENFILE, "the system's limit on open files is reached"),
    (libc::ENOSPC, "as many segments or pages as there may be exist (kernel.shmmni, kernel.shmall)"),
];

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
        if report.refusing {
            return sys::segments::find_segment(self.key) == Err(libc::ENOENT);
        }
        self.made
    }
}

impl Check for Shmget {
    fn as_call(&self) -> &dyn Call {
        self
    }

    fn failed(&self, errno: Errno, report: &Report<'_>) {
        failures::note(Failed::Shmget, report.caller, errno);
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

    fn offends(&self, report: &Report<'_>) -> Option<Errno> {
        let key = if self.key == -1 { Self::failed_key(report) } else { None };
        let mode = if self.has_doubtful_mode() && self.is_new(report) { self.mode_offends(report) } else { None };
        key.or(mode)
    }

    fn passed(&self, report: &Report<'_>) {
        if self.key == libc::IPC_PRIVATE || self.is_exclusive() {
            return;
        }
        let Ok(id) = c_int::try_from(report.outcome.value) else {
            return;
        };
        let Some(segment) = segment::any_by_id(id) else { return };
        if segment.attached != 0 || segment.creator_pid == sys::getpid() || !segment.creator_is_gone() {
            return;
        }
        report.finding(Rule::ShmgetStaleSegment, Severity::Note, |draft| {
            draft.message(format_args!(
                "the segment existed: pid {}, which made it, is gone, and nobody is attached; its bytes are old",
                segment.creator_pid
            ));
            draft.note(format_args!("it is {segment}"));
            let age = sys::realtime().tv_sec.wrapping_sub(segment.change_time);
            draft.note(format_args!("its last change (creation, IPC_SET) was {age} seconds ago"));
            draft.help(format_args!(
                "initialise it again, or remove it when the program ends (shmctl IPC_RMID); by hand: ipcrm -m {id}"
            ));
        });
    }
}

impl Shmget {
    fn failed_key(report: &Report<'_>) -> Option<Errno> {
        report.offence(Rule::ShmgetFailedKey, Severity::Error, |draft| {
            draft.message(format_args!("the key is -1, which is ftok's failure, and nobody looked"));
            tell_failure(Failed::Ftok, draft);
            draft.note(format_args!("every program with the same mistake shares the segment of key -1"));
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
                draft.note(format_args!("it is {segment}"));
                draft.help(format_args!(
                    "use it without IPC_EXCL, or remove it if it is left over: ipcrm -m {}",
                    segment.id
                ));
            }
        });
        true
    }

    fn missing(&self, report: &Report<'_>) {
        report.finding(Rule::ShmgetMissing, Severity::Note, |draft| {
            draft.message(format_args!("no segment has key {}, and IPC_CREAT is not given", Key(self.key)));
            match segment::usage() {
                Some(usage) => draft.note(format_args!(
                    "ipcs -m shows {} segments in this IPC namespace, none with this key",
                    usage.segments
                )),
                None => draft.note(format_args!("ipcs -m shows none with this key")),
            }
            draft.help(format_args!(
                "start the program that creates it first, compare its ftok path and id, or add IPC_CREAT | 0600"
            ));
        });
    }

    fn denied(&self, report: &Report<'_>) {
        report.finding(Rule::ShmgetDenied, Severity::Note, |draft| {
            draft.message(format_args!(
                "the mode bits of the segment with key {} refuse what the flags ask for ({})",
                Key(self.key),
                Octal(self.mode())
            ));
            match self.existing() {
                Some(segment) => tell_permissions(&segment, draft),
                None => match sys::segments::find_segment(self.key) {
                    Ok(id) => tell_hidden(id, draft),
                    Err(_) => draft.note(format_args!("ipcs -m lists it with its owner and mode")),
                },
            }
            draft.help(format_args!(
                "ask for no more than is needed (0400 to read); or let the owner change its mode with shmctl IPC_SET"
            ));
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
                draft.message(format_args!(
                    "the segment with key {} has {} bytes, and {} are asked for",
                    Key(self.key),
                    segment.size,
                    self.size
                ));
                draft.note(format_args!("it is {segment}"));
                draft.help(format_args!(
                    "if it is left over from an earlier version, remove it: ipcrm -m {}",
                    segment.id
                ));
            });
        } else if self.size == 0 {
            report.finding(Rule::ShmgetZeroSize, Severity::Error, |draft| {
                draft.message(format_args!("a new segment of size 0; a segment has at least one byte"));
                draft.note(format_args!("size 0 is right only for a segment that exists"));
                draft.help(format_args!("pass the number of bytes that the segment is to have"));
            });
        } else if self.size as u64 > most {
            self.size_limit(report);
        } else {
            return false;
        }
        true
    }

    fn no_space(&self, errno: Errno, report: &Report<'_>) -> bool {
        if self.flags & SHM_HUGETLB != 0 && errno == libc::ENOMEM {
            return false;
        }
        let (Some(limits), Some(usage)) = (segment::limits(), segment::usage()) else {
            return false;
        };
        let wanted = (self.size as u64).div_ceil(page_size() as u64);
        let pages_left = limits.max_pages.saturating_sub(usage.pages);
        let full = u64::try_from(usage.segments).is_ok_and(|segments| segments >= limits.max_segments);
        if errno == libc::ENOSPC && full && wanted <= pages_left {
            report.finding(Rule::ShmgetSegmentLimit, Severity::Note, |draft| {
                let mut idle = 0_u32;
                segment::find(|segment| {
                    idle = idle.wrapping_add(u32::from(segment.attached == 0));
                    false
                });
                draft.message(format_args!(
                    "the IPC namespace has as many segments as it may (SHMMNI, {})",
                    limits.max_segments
                ));
                draft.note(format_args!("{} exist, {idle} of them with no process attached", usage.segments));
                draft.help(format_args!(
                    "remove those that are left over (ipcs -m -p, ipcrm -m ID), or raise kernel.shmmni"
                ));
            });
        } else {
            self.size_limit(report);
        }
        true
    }

    fn size_limit(&self, report: &Report<'_>) {
        report.finding(Rule::ShmgetSizeLimit, Severity::Note, |draft| {
            draft.message(format_args!(
                "no new segment of {} bytes{} can be made",
                self.size,
                super::memory::signed(self.size)
            ));
            let wanted = self.size as u64;
            if let (Some(limits), Some(usage)) = (segment::limits(), segment::usage()) {
                let page = page_size() as u64;
                if wanted > limits.max_size {
                    draft.note(format_args!("kernel.shmmax allows {} bytes for a segment", limits.max_size));
                } else if wanted.div_ceil(page).saturating_add(usage.pages) > limits.max_pages {
                    draft.note(format_args!(
                        "kernel.shmall allows {} pages of {page} bytes, and {} are in use",
                        limits.max_pages, usage.pages
                    ));
                } else if let Some(total) = limits::total_memory() {
                    draft.note(format_args!("RAM and swap together have {}", Bytes(total)));
                }
            }
            draft.help(format_args!("ask for less, raise the limit with sysctl, or pass SHM_NORESERVE for sparse use"));
        });
    }

    // ---- new segments ----

    fn mode_offends(&self, report: &Report<'_>) -> Option<Errno> {
        if let Some((decimal, meant)) = self.decimal_mode() {
            return report.offence(Rule::ShmgetDecimalMode, Severity::Warning, |draft| {
                draft.message(format_args!(
                    "the mode was written in decimal: {decimal} is mode {} and the bit of IPC_CREAT",
                    Octal(self.mode())
                ));
                draft.help(format_args!("write {}, in octal", Octal(meant)));
            });
        }
        let readable = if self.mode() & 0o400 == 0 {
            report.offence(Rule::ShmgetNoPermissions, Severity::Warning, |draft| {
                draft.message(format_args!(
                    "the new segment has mode {}, which gives its owner no read: only root can attach it",
                    Octal(self.mode())
                ));
                draft.help(format_args!("add | 0600 to the flags"));
            })
        } else {
            None
        };
        let closed = if self.mode() & 0o002 == 0 {
            None
        } else {
            report.offence(Rule::ShmgetWorldWritable, Severity::Warning, |draft| {
                draft.message(format_args!("the new segment has mode {}: everybody may write it", Octal(self.mode())));
                draft.help(format_args!("pass 0600, or 0660 for a group"));
            })
        };
        readable.or(closed)
    }
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
