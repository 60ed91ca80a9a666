//! Entrances, the hooks: one for each call, reached through its door. Here those of memory, and what all share.
//!
//! The way of a call that succeeds and breaks no rule is short on purpose: one load of what is enabled, the next
//! definition, one comparison, one entry in the tracker. Everything else is behind `#[cold]` functions, so that it costs
//! neither registers nor stack here. `errno` is the program's: it is put back after anything that may have touched it.

mod files;
mod heap;
mod losses;
mod process;
mod protection;
mod ranges;
mod sandbox;
mod segments;
mod threads;
mod ways;

pub(crate) use files::*;
pub(crate) use heap::*;
pub(crate) use process::*;
pub(crate) use protection::*;
pub(crate) use ranges::*;
pub(crate) use sandbox::*;
pub(crate) use segments::*;
pub(crate) use threads::*;
pub(crate) use ways::{keep_log, shuts_way};

use crate::call::{MAP_TYPE, Mmap, Mremap, Munmap, Outcome};
use crate::check::{Check, contents, guard};
use crate::enabled::{self, CHECK, CONTENTS, ENFORCE, HARDENED, OPT_IN, TAIL, TRACK};
use crate::finding::Report;
use crate::harden::{self, Reached};
use crate::observe::PendingRelease;
use crate::plain::page::whole_pages;
use crate::plain::{Range, errno};
use crate::{next, observe, output, start};
use core::ffi::{c_int, c_void};
use core::ptr;
use losses::{holds_thread, told};
use mapsan_model::Rule;

/// Checks a call that has been made.
#[cold]
#[inline(never)]
fn finish(call: &dyn Check, value: isize, return_address: usize) {
    let outcome = Outcome::of(value);
    // A call made from inside a report is the report's own business.
    if output::is_inside() {
        return;
    }
    let before = errno::get();
    let report = Report { call: call.as_call(), outcome, return_address, refusing: false, earlier: None };
    if let Some(failure) = outcome.errno {
        call.failed(failure, &report);
    } else {
        if enabled::bits() & ENFORCE == 0 {
            call.violates(&report);
        }
        call.succeeded(&report);
    }
    errno::set(before);
}

/// Checks a call before it is made; true if `mode=enforce` refuses it, with `errno` set.
#[cold]
#[inline(never)]
fn refuses(call: &dyn Check, return_address: usize) -> bool {
    if output::is_inside() {
        return false;
    }
    let before = errno::get();
    let report =
        Report { call: call.as_call(), outcome: Outcome::refused(0), return_address, refusing: true, earlier: None };
    let refusal = call.violates(&report);
    errno::set(refusal.unwrap_or(before));
    refusal.is_some()
}

/// Looks at the contents of what a call is about to release; whether something was found past its end.
#[cold]
#[inline(never)]
fn inspect_contents(call: &dyn Check, pending: &PendingRelease, value: isize, return_address: usize) -> bool {
    let (Some(taken), false) = (pending.taken(), output::is_inside()) else { return false };
    let before = errno::get();
    let outcome = Outcome { value, errno: None };
    let report = Report { call: call.as_call(), outcome, return_address, refusing: false, earlier: None };
    let found = contents::inspect_taken(taken, &report);
    errno::set(before);
    found
}

/// A mapping call has failed: what it would have replaced is still there, and its address was asked for.
#[cold]
#[inline(never)]
fn not_mapped(call: &Mmap, pending: &PendingRelease) {
    let before = errno::get();
    observe::not_replaced(pending, call);
    if call.address != 0 {
        observe::events::requested(Range::new(call.address, call.length), call.address, None);
    }
    errno::set(before);
}

/// An address as a value that `finish` takes.
#[inline]
fn value(address: *mut c_void) -> isize {
    (address as usize).cast_signed()
}

/// The way of a mapping that is enforced, fixed or hardened; `map` makes the call. `None` if `mode=enforce` refuses it.
#[cold]
#[inline(never)]
fn map_with_care(
    call: &Mmap,
    return_address: usize,
    map: impl Fn(*mut c_void, c_int) -> *mut c_void,
) -> Option<*mut c_void> {
    let enabled = enabled::bits();
    if enabled & ENFORCE != 0 && refuses(call, return_address) {
        return None;
    }
    let mut pending = PendingRelease::Untracked;
    let mut reached = None;
    if call.flags & libc::MAP_FIXED != 0 && enabled & TRACK != 0 {
        if enabled & HARDENED != 0 {
            reached = harden::clear(range_of(call.address, call.length));
        }
        pending = observe::replaces(call, return_address);
        if enabled & CONTENTS != 0 {
            inspect_contents(call, &pending, call.address.cast_signed(), return_address);
        }
    }
    let make = || {
        if enabled & HARDENED == 0 {
            map(ptr::with_exposed_provenance_mut(call.address), call.flags)
        } else {
            harden::map(call, &map)
        }
    };
    let harmless = pending.taken().is_none_or(|taken| taken.contiguous && !taken.multi_origin && !taken.needs_check)
        && !holds_thread(call.address, call.length);
    let mapped = if harmless {
        make()
    } else {
        ptr::with_exposed_provenance_mut(told(call, &pending, return_address, &mut || value(make()))?.cast_unsigned())
    };
    if mapped == libc::MAP_FAILED {
        not_mapped(call, &pending);
    } else if let Some(reached) = reached {
        tell_reached(
            call,
            Rule::MmapFixedClobber,
            range_of(call.address, call.length),
            call.length,
            &reached,
            value(mapped),
            return_address,
        );
    }
    Some(mapped)
}

/// Whether a call is to be followed and its failure explained, and nothing more: so it is by default.
#[inline]
fn is_plain(enabled: u32) -> bool {
    enabled & !CHECK == TRACK
}

/// A mapping call that is not of the plain kind; `map` makes it.
#[allow(clippy::inline_always, reason = "each frame counts on small stacks")]
#[inline(always)]
fn map_otherwise(call: &Mmap, return_address: usize, map: impl Fn(*mut c_void, c_int) -> *mut c_void) -> *mut c_void {
    let enabled = start::enabled_when_ready();
    let flags = call.flags;
    let needs_care = enabled & (ENFORCE | HARDENED) != 0 || flags & libc::MAP_FIXED != 0 && enabled & TRACK != 0;
    let mapped = if needs_care {
        map_with_care(call, return_address, map)
    } else {
        Some(map(ptr::with_exposed_provenance_mut(call.address), flags))
    };
    let Some(mapped) = mapped else { return libc::MAP_FAILED };
    if mapped != libc::MAP_FAILED && enabled & TRACK != 0 {
        observe::mapped(call, mapped as usize, return_address);
        if enabled & TAIL != 0 {
            contents::inspect_new(mapped as usize);
        }
    }
    if mapped == libc::MAP_FAILED && enabled & TRACK != 0 && !needs_care {
        not_mapped(call, &PendingRelease::Untracked);
    }
    let doubtful = mapped == libc::MAP_FAILED || flags & MAP_TYPE == libc::MAP_SHARED_VALIDATE || enabled & OPT_IN != 0;
    if doubtful && enabled & CHECK != 0 {
        finish(call, value(mapped), return_address);
    }
    mapped
}

/// A plain mapping call has failed.
#[cold]
#[inline(never)]
fn not_mapped_plainly(call: &Mmap, return_address: usize) {
    not_mapped(call, &PendingRelease::Untracked);
    if enabled::bits() & CHECK != 0 {
        finish(call, value(libc::MAP_FAILED), return_address);
    }
}

/// The way of mmap and mmap64. That of most calls is all here, and short.
macro_rules! map {
    ($(#[$doc:meta])* $name:ident, $otherwise:ident) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// As the call.
        pub(crate) unsafe extern "C" fn $name(
            address: *mut c_void,
            length: usize,
            prot: c_int,
            flags: c_int,
            fd: c_int,
            offset: i64,
            return_address: usize,
        ) -> *mut c_void {
            // SAFETY: the program's own call, perhaps at another address.
            let map = |address, flags| unsafe { next::$name(address, length, prot, flags, fd, offset) };
            // Made where it is needed, so that it need not lie in memory on the way of most calls.
            let call =
                || Mmap { address: address as usize, length, prot, flags, fd, offset };
            if !is_plain(enabled::bits()) || !observe::is_plain(flags) {
                // SAFETY: the program's own call.
                return unsafe { $otherwise(address, length, prot, flags, fd, offset, return_address) };
            }
            let mapped = map(address, flags);
            if mapped == libc::MAP_FAILED {
                not_mapped_plainly(&call(), return_address);
            } else {
                observe::mapped_plainly(&call(), mapped as usize, return_address);
            }
            mapped
        }

        /// The same of another kind. With the same arguments, so that it takes the place of the hook on the stack.
        ///
        /// # Safety
        /// As the call.
        #[inline(never)]
        unsafe extern "C" fn $otherwise(
            address: *mut c_void,
            length: usize,
            prot: c_int,
            flags: c_int,
            fd: c_int,
            offset: i64,
            return_address: usize,
        ) -> *mut c_void {
            let call = &Mmap { address: address as usize, length, prot, flags, fd, offset };
            // From the record of the call, so that the arguments lie on the stack once.
            let map = move |address, flags| {
                // SAFETY: the program's own call, perhaps at another address.
                unsafe { next::$name(address, call.length, call.prot, flags, call.fd, call.offset) }
            };
            map_otherwise(call, return_address, map)
        }
    };
}

map! {
    /// mmap(2).
    mmap, mmap_otherwise
}
map! {
    /// mmap64(3).
    mmap64, mmap64_otherwise
}

/// munmap(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn munmap(address: *mut c_void, length: usize, return_address: usize) -> c_int {
    if is_plain(enabled::bits()) {
        // SAFETY: the program's own call.
        unsafe { unmap::<true>(address, length, return_address) }
    } else {
        // SAFETY: the program's own call.
        unsafe { unmap_otherwise(address, length, return_address) }
    }
}

/// munmap with options that ask for more.
///
/// # Safety
/// As the call.
#[inline(never)]
unsafe fn unmap_otherwise(address: *mut c_void, length: usize, return_address: usize) -> c_int {
    // SAFETY: the caller upholds the contract.
    unsafe { unmap::<false>(address, length, return_address) }
}

/// The way of munmap; that of most calls, `PLAIN`, is free of what only options ask for.
///
/// # Safety
/// As the call.
#[allow(clippy::inline_always, reason = "each frame counts on small stacks")]
#[inline(always)]
unsafe fn unmap<const PLAIN: bool>(address: *mut c_void, length: usize, return_address: usize) -> c_int {
    let enabled = if PLAIN { TRACK } else { start::enabled_when_ready() };
    let call = || Munmap { address: address as usize, length };
    // Before anything is looked up: what is in quarantine is not mapped.
    let reached = if enabled & HARDENED == 0 { None } else { harden::clear(range_of(address as usize, length)) };
    let pending = if enabled & TRACK == 0 {
        PendingRelease::Untracked
    } else {
        observe::unmaps(address as usize, length, return_address, enabled)
    };
    if enabled & CONTENTS != 0 {
        inspect_contents(&call(), &pending, 0, return_address);
    }
    let make = || {
        if enabled & HARDENED == 0 {
            // SAFETY: the program's own call.
            unsafe { next::munmap(address, length) }
        } else {
            // SAFETY: the program's own call.
            unsafe { harden::unmap(address, length) }
        }
    };
    let harmless = pending
        .taken()
        .is_none_or(|taken| taken.contiguous && !taken.needs_check && !(taken.multi_origin && taken.partial_tail))
        && !holds_thread(address as usize, length);
    let status = if harmless {
        make()
    } else {
        match told(&call(), &pending, return_address, &mut || make() as isize) {
            Some(status) => c_int::try_from(status).unwrap_or(-1),
            None => return -1,
        }
    };
    if status != 0 {
        not_unmapped(&call(), pending, status, return_address);
    } else if enabled & HARDENED != 0 {
        observe::released_by(&pending, harden::released);
    }
    if status == 0 && matches!(pending, PendingRelease::Deferred) {
        observe::unmapped_later(address as usize, length, return_address);
    }
    if status == 0
        && let Some(reached) = reached
    {
        tell_reached(
            &call(),
            Rule::MunmapOverrun,
            range_of(address as usize, length),
            length,
            &reached,
            0,
            return_address,
        );
    }
    status
}

/// The range of a call, in whole pages.
fn range_of(address: usize, length: usize) -> Range {
    Range::new(address, whole_pages(length))
}

/// Tells of a guard that a call has reached, which has succeeded.
#[cold]
#[inline(never)]
fn tell_reached(
    call: &dyn Check,
    rule: Rule,
    range: Range,
    length: usize,
    reached: &Reached,
    value: isize,
    return_address: usize,
) {
    if enabled::bits() & CHECK == 0 || output::is_inside() {
        return;
    }
    let before = errno::get();
    let outcome = Outcome { value, errno: None };
    let report = Report { call: call.as_call(), outcome, return_address, refusing: false, earlier: None };
    guard::tell_reached(rule, range, length, reached, &report);
    errno::set(before);
}

/// munmap has failed.
#[cold]
#[inline(never)]
fn not_unmapped(call: &Munmap, pending: PendingRelease, status: c_int, return_address: usize) {
    pending.rollback();
    if enabled::bits() & CHECK != 0 {
        finish(call, status as isize, return_address);
    }
}

/// mremap(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn mremap(
    old_address: *mut c_void,
    old_size: usize,
    new_size: usize,
    flags: c_int,
    new_address: *mut c_void,
    return_address: usize,
) -> *mut c_void {
    let enabled = start::enabled_when_ready();
    let call =
        Mremap { old_address: old_address as usize, old_size, new_size, flags, new_address: new_address as usize };
    let remap = (enabled & TRACK != 0).then(|| observe::remaps(&call, return_address));
    let tail_unreliable = enabled & CONTENTS != 0 && makes_tail_unreliable(remap.as_ref(), &call, return_address);
    let make = || {
        if enabled & HARDENED == 0 {
            // SAFETY: the program's own call.
            unsafe { next::mremap(old_address, old_size, new_size, flags, new_address) }
        } else {
            // SAFETY: the program's own call.
            unsafe { harden::remap(&call) }
        }
    };
    let moved = match &remap {
        Some(remap) if flags & libc::MREMAP_FIXED != 0 => {
            let [old, target] = remap.releases();
            let Some(moved) = told(&call, target, return_address, &mut || value(make())) else {
                old.rollback();
                return libc::MAP_FAILED;
            };
            ptr::with_exposed_provenance_mut(moved.cast_unsigned())
        }
        _ => make(),
    };
    if let Some(remap) = &remap {
        if moved == libc::MAP_FAILED {
            not_remapped(remap, &call, return_address);
        } else {
            observe::remapped(remap, &call, moved as usize, return_address);
            if tail_unreliable {
                observe::events::mark_tail_unreliable(moved as usize);
            }
        }
    }
    if moved == libc::MAP_FAILED && enabled & CHECK != 0 {
        finish(&call, value(moved), return_address);
    }
    moved
}

/// Looks at the contents of what mremap is about to move or release; whether nothing can be told from the bytes past the
/// end afterwards.
#[cold]
#[inline(never)]
fn makes_tail_unreliable(remap: Option<&observe::Remap>, call: &Mremap, return_address: usize) -> bool {
    let found = remap.is_some_and(|remap| {
        let [old, target] = remap.releases().map(|pending| inspect_contents(call, pending, 0, return_address));
        old || target
    });
    found || call.new_size < call.old_size
}

/// A failed mremap: what it would have released comes back.
#[cold]
#[inline(never)]
fn not_remapped(remap: &observe::Remap, call: &Mremap, return_address: usize) {
    let before = errno::get();
    observe::not_remapped(remap, call, return_address);
    errno::set(before);
}
