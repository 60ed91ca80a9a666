//! memcpy(3) and its kin, which the compiler calls by name: of the library's own.
//!
//! A sanitizer that is linked into the program has functions of these names, which work once it has started, and which see
//! the library's writes but not its lock. `build.rs` binds the names inside `libmapsan.so` to the functions here; the
//! aliases below do so inside `libmapsan.a`, for the library's own code. In assembly, since the compiler would make a call of
//! memcpy out of the loop of a memcpy.

/// Declares the functions, and inside this object their names.
macro_rules! functions {
    ($($name:literal $code:literal)+) => {
        core::arch::global_asm!($(concat!(
            ".pushsection .text.mapsan_", $name, ",\"ax\",@progbits\n.p2align 4\n",
            ".globl mapsan_", $name, "\n.hidden mapsan_", $name, "\n.type mapsan_", $name, ",@function\n",
            "mapsan_", $name, ":\n.cfi_startproc\n", $code, "\n.cfi_endproc\n",
            ".size mapsan_", $name, ", . - mapsan_", $name, "\n.popsection"
        ),)+);
        #[cfg(not(test))]
        core::arch::global_asm!($(concat!(".set ", $name, ", mapsan_", $name),)+);
    };
}

// Up to 64 bytes are read whole before any is written. Longer ones go in steps of 64, from the side on which the two may
// overlap, and the step at the far end is read first.
#[cfg(target_arch = "x86_64")]
functions! {
    "memmove" "
        mov rax, rdi
        cmp rdx, 16
        jb 3f
        cmp rdx, 32
        ja 2f
        movups xmm0, [rsi]
        movups xmm1, [rsi + rdx - 16]
        movups [rdi], xmm0
        movups [rdi + rdx - 16], xmm1
        ret
    2:  cmp rdx, 64
        ja 7f
        movups xmm0, [rsi]
        movups xmm1, [rsi + 16]
        movups xmm2, [rsi + rdx - 32]
        movups xmm3, [rsi + rdx - 16]
        movups [rdi], xmm0
        movups [rdi + 16], xmm1
        movups [rdi + rdx - 32], xmm2
        movups [rdi + rdx - 16], xmm3
        ret
    3:  cmp edx, 8
        jb 4f
        mov rcx, [rsi]
        mov r8, [rsi + rdx - 8]
        mov [rdi], rcx
        mov [rdi + rdx - 8], r8
        ret
    4:  cmp edx, 4
        jb 5f
        mov ecx, [rsi]
        mov r8d, [rsi + rdx - 4]
        mov [rdi], ecx
        mov [rdi + rdx - 4], r8d
        ret
    5:  test edx, edx
        je 6f
        movzx ecx, byte ptr [rsi]
        movzx r8d, byte ptr [rsi + rdx - 1]
        cmp edx, 3
        jne 55f
        movzx r9d, byte ptr [rsi + 1]
        mov [rdi + 1], r9b
    55: mov [rdi], cl
        mov [rdi + rdx - 1], r8b
    6:  ret
    7:  mov rcx, rdi
        sub rcx, rsi
        cmp rcx, rdx
        jb 9f
        movups xmm4, [rsi + rdx - 64]
        movups xmm5, [rsi + rdx - 48]
        movups xmm6, [rsi + rdx - 32]
        movups xmm7, [rsi + rdx - 16]
        lea rcx, [rdi + rdx - 64]
    8:  movups xmm0, [rsi]
        movups xmm1, [rsi + 16]
        movups xmm2, [rsi + 32]
        movups xmm3, [rsi + 48]
        movups [rdi], xmm0
        movups [rdi + 16], xmm1
        movups [rdi + 32], xmm2
        movups [rdi + 48], xmm3
        add rsi, 64
        add rdi, 64
        cmp rdi, rcx
        jb 8b
        movups [rcx], xmm4
        movups [rcx + 16], xmm5
        movups [rcx + 32], xmm6
        movups [rcx + 48], xmm7
        ret
    9:  movups xmm4, [rsi]
        movups xmm5, [rsi + 16]
        movups xmm6, [rsi + 32]
        movups xmm7, [rsi + 48]
        lea rcx, [rdi + 64]
        add rsi, rdx
        add rdi, rdx
    99: movups xmm0, [rsi - 16]
        movups xmm1, [rsi - 32]
        movups xmm2, [rsi - 48]
        movups xmm3, [rsi - 64]
        movups [rdi - 16], xmm0
        movups [rdi - 32], xmm1
        movups [rdi - 48], xmm2
        movups [rdi - 64], xmm3
        sub rsi, 64
        sub rdi, 64
        cmp rdi, rcx
        ja 99b
        movups [rax], xmm4
        movups [rax + 16], xmm5
        movups [rax + 32], xmm6
        movups [rax + 48], xmm7
        ret"
    "memcpy" "jmp mapsan_memmove"
    "memset" "
        mov rax, rdi
        movzx ecx, sil
        movabs r8, 0x0101010101010101
        imul rcx, r8
        cmp rdx, 16
        jb 3f
        movq xmm0, rcx
        punpcklqdq xmm0, xmm0
        lea r8, [rdi + rdx - 64]
        cmp rdx, 64
        ja 2f
        movups [rdi], xmm0
        movups [r8 + 48], xmm0
        cmp rdx, 32
        jbe 6f
        movups [rdi + 16], xmm0
        movups [r8 + 32], xmm0
        ret
    2:  movups [rdi], xmm0
        movups [rdi + 16], xmm0
        movups [rdi + 32], xmm0
        movups [rdi + 48], xmm0
        add rdi, 64
        cmp rdi, r8
        jb 2b
        movups [r8], xmm0
        movups [r8 + 16], xmm0
        movups [r8 + 32], xmm0
        movups [r8 + 48], xmm0
        ret
    3:  cmp edx, 8
        jb 4f
        mov [rdi], rcx
        mov [rdi + rdx - 8], rcx
        ret
    4:  cmp edx, 4
        jb 5f
        mov [rdi], ecx
        mov [rdi + rdx - 4], ecx
        ret
    5:  test edx, edx
        je 6f
        mov [rdi], cl
        mov [rdi + rdx - 1], cl
        shr edx, 1
        mov [rdi + rdx], cl
    6:  ret"
    "memcmp" "
    2:  cmp rdx, 8
        jb 3f
        mov rax, [rdi]
        mov rcx, [rsi]
        add rdi, 8
        add rsi, 8
        sub rdx, 8
        cmp rax, rcx
        je 2b
        bswap rax
        bswap rcx
        cmp rax, rcx
        sbb eax, eax
        or eax, 1
        ret
    3:  test rdx, rdx
        je 4f
        movzx eax, byte ptr [rdi]
        movzx ecx, byte ptr [rsi]
        inc rdi
        inc rsi
        dec rdx
        sub eax, ecx
        je 3b
        ret
    4:  xor eax, eax
        ret"
    "bcmp" "jmp mapsan_memcmp"
    "strlen" "
        mov rax, rdi
    2:  cmp byte ptr [rax], 0
        je 3f
        inc rax
        jmp 2b
    3:  sub rax, rdi
        ret"
}

#[cfg(target_arch = "aarch64")]
functions! {
    "memmove" "
        sub x3, x0, x1
        cmp x3, x2
        b.lo 4f
        mov x4, x0
    2:  cmp x2, #16
        b.lo 3f
        ldp x5, x6, [x1], #16
        stp x5, x6, [x4], #16
        sub x2, x2, #16
        b 2b
    3:  cbz x2, 7f
        ldrb w5, [x1], #1
        strb w5, [x4], #1
        sub x2, x2, #1
        b 3b
    4:  add x1, x1, x2
        add x4, x0, x2
    5:  cmp x2, #16
        b.lo 6f
        ldp x5, x6, [x1, #-16]!
        stp x5, x6, [x4, #-16]!
        sub x2, x2, #16
        b 5b
    6:  cbz x2, 7f
        ldrb w5, [x1, #-1]!
        strb w5, [x4, #-1]!
        sub x2, x2, #1
        b 6b
    7:  ret"
    "memcpy" "b mapsan_memmove"
    "memset" "
        mov x3, x0
        and x1, x1, #0xff
        orr x1, x1, x1, lsl #8
        orr x1, x1, x1, lsl #16
        orr x1, x1, x1, lsl #32
    2:  cmp x2, #16
        b.lo 3f
        stp x1, x1, [x3], #16
        sub x2, x2, #16
        b 2b
    3:  cbz x2, 4f
        strb w1, [x3], #1
        sub x2, x2, #1
        b 3b
    4:  ret"
    "memcmp" "
        mov x3, x0
    2:  cbz x2, 3f
        ldrb w4, [x3], #1
        ldrb w5, [x1], #1
        sub x2, x2, #1
        subs w0, w4, w5
        b.eq 2b
        ret
    3:  mov w0, wzr
        ret"
    "bcmp" "b mapsan_memcmp"
    "strlen" "
        mov x1, x0
    2:  ldrb w2, [x1], #1
        cbnz w2, 2b
        sub x0, x1, x0
        sub x0, x0, #1
        ret"
}

#[cfg(test)]
mod tests {
    use std::ffi::c_int;

    unsafe extern "C" {
        fn mapsan_memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8;
        fn mapsan_memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8;
        fn mapsan_memset(to: *mut u8, byte: c_int, length: usize) -> *mut u8;
        fn mapsan_memcmp(a: *const u8, b: *const u8, length: usize) -> c_int;
        fn mapsan_bcmp(a: *const u8, b: *const u8, length: usize) -> c_int;
        fn mapsan_strlen(string: *const u8) -> usize;
    }

    const ROOM: usize = 700;
    const MOST: usize = 300;

    fn pattern() -> Vec<u8> {
        (0..ROOM).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    #[test]
    fn memory_moves_to_all_distances() {
        let distances =
            [(0, 0), (0, 1), (1, 0), (5, 21), (21, 5), (3, 67), (67, 3), (2, 130), (130, 2), (9, 390), (390, 9)];
        for length in 0..MOST {
            for (to, from) in distances {
                let (mut ours, mut theirs) = (pattern(), pattern());
                theirs.copy_within(from..from + length, to);
                let room = ours.as_mut_ptr();
                let (target, source) = (room.wrapping_add(to), room.wrapping_add(from));
                // SAFETY: both lie in the room with their length.
                assert_eq!(unsafe { mapsan_memmove(target, source, length) }, target);
                assert!(ours == theirs, "memmove of {length} bytes from {from} to {to}");
            }
            let (from, mut to) = (pattern(), vec![0; ROOM]);
            let (target, source) = (to.as_mut_ptr().wrapping_add(1), from.as_ptr().wrapping_add(2));
            // SAFETY: two rooms, each longer.
            unsafe { mapsan_memcpy(target, source, length) };
            let mut expected = vec![0; ROOM];
            expected[1..=length].copy_from_slice(&from[2..length + 2]);
            assert!(to == expected, "memcpy of {length} bytes");
        }
    }

    #[test]
    fn memory_is_filled_to_the_byte() {
        for length in 0..MOST {
            let (mut room, mut expected) = (vec![1; ROOM], vec![1; ROOM]);
            expected[3..3 + length].fill(0xa5);
            // SAFETY: the room is longer.
            unsafe { mapsan_memset(room.as_mut_ptr().wrapping_add(3), 0x1a5, length) };
            assert!(room == expected, "memset of {length} bytes");
        }
    }

    #[test]
    fn bytes_are_compared() {
        for length in 0..80 {
            for (different, byte) in (0..=length).flat_map(|at| [0, 0x7f, 0x80, 0xff].map(|byte| (at, byte))) {
                let (a, mut b) = (pattern(), pattern());
                b[different] = byte;
                // SAFETY: both are longer.
                let order = unsafe { mapsan_memcmp(a.as_ptr(), b.as_ptr(), length) };
                // SAFETY: as above.
                let differ = unsafe { mapsan_bcmp(a.as_ptr(), b.as_ptr(), length) };
                assert_eq!(order.cmp(&0), a[..length].cmp(&b[..length]));
                assert_eq!(differ == 0, order == 0);
            }
        }
    }

    #[test]
    fn strings_are_measured() {
        for length in 0..80 {
            let mut string = vec![b'x'; length];
            string.push(0);
            // SAFETY: a string.
            assert_eq!(unsafe { mapsan_strlen(string.as_ptr()) }, length);
        }
    }
}
