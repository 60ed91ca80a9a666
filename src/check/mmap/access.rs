//! What the descriptor refers to, how it was opened, and what its mount, its seals and the sandbox forbid.

use crate::call::Mmap;
use crate::check::{IfSome, filter_refuses, note_unseen_filter, tell_filter};
use crate::facts::descriptor::{self, File, FileKind, Filesystem, KernelObject, Seals, WRITE_SEALS};
use crate::facts::{Path, limits};
use crate::finding::Report;
use crate::form::Draft;
use crate::plain::escape::Quoted;
use crate::sys::{Errno, access};
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

impl Mmap {
    /// EACCES, ENODEV and the like: what the descriptor refers to, then how it was opened.
    pub(super) fn not_accessible(&self, errno: Errno, report: &Report<'_>) -> bool {
        if self.is_anonymous() {
            return self.exec_is_denied(errno, report);
        }
        let Ok(file) = descriptor::file(self.fd) else {
            return false;
        };
        // The kind comes first, since no mode makes a pipe mappable.
        if is_never_mappable(self.fd, &file) {
            self.not_mappable(&file, report);
            return true;
        }
        let mode = descriptor::flags(self.fd).map(|flags| flags & libc::O_ACCMODE);
        match (errno, mode) {
            (libc::EACCES, Ok(libc::O_WRONLY)) => self.not_readable(report),
            (libc::EACCES, Ok(libc::O_RDONLY)) if self.is_shared_writable() => self.not_writable(report),
            (libc::EACCES, _) => return self.exec_is_denied(errno, report),
            (libc::ENODEV, _) => self.not_mappable(&file, report),
            // Files of procfs say so; of others it is an error of the device or its driver.
            _ if matches!(descriptor::filesystem(self.fd), Filesystem::Kernel(_)) => self.not_mappable(&file, report),
            _ => return false,
        }
        true
    }

    fn not_mappable(&self, file: &File, report: &Report<'_>) {
        report.finding(Rule::MmapNotMappable, Severity::Warning, |draft| {
            if self.tell_swapped_and_refused(draft) {
                return;
            }
            let path = Path::of_descriptor(self.fd);
            let path = IfSome(path.as_ref().map(Aside));
            let (fd, kind) = (self.fd, file.kind);
            let object = KernelObject::of(fd);
            match (descriptor::filesystem(fd), object) {
                (Filesystem::Kernel(name), _) if kind == FileKind::Regular => {
                    draft.message(format_args!("descriptor {fd} is {kind} of {name}{path}, which has no mmap"));
                }
                (_, Some(object)) => {
                    draft.message(format_args!("descriptor {fd} is {object}, which can't be mapped"));
                }
                _ if kind == FileKind::CharacterDevice && crate::sys::channels::is_terminal(fd) => {
                    draft.message(format_args!("descriptor {fd} is a terminal{path}, which can't be mapped"));
                }
                _ if kind == FileKind::Regular => {
                    let what = if self.is_shared() { "shared mappings of it" } else { "its mapping" };
                    draft.message(format_args!(
                        "descriptor {fd} is {kind}{path} on a filesystem that does not support {what}"
                    ));
                }
                _ => draft.message(format_args!("descriptor {fd} is {kind}{path}, which can't be mapped")),
            }
            self.note_no_sharing(draft);
            help_instead(self, kind, object, draft);
        });
    }

    fn not_readable(&self, report: &Report<'_>) {
        report.finding(Rule::MmapFdNotReadable, Severity::Warning, |draft| {
            if self.tell_swapped_and_refused(draft) {
                return;
            }
            draft.message(format_args!(
                "descriptor {} was opened with O_WRONLY, and every file mapping reads, whatever its protection",
                self.fd
            ));
            draft.help(format_args!("open the file with O_RDWR"));
        });
    }

    fn not_writable(&self, report: &Report<'_>) {
        report.finding(Rule::MmapFdNotWritable, Severity::Warning, |draft| {
            if self.tell_swapped_and_refused(draft) {
                return;
            }
            draft.message(format_args!(
                "descriptor {} was opened with O_RDONLY, and MAP_SHARED with PROT_WRITE writes to the file",
                self.fd
            ));
            if self.note_maybe_swapped(draft) {
                draft.help(format_args!(
                    "to read the file, pass the protection first: mmap(address, length, PROT_READ, MAP_PRIVATE, ...); \
                     to write to it, open it with O_RDWR"
                ));
                return;
            }
            draft.help(format_args!(
                "open the file with O_RDWR, or map with MAP_PRIVATE if the changes need not reach the file"
            ));
        });
    }

    /// EPERM, in the kernel's order.
    pub(super) fn not_permitted(&self, report: &Report<'_>) -> bool {
        let lowest = limits::lowest_address();
        if self.wants_address() && lowest.is_some_and(|lowest| (self.address as u64) < lowest) {
            return false;
        }
        let executes = self.prot & libc::PROT_EXEC != 0;
        if self.flags & libc::MAP_LOCKED != 0 && limits::soft(libc::RLIMIT_MEMLOCK) == Some(0) {
            self.lock_limit(report);
        } else if !self.is_anonymous() && executes && descriptor::is_noexec(self.fd) {
            self.exec_on_noexec_mount(report);
        } else if let Some(seals) = self.write_seals() {
            Self::sealed(seals, report);
        } else {
            return self.exec_is_denied(libc::EPERM, report);
        }
        true
    }

    /// The seals that forbid this mapping.
    fn write_seals(&self) -> Option<c_int> {
        let concerns = !self.is_anonymous() && self.is_shared_writable();
        concerns.then(|| descriptor::seals(self.fd))?.filter(|seals| seals & WRITE_SEALS != 0)
    }

    fn sealed(seals: c_int, report: &Report<'_>) {
        report.finding(Rule::MmapSealed, Severity::Warning, |draft| {
            draft.message(format_args!(
                "the memfd is sealed against writing ({}), and MAP_SHARED with PROT_WRITE writes to it",
                Seals(seals)
            ));
            draft.help(format_args!("map it with MAP_PRIVATE"));
        });
    }

    fn exec_on_noexec_mount(&self, report: &Report<'_>) {
        report.finding(Rule::MmapExecDenied, Severity::Note, |draft| {
            let mount = descriptor::file(self.fd).map_or(0, |file| file.mount);
            let told = limits::with_mount_point(mount, |point| {
                draft.message(format_args!(
                    "PROT_EXEC is refused: the file lies on {}, which is mounted noexec",
                    Quoted(point)
                ));
            });
            if told.is_none() {
                draft.message(format_args!("PROT_EXEC is refused: the file lies on a mount with noexec"));
            }
            draft.help(format_args!("use a file on a mount without noexec (see findmnt), or map without PROT_EXEC"));
        });
    }

    /// Whether `PROT_EXEC` is what was refused, by something other than the mount.
    fn exec_is_denied(&self, errno: Errno, report: &Report<'_>) -> bool {
        const BOTH: c_int = libc::PROT_WRITE | libc::PROT_EXEC;
        if self.prot & libc::PROT_EXEC == 0 {
            return false;
        }
        let both = self.prot & BOTH == BOTH;
        let objects = || KernelObject::of(self.fd).is_some_and(KernelObject::has_mmap);
        if !self.is_anonymous() && objects() {
            return false;
        }
        self.exec_denied(report, |draft| {
            if errno == libc::EACCES && both && access::denies_write_execute() {
                draft.message(format_args!(
                    "PROT_WRITE|PROT_EXEC is refused: PR_SET_MDWE of this process forbids memory that is both"
                ));
                return;
            }
            let what = if both { "PROT_WRITE|PROT_EXEC" } else { "PROT_EXEC" };
            draft.message(format_args!("{what} is refused, by a seccomp filter or a security module"));
            if !note_unseen_filter(draft) {
                draft.note(format_args!(
                    "no mount with noexec and no PR_SET_MDWE explains it; SELinux and the like can"
                ));
            }
        });
        true
    }

    /// A filter of the program's own answers this call.
    pub(super) fn refused_by_filter(&self, errno: Errno, report: &Report<'_>) -> bool {
        let [prot, flags, fd] = [self.prot, self.flags, self.fd].map(crate::sys::int);
        let offset = usize::try_from(self.offset.cast_unsigned()).unwrap_or(0);
        if !filter_refuses(errno, libc::SYS_mmap, [self.address, self.length, prot, flags, fd, offset]) {
            return false;
        }
        if self.prot & libc::PROT_EXEC != 0 {
            self.exec_denied(report, |draft| {
                let what = if self.prot & libc::PROT_WRITE == 0 { "PROT_EXEC" } else { "PROT_WRITE|PROT_EXEC" };
                draft.message(format_args!("{what} is refused by a seccomp filter that this process has installed"));
            });
        } else {
            tell_filter(Rule::MmapFailed, report);
        }
        true
    }

    fn exec_denied(&self, report: &Report<'_>, mut say: impl FnMut(&mut Draft)) {
        report.finding(Rule::MmapExecDenied, Severity::Note, |draft| {
            say(draft);
            if self.prot & libc::PROT_WRITE == 0 {
                draft.help(format_args!("map without PROT_EXEC, or run without this restriction"));
            } else {
                draft.help(format_args!(
                    "map twice, once writable and once executable (a memfd with two shared mappings), or run without \
                     this restriction"
                ));
            }
        });
    }
}

/// Whether no mapping of such a descriptor ever succeeds.
fn is_never_mappable(fd: c_int, file: &File) -> bool {
    match file.kind {
        FileKind::Directory | FileKind::Pipe => true,
        FileKind::Anonymous => KernelObject::of(fd).is_some_and(|object| !object.has_mmap()),
        // /dev/null, /dev/full, /dev/random, /dev/urandom.
        FileKind::CharacterDevice => matches!(file.device, (1, 3 | 7..=9)) || crate::sys::channels::is_terminal(fd),
        // Packet sockets have rings that can be mapped.
        FileKind::Socket | FileKind::Regular | FileKind::BlockDevice => false,
    }
}

/// What to do with a descriptor of this kind in place of mapping it.
fn help_instead(call: &Mmap, kind: FileKind, object: Option<KernelObject>, draft: &mut Draft) {
    match (kind, object) {
        (_, Some(KernelObject::Epoll)) => draft.help(format_args!("wait on it with epoll_wait")),
        (_, Some(KernelObject::Event)) => draft.help(format_args!("read its counter with read(2), 8 bytes")),
        (_, Some(KernelObject::Timer)) => draft.help(format_args!("read the expirations with read(2), 8 bytes")),
        (_, Some(KernelObject::Signals)) => {
            draft.help(format_args!("read the signals with read(2), as struct signalfd_siginfo"));
        }
        (_, Some(KernelObject::Inotify | KernelObject::Fanotify | KernelObject::Userfaultfd)) => {
            draft.help(format_args!("read its events with read(2)"));
        }
        (_, Some(KernelObject::Process)) => {
            draft.help(format_args!("wait for the process with waitid(P_PIDFD, ...), or with poll"));
        }
        (FileKind::Directory, _) => {
            draft.help(format_args!("list it with fdopendir and readdir; to map a file, open the file"));
        }
        (FileKind::Socket, _) if descriptor::listens(call.fd) => {
            draft.help(format_args!("accept connections on it with accept"));
        }
        (FileKind::Socket, _) => draft.help(format_args!("receive from it with recv, and send with send")),
        (FileKind::CharacterDevice, _) => {
            draft.help(format_args!("use it as its driver says; most devices are read and written"));
        }
        (FileKind::Regular, _) if call.is_shared() && descriptor::filesystem(call.fd) == Filesystem::Other => {
            draft.help(format_args!(
                "map it with MAP_PRIVATE, or read and write it; or use a copy on another filesystem"
            ));
        }
        _ => draft.help(format_args!("read it with read(2) into a buffer")),
    }
}

/// Shows a path behind what it belongs to.
struct Aside<'a>(&'a Path);

impl core::fmt::Display for Aside<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, ", {}", self.0)
    }
}
