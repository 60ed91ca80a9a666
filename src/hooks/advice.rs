//! The hooks of madvise(2) and `posix_madvise(3)`. Allocators call them as often as mmap: what destroys no more than whole
//! pages, and decides nothing about forked children or guards, is followed in its failures alone.

use super::path::{Follow, PLAIN, follow};
use super::status;
use crate::call::{Madvise, Outcome, Rest};
use crate::enabled::{self, CHECK, HARDENED, TRACK};
use crate::observe::count::{is_noted, is_split_counted, may_have_split};
use crate::plain::Range;
use crate::plain::errno::{self, Errno};
use crate::plain::page::whole_pages;
use crate::{check, harden, next, observe, sys};
use core::ffi::{c_int, c_void};
use core::ptr;

impl Follow for Madvise {
    /// What the call takes with the rest of its last page: nobody can say so afterwards.
    type Taken = Option<Rest>;

    #[inline]
    fn take(&self, enabled: u32, return_address: usize) -> Option<Rest> {
        let is_looked_at = enabled & CHECK != 0
            && Madvise::takes_rest(self.length, self.advice)
            && check::madvise::is_looked_at(return_address);
        if is_looked_at { check::madvise::find_rest(self) } else { None }
    }

    fn settle(&mut self, rest: &Option<Rest>, outcome: Outcome, enabled: u32, return_address: usize) -> bool {
        self.failure = outcome.errno().unwrap_or(0);
        // Of a hole the kernel tells when all the rest has been advised.
        let is_done = outcome.is_success() || matches!(outcome, Outcome::Failed(libc::ENOMEM));
        if is_done && enabled & TRACK != 0 {
            observe::advised(self, return_address);
        }
        self.rest = *rest;
        rest.is_some() || outcome.is_success() && Madvise::splits(self.advice) && (is_noted() || may_have_split())
    }
}

/// Makes the call; none of hardened mode's guards is in its way.
#[inline]
fn make(call: &Madvise, enabled: u32) -> isize {
    #[cold]
    #[inline(never)]
    fn visit(call: &Madvise) -> c_int {
        harden::visit(Range::new(call.address, whole_pages(call.length)), || next(call))
    }
    (if enabled & HARDENED == 0 { next(call) } else { visit(call) }) as isize
}

/// The next definition, with the errno of `posix_madvise` in its place; or what it has given already.
#[inline]
fn next(call: &Madvise) -> c_int {
    let mut failure = call.failure;
    if failure == 0 {
        let address = ptr::with_exposed_provenance_mut(call.address);
        if !call.is_posix {
            // SAFETY: the program's own call.
            return unsafe { next::madvise(address, call.length, call.advice) };
        }
        // SAFETY: the program's own call.
        failure = unsafe { next::posix_madvise(address, call.length, call.advice) };
        if failure == 0 {
            return 0;
        }
    }
    errno::set(failure);
    -1
}

/// A call that is not harmless, or that has failed: with this errno, or 0 for none.
#[inline(never)]
fn advise(
    address: *mut c_void,
    length: usize,
    advice: c_int,
    is_posix: bool,
    failure: Errno,
    return_address: usize,
) -> c_int {
    let call = Madvise { address: address as usize, length, advice, is_posix, rest: None, failure };
    status(follow(call, return_address, make))
}

/// Whether a call is followed in its failures alone: with the default options, where it is about nothing, or the rest of its last page
/// is not to be looked at before it, nor the mappings counted after it.
#[inline]
fn is_plain(length: usize, advice: c_int, return_address: usize) -> bool {
    enabled::bits() == PLAIN
        && (length == 0
            || !Madvise::is_remembered(advice)
                && (!Madvise::takes_rest(length, advice) || check::madvise::is_counted_unseen(return_address))
                && (!Madvise::splits(advice) || is_split_counted()))
}

/// madvise(2). What an allocator gives by the million is made here where libc's own definition is next, without a frame: that is the
/// same system call, and the way through libc would cost as much as all else that is done for it.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn madvise(
    address: *mut c_void,
    length: usize,
    advice: c_int,
    return_address: usize,
) -> c_int {
    if !next::is_madvise_made_here() || !is_plain(length, advice, return_address) {
        return advise(address, length, advice, false, 0, return_address);
    }
    // SAFETY: the program's own call.
    let raw = unsafe { sys::syscall(libc::SYS_madvise, [address as usize, length, sys::int(advice), 0, 0, 0]) };
    match sys::answer(raw) {
        Ok(_) => 0,
        Err(failure) => advise(address, length, advice, false, failure, return_address),
    }
}

/// `posix_madvise(3)`, which gives its errno and leaves `errno` alone.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn posix_madvise(
    address: *mut c_void,
    length: usize,
    advice: c_int,
    return_address: usize,
) -> c_int {
    let mut failure = 0;
    if is_plain(length, advice, return_address) {
        // SAFETY: the program's own call.
        failure = unsafe { next::posix_madvise(address, length, advice) };
        if failure == 0 {
            return 0;
        }
    }
    // Before this library is relocated it is out of reach.
    let before = if next::is_relocated() { errno::get() } else { 0 };
    if advise(address, length, advice, true, failure, return_address) == 0 {
        return 0;
    }
    let failure = errno::get();
    errno::set(before);
    failure
}
