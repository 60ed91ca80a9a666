//! Closures that are handed on as two words.

/// Declares the type of closures with a signature, each as its address and its code's. Behind `&mut dyn FnMut` each would have a
/// table of its methods, which the loader writes to in every process, and a copy of its code for `FnOnce`.
macro_rules! callback {
    (
        $(#[$doc:meta])*
        $visibility:vis struct $name:ident $(<$of:ident>)? ($($argument:ident: $type:ty),*) $(-> $result:ty)?;
    ) => {
        $(#[$doc])*
        $visibility struct $name<'a $(, $of)?> {
            closure: *mut (),
            code: unsafe fn(*mut () $(, $type)*) $(-> $result)?,
            borrowed: core::marker::PhantomData<&'a mut ()>,
        }

        impl<'a $(, $of)?> $name<'a $(, $of)?> {
            #[inline]
            $visibility fn of<F: FnMut($($type),*) $(-> $result)?>(closure: &'a mut F) -> Self {
                /// Calls a closure.
                ///
                /// # Safety
                /// `closure` is the address of an `F` that nobody else uses meanwhile.
                unsafe fn call<$($of,)? F: FnMut($($type),*) $(-> $result)?>(closure: *mut () $(, $argument: $type)*) $(-> $result)? {
                    // SAFETY: the caller upholds the contract.
                    let closure = unsafe { &mut *closure.cast::<F>() };
                    closure($($argument),*)
                }
                let code = call::<$($of,)? F>;
                $name { closure: (&raw mut *closure).cast(), code, borrowed: core::marker::PhantomData }
            }

            /// Calls the closure.
            #[inline]
            $visibility fn call(&mut self $(, $argument: $type)*) $(-> $result)? {
                // SAFETY: both were set by `of`, of one closure, which is borrowed for as long as `self` lives.
                unsafe { (self.code)(self.closure $(, $argument)*) }
            }
        }
    };
}
pub(crate) use callback;

callback! {
    /// Something to be done.
    pub(crate) struct Work();
}
