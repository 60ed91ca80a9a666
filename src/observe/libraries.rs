//! What dlclose removes: the loader's list before it and after it.
//!
//! As long as nothing is loaded and removed, one entry of the list is read each time.

use super::under_lock;
use crate::clock;
use crate::facts::Module;
use crate::plain::callback::callback;
use crate::track::Library;
use core::ffi::{c_int, c_void};

/// Reads the loader's list before dlclose, if objects have been added since the last time; its count of removals.
pub(crate) fn look_before() -> u64 {
    let (mut first, mut removals) = (true, 0);
    read(Each::of(&mut |info| {
        let goes_on = under_lock(|tracker| {
            if core::mem::take(&mut first) {
                removals = info.dlpi_subs;
                if !tracker.libraries().begin(info.dlpi_adds, false) {
                    return false;
                }
            }
            tracker.libraries().see(&as_library(info));
            true
        });
        goes_on.unwrap_or(false)
    }));
    removals
}

/// Reads the loader's list after a dlclose that returns to `site`, if objects have been removed since it counted `removals`.
pub(crate) fn look_after(removals: u64, site: usize) {
    let (mut first, mut whole) = (true, false);
    read(Each::of(&mut |info| {
        if core::mem::take(&mut first) {
            if info.dlpi_subs == removals
                || under_lock(|tracker| tracker.libraries().begin(info.dlpi_adds, true)).is_none()
            {
                return false;
            }
            whole = true;
        }
        whole = under_lock(|tracker| tracker.libraries().see(&as_library(info))).is_some();
        whole
    }));
    if whole {
        under_lock(|tracker| tracker.libraries().removed(site, clock::now()));
    }
}

callback! {
    /// Takes an entry of the loader's list; whether the next one is wanted.
    struct Each(info: &libc::dl_phdr_info) -> bool;
}

/// Hands each entry of the loader's list to `each`, until that says false.
fn read(mut each: Each<'_>) {
    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, size: usize, each: *mut c_void) -> c_int {
        // An old loader counts nothing.
        if size < size_of::<libc::dl_phdr_info>() {
            return 1;
        }
        // SAFETY: what `read` handed over.
        let each = unsafe { &mut *each.cast::<Each<'_>>() };
        // SAFETY: dl_iterate_phdr(3) passes a valid entry, of this size.
        let info = unsafe { &*info };
        c_int::from(!each.call(info))
    }
    // SAFETY: `visit` fits the callback's signature, and `each` lives as long as the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut each).cast()) };
}

/// An entry of the loader's list as it is remembered.
fn as_library(info: &libc::dl_phdr_info) -> Library {
    let listed = Module::listed(info);
    let (start, end) = listed.extent().unwrap_or((0, 0));
    Library::loaded(start, end, listed.path())
}
