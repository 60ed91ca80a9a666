//! The doors on `AArch64` (AAPCS64).
//!
//! The return address is in x30 and every call leaves an argument register for it, so each door is a jump.

use crate::enabled::{ENABLED, HARDENED};
use crate::hooks;
use crate::next::{self, SLOTS, Slots};
use crate::past::openings::{NOTED, Opener};
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

/// A door of a call that opens a file: it calls the next definition itself, and goes to the hook with the name (which lies
/// in `$name_in` when the call is made) only if the call has failed, or some thread's last one has.
macro_rules! opening_door {
    ($($name:ident($name_in:literal) => $opener:expr, else $raw:path;)+) => {$(
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "adrp x16, {slots} + {slot}",
                "ldr x16, [x16, :lo12:{slots} + {slot}]",
                "cbnz x16, 2f",
                "adrp x16, {raw}",
                "add x16, x16, :lo12:{raw}",
                "2:",
                "stp x29, x30, [sp, -32]!",
                ".cfi_def_cfa_offset 32",
                ".cfi_offset x29, -32",
                ".cfi_offset x30, -24",
                "mov x29, sp",
                concat!("str ", $name_in, ", [sp, 16]"),
                "blr x16",
                "adrp x16, {noted}",
                "ldr w16, [x16, :lo12:{noted}]",
                "cmn w0, 1",
                "b.eq 3f",
                "cbnz w16, 3f",
                "ldp x29, x30, [sp], 32",
                ".cfi_remember_state",
                ".cfi_restore x29",
                ".cfi_restore x30",
                ".cfi_def_cfa_offset 0",
                "ret",
                ".cfi_restore_state",
                "3:",
                "mov w2, w0",
                "ldr x0, [sp, 16]",
                "ldp x29, x30, [sp], 32",
                ".cfi_restore x29",
                ".cfi_restore x30",
                ".cfi_def_cfa_offset 0",
                "mov x1, x30",
                "mov w3, {opener}",
                "b {opened}",
                ".cfi_endproc",
                slots = sym SLOTS,
                slot = const offset_of!(Slots, $name),
                raw = sym $raw,
                noted = sym NOTED,
                opener = const $opener as u32,
                opened = sym hooks::opened,
            )
        }
    )+};
}

opening_door! {
    open("x0") => Opener::Open, else next::raw_open;
    open64("x0") => Opener::Open, else next::raw_open;
    __open_2("x0") => Opener::Open, else next::raw_open_2;
    __open64_2("x0") => Opener::Open, else next::raw_open_2;
    openat("x1") => Opener::Openat, else next::raw_openat;
    openat64("x1") => Opener::Openat, else next::raw_openat;
    __openat_2("x1") => Opener::Openat, else next::raw_openat_2;
    __openat64_2("x1") => Opener::Openat, else next::raw_openat_2;
    creat("x0") => Opener::Creat, else next::raw_creat;
    creat64("x0") => Opener::Creat, else next::raw_creat;
    memfd_create("x0") => Opener::MemfdCreate, else next::raw_memfd_create;
}

/// A door of a call that concerns hardened mode alone: otherwise it leads straight to the next definition, once that is
/// known.
macro_rules! visiting_door {
    ($($name:ident => $hook:path;)+) => {$(
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "adrp x16, {enabled}",
                "ldr w16, [x16, :lo12:{enabled}]",
                "tst w16, #{hardened}",
                "b.ne 2f",
                "adrp x16, {slots} + {slot}",
                "ldr x16, [x16, :lo12:{slots} + {slot}]",
                "cbz x16, 2f",
                "br x16",
                "2:",
                "b {hook}",
                ".cfi_endproc",
                enabled = sym ENABLED,
                hardened = const HARDENED,
                slots = sym SLOTS,
                slot = const offset_of!(Slots, $name),
                hook = sym $hook,
            )
        }
    )+};
}

visiting_door! {
    madvise => hooks::madvise;
    posix_madvise => hooks::posix_madvise;
    mincore => hooks::mincore;
    mlock => hooks::mlock;
    mlock2 => hooks::mlock2;
    munlock => hooks::munlock;
    pkey_mprotect => hooks::pkey_mprotect;
}

narrow_door! {
    prctl => hooks::prctl, set_seccomp = libc::PR_SET_SECCOMP, set_counter = libc::PR_SET_TSC;
    syscall => hooks::syscall, seccomp = libc::SYS_seccomp, prctl = libc::SYS_prctl,
        landlock = libc::SYS_landlock_restrict_self, root = libc::SYS_pivot_root;
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
    mlockall => hooks::mlockall, "x1";
    munlockall => hooks::munlockall, "x0";
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
    dlclose => hooks::dlclose, "x1";
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
    pthread_create => hooks::pthread_create, "x4";
    sigaltstack => hooks::sigaltstack, "x2";
    sbrk => hooks::sbrk, "x1";
}

/// The bytes of one starter.
pub(super) const STARTER: usize = 16;

/// The row of functions at which threads start: each enters its thread under its own number and jumps to the function that
/// the program meant, with the argument and the stack as they were.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn starters() {
    core::arch::naked_asm!(
        ".cfi_startproc",
        ".balign 16",
        ".set mapsan_start, 0",
        ".rept {count}",
        "bti c",
        "mov w1, #mapsan_start",
        "b 2f",
        ".balign 16",
        ".set mapsan_start, mapsan_start + 1",
        ".endr",
        "2:",
        "stp x0, x30, [sp, #-16]!",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset x30, -8",
        "mov w0, w1",
        "bl {begins}",
        "mov x16, x0",
        "ldp x0, x30, [sp], #16",
        ".cfi_restore x30",
        ".cfi_def_cfa_offset 0",
        "br x16",
        ".cfi_endproc",
        count = const super::STARTS,
        begins = sym hooks::thread_begins,
    )
}
