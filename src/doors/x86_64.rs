//! The shapes of doors on x86-64 (System V ABI).
//!
//! Up to five arguments leave a register for the return address, and the door is a jump: the hook's frame takes its
//! place, and an unwinder sees the program's call right above it. mmap has six, so its door calls the hook with the
//! return address on the stack; its call frame information lets unwinders (and cancellation) through.

/// The register of an argument: of the last, where all are given.
macro_rules! register {
    ([$first:ident]) => {
        "rdi"
    };
    ([$first:ident $second:ident]) => {
        "rsi"
    };
    ([$first:ident $second:ident $third:ident]) => {
        "rdx"
    };
    ([$first:ident $second:ident $third:ident $fourth:ident]) => {
        "rcx"
    };
    ([$first:ident $second:ident $third:ident $fourth:ident $fifth:ident]) => {
        "r8"
    };
    ([$first:ident $second:ident $third:ident $fourth:ident $fifth:ident $sixth:ident]) => {
        "r9"
    };
    (first) => {
        "rdi"
    };
    (second) => {
        "rsi"
    };
}

/// A door that is a jump: the return address goes into the register after the last argument.
macro_rules! plain {
    // Of six arguments: the return address is the seventh, on the stack.
    ($door:ident => $name:ident [$a:ident $b:ident $c:ident $d:ident $e:ident $f:ident]) => {
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[unsafe(naked)]
        unsafe extern "C" fn $door() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "push qword ptr [rsp]",
                ".cfi_adjust_cfa_offset 8",
                "call {hook}",
                "add rsp, 8",
                ".cfi_adjust_cfa_offset -8",
                "ret",
                ".cfi_endproc",
                hook = sym hooks::$name,
            )
        }
    };
    ($door:ident => $name:ident [$($argument:ident)*]) => {
        #[cfg_attr(not(test), unsafe(no_mangle))]
        #[allow(non_snake_case, reason = "the C name")]
        #[unsafe(naked)]
        unsafe extern "C" fn $door() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                concat!("mov ", register!([$($argument)* return_address]), ", qword ptr [rsp]"),
                "jmp {hook}",
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
                "test dword ptr [rip + {enabled}], {inject}",
                "jnz 4f",
                "mov r11, qword ptr [rip + {slots} + {slot}]",
                "test r11, r11",
                "jnz 2f",
                "lea r11, [rip + {raw}]",
                "2:",
                concat!("push ", register!($place)),
                ".cfi_adjust_cfa_offset 8",
                "call r11",
                "cmp eax, -1",
                "je 3f",
                "cmp dword ptr [rip + {openings} + {noted}], 0",
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
                "4:",
                concat!("mov ", register!([$($argument)* return_address]), ", qword ptr [rsp]"),
                "jmp {hook}",
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
                // The array goes on where the caller's own part of it lies, above the return address.
                "pop r11",
                ".cfi_adjust_cfa_offset -8",
                ".cfi_register rip, r11",
                "push r9",
                ".cfi_adjust_cfa_offset 8",
                "push r8",
                ".cfi_adjust_cfa_offset 8",
                "push rcx",
                ".cfi_adjust_cfa_offset 8",
                "push rdx",
                ".cfi_adjust_cfa_offset 8",
                "push rsi",
                ".cfi_adjust_cfa_offset 8",
                "push r11",
                ".cfi_adjust_cfa_offset 8",
                ".cfi_offset rip, -48",
                "lea rsi, [rsp + 8]",
                "mov rdx, r11",
                "call {hook}",
                "pop r11",
                ".cfi_adjust_cfa_offset -8",
                ".cfi_register rip, r11",
                "add rsp, 40",
                ".cfi_adjust_cfa_offset -40",
                "push r11",
                ".cfi_adjust_cfa_offset 8",
                ".cfi_offset rip, -8",
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
                "test dword ptr [rip + {enabled}], {hardened}",
                "jnz 2f",
                "mov r11, qword ptr [rip + {slots} + {slot}]",
                "test r11, r11",
                "jz 2f",
                "jmp r11",
                "2:",
                concat!("mov ", register!([$($argument)* return_address]), ", qword ptr [rsp]"),
                "jmp {hook}",
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
                "mov edi, {call}",
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
                call = const PassedCall::$name as u32,
                hook = sym hooks::shuts_way,
            )
        }
    };
}
