//! Finding anew, in the memory of a process that is dead, what it was told, or would have been.

use super::{TOLD, once};
use crate::options::{self, Form};
use crate::output::{enter, free_of_the_dead, sink};
use crate::plain::guarded::Starting;
use core::sync::atomic::Ordering::Relaxed;

/// Makes findings anew, as records on standard error, whatever was found, and wherever it was told.
///
/// # Safety
/// This is the memory of a process that is dead, and no other thread uses the library.
pub(crate) unsafe fn begin_anew() {
    free_of_the_dead();
    once::forget_all();
    // Who reads the records knows when and where the process was started.
    TOLD.started.store(true, Relaxed);
    // SAFETY: the caller upholds the contract.
    let starting = unsafe { Starting::new() };
    // SAFETY: nothing of it is asked meanwhile.
    unsafe {
        options::fill_in(&starting, |settings| {
            settings.form = Form::Json;
            true
        })
    };
    if let Ok(lock) = enter() {
        sink::use_stderr(&lock, &starting);
        lock.leave();
    }
}
