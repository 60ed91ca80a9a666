//! The unwinder's way to an object's call frame information: `_dl_find_object`, whose answer is looked at first.
//!
//! The unwinder reads the information where it lies. It may be shut, or gone with a file that has become shorter: then the
//! object is not found, and the unwinding ends there.

use super::{bind, found};
use crate::sys::memory::{is_readable, value};
use core::ffi::{c_int, c_void};

type Find = unsafe extern "C" fn(usize, *mut c_void) -> c_int;

/// `_dl_find_object` (glibc 2.35), by which nothing of the object is read.
pub(crate) fn find_object() -> Option<Find> {
    let found = found::find_object();
    if found.is_null() {
        return crate::clib::weak::dl_find_object();
    }
    // SAFETY: libc's function of this name has this signature.
    Some(unsafe { core::mem::transmute::<*mut c_void, Find>(found) })
}

/// Whether the unwinder would find its own frame: it aborts where it does not, as when the program has written over the
/// loader's tables, which lie above the first mappings.
#[cold]
pub(crate) fn finds_itself() -> bool {
    /// Large enough for `struct dl_find_object`.
    type Found = [usize; 16];
    // Before glibc 2.35 it asks dl_iterate_phdr(3).
    let Some(find) = find_object() else { return true };
    let mut found: Found = [0; 16];
    // SAFETY: the signature of _dl_find_object(3); `found` has room for its answer.
    unsafe { find(finds_itself as *const () as usize, found.as_mut_ptr().cast()) == 0 }
}

bind! { "_dl_find_object" find_for_unwinder }

#[cfg_attr(test, expect(dead_code, reason = "the tests call libc's own"))]
unsafe extern "C" fn find_for_unwinder(address: usize, found: *mut c_void) -> c_int {
    const NOT_FOUND: c_int = -1;
    /// Where `struct dl_find_object` has `dlfo_eh_frame`: after flags, start, end and link map.
    const EH_FRAME: usize = 4;
    let libc = found::find_object();
    if libc.is_null() {
        return NOT_FOUND;
    }
    // SAFETY: libc's function of this name has this signature.
    let libc = unsafe { core::mem::transmute::<*mut c_void, Find>(libc) };
    // SAFETY: the unwinder's own arguments.
    let answer = unsafe { libc(address, found) };
    if answer != 0 {
        return answer;
    }
    // SAFETY: filled by the call above.
    let header = unsafe { found.cast::<usize>().wrapping_add(EH_FRAME).read() };
    // The unwinder aborts where it does not find itself.
    if crate::machine::is_own(address) || can_be_used(header, address) { answer } else { NOT_FOUND }
}

/// Whether what the unwinder reads for an address can be read: the sorted table of `.eh_frame_hdr`, as far as it is searched,
/// and the two entries to which it leads.
fn can_be_used(header: usize, address: usize) -> bool {
    /// Version 1; a relative pointer, a count and a table as all linkers write them (`DW_EH_PE_…`).
    const USUAL: [u8; 4] = [1, 0x1b, 0x03, 0x3b];
    let Some([form, _frames, count]) = value::<[[u8; 4]; 3]>(header) else { return false };
    if form != USUAL {
        // Not searched but read from end to end: as the unwinder likes.
        return true;
    }
    let table = header.wrapping_add(size_of::<[u32; 3]>());
    let entry = |index: usize| value::<[i32; 2]>(table.wrapping_add(index.wrapping_mul(size_of::<[i32; 2]>())));
    let at = |offset: i32| header.wrapping_add_signed(offset as isize);
    let (mut low, mut high) = (0, u32::from_ne_bytes(count) as usize);
    // The unwinder looks at the first and the last one, too.
    if high == 0 || entry(high.wrapping_sub(1)).is_none() || entry(0).is_none() {
        return high == 0;
    }
    let mut frame = None;
    while low < high {
        let middle = low.wrapping_add(high) >> 1;
        let Some([start, description]) = entry(middle) else { return false };
        if at(start) <= address {
            frame = Some(at(description));
            low = middle.wrapping_add(1);
        } else {
            high = middle;
        }
    }
    frame.is_none_or(is_description)
}

/// Whether a frame's description and the common one to which it belongs can be read.
fn is_description(frame: usize) -> bool {
    let whole = |entry: usize| {
        value::<u32>(entry).is_some_and(|length| is_readable(entry, (length as usize).saturating_add(size_of::<u32>())))
    };
    let common = frame.wrapping_add(size_of::<u32>());
    let Some(back) = value::<u32>(common) else { return false };
    whole(frame) && whole(common.wrapping_sub(back as usize))
}
