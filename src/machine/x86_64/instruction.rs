//! How many bytes of memory an instruction wants, as far as that can be told from its first bytes.
//!
//! It tells the field of a structure that a failed pointer leads to (`MAP_FAILED + 8` is address 7) from what a null
//! pointer leads to (address 8): both are aligned, one of them to the access.

/// The size of the operand in memory of an x86-64 instruction (Intel SDM, volume 2, appendix A); `None` for what is not
/// among the common ones.
pub(super) fn operand_size(code: &[u8]) -> Option<usize> {
    let mut prefixes = Prefixes::default();
    let mut rest = code;
    loop {
        let (first, after) = rest.split_first()?;
        rest = after;
        match *first {
            0x66 => prefixes.narrow = true,
            0xf2 | 0xf3 => prefixes.repeat = *first,
            0x67 | 0x2e | 0x36 | 0x3e | 0x26 | 0x64 | 0x65 | 0xf0 => {}
            rex @ 0x40..=0x4f => prefixes.wide = rex & 8 != 0,
            0xc5 => {
                let (second, code) = rest.split_first()?;
                return Some(vector(*second, *code.first()?, if second & 4 == 0 { 16 } else { 32 }));
            }
            0xc4 => {
                let [_, third, opcode, ..] = rest else { return None };
                return Some(vector(*third, *opcode, if third & 4 == 0 { 16 } else { 32 }));
            }
            0x62 => {
                let [_, third, fourth, opcode, ..] = rest else { return None };
                let length = match fourth >> 5 & 3 {
                    0 => 16,
                    1 => 32,
                    _ => 64,
                };
                return Some(vector(*third, *opcode, length));
            }
            0x0f => return two_bytes(&prefixes, rest),
            opcode => return one_byte(&prefixes, opcode, rest.first().copied()),
        }
    }
}

#[derive(Default)]
struct Prefixes {
    /// 66.
    narrow: bool,
    /// F2 or F3; 0 for neither.
    repeat: u8,
    /// REX.W.
    wide: bool,
}

impl Prefixes {
    /// The size of a general operand.
    fn general(&self) -> usize {
        match self {
            Prefixes { wide: true, .. } => 8,
            Prefixes { narrow: true, .. } => 2,
            _ => 4,
        }
    }
}

/// Opcodes of one byte.
fn one_byte(prefixes: &Prefixes, opcode: u8, modrm: Option<u8>) -> Option<usize> {
    match opcode {
        0x00..=0x3f => match opcode & 7 {
            0 | 2 => Some(1),
            1 | 3 => Some(prefixes.general()),
            _ => None,
        },
        0x63 => Some(4),
        0x8f | 0x50..=0x5f => Some(8),
        0x80 | 0x84 | 0x86 | 0x88 | 0x8a | 0xa0 | 0xa2 | 0xa4 | 0xa6 | 0xaa | 0xac | 0xae | 0xc0 | 0xc6 | 0xd0
        | 0xd2 | 0xf6 | 0xfe => Some(1),
        0x69 | 0x6b | 0x81 | 0x83 | 0x85 | 0x87 | 0x89 | 0x8b | 0xa1 | 0xa3 | 0xa5 | 0xa7 | 0xab | 0xad | 0xaf
        | 0xc1 | 0xc7 | 0xd1 | 0xd3 | 0xf7 => Some(prefixes.general()),
        0xff => match modrm? >> 3 & 7 {
            0 | 1 => Some(prefixes.general()),
            2 | 4 | 6 => Some(8),
            _ => None,
        },
        _ => None,
    }
}

/// Opcodes of two bytes, after 0F.
fn two_bytes(prefixes: &Prefixes, rest: &[u8]) -> Option<usize> {
    let opcode = *rest.first()?;
    let packed = if prefixes.narrow { 16 } else { 8 };
    match opcode {
        0x90..=0x9f | 0xb0 | 0xb6 | 0xbe | 0xc0 => Some(1),
        0xb7 | 0xbf => Some(2),
        0x40..=0x4f | 0xa3 | 0xab | 0xaf | 0xb1 | 0xb3 | 0xba | 0xbb | 0xbc | 0xbd | 0xb8 | 0xc1 | 0xc3 => {
            Some(prefixes.general())
        }
        0xc7 => Some(if prefixes.wide { 16 } else { 8 }),
        0x10 | 0x11 | 0x51..=0x5f => Some(scalar(prefixes.repeat, 16)),
        0x12 | 0x13 | 0x16 | 0x17 | 0xd6 => Some(8),
        0x28 | 0x29 | 0x2b => Some(16),
        0x7e if prefixes.repeat != 0 => Some(8),
        0x6e | 0x7e => Some(if prefixes.wide { 8 } else { 4 }),
        0x6f | 0x7f => Some(if prefixes.repeat == 0xf3 { 16 } else { packed }),
        0x60..=0x6d | 0x74..=0x76 | 0xd1..=0xfe => Some(packed),
        0x38 => match rest.get(1)? {
            0xf0 | 0xf1 => Some(prefixes.general()),
            _ => Some(packed),
        },
        _ => None,
    }
}

/// The size of what a scalar instruction wants, by its prefix F3 or F2; `whole` for one that takes the whole vector.
fn scalar(repeat: u8, whole: usize) -> usize {
    match repeat {
        0xf3 => 4,
        0xf2 => 8,
        _ => whole,
    }
}

/// Instructions with a VEX or EVEX prefix, whose last two bits stand for 66, F3 or F2.
fn vector(prefix: u8, opcode: u8, length: usize) -> usize {
    let repeat = match prefix & 3 {
        2 => 0xf3,
        3 => 0xf2,
        _ => 0,
    };
    match opcode {
        0x10 | 0x11 | 0x51..=0x5f => scalar(repeat, length),
        0x12 | 0x13 | 0x16 | 0x17 | 0xd6 => 8,
        0x7e if repeat == 0xf3 => 8,
        0x6e | 0x7e => 4,
        _ => length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_instructions() {
        let sizes: &[(&[u8], Option<usize>)] = &[
            (&[0x8b, 0x00], Some(4)),                          // mov (%rax),%eax
            (&[0x48, 0x8b, 0x40, 0x08], Some(8)),              // mov 8(%rax),%rax
            (&[0x66, 0x89, 0x10], Some(2)),                    // mov %dx,(%rax)
            (&[0xc6, 0x00, 0x01], Some(1)),                    // movb $1,(%rax)
            (&[0x0f, 0xb6, 0x00], Some(1)),                    // movzbl (%rax),%eax
            (&[0x0f, 0xb7, 0x00], Some(2)),                    // movzwl (%rax),%eax
            (&[0x48, 0x63, 0x00], Some(4)),                    // movslq (%rax),%rax
            (&[0xf3, 0x0f, 0x10, 0x00], Some(4)),              // movss (%rax),%xmm0
            (&[0xf2, 0x0f, 0x10, 0x00], Some(8)),              // movsd (%rax),%xmm0
            (&[0xf3, 0x0f, 0x6f, 0x06], Some(16)),             // movdqu (%rsi),%xmm0
            (&[0xc5, 0xfd, 0x74, 0x07], Some(32)),             // vpcmpeqb (%rdi),%ymm0,%ymm0
            (&[0x62, 0xf1, 0xfd, 0x48, 0x6f, 0x07], Some(64)), // vmovdqa64 (%rdi),%zmm0
            (&[0xf3, 0xa4], Some(1)),                          // rep movsb
            (&[0xf3, 0x48, 0xa5], Some(8)),                    // rep movsq
            (&[0xff, 0x10], Some(8)),                          // call *(%rax)
            (&[0xf0, 0x0f, 0xb1, 0x11], Some(4)),              // lock cmpxchg %edx,(%rcx)
            (&[0xd9, 0x00], None),                             // flds (%rax)
            (&[], None),
        ];
        for (code, size) in sizes {
            assert_eq!(operand_size(code), *size, "{code:x?}");
        }
    }
}
