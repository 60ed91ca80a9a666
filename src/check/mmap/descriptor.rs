//! EBADF: a descriptor that is not open, and where a -1 in its place comes from.

use crate::call::Mmap;
use crate::check::IfSome;
use crate::facts::reach::{self, End, Permissions};
use crate::facts::{Path, descriptor, limits};
use crate::finding::Report;
use crate::form::Draft;
use crate::past::openings::{self, Opener, Opening};
use crate::plain::bits::Octal;
use crate::plain::errno::{self, ErrnoName};
use crate::plain::escape::Quoted;
use crate::plain::shm::{self, Named};
use crate::sys;
use core::fmt;
use mapsan_model::{Rule, Severity};

impl Mmap {
    pub(super) fn bad_descriptor(&self, report: &Report<'_>) {
        report.finding(Rule::MmapBadFd, Severity::Error, |draft| {
            // What was meant to be anonymous needs no descriptor.
            if self.prot & libc::MAP_ANONYMOUS != 0 && self.tell_swapped(draft) {
                return;
            }
            match self.fd {
                -1 => tell_minus_one(draft),
                ..-1 => self.tell_negative(draft),
                _ => self.tell_not_open(draft),
            }
            if self.length == 0 {
                draft.note(format_args!("the length is 0, which is not allowed either"));
            }
            self.note_no_sharing(draft);
            self.note_swapped(draft);
        });
    }

    fn tell_negative(&self, draft: &mut Draft) {
        draft.message(format_args!("descriptor {} is negative: it is none", self.fd));
        if let Some(name) = errno::name(self.fd.wrapping_neg()) {
            draft.note(format_args!("{} is -{name}, as calls that return a negative errno give it", self.fd));
        }
        draft.help(format_args!("check the result of the call that should have given the descriptor, before mapping"));
    }

    fn tell_not_open(&self, draft: &mut Draft) {
        match descriptor::flags(self.fd) {
            Ok(flags) if flags & libc::O_PATH != 0 => {
                draft.message(format_args!("descriptor {} was opened with O_PATH, which does not allow mmap", self.fd));
                draft.help(format_args!("open the file with O_RDONLY or O_RDWR, without O_PATH"));
            }
            Err(libc::EBADF) => {
                draft.message(format_args!("descriptor {} is not open", self.fd));
                draft.help(format_args!(
                    "if it was closed before, map first: a mapping stays after close; else check where the number \
                     comes from"
                ));
            }
            _ => {
                draft.message(format_args!("descriptor {} was not open, or was opened with O_PATH", self.fd));
                draft.help(format_args!("map before closing the descriptor, and open it with O_RDONLY or O_RDWR"));
            }
        }
    }
}

/// -1 is what calls that open give when they fail; or `MAP_ANONYMOUS` is missing.
fn tell_minus_one(draft: &mut Draft) {
    let last = openings::last();
    let Some(opening) = last.as_ref().filter(|opening| opening.is_last) else {
        draft.message(format_args!(
            "descriptor -1 is not open: MAP_ANONYMOUS is missing, or the call that should have given a descriptor \
             failed"
        ));
        if let Some(opening) = &last {
            draft.related(
                opening.opener.function(),
                opening.site,
                format_args!(
                    "{} failed here with {}, and another call that opens succeeded since",
                    ShownOpening(opening),
                    ErrnoName(opening.errno)
                ),
            );
        }
        draft.help(format_args!(
            "for memory without a file add MAP_ANONYMOUS; for a file, compare the descriptor with -1 before mapping"
        ));
        return;
    };
    if opening.is_injected {
        draft.message(format_args!(
            "descriptor -1 is not open: the failure of {} with {} was injected",
            ShownOpening(opening),
            ErrnoName(opening.errno)
        ));
    } else {
        draft.message(format_args!(
            "descriptor -1 is not open: {} failed with {}",
            ShownOpening(opening),
            ErrnoName(opening.errno)
        ));
    }
    draft.related(opening.opener.function(), opening.site, format_args!("{} failed here", opening.opener.function()));
    if opening.is_injected {
        draft.help(format_args!("compare what {} returns with -1, and stop there", opening.opener.function()));
    } else {
        tell_cause(opening, draft);
    }
}

/// Shows a call with its name: `shm_open("/x")`.
struct ShownOpening<'a>(&'a Opening);

impl fmt::Display for ShownOpening<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.0.opener.function();
        let name = crate::plain::escape::Escaped(self.0.name());
        match (self.0.name(), self.0.cut) {
            (b"", _) => f.write_str(function),
            (_, false) => write!(f, "{function}(\"{name}\")"),
            (_, true) => write!(f, "{function}(\"{name}...\")"),
        }
    }
}

/// Why a call that opens failed, and what to do.
fn tell_cause(opening: &Opening, draft: &mut Draft) {
    let function = opening.opener.function();
    let is_object = opening.opener == Opener::ShmOpen;
    match opening.errno {
        libc::ENOENT | libc::EACCES | libc::ENOTDIR => {
            let end = if opening.cut { None } else { with_path(opening, |path| tell_end(opening, path, draft)) };
            if end != Some(true) {
                draft.note(format_args!("{}: {}", ErrnoName(opening.errno), errno::meaning(opening.errno)));
                draft.help(format_args!("compare what {function} returns with -1, and stop there"));
            }
        }
        libc::EINVAL if is_object => {
            draft.note(format_args!("a name of shm_open is a slash and then other characters, none of them a slash"));
            draft.help(format_args!("give the object such a name, and compare what shm_open returns with -1"));
        }
        libc::EEXIST => {
            draft.note(format_args!("it exists already, and O_CREAT|O_EXCL asks for a new one"));
            draft.help(format_args!("open what exists without O_EXCL, or take another name"));
        }
        libc::EMFILE => {
            if let Some(limit) = limits::soft(libc::RLIMIT_NOFILE) {
                draft.note(format_args!("RLIMIT_NOFILE lets this process have {limit} descriptors"));
            }
            draft.help(format_args!("close descriptors that are no longer needed, or raise the limit (ulimit -n)"));
        }
        errno => {
            draft.note(format_args!("{}: {}", ErrnoName(errno), errno::meaning(errno)));
            draft.help(format_args!("compare what {function} returns with -1, and stop there"));
        }
    }
}

/// Hands over the path that a call was given; for an object, its file.
fn with_path<R>(opening: &Opening, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let name = opening.name();
    match opening.opener {
        Opener::ShmOpen => {
            let slashes = name.iter().take_while(|byte| **byte == b'/').count();
            Some(look(shm::path_of(Named::Object, name.get(slashes..)?)?.as_c_str()?.to_bytes()))
        }
        // Relative to a folder that is not remembered.
        Opener::Openat if name.first() != Some(&b'/') => None,
        _ => Some(look(name)),
    }
}

/// Tells where a path ends; false if that does not explain the errno.
fn tell_end(opening: &Opening, path: &[u8], draft: &mut Draft) -> bool {
    let folder = |length: usize| Quoted(path.get(..length).unwrap_or_default());
    let is_object = opening.opener == Opener::ShmOpen;
    match (opening.errno, reach::follow(path)) {
        (libc::ENOENT, Some(End::NoFolder(length))) => {
            draft.note(format_args!("the folder {} does not exist{}", folder(length), IfSome(Relative::to(path))));
            draft.help(format_args!("create the folder first, or correct the path"));
        }
        (libc::ENOENT, Some(End::NoFile)) if is_object => {
            draft.note(format_args!("there is no shared memory object of this name ({} does not exist)", Quoted(path)));
            draft.help(format_args!(
                "create the object first: start the program that does, or pass O_CREAT; check that both use the same \
                 name, and compare what shm_open returns with -1"
            ));
        }
        (libc::ENOENT, Some(End::NoFile)) => {
            draft.note(format_args!("there is no file {}{}", Quoted(path), IfSome(Relative::to(path))));
            draft.help(format_args!(
                "create the file first, or correct the path; compare what open returns with -1 before it is mapped"
            ));
        }
        (libc::ENOENT, Some(End::LinkToNothing)) => {
            draft.note(format_args!("{} is a symbolic link, and what it leads to does not exist", Quoted(path)));
            draft.help(format_args!(
                "correct the link, or make the folder and file that it leads to (readlink shows which)"
            ));
        }
        (libc::ENOTDIR, Some(End::NotAFolder(length))) => {
            draft.note(format_args!("{} is not a folder", folder(length)));
            draft.help(format_args!("correct the path"));
        }
        (libc::EACCES, Some(End::NoSearch(length, rights))) => {
            draft.note(format_args!(
                "the folder {} may not be searched: {}",
                folder(length),
                PermissionsCompared(rights)
            ));
            draft.help(format_args!(
                "let its owner give search permission (chmod o+x, or a group), or run as a user who has it"
            ));
        }
        (libc::EACCES, Some(End::File(rights))) => {
            draft.note(format_args!("{} has {}", Quoted(path), PermissionsCompared(rights)));
            draft.help(format_args!("open it for what its mode allows this user, or let its owner change the mode"));
        }
        (libc::EACCES, Some(End::NoFile)) => {
            draft.note(format_args!("{} does not exist, and this process may not create it there", Quoted(path)));
            draft.help(format_args!("create it in a folder that this user may write"));
        }
        _ => return false,
    }
    true
}

/// Shows rights beside those of this process.
struct PermissionsCompared(Permissions);

impl fmt::Display for PermissionsCompared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Permissions { mode, owner, group } = self.0;
        let (user, own_group) = (sys::geteuid(), sys::getegid());
        write!(
            f,
            "mode {}, owner {owner}, group {group}; this process has user {user} and group {own_group}",
            Octal(mode.cast_signed())
        )
    }
}

/// Shows the working directory behind a relative path.
struct Relative(Path);

impl Relative {
    fn to(path: &[u8]) -> Option<Relative> {
        if path.first() == Some(&b'/') { None } else { Path::working_directory().map(Relative) }
    }
}

impl fmt::Display for Relative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " (the working directory is {})", Quoted(self.0.bytes()))
    }
}
