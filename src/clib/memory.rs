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

crate::machine::memory_functions!(functions);

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
