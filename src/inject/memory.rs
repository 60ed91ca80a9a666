//! Memory that a call has given, and whose pages are to fail: other pages take their place, of an empty file, so that each
//! access raises SIGBUS as it does past the end of a file that was cut. The program's own file, and its descriptor, are left
//! alone.

use super::{decide, tell};
use crate::call::{Call, Outcome};
use crate::facts::mapping::Mappings;
use crate::plain::page::{page_size, whole_pages};
use crate::plain::{Range, errno};
use crate::sys;
use core::ffi::c_int;
use mapsan_model::Circumstances;
use mapsan_model::injection::What;

/// Takes the pages of what a call has given, if that was ordered: `length` bytes from `base` on.
#[cold]
#[inline(never)]
pub(crate) fn unback(call: &dyn Call, base: usize, length: usize, return_address: usize) {
    let before = errno::get();
    let is_file = call.given().circumstances.have(Circumstances::FILE);
    let wanted: fn(What<'_>) -> bool =
        if is_file { |what| what.errno().is_none() } else { |what| what == What::Sigbus };
    if let Some((site, hit)) = decide(call, return_address, false, wanted)
        && take_pages(base, length, hit.what == What::Truncate).is_some()
    {
        tell(call, Outcome::Succeeded(base.cast_signed()), return_address, &site, &hit);
    }
    errno::set(before);
}

/// Puts pages of an empty file in the place of those that are there, with the same rights: of all, or of the second half.
fn take_pages(base: usize, length: usize, half: bool) -> Option<()> {
    let mappings = Mappings::open()?;
    let there = mappings.at(base)?;
    let is_huge = mappings.page_size_at(base).is_some_and(|size| size > page_size());
    // The kernel joins neither segments nor huge pages with their neighbours, and rounds to what it takes.
    let length = if there.is_segment() || is_huge { there.end.wrapping_sub(base) } else { whole_pages(length) };
    let kept = if half { (length >> 1) & page_size().wrapping_neg() } else { 0 };
    let taken = Range::new(base.wrapping_add(kept), length.wrapping_sub(kept));
    let sharing = if there.is_shared() { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
    sys::memory::replace_by_empty(taken, c_int::from(there.prot()), sharing).ok()
}
