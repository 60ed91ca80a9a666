//! The atomic types and the cell of the tracker's lock and queue: core's, or a model checker's.

#[cfg(not(model_checked))]
pub(crate) use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
#[cfg(model_checked)]
pub(crate) use {
    loom::cell::UnsafeCell,
    loom::sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

/// As core's cell, reached through a closure.
#[cfg(not(model_checked))]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

#[cfg(not(model_checked))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(content: T) -> UnsafeCell<T> {
        UnsafeCell(core::cell::UnsafeCell::new(content))
    }

    /// Hands the content's address to `use_it`.
    pub(crate) fn with_mut<R>(&self, use_it: impl FnOnce(*mut T) -> R) -> R {
        use_it(self.0.get())
    }
}
