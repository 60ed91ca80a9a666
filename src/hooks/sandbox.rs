//! The hooks of the calls that install a seccomp filter. Their doors pass everything else on.

use crate::next;
use crate::sys::sandbox::{self, Room};
use core::ffi::{c_int, c_long};
use core::ptr;
use libc::{SECCOMP_MODE_FILTER, SECCOMP_MODE_STRICT, SECCOMP_SET_MODE_FILTER, SECCOMP_SET_MODE_STRICT};

/// What a call asks for.
enum Wish {
    /// A filter, at this address.
    Filter(usize),
    /// `SECCOMP_MODE_STRICT`.
    Strict,
    /// Nothing of this kind.
    Else,
}

/// Makes a call and notes what it has installed. A child of vfork(2) that confines itself thereby confines its parent,
/// too, whose memory this is: it can't be told from one of a raw clone(2), which has memory of its own.
fn note(wish: &Wish, call: impl FnOnce() -> c_long) -> c_long {
    match wish {
        Wish::Filter(program) => {
            let room = Room::new();
            let answer = call();
            match room {
                // SAFETY: the kernel has read the filter there.
                Some(room) if answer >= 0 => unsafe { room.fill(ptr::with_exposed_provenance(*program)) },
                Some(room) => room.leave(),
                None if answer >= 0 => sandbox::close(),
                None => {}
            }
            answer
        }
        Wish::Strict => {
            let answer = call();
            if answer >= 0 {
                sandbox::close();
            }
            answer
        }
        Wish::Else => call(),
    }
}

/// prctl(2): `PR_SET_SECCOMP`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn prctl(
    option: c_int,
    second: usize,
    third: usize,
    fourth: usize,
    fifth: usize,
) -> c_int {
    let wish = match (option, c_int::try_from(second).map(c_int::cast_unsigned)) {
        (libc::PR_SET_SECCOMP, Ok(SECCOMP_MODE_FILTER)) => Wish::Filter(third),
        (libc::PR_SET_SECCOMP, Ok(SECCOMP_MODE_STRICT)) => Wish::Strict,
        _ => Wish::Else,
    };
    // SAFETY: the program's own call.
    let answer = note(&wish, || c_long::from(unsafe { next::prctl(option, second, third, fourth, fifth) }));
    c_int::try_from(answer).unwrap_or(-1)
}

/// syscall(2): seccomp(2), which has no function of its own in libc.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn syscall(
    number: c_long,
    first: usize,
    second: usize,
    third: usize,
    fourth: usize,
    fifth: usize,
    sixth: usize,
) -> c_long {
    let wish = match (number, c_int::try_from(first & 0xFFFF_FFFF).map(c_int::cast_unsigned)) {
        (libc::SYS_seccomp, Ok(SECCOMP_SET_MODE_FILTER)) => Wish::Filter(third),
        (libc::SYS_seccomp, Ok(SECCOMP_SET_MODE_STRICT)) => Wish::Strict,
        _ => Wish::Else,
    };
    // SAFETY: the program's own call.
    note(&wish, || unsafe { next::syscall(number, first, second, third, fourth, fifth, sixth) })
}
