//! The doors on `AArch64` (AAPCS64).
//!
//! The return address is in x30 and every call leaves an argument register for it, so each door is a jump.

use crate::hooks;
use crate::next::{SLOTS, Slots};
use crate::sys::Disposition;
use core::mem::offset_of;

/// A door: `$register` is the one after the last argument.
macro_rules! door {
    ($($name:ident => $hook:path, $register:literal;)+) => {$(
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[allow(non_snake_case, reason = "the C name")]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                concat!("mov ", $register, ", x30"),
                "b {hook}",
                ".cfi_endproc",
                hook = sym $hook,
            )
        }
    )+};
}

/// A door of a call with variable arguments of which few kinds concern us, told by the first argument: every other goes
/// straight to the next definition, once that is known, with its registers and its stack untouched. That need not
/// return once only (a raw fork).
macro_rules! narrow_door {
    ($($name:ident => $hook:path, $($which:ident = $number:expr),+;)+) => {$(
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                $(concat!("cmp w0, {", stringify!($which), "}"), "b.eq 2f",)+
                "adrp x16, {slots} + {slot}",
                "ldr x16, [x16, :lo12:{slots} + {slot}]",
                "cbz x16, 2f",
                "br x16",
                "2:",
                "b {hook}",
                ".cfi_endproc",
                $($which = const $number,)+
                slots = sym SLOTS,
                slot = const offset_of!(Slots, $name),
                hook = sym $hook,
            )
        }
    )+};
}

narrow_door! {
    prctl => hooks::prctl, set_seccomp = libc::PR_SET_SECCOMP;
    syscall => hooks::syscall, seccomp = libc::SYS_seccomp, prctl = libc::SYS_prctl;
}

door! {
    mmap => hooks::mmap, "x6";
    mapsan_mmap => hooks::mmap, "x6";
    mmap64 => hooks::mmap64, "x6";
    mapsan_mmap64 => hooks::mmap64, "x6";
    munmap => hooks::munmap, "x2";
    mapsan_munmap => hooks::munmap, "x2";
    mremap => hooks::mremap, "x5";
    mapsan_mremap => hooks::mremap, "x5";
    mprotect => hooks::mprotect, "x3";
    mapsan_mprotect => hooks::mprotect, "x3";
    msync => hooks::msync, "x3";
    mapsan_msync => hooks::msync, "x3";
    ftok => hooks::ftok, "x2";
    mapsan_ftok => hooks::ftok, "x2";
    shmget => hooks::shmget, "x3";
    mapsan_shmget => hooks::shmget, "x3";
    shmat => hooks::shmat, "x3";
    mapsan_shmat => hooks::shmat, "x3";
    shmdt => hooks::shmdt, "x1";
    mapsan_shmdt => hooks::shmdt, "x1";
    shmctl => hooks::shmctl, "x3";
    mapsan_shmctl => hooks::shmctl, "x3";
    shm_open => hooks::shm_open, "x3";
    mapsan_shm_open => hooks::shm_open, "x3";
    shm_unlink => hooks::shm_unlink, "x1";
    mapsan_shm_unlink => hooks::shm_unlink, "x1";
    _exit => hooks::_exit, "x1";
    _Exit => hooks::_Exit, "x1";
    quick_exit => hooks::quick_exit, "x1";
    sigaction => hooks::sigaction, "x3";
    signal => hooks::signal, "x2";
    bsd_signal => hooks::bsd_signal, "x2";
    ssignal => hooks::ssignal, "x2";
    sysv_signal => hooks::sysv_signal, "x2";
    __sysv_signal => hooks::__sysv_signal, "x2";
    sigset => hooks::sigset, "x2";
    brk => hooks::brk, "x1";
    sbrk => hooks::sbrk, "x1";
}

/// Fills in what a disposition needs besides its handler: nothing, since the handler returns to the vDSO.
pub(crate) fn signal_restorer(_disposition: &mut Disposition) {}
