//! Asking, the next definitions of the calls that are passed on. They are found when they are first made: these calls are
//! rare, and no allocator's.

use super::raw::{failed, returned};
use super::{SLOTS, find_terminated};
use crate::call::passed::for_each_passed_call;
use crate::clib::weak;
use crate::plain::errno;
use crate::sys::int;
use core::ffi::{c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use libc::uid_t;

/// Makes of the rows: their numbers, and for each its name with what serves in a static program.
macro_rules! passed {
    ($(
        #[doc = $page:literal]
        $name:ident($($argument:ident: $type:ty),*) -> $result:ty { declared: $declared:path, raw: $raw:ident, }
    )+) => {
        /// A call that is passed on.
        #[allow(non_camel_case_types, reason = "named as the calls are")]
        #[repr(u32)]
        pub(crate) enum PassedCall {
            $($name,)+
        }

        /// How many there are.
        pub(super) const PASSED: usize = [$(PassedCall::$name),+].len();

        /// The name of a call by its number, and the definition in a static program, where there is no other of this name.
        fn definition(number: usize) -> Option<(&'static str, *mut c_void)> {
            $(if number == PassedCall::$name as usize {
                let alone: unsafe extern "C" fn($($type),*) -> $result = $raw;
                return Some((concat!(stringify!($name), "\0"), alone as *mut c_void));
            })+
            None
        }

        // A signature that differs from libc's does not compile.
        $(const _: unsafe extern "C" fn($($type),*) -> $result = $declared;)+
    };
}

for_each_passed_call!(passed);

/// The function that makes a call that is passed on, by its number; null if there is no such call.
pub(crate) fn next_of_passed(number: usize) -> *mut c_void {
    let (Some(slot), Some((name, alone))) = (SLOTS.passed.get(number), definition(number)) else {
        return ptr::null_mut();
    };
    let known = slot.load(Relaxed);
    if !known.is_null() {
        return known;
    }
    let before = errno::get();
    let found = find_terminated(name);
    let next = if found.is_null() { alone } else { found };
    slot.store(next, Relaxed);
    errno::set(before);
    next
}

unsafe extern "C" fn raw_chroot(path: *const c_char) -> c_int {
    // SAFETY: the program's own call.
    unsafe { returned(libc::SYS_chroot, &[path as usize]) }
}

unsafe extern "C" fn raw_unshare(flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    unsafe { returned(libc::SYS_unshare, &[int(flags)]) }
}

unsafe extern "C" fn raw_setns(fd: c_int, kind: c_int) -> c_int {
    // SAFETY: the program's own call.
    unsafe { returned(libc::SYS_setns, &[int(fd), int(kind)]) }
}

/// libc's setuid, which changes the user of all threads, under its other name in a static program.
unsafe extern "C" fn own_setuid(id: uid_t) -> c_int {
    // SAFETY: libc's function of this name and signature, in the static program in which alone this is called.
    let setuid = unsafe { core::mem::transmute::<usize, Option<unsafe extern "C" fn(uid_t) -> c_int>>(weak::setuid()) };
    // SAFETY: the program's own call.
    setuid.map_or_else(|| failed(libc::ENOSYS), |setuid| unsafe { setuid(id) })
}

/// libc's setreuid, likewise.
unsafe extern "C" fn own_setreuid(real: uid_t, effective: uid_t) -> c_int {
    // SAFETY: libc's function of this name and signature, in the static program in which alone this is called.
    let setreuid =
        unsafe { core::mem::transmute::<usize, Option<unsafe extern "C" fn(uid_t, uid_t) -> c_int>>(weak::setreuid()) };
    // SAFETY: the program's own call.
    setreuid.map_or_else(|| failed(libc::ENOSYS), |setreuid| unsafe { setreuid(real, effective) })
}

/// libc's setresuid, likewise.
unsafe extern "C" fn own_setresuid(real: uid_t, effective: uid_t, saved: uid_t) -> c_int {
    // SAFETY: libc's function of this name and signature, in the static program in which alone this is called.
    let setresuid = unsafe {
        core::mem::transmute::<usize, Option<unsafe extern "C" fn(uid_t, uid_t, uid_t) -> c_int>>(weak::setresuid())
    };
    // SAFETY: the program's own call.
    setresuid.map_or_else(|| failed(libc::ENOSYS), |setresuid| unsafe { setresuid(real, effective, saved) })
}

/// As libc's seteuid, which is setresuid(2) with the effective id alone.
unsafe extern "C" fn own_seteuid(id: uid_t) -> c_int {
    // SAFETY: the program's own call.
    unsafe { own_setresuid(uid_t::MAX, id, uid_t::MAX) }
}
