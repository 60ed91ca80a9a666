//! The doors on x86-64 (System V ABI).
//!
//! Up to five arguments leave a register for the return address, and the door is a jump: the hook's frame takes its
//! place, and an unwinder sees the program's call right above it. mmap has six, so its door calls the hook with the
//! return address on the stack; its call frame information lets unwinders (and cancellation) through.

use crate::enabled::{ENABLED, HARDENED};
use crate::hooks;
use crate::next::{self, SLOTS, Slots};
use crate::past::openings::{NOTED, Opener};
use core::mem::offset_of;

/// A door with a free register: `$register` is the one after the last argument.
macro_rules! door {
    ($($name:ident => $hook:path, $register:literal;)+) => {$(
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[allow(non_snake_case, reason = "the C name")]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                concat!("mov ", $register, ", qword ptr [rsp]"),
                "jmp {hook}",
                ".cfi_endproc",
                hook = sym $hook,
            )
        }
    )+};
}

/// A door of six arguments: the return address is the seventh, on the stack.
macro_rules! wide_door {
    ($($name:ident => $hook:path;)+) => {$(
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "push qword ptr [rsp]",
                ".cfi_adjust_cfa_offset 8",
                "call {hook}",
                "add rsp, 8",
                ".cfi_adjust_cfa_offset -8",
                "ret",
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
                $(concat!("cmp edi, {", stringify!($which), "}"), "je 2f",)+
                "mov r11, qword ptr [rip + {slots} + {slot}]",
                "test r11, r11",
                "jz 2f",
                "jmp r11",
                "2:",
                "jmp {hook}",
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
                "mov r11, qword ptr [rip + {slots} + {slot}]",
                "test r11, r11",
                "jnz 2f",
                "lea r11, [rip + {raw}]",
                "2:",
                concat!("push ", $name_in),
                ".cfi_adjust_cfa_offset 8",
                "call r11",
                "cmp eax, -1",
                "je 3f",
                "cmp dword ptr [rip + {noted}], 0",
                "jne 3f",
                "add rsp, 8",
                ".cfi_adjust_cfa_offset -8",
                "ret",
                ".cfi_adjust_cfa_offset 8",
                "3:",
                "pop rdi",
                ".cfi_adjust_cfa_offset -8",
                "mov rsi, qword ptr [rsp]",
                "mov edx, eax",
                "mov ecx, {opener}",
                "jmp {opened}",
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
    open("rdi") => Opener::Open, else next::raw_open;
    open64("rdi") => Opener::Open, else next::raw_open;
    __open_2("rdi") => Opener::Open, else next::raw_open_2;
    __open64_2("rdi") => Opener::Open, else next::raw_open_2;
    openat("rsi") => Opener::Openat, else next::raw_openat;
    openat64("rsi") => Opener::Openat, else next::raw_openat;
    __openat_2("rsi") => Opener::Openat, else next::raw_openat_2;
    __openat64_2("rsi") => Opener::Openat, else next::raw_openat_2;
    creat("rdi") => Opener::Creat, else next::raw_creat;
    creat64("rdi") => Opener::Creat, else next::raw_creat;
    memfd_create("rdi") => Opener::MemfdCreate, else next::raw_memfd_create;
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
                "test dword ptr [rip + {enabled}], {hardened}",
                "jnz 2f",
                "mov r11, qword ptr [rip + {slots} + {slot}]",
                "test r11, r11",
                "jz 2f",
                "jmp r11",
                "2:",
                "jmp {hook}",
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

wide_door! {
    mmap => hooks::mmap;
    mapsan_mmap => hooks::mmap;
    mmap64 => hooks::mmap64;
    mapsan_mmap64 => hooks::mmap64;
}

door! {
    munmap => hooks::munmap, "rdx";
    mapsan_munmap => hooks::munmap, "rdx";
    mremap => hooks::mremap, "r9";
    mapsan_mremap => hooks::mremap, "r9";
    mprotect => hooks::mprotect, "rcx";
    mapsan_mprotect => hooks::mprotect, "rcx";
    msync => hooks::msync, "rcx";
    mapsan_msync => hooks::msync, "rcx";
    mlockall => hooks::mlockall, "rsi";
    munlockall => hooks::munlockall, "rdi";
    ftok => hooks::ftok, "rdx";
    mapsan_ftok => hooks::ftok, "rdx";
    shmget => hooks::shmget, "rcx";
    mapsan_shmget => hooks::shmget, "rcx";
    shmat => hooks::shmat, "rcx";
    mapsan_shmat => hooks::shmat, "rcx";
    shmdt => hooks::shmdt, "rsi";
    mapsan_shmdt => hooks::shmdt, "rsi";
    shmctl => hooks::shmctl, "rcx";
    mapsan_shmctl => hooks::shmctl, "rcx";
    shm_open => hooks::shm_open, "rcx";
    mapsan_shm_open => hooks::shm_open, "rcx";
    shm_unlink => hooks::shm_unlink, "rsi";
    mapsan_shm_unlink => hooks::shm_unlink, "rsi";
    dlclose => hooks::dlclose, "rsi";
    _exit => hooks::_exit, "rsi";
    _Exit => hooks::_Exit, "rsi";
    quick_exit => hooks::quick_exit, "rsi";
    sigaction => hooks::sigaction, "rcx";
    signal => hooks::signal, "rdx";
    bsd_signal => hooks::bsd_signal, "rdx";
    ssignal => hooks::ssignal, "rdx";
    sysv_signal => hooks::sysv_signal, "rdx";
    __sysv_signal => hooks::__sysv_signal, "rdx";
    sigset => hooks::sigset, "rdx";
    brk => hooks::brk, "rsi";
    pthread_create => hooks::pthread_create, "r8";
    sigaltstack => hooks::sigaltstack, "rdx";
    sbrk => hooks::sbrk, "rsi";
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
        "push rdi",
        ".cfi_adjust_cfa_offset 8",
        "mov edi, offset mapsan_start",
        "jmp 2f",
        ".cfi_adjust_cfa_offset -8",
        ".balign 16",
        ".set mapsan_start, mapsan_start + 1",
        ".endr",
        "2:",
        ".cfi_adjust_cfa_offset 8",
        "call {begins}",
        "pop rdi",
        ".cfi_adjust_cfa_offset -8",
        "jmp rax",
        ".cfi_endproc",
        count = const super::STARTS,
        begins = sym hooks::thread_begins,
    )
}
