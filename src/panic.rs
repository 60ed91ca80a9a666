//! What a `no_std` library owes the compiler.

use crate::sys;

/// There is no code here that panics on purpose, and the lints forbid what may; if it happens all the same, the
/// program ends where it can be seen, rather than go on with a broken invariant.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    let _ = sys::write_nowait(libc::STDERR_FILENO, b"mapsan: internal error, the program can't go on under it\n");
    // SAFETY: abort(3) takes nothing and does not return.
    unsafe { libc::abort() }
}

// core's precompiled code names the personality routine of Rust's unwinding, which never runs here: no frame of this
// library has landing pads. Weak, so that a Rust program that links libmapsan.a keeps its own.
core::arch::global_asm!(".weak rust_eh_personality", ".hidden rust_eh_personality", "rust_eh_personality:");
