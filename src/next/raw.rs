//! The raw system calls that stand in for a next definition, and what they give in the form in which libc gives it.

use super::relocation::is_relocated;
use crate::plain::errno;
use crate::sys::{self, Errno, int};
use core::ffi::{c_int, c_long, c_uint, c_void};
use core::ptr;

/// An argument as a register holds it.
pub(super) trait Register {
    fn register(self) -> usize;
}

impl Register for usize {
    fn register(self) -> usize {
        self
    }
}

impl Register for c_int {
    fn register(self) -> usize {
        int(self)
    }
}

impl Register for c_long {
    fn register(self) -> usize {
        usize::from_ne_bytes(self.to_ne_bytes())
    }
}

impl Register for c_uint {
    fn register(self) -> usize {
        self as usize
    }
}

impl<T> Register for *const T {
    fn register(self) -> usize {
        self as usize
    }
}

impl<T> Register for *mut T {
    fn register(self) -> usize {
        self as usize
    }
}

/// What libc makes of a register that holds a result, -1 after a failure.
pub(super) trait Value {
    fn of(register: isize) -> Self;
}

impl Value for c_int {
    #[expect(clippy::cast_possible_truncation, reason = "the calls that return an int fit one")]
    fn of(register: isize) -> c_int {
        register as c_int
    }
}

impl Value for isize {
    fn of(register: isize) -> isize {
        register
    }
}

impl Value for c_long {
    fn of(register: isize) -> c_long {
        register as c_long
    }
}

impl Value for *mut c_void {
    fn of(register: isize) -> *mut c_void {
        ptr::with_exposed_provenance_mut(register.cast_unsigned())
    }
}

/// Makes a system call, sets `errno` if it fails, and gives what libc would return.
///
/// # Safety
/// As the system call.
pub(super) unsafe fn returned<V: Value>(number: c_long, arguments: &[usize]) -> V {
    let mut all = [0; 6];
    for (register, argument) in all.iter_mut().zip(arguments) {
        *register = *argument;
    }
    // SAFETY: the caller upholds the contract, and passes on the program's arguments.
    match sys::answer(unsafe { sys::syscall(number, all) }) {
        Ok(value) => V::of(value.cast_signed()),
        Err(failure) => failed(failure),
    }
}

/// Sets `errno` and gives what a call that failed returns.
pub(super) fn failed<V: Value>(failure: Errno) -> V {
    // Before this library is relocated there is no way to errno; see `start`.
    if is_relocated() {
        errno::set(failure);
    }
    V::of(-1)
}
