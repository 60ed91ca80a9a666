//! Acting, by `inject=`: calls of the program's own are made to fail, or to give memory whose pages fail.
//!
//! A failure that was ordered takes the place of the call: nothing is called, and nothing is learned from it but that it was
//! injected, so that no rule looks for its cause. With `points=1` each call site is told when it is first reached, with its
//! stack. All of it is away from the usual way of a call, which asks one bit ([`crate::enabled::INJECT`]).

mod counters;
mod memory;
mod orders;
mod points;

pub(crate) use memory::unback;
pub(crate) use orders::prepare;

use crate::call::{Call, Outcome};
use crate::facts::Site;
use crate::finding;
use crate::form::Injected;
use crate::output;
use crate::past::failures::{self, Failed};
use crate::past::injected;
use crate::plain::errno::{self, Errno};
use mapsan_model::Injectable;
use mapsan_model::injection::What;
use orders::Orders;

/// The errno with which a call of the program's is to fail in place of being made, if that was ordered.
#[cold]
#[inline(never)]
pub(crate) fn failure(call: &dyn Call, return_address: usize) -> Option<Errno> {
    let before = errno::get();
    let failure = if output::is_inside() { None } else { decide(call, return_address) };
    errno::set(before);
    failure
}

fn decide(call: &dyn Call, return_address: usize) -> Option<Errno> {
    injected::forget(return_address);
    let orders = Orders::get()?;
    let function = Injectable::from_name(call.function())?;
    let site = Site::of(return_address);
    if !orders.is_of_program(&site) {
        return None;
    }
    let is_failure: fn(What<'_>) -> bool = |what| what.errno().is_some();
    let stack = if orders.points {
        points::tell(call, &site, return_address)
    } else if orders.need_stack(function, &site, is_failure) {
        points::stack(return_address)
    } else {
        None
    };
    let hit = orders.hit(function, &site, stack, is_failure)?;
    let errno = hit.what.errno()?;
    let outcome = Outcome::Injected(errno);
    finding::write_injected(&Injected {
        call,
        outcome,
        return_address,
        site: &site,
        what: hit.what,
        number: hit.number,
    });
    injected::note(return_address);
    if let Some(kind) = Failed::of_function(call.function()) {
        failures::note_injected(kind, return_address, errno);
    }
    Some(errno)
}
