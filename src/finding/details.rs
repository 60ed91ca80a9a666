//! What there is to say about a finding: a closure, called at most once.

use crate::form::Draft;
use core::marker::PhantomData;

/// A closure, as its address and its code's. Behind `&mut dyn FnMut` each of some 170 would have a table of its methods, which
/// the loader writes to in every process, and a copy of its code for `FnOnce`.
pub(crate) struct Details<'a> {
    closure: *mut (),
    code: unsafe fn(*mut (), &mut Draft),
    borrowed: PhantomData<&'a mut ()>,
}

impl<'a> Details<'a> {
    pub(crate) fn of<F: FnMut(&mut Draft)>(closure: &'a mut F) -> Details<'a> {
        Details { closure: (&raw mut *closure).cast(), code: call::<F>, borrowed: PhantomData }
    }

    /// Lets the closure say it.
    pub(super) fn tell(&mut self, draft: &mut Draft) {
        // SAFETY: both were set by `of`, of one closure, which is borrowed for as long as `self` lives.
        unsafe { (self.code)(self.closure, draft) }
    }
}

/// Calls a closure.
///
/// # Safety
/// `closure` is the address of an `F` that nobody else uses meanwhile.
unsafe fn call<F: FnMut(&mut Draft)>(closure: *mut (), draft: &mut Draft) {
    // SAFETY: the caller upholds the contract.
    let closure = unsafe { &mut *closure.cast::<F>() };
    closure(draft);
}
