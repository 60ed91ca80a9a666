//! memcpy(3) and its kin (src/clib/memory.rs).

/// Up to 64 bytes are read whole before any is written. Longer ones go in steps of 64, from the side on which the two may
/// overlap, and the step at the far end is read first.
macro_rules! memory_functions {
    ($each:ident) => {
        $each! {
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
    };
}
pub(crate) use memory_functions;
