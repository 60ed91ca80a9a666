//! The shapes of doors on `AArch64` (AAPCS64).
//!
//! The return address is in x30 and every call leaves an argument register for it, so each door is a jump.

/// The register of an argument: of the last, where all are given.
macro_rules! register {
    ([$first:ident]) => {
        "x0"
    };
    ([$first:ident $second:ident]) => {
        "x1"
    };
    ([$first:ident $second:ident $third:ident]) => {
        "x2"
    };
    ([$first:ident $second:ident $third:ident $fourth:ident]) => {
        "x3"
    };
    ([$first:ident $second:ident $third:ident $fourth:ident $fifth:ident]) => {
        "x4"
    };
    ([$first:ident $second:ident $third:ident $fourth:ident $fifth:ident $sixth:ident]) => {
        "x5"
    };
    ([$first:ident $second:ident $third:ident $fourth:ident $fifth:ident $sixth:ident $seventh:ident]) => {
        "x6"
    };
    (first) => {
        "x0"
    };
    (second) => {
        "x1"
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
                concat!("mov ", register!([$($argument)* return_address]), ", x30"),
                "b {hook}",
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
                "adrp x16, {enabled}",
                "ldr w16, [x16, :lo12:{enabled}]",
                "tst w16, #{inject}",
                "b.ne 4f",
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
                concat!("str ", register!($place), ", [sp, 16]"),
                "blr x16",
                "adrp x16, {openings} + {noted}",
                "ldr w16, [x16, :lo12:{openings} + {noted}]",
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
                "4:",
                concat!("mov ", register!([$($argument)* return_address]), ", x30"),
                "b {hook}",
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
                "stp x29, x30, [sp, -80]!",
                ".cfi_def_cfa_offset 80",
                ".cfi_offset x29, -80",
                ".cfi_offset x30, -72",
                "mov x29, sp",
                "str x1, [sp, 24]",
                "stp x2, x3, [sp, 32]",
                "stp x4, x5, [sp, 48]",
                "stp x6, x7, [sp, 64]",
                "add x1, sp, 24",
                "mov x2, x30",
                "bl {hook}",
                "ldp x29, x30, [sp], 80",
                ".cfi_restore x29",
                ".cfi_restore x30",
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
                "adrp x16, {enabled}",
                "ldr w16, [x16, :lo12:{enabled}]",
                "tst w16, #{hardened}",
                "b.ne 2f",
                "adrp x16, {slots} + {slot}",
                "ldr x16, [x16, :lo12:{slots} + {slot}]",
                "cbz x16, 2f",
                "br x16",
                "2:",
                concat!("mov ", register!([$($argument)* return_address]), ", x30"),
                "b {hook}",
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

/// A door of a call of at most four arguments that is passed on as it is, by a jump, after something has been done.
macro_rules! passing {
    ($name:ident) => {
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
                "mov x0, #{call}",
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
                call = const PassedCall::$name as u32,
                hook = sym hooks::shuts_way,
            )
        }
    };
}
