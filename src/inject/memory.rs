//! Memory that a call has given, and whose pages are to fail: other pages take their place, of an empty file, so that each
//! access raises SIGBUS as it does past the end of a file that was cut. The program's own file, and its descriptor, are left
//! alone.

use super::orders::Orders;
use super::points;
use crate::call::{Call, Outcome};
use crate::facts::Site;
use crate::facts::mapping::Mappings;
use crate::finding;
use crate::form::Injected;
use crate::output;
use crate::past::unbacked::{self, Unbacked};
use crate::plain::page::{page_size, whole_pages};
use crate::plain::{Range, errno};
use crate::sys;
use core::ffi::c_int;
use mapsan_model::injection::What;
use mapsan_model::{Circumstances, Injectable};

/// Takes the pages of what a call has given, if that was ordered: `length` bytes from `base` on.
#[cold]
#[inline(never)]
pub(crate) fn unback(call: &dyn Call, base: usize, length: usize, return_address: usize) {
    if output::is_inside() {
        return;
    }
    let before = errno::get();
    let _ = decide(call, Range::new(base, length), return_address);
    errno::set(before);
}

fn decide(call: &dyn Call, given: Range, return_address: usize) -> Option<()> {
    let orders = Orders::get()?;
    let function = Injectable::from_name(call.function())?;
    let site = Site::of(return_address);
    let is_file = call.circumstances().have(Circumstances::FILE);
    let wanted: fn(What<'_>) -> bool = match is_file {
        true => |what| matches!(what, What::Sigbus | What::Truncate),
        false => |what| matches!(what, What::Sigbus),
    };
    if !orders.is_of_program(&site) {
        return None;
    }
    let is_needed = orders.need_stack(function, &site, wanted);
    let stack = if is_needed { points::stack(return_address) } else { None };
    let hit = orders.hit(function, &site, stack, wanted)?;
    let taken = take_pages(given, hit.what)?;
    unbacked::note(&Unbacked { range: taken, site: return_address, function: function.number() });
    let outcome = Outcome::Succeeded(given.start.cast_signed());
    finding::write_injected(&Injected {
        call,
        outcome,
        return_address,
        site: &site,
        what: hit.what,
        number: hit.number,
    });
    Some(())
}

/// Puts pages of an empty file in the place of those that are there, with the same rights: the range of them.
fn take_pages(given: Range, what: What<'_>) -> Option<Range> {
    let mappings = Mappings::open()?;
    let there = mappings.at(given.start)?;
    let is_huge = mappings.page_size_at(given.start).is_some_and(|size| size > page_size());
    // The kernel joins neither segments nor huge pages with their neighbours, and rounds to what it takes.
    let length =
        if there.is_segment() || is_huge { there.end.wrapping_sub(given.start) } else { whole_pages(given.length()) };
    let kept = match what {
        What::Truncate => length.wrapping_div(page_size()).wrapping_div(2).wrapping_mul(page_size()),
        _ => 0,
    };
    let taken = Range::new(given.start.wrapping_add(kept), length.wrapping_sub(kept));
    let sharing = if there.is_shared() { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
    sys::memory::replace_by_empty(taken, c_int::from(there.prot()), sharing).ok()?;
    Some(taken)
}
