//! Data that is reached only by whoever shows that nobody else reaches it meanwhile.

use core::cell::UnsafeCell;
use core::marker::PhantomData;

/// What shows that its holder is alone with the data that it opens.
///
/// # Safety
/// At any time, no more than one thread may have a value of the type, and each must see what the one before has written.
pub(crate) unsafe trait Proof {}

/// Proof that this thread starts the library: the calls of all other threads are made raw until it is done.
pub(crate) struct Starting(());

impl Starting {
    /// # Safety
    /// For the start alone.
    pub(crate) unsafe fn new() -> Starting {
        Starting(())
    }
}

// SAFETY: the contract of `Starting::new`; the start publishes what it has written.
unsafe impl Proof for Starting {}

/// Data that a `P` opens.
#[repr(transparent)]
pub(crate) struct Guarded<T, P>(UnsafeCell<T>, PhantomData<fn(P)>);

// SAFETY: `get` takes a proof, which one thread has at a time; who calls the others answers for it.
unsafe impl<T: Send, P: Proof> Sync for Guarded<T, P> {}

impl<T, P: Proof> Guarded<T, P> {
    pub(crate) const fn new(content: T) -> Guarded<T, P> {
        Guarded(UnsafeCell::new(content), PhantomData)
    }

    /// The content.
    ///
    /// # Safety
    /// No reference to it that has been had before is used afterwards, nor this one once the proof is given back.
    #[expect(
        clippy::mut_from_ref,
        reason = "the proof says that no other thread has a reference, and the caller that this has none"
    )]
    pub(crate) unsafe fn get(&self, _proof: &P) -> &mut T {
        // SAFETY: one thread at a time has the proof, and the caller upholds the contract.
        unsafe { &mut *self.0.get() }
    }

    /// Where the content is.
    pub(crate) const fn address(&self) -> *mut T {
        self.0.get()
    }
}

impl<T> Guarded<T, Starting> {
    /// The content as the start has left it, or before that, as it was made.
    ///
    /// # Safety
    /// Not while the start changes it.
    #[inline]
    pub(crate) unsafe fn as_started(&self) -> &T {
        // SAFETY: nobody changes it, by the caller's contract.
        unsafe { &*self.0.get() }
    }
}
