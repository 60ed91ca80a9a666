//! The hooks of the calls that install a seccomp filter, or shut the file system off. Their doors pass nearly everything
//! else on.

use super::execution::{raw_execve, raw_execveat};
use crate::enabled::{self, HARDENED};
use crate::signal::disposition;
use crate::sys::process;
use crate::sys::sandbox::{self, FilterInstall};
use crate::{clock, finding, harden, next, output};
use core::ffi::{c_int, c_long};
use libc::{
    SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_MODE_FILTER, SECCOMP_MODE_STRICT, SECCOMP_SET_MODE_FILTER,
    SECCOMP_SET_MODE_STRICT,
};

/// What a call asks for.
enum SeccompRequest {
    /// A filter, at this address; with a listener, whose descriptor the call gives.
    Filter { program: usize, listener: bool },
    /// `SECCOMP_MODE_STRICT`.
    Strict,
    /// Nothing of this kind.
    Else,
}

impl SeccompRequest {
    /// prctl(2).
    fn of_prctl(option: c_int, second: usize, third: usize) -> SeccompRequest {
        // The second argument is an unsigned long.
        match (option, u32::try_from(second)) {
            (libc::PR_SET_SECCOMP, Ok(SECCOMP_MODE_FILTER)) => {
                SeccompRequest::Filter { program: third, listener: false }
            }
            (libc::PR_SET_SECCOMP, Ok(SECCOMP_MODE_STRICT)) => SeccompRequest::Strict,
            _ => SeccompRequest::Else,
        }
    }

    /// seccomp(2), whose first two arguments are unsigned ints.
    fn of_seccomp(operation: usize, flags: usize, program: usize) -> SeccompRequest {
        match u32::try_from(operation & 0xFFFF_FFFF) {
            Ok(SECCOMP_SET_MODE_FILTER) => {
                SeccompRequest::Filter { program, listener: flags as u64 & SECCOMP_FILTER_FLAG_NEW_LISTENER != 0 }
            }
            Ok(SECCOMP_SET_MODE_STRICT) => SeccompRequest::Strict,
            _ => SeccompRequest::Else,
        }
    }
}

/// Makes a call and notes what it installs. A child of vfork(2) that confines itself thereby confines its parent, too,
/// whose memory this is: it can't be told from one of a raw clone(2), which has memory of its own.
fn note(wish: &SeccompRequest, call: impl FnOnce() -> c_long) -> c_long {
    match *wish {
        SeccompRequest::Filter { program, listener } if enabled::bits() != 0 => install(program, listener, call),
        SeccompRequest::Strict if enabled::bits() != 0 => become_strict(call),
        _ => call(),
    }
}

/// Makes the call that installs a filter.
fn install(program: usize, listener: bool, call: impl FnOnce() -> c_long) -> c_long {
    let mut installation = FilterInstall::begin(program);
    if installation.is_hopeless() {
        let answer = call();
        installation.failed();
        return answer;
    }
    if enabled::bits() & HARDENED != 0 && !installation.will_let(libc::SYS_munmap, [0; 6]) {
        // What is ours could not be unmapped any more.
        harden::end(format_args!("the sandbox does not let munmap through"));
    }
    if output::sink::calls().iter().any(|(number, arguments)| !installation.will_let(*number, *arguments)) {
        super::keep_log();
    }
    if process::may_install_filter() {
        finding::record_end_of_reports(&|number, arguments| installation.will_let(number, arguments));
    }
    let pause = output::pause();
    installation.note();
    let withdrawn = !disposition::can_end(|number, arguments| installation.will_let(number, arguments));
    if withdrawn {
        disposition::withdraw();
    }
    let answer = call();
    // A positive number is a listener's descriptor, or else the thread on which the filter could not be put.
    if answer == 0 || answer > 0 && listener {
        // SAFETY: the kernel has read the filter there.
        unsafe { installation.succeeded() };
    } else {
        installation.failed();
    }
    if withdrawn {
        disposition::take_again();
    }
    drop(pause);
    answer
}

/// Makes the call that leaves read(2) and write(2) alone.
fn become_strict(call: impl FnOnce() -> c_long) -> c_long {
    if enabled::bits() & HARDENED != 0 {
        harden::end(format_args!("strict mode does not let munmap through"));
    }
    // The kernel takes it away with the rest.
    clock::stop();
    // Who is not sure what a descriptor is does not write to it.
    finding::record_end_of_reports(&|_, _| false);
    let pause = output::pause();
    disposition::withdraw();
    sandbox::close();
    let answer = call();
    if answer != 0 {
        sandbox::reopen();
        disposition::take_again();
    }
    drop(pause);
    answer
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
    if option == libc::PR_SET_TSC {
        clock::stop();
    }
    // SAFETY: the program's own call.
    let call = || c_long::from(unsafe { next::prctl(option, second, third, fourth, fifth) });
    c_int::try_from(note(&SeccompRequest::of_prctl(option, second, third), call)).unwrap_or(-1)
}

/// syscall(2): seccomp(2) and others that have no function of their own in libc, and prctl(2).
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
    // The kernel looks at 32 bits of each.
    let low = |register: u64| c_long::from(u32::try_from(register & 0xFFFF_FFFF).unwrap_or(0));
    // SAFETY: the program's own call.
    let call = || unsafe { next::syscall(number, first, second, third, fourth, fifth, sixth) };
    let wish = match low(number.cast_unsigned()) {
        libc::SYS_execve => return raw_execve(first, third, call),
        libc::SYS_execveat => return raw_execveat([second, third, fourth, fifth], call),
        libc::SYS_seccomp => SeccompRequest::of_seccomp(first, second, third),
        libc::SYS_prctl => {
            let option = low(first as u64);
            if option == c_long::from(libc::PR_SET_TSC) {
                clock::stop();
            }
            SeccompRequest::of_prctl(c_int::try_from(option).unwrap_or(-1), second, third)
        }
        libc::SYS_landlock_restrict_self | libc::SYS_pivot_root => {
            super::keep_log();
            SeccompRequest::Else
        }
        _ => SeccompRequest::Else,
    };
    note(&wish, call)
}
