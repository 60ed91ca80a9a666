//! The shapes of doors on RISC-V (lp64d).
//!
//! The return address is in ra and every call leaves an argument register for it, so most doors are a jump.

/// The register of an argument: of the last, where all are given.
macro_rules! register {
    ([$first:ident]) => {
        "a0"
    };
    ([$first:ident $second:ident]) => {
        "a1"
    };
    ([$first:ident $second:ident $third:ident]) => {
        "a2"
    };
    ([$first:ident $second:ident $third:ident $fourth:ident]) => {
        "a3"
    };
    ([$first:ident $second:ident $third:ident $fourth:ident $fifth:ident]) => {
        "a4"
    };
    ([$first:ident $second:ident $third:ident $fourth:ident $fifth:ident $sixth:ident]) => {
        "a5"
    };
    ([$first:ident $second:ident $third:ident $fourth:ident $fifth:ident $sixth:ident $seventh:ident]) => {
        "a6"
    };
    (first) => {
        "a0"
    };
    (second) => {
        "a1"
    };
}

/// A door that is a jump: the return address goes into the register after the last argument.
macro_rules! plain {
    ($door:ident => $name:ident [$($argument:ident)*]) => {
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[allow(non_snake_case, reason = "the C name")]
        #[unsafe(naked)]
        unsafe extern "C" fn $door() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                concat!("mv ", register!([$($argument)* return_address]), ", ra"),
                "tail {hook}",
                ".cfi_endproc",
                hook = sym hooks::$name,
            )
        }
    };
}

/// A door of a call with variable arguments of which few kinds concern us, told by the first argument: every other goes
/// straight to the next definition, once that is known, with its registers and its stack untouched. That need not
/// return once only (a raw fork).
macro_rules! narrow {
    ($name:ident, $($which:ident = $number:expr),+) => {
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "sext.w t0, a0",
                $(concat!("li t1, {", stringify!($which), "}"), "beq t0, t1, 2f",)+
                "lla t0, {slots}",
                "ld t0, {slot}(t0)",
                "beqz t0, 2f",
                "jr t0",
                "2:",
                "tail {hook}",
                ".cfi_endproc",
                $($which = const $number,)+
                slots = sym SLOTS,
                slot = const offset_of!(Slots, $name),
                hook = sym hooks::$name,
            )
        }
    };
}

/// A door of a call that opens a file: it calls the next definition itself, and goes to the hook with the name only if the
/// call has failed, or some thread's last one has. The name is the argument at `$place`.
macro_rules! opening {
    ($name:ident [$($argument:ident)*], $opener:ident, $place:ident, $raw:ident) => {
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "lla t0, {enabled}",
                "lw t0, 0(t0)",
                "andi t0, t0, {inject}",
                "bnez t0, 4f",
                "lla t0, {slots}",
                "ld t0, {slot}(t0)",
                "bnez t0, 2f",
                "lla t0, {raw}",
                "2:",
                "addi sp, sp, -16",
                ".cfi_def_cfa_offset 16",
                "sd ra, 8(sp)",
                ".cfi_offset ra, -8",
                concat!("sd ", register!($place), ", 0(sp)"),
                "jalr t0",
                "lla t0, {openings} + {noted}",
                "lw t0, 0(t0)",
                "ld ra, 8(sp)",
                "ld a1, 0(sp)",
                ".cfi_restore ra",
                "addi sp, sp, 16",
                ".cfi_def_cfa_offset 0",
                "addiw t1, a0, 1",
                "beqz t1, 3f",
                "bnez t0, 3f",
                "ret",
                "3:",
                "mv a2, a0",
                "mv a0, a1",
                "mv a1, ra",
                "li a3, {opener}",
                "tail {opened}",
                "4:",
                concat!("mv ", register!([$($argument)* return_address]), ", ra"),
                "tail {hook}",
                ".cfi_endproc",
                enabled = sym ENABLED,
                inject = const INJECT,
                slots = sym SLOTS,
                slot = const offset_of!(Slots, $name),
                raw = sym next::$raw,
                openings = sym OPENINGS,
                noted = const offset_of!(Openings, noted),
                opener = const Opener::$opener as u32,
                opened = sym hooks::opened,
                hook = sym hooks::$name,
            )
        }
    };
}

/// A door of a call whose variable arguments are pointers, to the null pointer at their end: the hook gets an array of them.
macro_rules! listing {
    ($name:ident) => {
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                // The array goes on where the caller's own part of it lies.
                "addi sp, sp, -64",
                ".cfi_def_cfa_offset 64",
                "sd ra, 0(sp)",
                ".cfi_offset ra, -64",
                "sd a1, 8(sp)",
                "sd a2, 16(sp)",
                "sd a3, 24(sp)",
                "sd a4, 32(sp)",
                "sd a5, 40(sp)",
                "sd a6, 48(sp)",
                "sd a7, 56(sp)",
                "addi a1, sp, 8",
                "mv a2, ra",
                "call {hook}",
                "ld ra, 0(sp)",
                ".cfi_restore ra",
                "addi sp, sp, 64",
                ".cfi_def_cfa_offset 0",
                "ret",
                ".cfi_endproc",
                hook = sym hooks::$name,
            )
        }
    };
}

/// A door of a call that concerns hardened mode alone, or is made to fail: otherwise it leads straight to the next definition, once that is
/// known.
macro_rules! visiting {
    ($name:ident [$($argument:ident)*]) => {
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "lla t0, {enabled}",
                "lw t0, 0(t0)",
                "li t1, {hardened}",
                "and t0, t0, t1",
                "bnez t0, 2f",
                "lla t0, {slots}",
                "ld t0, {slot}(t0)",
                "beqz t0, 2f",
                "jr t0",
                "2:",
                concat!("mv ", register!([$($argument)* return_address]), ", ra"),
                "tail {hook}",
                ".cfi_endproc",
                enabled = sym ENABLED,
                hardened = const HARDENED | INJECT,
                slots = sym SLOTS,
                slot = const offset_of!(Slots, $name),
                hook = sym hooks::$name,
            )
        }
    };
}

/// A door of a call of at most five arguments that is passed on as it is, by a jump, after something has been done.
macro_rules! passing {
    ($name:ident) => {
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "addi sp, sp, -48",
                ".cfi_def_cfa_offset 48",
                "sd ra, 40(sp)",
                ".cfi_offset ra, -8",
                "sd a0, 0(sp)",
                "sd a1, 8(sp)",
                "sd a2, 16(sp)",
                "sd a3, 24(sp)",
                "sd a4, 32(sp)",
                "li a0, {call}",
                "call {hook}",
                "mv t0, a0",
                "ld a0, 0(sp)",
                "ld a1, 8(sp)",
                "ld a2, 16(sp)",
                "ld a3, 24(sp)",
                "ld a4, 32(sp)",
                "ld ra, 40(sp)",
                ".cfi_restore ra",
                "addi sp, sp, 48",
                ".cfi_def_cfa_offset 0",
                "jr t0",
                ".cfi_endproc",
                call = const PassedCall::$name as u32,
                hook = sym hooks::shuts_way,
            )
        }
    };
}
