//! What the program leaves behind: asked at exit, and when the program asks.
//!
//! Mappings and attachments are grouped by call site; segments and objects are asked of the kernel, one by one.

mod ipc;
mod mappings;
mod objects;
mod segments;

use crate::call::{Call, Outcome};
use crate::finding::Report;
use crate::observe::tracked;
use crate::past;
use crate::plain::Outer;
use core::fmt;

/// Ids and names that are listed.
const LISTED: usize = 64;

/// When the question is asked what is left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The process ends.
    Exit,
    /// The program asks.
    Now,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Moment::Exit { " when the process ends" } else { "" })
    }
}

/// Makes the findings about what is mapped, attached and left at this moment.
pub(crate) fn find(moment: Moment) {
    mappings::find(moment);
    // Their tables are not touched for nothing, either.
    if tracked::has_met_others() {
        segments::find(moment);
        objects::find(moment);
    }
    if past::ipc::are_made() {
        ipc::find(moment);
    }
}

/// A finding about a call that was made earlier.
fn finding(call: &dyn Call, value: isize, site: usize, outer: &Outer, make: impl FnOnce(&Report<'_>)) {
    let outcome = Outcome::Succeeded(value);
    make(&Report { call, outcome, return_address: site, earlier: Some(outer) });
}
