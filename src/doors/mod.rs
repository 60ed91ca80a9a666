//! Entrances, the doors: the exported symbols, in assembly, one file for each architecture.
//!
//! A door adds one argument to those of the call, the return address of the program's call, and goes to the hook. It
//! is assembly because only there the return address is exact: a Rust function may be inlined, or have moved it.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod ways;
#[cfg(target_arch = "x86_64")]
mod x86_64;

/// Threads that may be between their making and their beginning at once.
pub(crate) const STARTS: usize = 128;

/// The function at which a thread of this number starts, below [`STARTS`].
pub(crate) fn starter(index: usize) -> *const core::ffi::c_void {
    #[cfg(target_arch = "aarch64")]
    use aarch64::{STARTER, starters};
    #[cfg(target_arch = "x86_64")]
    use x86_64::{STARTER, starters};
    let first = starters as *const () as usize;
    core::ptr::with_exposed_provenance(first.wrapping_add(index.wrapping_mul(STARTER)))
}
