//! `shm_open(3)` and `shm_unlink(3)`.

use super::{Address, Call, Octal};
use crate::facts::object::ObjectName;
use crate::plain::bits::Bits;
use crate::plain::escape::Escaped;
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

/// `shm_open(3)` that made an object, made earlier.
pub(crate) struct CreatedObject<'a> {
    /// Without its leading slashes.
    pub(crate) name: &'a [u8],
    pub(crate) flags: c_int,
    pub(crate) mode: u32,
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
pub(crate) struct OpenFlags(pub(crate) c_int);

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
        let access = match self.0 & libc::O_ACCMODE {
            libc::O_RDONLY => "O_RDONLY",
            libc::O_WRONLY => "O_WRONLY",
            libc::O_RDWR => "O_RDWR",
            _ => "O_ACCMODE",
        };
        match self.0 & !libc::O_ACCMODE {
            0 => f.write_str(access),
            bits => write!(f, "{access}|{}", Bits { set: bits, names, empty: "" }),
        }
    }
}

/// A name that was passed, in quotes, or its address where no string is there.
fn name_argument(name: usize, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
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
        each(format_args!("{}", OpenFlags(self.flags)));
        each(format_args!("{}", Octal(self.mode.cast_signed())));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }
}

impl Call for CreatedObject<'_> {
    fn function(&self) -> &'static str {
        "shm_open"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("\"/{}\"", Escaped(self.name)));
        each(format_args!("{}", OpenFlags(self.flags)));
        each(format_args!("{}", Octal(self.mode.cast_signed())));
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
