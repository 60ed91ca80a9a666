//! The doors of the calls by which a program shuts its own way to the file system.

use crate::hooks;

/// A door of a call of at most five arguments that is passed on as it is, by a jump, after something has been done.
#[cfg(target_arch = "x86_64")]
macro_rules! passing_door {
    ($($name:ident $number:literal;)+) => {$(
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "push rdi",
                ".cfi_adjust_cfa_offset 8",
                "push rsi",
                ".cfi_adjust_cfa_offset 8",
                "push rdx",
                ".cfi_adjust_cfa_offset 8",
                "push rcx",
                ".cfi_adjust_cfa_offset 8",
                "push r8",
                ".cfi_adjust_cfa_offset 8",
                concat!("mov edi, ", $number),
                "call {hook}",
                "pop r8",
                ".cfi_adjust_cfa_offset -8",
                "pop rcx",
                ".cfi_adjust_cfa_offset -8",
                "pop rdx",
                ".cfi_adjust_cfa_offset -8",
                "pop rsi",
                ".cfi_adjust_cfa_offset -8",
                "pop rdi",
                ".cfi_adjust_cfa_offset -8",
                "jmp rax",
                ".cfi_endproc",
                hook = sym hooks::shuts_way,
            )
        }
    )+};
}

/// A door of a call of at most four arguments that is passed on as it is, by a jump, after something has been done.
#[cfg(target_arch = "aarch64")]
macro_rules! passing_door {
    ($($name:ident $number:literal;)+) => {$(
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "stp x29, x30, [sp, #-48]!",
                ".cfi_def_cfa_offset 48",
                ".cfi_offset x29, -48",
                ".cfi_offset x30, -40",
                "stp x0, x1, [sp, #16]",
                "stp x2, x3, [sp, #32]",
                concat!("mov x0, #", $number),
                "bl {hook}",
                "mov x16, x0",
                "ldp x0, x1, [sp, #16]",
                "ldp x2, x3, [sp, #32]",
                "ldp x29, x30, [sp], #48",
                ".cfi_restore x29",
                ".cfi_restore x30",
                ".cfi_def_cfa_offset 0",
                "br x16",
                ".cfi_endproc",
                hook = sym hooks::shuts_way,
            )
        }
    )+};
}

passing_door! {
    chroot 0;
    unshare 1;
    setns 2;
    setuid 3;
    setreuid 4;
    setresuid 5;
    seteuid 6;
}
