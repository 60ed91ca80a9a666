//! Asking: the calls, what the program asked, and how it is shown (as strace(1) would).

mod advice;
mod bits;
pub(crate) mod calls;
mod circumstances;
mod fault;
mod ipc;
mod key;
mod lock;
mod object;
mod other;
mod outcome;
pub(crate) mod passed;

use crate::facts;
use crate::plain::bits::{Bits, Octal};
use crate::plain::errno::ErrnoName;
use crate::plain::texts::{Texts, texts};
pub(crate) use advice::{Madvise, Rest};
pub(crate) use bits::{MAP_DROPPABLE, MAP_TYPE, MapFlags, Prot, SHM_HUGETLB, ShmgetFlags};
pub(crate) use circumstances::Given;
use circumstances::{failed_pointer, ipc_circumstances, open_circumstances, shown_value};
use core::ffi::c_int;
use core::fmt;
pub(crate) use fault::Fault;
pub(crate) use ipc::{IntArgument, IpcControl, IpcGet, Msgrcv, Msgsnd, Semop, Takes};
pub(crate) use key::Key;
pub(crate) use lock::LockInit;
use mapsan_model::Circumstances;
use mapsan_model::call_line::is_signal;
pub(crate) use object::{CreatedObject, ObjectMaker, SemInit, SemOpen, SemUnlink, ShmOpen, ShmUnlink};
use object::{OpenFlags, name_argument};
pub(crate) use other::{Argument, OtherCall};
pub(crate) use outcome::Outcome;

/// The page-aligned or other address argument of a call, shown as `NULL` or in hex.
#[derive(Clone, Copy)]
pub(crate) struct Address(pub(crate) usize);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("NULL"),
            usize::MAX => f.write_str("(void *) -1"),
            address => write!(f, "{address:#x}"),
        }
    }
}

/// mmap(2), mmap64(3).
pub(crate) struct Mmap {
    pub(crate) address: usize,
    pub(crate) length: usize,
    pub(crate) prot: c_int,
    pub(crate) flags: c_int,
    pub(crate) fd: c_int,
    pub(crate) offset: i64,
}

/// munmap(2).
pub(crate) struct Munmap {
    pub(crate) address: usize,
    pub(crate) length: usize,
}

/// mremap(2).
pub(crate) struct Mremap {
    pub(crate) old_address: usize,
    pub(crate) old_size: usize,
    pub(crate) new_size: usize,
    pub(crate) flags: c_int,
    pub(crate) new_address: usize,
}

/// mprotect(2).
pub(crate) struct Mprotect {
    pub(crate) address: usize,
    pub(crate) length: usize,
    pub(crate) prot: c_int,
    /// Where the next mapping starts that it has run into, and taken access away from.
    pub(crate) runs_into: Option<usize>,
}

/// msync(2).
pub(crate) struct Msync {
    pub(crate) address: usize,
    pub(crate) length: usize,
    pub(crate) flags: c_int,
}

/// ftok(3). The path is an address that need not be readable.
pub(crate) struct Ftok {
    pub(crate) path: usize,
    pub(crate) id: c_int,
    /// The key that the call gave.
    pub(crate) key: c_int,
    /// Whether the same path and id have given the same key before.
    pub(crate) known: bool,
}

/// shmget(2).
pub(crate) struct Shmget {
    pub(crate) key: c_int,
    pub(crate) size: usize,
    pub(crate) flags: c_int,
    /// Whether the call is known to have made the segment.
    pub(crate) made: bool,
}

/// shmat(2).
pub(crate) struct Shmat {
    pub(crate) id: c_int,
    pub(crate) address: usize,
    pub(crate) flags: c_int,
}

/// shmdt(2).
pub(crate) struct Shmdt {
    pub(crate) address: usize,
}

/// shmctl(2).
pub(crate) struct Shmctl {
    pub(crate) id: c_int,
    pub(crate) command: c_int,
    pub(crate) buffer: usize,
    /// Who made the segment that the call has removed, and the return address of its call, if that was a process that forked
    /// this one.
    pub(crate) maker: Option<(c_int, usize)>,
}

/// A call as reports show it.
pub(crate) trait Call {
    /// The function's name.
    fn function(&self) -> &'static str;

    /// Hands each argument, in order, to `each`.
    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>));

    /// Writes the value that the call gave.
    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// What of the call counts where it is made to fail.
    fn given(&self) -> Given {
        Given::failed(None)
    }
}

/// Writes the arguments, with commas between them.
fn arguments(call: &dyn Call, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut separator = "";
    let mut result = Ok(());
    call.arguments(&mut |argument| {
        result = result.and_then(|()| write!(f, "{separator}{argument}"));
        separator = ", ";
    });
    result
}

/// Shows a call with its outcome, as strace(1) would: `munmap(NULL, 0) = -1 (EINVAL)`; or a signal.
pub(crate) struct CallLine<'a>(pub(crate) &'a dyn Call, pub(crate) Outcome);

impl fmt::Display for CallLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CallLine(call, outcome) = *self;
        let function = call.function();
        if is_signal(function) {
            write!(f, "--- {function} {{")?;
            arguments(call, f)?;
            return f.write_str("} ---");
        }
        write!(f, "{function}(")?;
        arguments(call, f)?;
        f.write_str(") = ")?;
        match shown_value(function, outcome) {
            // As strace(1) shows a call that has not returned.
            None => return f.write_str("?"),
            Some(value) => call.value(value, f)?,
        }
        match outcome.errno() {
            Some(errno) => write!(f, " ({})", ErrnoName(errno)),
            None => Ok(()),
        }
    }
}

/// Shows a call's value.
pub(crate) struct Value<'a>(pub(crate) &'a dyn Call, pub(crate) Outcome);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match shown_value(self.0.function(), self.1) {
            Some(value) => self.0.value(value, f),
            None => f.write_str("?"),
        }
    }
}

/// Writes a value that is an address, and `failed` in place of -1.
fn address_value(value: isize, failed: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if value == -1 { f.write_str(failed) } else { write!(f, "{value:#x}") }
}

/// A descriptor, with the file behind it: `3 </srv/test>`.
struct Descriptor(c_int);

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        match facts::Path::of_descriptor(self.0) {
            Some(path) => write!(f, " <{path}>"),
            None => Ok(()),
        }
    }
}

impl Call for Mmap {
    /// Where the symbol is `mmap64`, the program says `mmap`, too, and is compiled for large files.
    fn function(&self) -> &'static str {
        "mmap"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("{}", Address(self.address)));
        each(format_args!("{}", self.length));
        each(format_args!("{}", Prot(self.prot)));
        each(format_args!("{}", MapFlags(self.flags)));
        each(format_args!("{}", Descriptor(self.fd)));
        each(format_args!("{}", self.offset));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        address_value(value, "MAP_FAILED", f)
    }

    fn given(&self) -> Given {
        let has = |flag| self.flags & flag != 0;
        let circumstances = Circumstances::NONE
            .and(Circumstances::ANONYMOUS, has(libc::MAP_ANONYMOUS))
            .and(Circumstances::FILE, !has(libc::MAP_ANONYMOUS))
            .and(Circumstances::HUGETLB, has(libc::MAP_HUGETLB))
            .and(Circumstances::LOCKED, has(libc::MAP_LOCKED))
            .and(Circumstances::FIXED, has(libc::MAP_FIXED))
            .and(Circumstances::NOREPLACE, has(libc::MAP_FIXED_NOREPLACE));
        let is_of_file = self.fd == -1 && !has(libc::MAP_ANONYMOUS);
        let failed_result = if is_of_file { Some("fd") } else { failed_pointer(self.address, "addr") };
        Given { circumstances, failed_result }
    }
}

impl Call for Munmap {
    fn function(&self) -> &'static str {
        "munmap"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        match self.address {
            usize::MAX => each(format_args!("MAP_FAILED")),
            address => each(format_args!("{}", Address(address))),
        }
        each(format_args!("{}", self.length));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        Given::failed(failed_pointer(self.address, "addr"))
    }
}

impl Mremap {
    /// `MREMAP_DONTUNMAP`, Linux 5.7.
    pub(crate) const DONTUNMAP: c_int = 4;

    /// Whether the kernel looks at the fifth argument.
    pub(crate) fn has_new_address(&self) -> bool {
        self.flags & (libc::MREMAP_FIXED | Self::DONTUNMAP) != 0
    }
}

impl Call for Mremap {
    fn function(&self) -> &'static str {
        "mremap"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        let names = texts! {
            libc::MREMAP_MAYMOVE => "MREMAP_MAYMOVE",
            libc::MREMAP_FIXED => "MREMAP_FIXED",
            Self::DONTUNMAP => "MREMAP_DONTUNMAP",
        };
        each(format_args!("{}", Address(self.old_address)));
        each(format_args!("{}", self.old_size));
        each(format_args!("{}", self.new_size));
        each(format_args!("{}", Bits { set: self.flags, names, empty: "0" }));
        if self.has_new_address() {
            each(format_args!("{}", Address(self.new_address)));
        }
    }

    /// A call that has not been made yet has no value: 0, which stands for an address that mremap does not give.
    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match value {
            0 => f.write_str("?"),
            value => address_value(value, "MAP_FAILED", f),
        }
    }

    fn given(&self) -> Given {
        let new = if self.has_new_address() { failed_pointer(self.new_address, "new_address") } else { None };
        Given::failed(failed_pointer(self.old_address, "old_address").or(new))
    }
}

impl Call for Mprotect {
    fn function(&self) -> &'static str {
        "mprotect"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("{}", Address(self.address)));
        each(format_args!("{}", self.length));
        each(format_args!("{}", Prot(self.prot)));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        Given::failed(failed_pointer(self.address, "addr"))
    }
}

impl Call for Msync {
    fn function(&self) -> &'static str {
        "msync"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        let names = texts! {
            libc::MS_ASYNC => "MS_ASYNC",
            libc::MS_INVALIDATE => "MS_INVALIDATE",
            libc::MS_SYNC => "MS_SYNC",
        };
        each(format_args!("{}", Address(self.address)));
        each(format_args!("{}", self.length));
        each(format_args!("{}", Bits { set: self.flags, names, empty: "0" }));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        Given::failed(failed_pointer(self.address, "addr"))
    }
}

impl Call for Ftok {
    fn function(&self) -> &'static str {
        "ftok"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        match facts::Path::at(self.path) {
            Some(path) => each(format_args!("\"{path}\"")),
            None => each(format_args!("{}", Address(self.path))),
        }
        each(format_args!("{}", self.id));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Key::from_register(value))
    }
}

impl Call for Shmget {
    fn function(&self) -> &'static str {
        "shmget"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("{}", Key(self.key)));
        each(format_args!("{}", self.size));
        each(format_args!("{}", ShmgetFlags(self.flags)));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        let circumstances =
            ipc_circumstances(self.key, self.flags).and(Circumstances::HUGETLB, self.flags & SHM_HUGETLB != 0);
        let failed_result = (self.key == -1).then_some("key");
        Given { circumstances, failed_result }
    }
}

impl Call for Shmat {
    fn function(&self) -> &'static str {
        "shmat"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        let names = texts! {
            libc::SHM_RDONLY => "SHM_RDONLY",
            libc::SHM_RND => "SHM_RND",
            libc::SHM_REMAP => "SHM_REMAP",
            libc::SHM_EXEC => "SHM_EXEC",
        };
        each(format_args!("{}", self.id));
        each(format_args!("{}", Address(self.address)));
        each(format_args!("{}", Bits { set: self.flags, names, empty: "0" }));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        address_value(value, "(void *) -1", f)
    }

    fn given(&self) -> Given {
        Given::failed(if self.id == -1 { Some("shmid") } else { failed_pointer(self.address, "shmaddr") })
    }
}

impl Call for Shmdt {
    fn function(&self) -> &'static str {
        "shmdt"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("{}", Address(self.address)));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        Given::failed(failed_pointer(self.address, "shmaddr"))
    }
}

const SHMCTL: Texts = texts! {
    libc::IPC_RMID => "IPC_RMID",
    libc::IPC_SET => "IPC_SET",
    libc::IPC_STAT => "IPC_STAT",
    3 => "IPC_INFO",
    11 => "SHM_LOCK",
    12 => "SHM_UNLOCK",
    13 => "SHM_STAT",
    14 => "SHM_INFO",
    15 => "SHM_STAT_ANY",
};

impl Shmctl {
    /// The name of the command; `None` for one that shmctl(2) does not list.
    pub(crate) fn command_name(&self) -> Option<&'static str> {
        SHMCTL.of(self.command)
    }
}

impl Call for Shmctl {
    fn function(&self) -> &'static str {
        "shmctl"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("{}", self.id));
        match self.command_name() {
            Some(name) => each(format_args!("{name}")),
            None => each(format_args!("{:#x}", self.command)),
        }
        each(format_args!("{}", Address(self.buffer)));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        let circumstances = Circumstances::NONE
            .and(Circumstances::REMOVE, self.command == libc::IPC_RMID)
            .and(Circumstances::LOCK, self.command_name() == Some("SHM_LOCK"));
        let failed_result = (self.id == -1).then_some("shmid");
        Given { circumstances, failed_result }
    }
}
