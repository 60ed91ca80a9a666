//! Calls that no rule is about, as they are shown where they are made to fail.

use super::{Address, Call, Given, OpenFlags, name_argument, open_circumstances};
use crate::plain::bits::Octal;
use crate::plain::shm::Named;
use core::ffi::{c_int, c_uint};
use core::fmt;
use mapsan_model::Circumstances;

/// A call of a function, with its arguments.
pub(crate) struct OtherCall<'a> {
    pub(crate) function: &'static str,
    pub(crate) arguments: &'a [Argument],
}

/// One argument.
#[derive(Clone, Copy)]
pub(crate) enum Argument {
    Address(usize),
    Size(usize),
    Number(i64),
    /// A string, which need not be readable.
    Name(usize),
    OpenFlags(c_int),
    Mode(u32),
}

impl<T> From<*mut T> for Argument {
    fn from(pointer: *mut T) -> Argument {
        Argument::Address(pointer as usize)
    }
}

impl<T> From<*const T> for Argument {
    fn from(pointer: *const T) -> Argument {
        Argument::Address(pointer as usize)
    }
}

impl From<usize> for Argument {
    fn from(size: usize) -> Argument {
        Argument::Size(size)
    }
}

impl From<isize> for Argument {
    fn from(number: isize) -> Argument {
        Argument::Number(number as i64)
    }
}

impl From<c_int> for Argument {
    fn from(number: c_int) -> Argument {
        Argument::Number(number.into())
    }
}

impl From<c_uint> for Argument {
    fn from(number: c_uint) -> Argument {
        Argument::Number(number.into())
    }
}

impl Call for OtherCall<'_> {
    fn function(&self) -> &'static str {
        self.function
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        for argument in self.arguments {
            match *argument {
                Argument::Address(address) => each(format_args!("{}", Address(address))),
                Argument::Size(size) => each(format_args!("{size}")),
                Argument::Number(number) => each(format_args!("{number}")),
                Argument::Name(name) => name_argument(name, each),
                Argument::OpenFlags(flags) => each(format_args!("{}", OpenFlags { named: Named::Object, flags })),
                Argument::Mode(mode) => each(format_args!("{}", Octal(mode.cast_signed()))),
            }
        }
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        let flags = self.arguments.iter().find_map(|argument| match argument {
            Argument::OpenFlags(flags) => Some(*flags),
            _ => None,
        });
        // SEM_FAILED is a null pointer, which nothing else is taken for.
        let failed_result = match (self.function, self.arguments.first()) {
            ("sem_destroy", Some(Argument::Address(0))) => Some("sem"),
            (_, Some(Argument::Address(usize::MAX))) => Some("addr"),
            _ => None,
        };
        Given { circumstances: flags.map_or(Circumstances::NONE, open_circumstances), failed_result }
    }
}
