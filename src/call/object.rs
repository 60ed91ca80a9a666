//! `shm_open(3)` and `sem_open(3)`, and the removal of what they make.

use super::{Address, Call, Given, Octal, address_value, open_circumstances};
use crate::facts::object::ObjectName;
use crate::plain::bits::Bits;
use crate::plain::escape::Escaped;
use crate::plain::shm::Named;
use crate::plain::texts::texts;
use core::ffi::c_int;
use core::fmt;

/// `shm_open(3)`. The name is an address that need not be readable.
pub(crate) struct ShmOpen {
    pub(crate) name: usize,
    pub(crate) flags: c_int,
    pub(crate) mode: u32,
    /// Whether the call is known to have made the object.
    pub(crate) made: bool,
}

/// `sem_open(3)`. The name is an address that need not be readable.
pub(crate) struct SemOpen {
    pub(crate) name: usize,
    pub(crate) flags: c_int,
    pub(crate) mode: u32,
    /// The initial value.
    pub(crate) initial: u32,
    /// Whether the call is known to have made the semaphore.
    pub(crate) made: bool,
    /// The value of one that was there, if it is another than the initial one.
    pub(crate) leftover: Option<u32>,
}

/// `sem_init(3)`.
pub(crate) struct SemInit {
    pub(crate) semaphore: usize,
    pub(crate) shared: c_int,
    /// The initial value.
    pub(crate) initial: u32,
}

/// `sem_unlink(3)`. The name is an address that need not be readable.
pub(crate) struct SemUnlink {
    pub(crate) name: usize,
}

/// `shm_open(3)` or `sem_open(3)` that made something, made earlier.
pub(crate) struct CreatedObject<'a> {
    pub(crate) named: Named,
    /// Without its leading slashes.
    pub(crate) name: &'a [u8],
    pub(crate) flags: c_int,
    pub(crate) mode: u32,
    /// The initial value of a semaphore.
    pub(crate) initial: u32,
}

/// `shm_unlink(3)`. The name is an address that need not be readable.
pub(crate) struct ShmUnlink {
    pub(crate) name: usize,
    /// Who made what the call has removed, if that was a process that forked this one.
    pub(crate) maker: Option<ObjectMaker>,
}

/// The process that has made an object, and which object.
#[derive(Clone, Copy)]
pub(crate) struct ObjectMaker {
    pub(crate) pid: c_int,
    pub(crate) device: (u32, u32),
    pub(crate) inode: u64,
    /// The return address of its call.
    pub(crate) site: usize,
}

/// The flags of a call that opens an object, as C writes them.
pub(super) struct OpenFlags {
    pub(super) named: Named,
    pub(super) flags: c_int,
}

impl fmt::Display for OpenFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = texts! {
            libc::O_CREAT => "O_CREAT",
            libc::O_EXCL => "O_EXCL",
            libc::O_TRUNC => "O_TRUNC",
            libc::O_NONBLOCK => "O_NONBLOCK",
            libc::O_CLOEXEC => "O_CLOEXEC",
            libc::O_NOFOLLOW => "O_NOFOLLOW",
        };
        let set = self.flags & !libc::O_ACCMODE;
        // sem_open always opens to read and write.
        if self.named == Named::Semaphore && self.flags & libc::O_ACCMODE == 0 {
            return Bits { set, names, empty: "0" }.fmt(f);
        }
        let access = match self.flags & libc::O_ACCMODE {
            libc::O_RDONLY => "O_RDONLY",
            libc::O_WRONLY => "O_WRONLY",
            libc::O_RDWR => "O_RDWR",
            _ => "O_ACCMODE",
        };
        match set {
            0 => f.write_str(access),
            _ => write!(f, "{access}|{}", Bits { set, names, empty: "" }),
        }
    }
}

/// A name that was passed, in quotes, or its address where no string is there.
pub(super) fn name_argument(name: usize, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
    match ObjectName::at(name) {
        Some(name) if name.is_cut() => each(format_args!("\"{}\"...", Escaped(name.bytes()))),
        Some(name) => each(format_args!("\"{}\"", Escaped(name.bytes()))),
        None => each(format_args!("{}", Address(name))),
    }
}

impl Call for ShmOpen {
    fn function(&self) -> &'static str {
        "shm_open"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        name_argument(self.name, each);
        each(format_args!("{}", OpenFlags { named: Named::Object, flags: self.flags }));
        each(format_args!("{}", Octal(self.mode.cast_signed())));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        open_circumstances(self.flags).into()
    }
}

impl Call for SemOpen {
    fn function(&self) -> &'static str {
        "sem_open"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        name_argument(self.name, each);
        semaphore_arguments(self.flags, self.mode, self.initial, each);
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        address_value(value, "SEM_FAILED", f)
    }

    fn given(&self) -> Given {
        open_circumstances(self.flags).into()
    }
}

/// What follows the name in a call of `sem_open(3)`: a mode and a value only with `O_CREAT`.
fn semaphore_arguments(flags: c_int, mode: u32, initial: u32, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
    each(format_args!("{}", OpenFlags { named: Named::Semaphore, flags }));
    if flags & libc::O_CREAT != 0 {
        each(format_args!("{}", Octal(mode.cast_signed())));
        each(format_args!("{initial}"));
    }
}

impl Call for CreatedObject<'_> {
    fn function(&self) -> &'static str {
        match self.named {
            Named::Object => "shm_open",
            Named::Semaphore => "sem_open",
        }
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("\"/{}\"", Escaped(self.name)));
        if self.named == Named::Semaphore {
            return semaphore_arguments(self.flags, self.mode, self.initial, each);
        }
        each(format_args!("{}", OpenFlags { named: Named::Object, flags: self.flags }));
        each(format_args!("{}", Octal(self.mode.cast_signed())));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.named {
            Named::Object => write!(f, "{value}"),
            Named::Semaphore => address_value(value, "SEM_FAILED", f),
        }
    }
}

impl Call for SemInit {
    fn function(&self) -> &'static str {
        "sem_init"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("{}", Address(self.semaphore)));
        each(format_args!("{}", self.shared));
        each(format_args!("{}", self.initial));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }
}

impl Call for SemUnlink {
    fn function(&self) -> &'static str {
        "sem_unlink"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        name_argument(self.name, each);
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }
}

impl Call for ShmUnlink {
    fn function(&self) -> &'static str {
        "shm_unlink"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        name_argument(self.name, each);
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }
}
