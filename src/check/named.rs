//! What the calls share that open something by its name, `shm_open(3)` and `sem_open(3)`: a file of /dev/shm.
//!
//! libc looks at the name first, the kernel at the flags: EEXIST, ENOENT, then at the mode bits (EACCES).

mod rights;

use super::unexplained;
use crate::call::Address;
use crate::facts::limits;
use crate::facts::object::{self, Object, ObjectName};
use crate::finding::Report;
use crate::form::Draft;
use crate::observe::tracked;
use crate::plain::bits::Octal;
use crate::plain::escape::{Escaped, Quoted};
use crate::plain::shm::{self, FOLDER, NameFlaw, Named};
use crate::plain::spelling;
use crate::plain::texts::{Texts, texts};
use crate::sys::{self, Errno};
use crate::track::ObjectCreation;
use core::ffi::c_int;
use core::fmt::{self, Display};
use mapsan_model::{Rule, Severity};
pub(super) use rights::{lacks_owners_bits, note_age, note_holders_of, tell_no_permissions, tell_unlink_denied};
use rights::{may_remove, note_caller, note_holders};

/// The rules of one call.
pub(super) struct OpenRules {
    pub(super) name: Rule,
    pub(super) missing: Rule,
    pub(super) exists: Rule,
    pub(super) denied: Rule,
    pub(super) failed: Rule,
    pub(super) no_permissions: Rule,
    pub(super) decimal_mode: Rule,
}

/// A call that opens something by its name.
pub(super) struct NamedOpen {
    pub(super) named: Named,
    pub(super) rules: &'static OpenRules,
    /// The address of the name.
    pub(super) name: usize,
    pub(super) flags: c_int,
    pub(super) mode: c_int,
}

/// What a name is of.
impl Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Named::Object => "shared memory object",
            Named::Semaphore => "named semaphore",
        })
    }
}

impl Named {
    /// The function that removes the name.
    pub(super) fn unlink(self) -> &'static str {
        match self {
            Named::Object => "shm_unlink",
            Named::Semaphore => "sem_unlink",
        }
    }

    /// What the removal of the name leaves.
    pub(super) fn what_stays(self) -> &'static str {
        match self {
            Named::Object => "what is mapped stays",
            Named::Semaphore => "who has it open keeps it",
        }
    }
}

const MEANINGS: Texts = texts! {
    libc::EMFILE => "the process has as many descriptors open as RLIMIT_NOFILE lets it have",
    libc::ENFILE => "the system has as many open files as it may",
    libc::EISDIR => "the name is that of a folder, such as . or ..",
    libc::ELOOP => "the name is that of a symbolic link in /dev/shm, which is not followed",
    libc::ENXIO => "the name is that of a pipe or a socket in /dev/shm",
    libc::EINVAL => "a flag that the filesystem of /dev/shm does not take, or a file that is no semaphore",
    libc::ENOENT => "there is no folder /dev/shm",
    libc::ENOSPC => "the filesystem of /dev/shm is full, or has no room for another file",
    libc::EROFS => "/dev/shm is mounted read-only",
    libc::EINTR => "a signal came while the call waited",
};

/// Modes as people write them in decimal, and what they mean.
pub(super) fn decimal_mode(mode: c_int) -> Option<(c_int, c_int)> {
    [(666, 0o666), (644, 0o644), (600, 0o600), (660, 0o660), (777, 0o777)].into_iter().find(|(of, _)| *of == mode)
}

impl NamedOpen {
    fn creates(&self) -> bool {
        self.flags & libc::O_CREAT != 0
    }

    /// Whether the call makes something new, if it is made now.
    pub(super) fn would_create(&self) -> bool {
        let there = || ObjectName::at(self.name).is_some_and(|name| self.object(&name).is_some());
        self.creates() && (self.flags & libc::O_EXCL != 0 || !there())
    }

    /// How this line of forks has made what has the name, if it has.
    fn creation(&self, name: &ObjectName) -> Option<ObjectCreation> {
        tracked::object_creation(name.path(self.named)?.file_name())
    }

    fn object(&self, name: &ObjectName) -> Option<Object> {
        Object::at(&name.path(self.named)?)
    }

    /// The call failed with `errno`: says why.
    pub(super) fn failed(&self, errno: Errno, report: &Report<'_>) {
        match errno {
            libc::EINVAL | libc::ENAMETOOLONG if self.is_flawed() => self.flawed_name(report),
            libc::ENOENT if !self.creates() && object::folder().is_some() => self.missing(report),
            libc::EEXIST => self.exists(report),
            libc::EACCES if self.lacks_permissions() => self.no_permissions(report),
            libc::EACCES => self.denied(report),
            libc::EMFILE => self.too_many_descriptors(report),
            _ => unexplained(self.rules.failed, errno, MEANINGS, report),
        }
    }

    fn flaw(&self, name: &ObjectName) -> Option<NameFlaw> {
        shm::flaw(self.named, name.bytes())
    }

    /// Whether the name can be none.
    pub(super) fn is_flawed(&self) -> bool {
        ObjectName::at(self.name).is_some_and(|name| self.flaw(&name).is_some())
    }

    fn flawed_name(&self, report: &Report<'_>) {
        report.finding(self.rules.name, Severity::Error, |draft| {
            let Some(name) = ObjectName::at(self.name) else { return };
            let (named, longest) = (self.named, self.named.longest());
            let start = name.bare().get(..20).unwrap_or(name.bare());
            match self.flaw(&name) {
                Some(NameFlaw::SlashInside) => {
                    draft.message(format_args!("the name {} has a slash inside", Quoted(name.bytes())));
                    draft.help(format_args!("write the name without it: \"/{}\"", WithoutSlashes(name.bare())));
                }
                Some(NameFlaw::TooLong) => {
                    draft.message(format_args!(
                        "the name is {}{} bytes long, and that of a {named} has {longest} at most",
                        if name.is_cut() { "more than " } else { "" },
                        name.bare().len()
                    ));
                    draft.help(format_args!("take a shorter one, such as \"/{}\"", Escaped(start)));
                }
                _ if name.bytes().is_empty() => {
                    draft.message(format_args!("the name is empty"));
                    draft.help(format_args!("give it one, such as \"/mapsan\""));
                }
                _ => {
                    draft.message(format_args!("the name {} has nothing after its slash", Quoted(name.bytes())));
                    draft.help(format_args!("give it one, such as \"/mapsan\""));
                }
            }
            draft.note(format_args!(
                "the name of a {named} is one slash and then 1 to {longest} bytes, none of them a slash: it is no path"
            ));
        });
    }

    fn missing(&self, report: &Report<'_>) {
        report.finding(self.rules.missing, Severity::Note, |draft| {
            let Some(name) = ObjectName::at(self.name) else {
                draft.message(format_args!("no {} has the name at {}", self.named, Address(self.name)));
                return;
            };
            let prefix = self.named.prefix();
            draft.message(format_args!(
                "no {} has the name {}, and O_CREAT is not given",
                self.named,
                Quoted(name.bytes())
            ));
            draft.note(format_args!("{FOLDER}{prefix}{} does not exist", Escaped(name.bare())));
            let mut similar = 0_u32;
            let _: Option<()> = object::find_name(|other| {
                let bare = other.strip_prefix(prefix.as_bytes())?;
                if spelling::differ_by_a_letter(name.bare(), bare) && similar < 3 {
                    draft.note(format_args!("there is one with the name \"/{}\"", Escaped(bare)));
                    similar = similar.wrapping_add(1);
                }
                None
            });
            let value = if self.named == Named::Semaphore { ", a mode and the initial value" } else { " and a mode" };
            draft.help(format_args!(
                "start the program that creates it before this one, compare the name that it gives, or add \
                 O_CREAT{value}"
            ));
        });
    }

    fn exists(&self, report: &Report<'_>) {
        report.finding(self.rules.exists, Severity::Note, |draft| {
            let Some(name) = ObjectName::at(self.name) else { return };
            draft.message(format_args!("a {} with the name {} exists already", self.named, Quoted(name.bytes())));
            let own = self.creation(&name);
            if let Some(own) = own {
                draft.related(self.function(), own.site(), format_args!("it was made here"));
            }
            let Some(object) = self.object(&name) else { return };
            note_age(&object, draft);
            let is_free = note_holders(&object, draft);
            let unlink = self.named.unlink();
            match (own.is_some(), is_free && may_remove(&object)) {
                (true, _) => draft.help(format_args!("use what the earlier call gave, or leave O_EXCL out")),
                (_, true) => draft.help(format_args!(
                    "use it, without O_EXCL; if an earlier run has left it, remove it first: {unlink}(\"/{}\")",
                    Escaped(name.bare())
                )),
                _ => draft.help(format_args!("use it, without O_EXCL, or take another name")),
            }
        });
    }

    /// The function that makes one.
    fn function(&self) -> &'static str {
        self.rules.failed.call()
    }

    /// Whether this line of forks has made the object so that its own owner may not use it.
    fn lacks_permissions(&self) -> bool {
        let Some(name) = ObjectName::at(self.name) else { return false };
        let Some(made) = self.creation(&name) else { return false };
        self.object(&name).is_some_and(|object| lacks_owners_bits(self.named, object.mode, made.flags))
    }

    fn no_permissions(&self, report: &Report<'_>) {
        report.finding(self.rules.no_permissions, Severity::Warning, |draft| {
            let Some(name) = ObjectName::at(self.name) else { return };
            if let Some(object) = self.object(&name) {
                tell_no_permissions(self.named, &object, draft);
            }
            if let Some(made) = self.creation(&name) {
                draft.related(self.function(), made.site(), format_args!("it was made here"));
            }
        });
    }

    fn denied(&self, report: &Report<'_>) {
        report.finding(self.rules.denied, Severity::Note, |draft| {
            let named = self.named;
            let Some(name) = ObjectName::at(self.name) else { return };
            let Some(object) = self.object(&name) else {
                self.tell_folder(draft);
                return;
            };
            let protected = self.is_protected(&object);
            if protected {
                draft.message(format_args!(
                    "fs.protected_regular refuses O_CREAT of a {named} that belongs to another user, uid {}",
                    object.uid
                ));
            } else {
                draft.message(format_args!(
                    "the mode of the {named} ({}) refuses what the call asks for",
                    Octal(object.mode)
                ));
            }
            draft.note(format_args!(
                "it has mode {}, owner uid {}, gid {}",
                Octal(object.mode),
                object.uid,
                object.gid
            ));
            note_caller(draft);
            if protected {
                draft.help(format_args!(
                    "open it without O_CREAT: what exists already needs none; only its owner may open it with it"
                ));
                return;
            }
            self.help_denied(&object, draft);
        });
    }

    /// What to do where the mode refuses.
    fn help_denied(&self, object: &Object, draft: &mut Draft) {
        let named = self.named;
        if object.uid == sys::geteuid() {
            let later = if named == Named::Object { ", or change it with fchmod" } else { "" };
            draft.help(format_args!("give the mode that is needed when it is made{later}"));
            return;
        }
        let enough = if object.gid == sys::getegid() { "0660" } else { "0666" };
        let otherwise = match named {
            Named::Object => "the umask takes bits away; fchmod sets them",
            Named::Semaphore => "the umask takes bits away: set it to 0 for the call",
        };
        draft.help(format_args!("let its owner, uid {}, make it with mode {enough} ({otherwise})", object.uid));
    }

    /// There is no such object, and none may be made.
    fn tell_folder(&self, draft: &mut Draft) {
        draft.message(format_args!("this process may not make a {} in {FOLDER}", self.named));
        if let Some(folder) = object::folder() {
            draft.note(format_args!("the folder has mode {}, owner uid {}", Octal(folder.mode), folder.uid));
        }
        note_caller(draft);
        draft.help(format_args!("give /dev/shm its usual mode, 1777, or run as a user who may write it"));
    }

    /// Whether `fs.protected_regular` refuses the call: `O_CREAT` of another's file in a folder that many may write.
    fn is_protected(&self, object: &Object) -> bool {
        let Some(folder) = object::folder() else { return false };
        let level = object::protected_regular();
        let many = folder.mode & 0o002 != 0 && level >= 1 || folder.mode & 0o020 != 0 && level >= 2;
        let others = object.uid != folder.uid && object.uid != sys::geteuid();
        // sem_open opens what is there without O_CREAT.
        let creates = self.creates() && self.named == Named::Object;
        creates && folder.mode & 0o1000 != 0 && many && others
    }

    fn too_many_descriptors(&self, report: &Report<'_>) {
        report.finding(self.rules.failed, Severity::Note, |draft| {
            match limits::soft(libc::RLIMIT_NOFILE) {
                Some(limit) => draft.message(format_args!(
                    "the process has as many descriptors open as RLIMIT_NOFILE lets it have ({limit})"
                )),
                None => draft.message(format_args!("the process has no descriptor left")),
            }
            draft.help(format_args!("close descriptors that are no longer needed, or raise the limit (ulimit -n)"));
        });
    }

    /// The mode of what was made, or is to be, is written in decimal: the errno with which `mode=enforce` refuses it.
    pub(super) fn decimal_mode(&self, report: &Report<'_>) -> Option<Errno> {
        let (decimal, meant) = decimal_mode(self.mode)?;
        report.offence(self.rules.decimal_mode, Severity::Warning, |draft| {
            draft.message(format_args!("the mode is written in decimal: {decimal} is mode {}", Octal(self.mode)));
            draft.note(format_args!(
                "the {} has other bits than were meant, before the umask takes some away",
                self.named
            ));
            draft.help(format_args!("write {} in octal, with a leading zero", Octal(meant)));
        })
    }
}

/// Shows a name with its slashes replaced.
struct WithoutSlashes<'a>(&'a [u8]);

impl Display for WithoutSlashes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for part in self.0.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            write!(f, "{separator}{}", Escaped(part))?;
            separator = "-";
        }
        Ok(())
    }
}
