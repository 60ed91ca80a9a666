//! What the descriptor refers to, how it was opened, and what its mount and its seals forbid.

use crate::call::{Mmap, Quoted};
use crate::check::IfSome;
use crate::facts::descriptor::{self, Filesystem, Kind, Seals, WRITE_SEALS};
use crate::facts::{Path, limits};
use crate::report::Report;
use crate::sys::Errno;
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

impl Mmap {
    /// EACCES, ENODEV and the like: what the descriptor refers to, then how it was opened.
    pub(super) fn not_accessible(&self, errno: Errno, report: &Report<'_>) -> bool {
        let Ok(file) = descriptor::file(self.fd) else {
            return false;
        };
        let flags = descriptor::flags(self.fd).unwrap_or(libc::O_RDWR);
        let mode = flags & libc::O_ACCMODE;
        if matches!(file.kind, Kind::Directory | Kind::Pipe | Kind::Socket | Kind::Anonymous) {
            self.not_mappable(file.kind, report);
        } else if errno == libc::EACCES && mode == libc::O_WRONLY && file.kind == Kind::Regular {
            self.not_readable(report);
        } else if errno == libc::EACCES
            && mode == libc::O_RDONLY
            && self.is_shared_writable()
            && file.kind == Kind::Regular
        {
            self.not_writable(report);
        } else if matches!(errno, libc::ENODEV | libc::EIO | libc::ENXIO) || file.kind == Kind::CharacterDevice {
            // A device that can be mapped (/dev/zero, /dev/mem) refuses by mode like a file.
            match (errno, mode) {
                (libc::EACCES, libc::O_WRONLY) if is_mappable_device(self.fd) => self.not_readable(report),
                (libc::EACCES, libc::O_RDONLY) if is_mappable_device(self.fd) => self.not_writable(report),
                _ => self.not_mappable(file.kind, report),
            }
        } else if self.prot & libc::PROT_EXEC != 0 {
            Self::exec_denied(file.mount, report);
        } else {
            return false;
        }
        true
    }

    fn not_mappable(&self, kind: Kind, report: &Report<'_>) {
        report.finding(Rule::MmapNotMappable, Severity::Warning, |draft| {
            let path = Path::of_descriptor(self.fd);
            let path = IfSome(path.as_ref().map(Aside));
            match descriptor::filesystem(self.fd) {
                Filesystem::Kernel(name) => {
                    draft.message(format_args!("descriptor {} is {kind} of {name}{path}, which has no mmap", self.fd));
                }
                _ if kind == Kind::CharacterDevice && crate::sys::is_terminal(self.fd) => {
                    draft.message(format_args!("descriptor {} is a terminal{path}, which has no mmap", self.fd));
                }
                _ => draft.message(format_args!("descriptor {} is {kind}{path}, which has no mmap", self.fd)),
            }
            self.tell_no_sharing(draft);
            draft.help(format_args!("read it with read(2), into memory mapped with MAP_ANONYMOUS if need be"));
        });
    }

    fn not_readable(&self, report: &Report<'_>) {
        report.finding(Rule::MmapFdNotReadable, Severity::Warning, |draft| {
            draft.message(format_args!(
                "descriptor {} is open O_WRONLY, and every file mapping reads, whatever its protection",
                self.fd
            ));
            draft.help(format_args!("open the file with O_RDWR"));
        });
    }

    fn not_writable(&self, report: &Report<'_>) {
        report.finding(Rule::MmapFdNotWritable, Severity::Warning, |draft| {
            draft.message(format_args!(
                "descriptor {} is open O_RDONLY, and MAP_SHARED with PROT_WRITE writes to the file",
                self.fd
            ));
            draft.help(format_args!(
                "open the file with O_RDWR, or map with MAP_PRIVATE if the changes need not reach the file"
            ));
        });
    }

    fn exec_denied(mount: u64, report: &Report<'_>) {
        report.finding(Rule::MmapExecDenied, Severity::Note, |draft| {
            draft.message(format_args!("PROT_EXEC is refused for this file by its mount or by policy"));
            let told = limits::with_mount_point(mount, |point| {
                draft.note(format_args!("it lies on the mount {}", Quoted(point)));
            });
            if told.is_none() {
                draft.note(format_args!("its mount can't be found in /proc/self/mountinfo"));
            }
            draft.help(format_args!("map it from a mount without noexec (see findmnt), or without PROT_EXEC"));
        });
    }

    /// EPERM: a noexec mount comes before seals in the kernel; locked memory needs a privilege or a limit.
    pub(super) fn not_permitted(&self, report: &Report<'_>) -> bool {
        let seals = if self.is_anonymous() { None } else { descriptor::seals(self.fd) };
        match seals.filter(|seals| seals & WRITE_SEALS != 0) {
            Some(seals) if self.is_shared_writable() => {
                report.finding(Rule::MmapSealed, Severity::Warning, |draft| {
                    draft.message(format_args!(
                        "the memfd is sealed against writing ({}), and MAP_SHARED with PROT_WRITE writes to it",
                        Seals(seals)
                    ));
                    draft.help(format_args!("map it with PROT_READ alone, or with MAP_PRIVATE"));
                });
            }
            _ if !self.is_anonymous() && self.prot & libc::PROT_EXEC != 0 => {
                Self::exec_denied(descriptor::file(self.fd).map_or(0, |file| file.mount), report);
            }
            _ if self.is_huge() => self.huge_pages(report),
            _ if self.flags & libc::MAP_LOCKED != 0 => self.lock_limit(report),
            _ => return false,
        }
        true
    }
}

/// Shows a path behind what it belongs to.
struct Aside<'a>(&'a Path);

impl core::fmt::Display for Aside<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, ", {}", self.0)
    }
}

/// Whether a character device is one of those that have mmap: `/dev/mem`, `/dev/zero` (major 1, minors 1 and 5).
fn is_mappable_device(fd: c_int) -> bool {
    crate::sys::statx_fd(fd).is_ok_and(|device| device.stx_rdev_major == 1 && matches!(device.stx_rdev_minor, 1 | 5))
}
