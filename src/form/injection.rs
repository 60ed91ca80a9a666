//! A call that was made to fail, and a place where one could be.

use crate::call::{Call, Outcome};
use crate::facts::Site;
use mapsan_model::injection::What;

/// A call that was made to fail, or whose memory was.
pub(crate) struct Injected<'a> {
    pub(crate) call: &'a dyn Call,
    pub(crate) outcome: Outcome,
    pub(crate) return_address: usize,
    pub(crate) site: &'a Site,
    pub(crate) what: What<'a>,
    /// Its number among the calls that the order counts.
    pub(crate) number: u32,
}

/// A call that could be made to fail.
pub(crate) struct Point<'a> {
    pub(crate) call: &'a dyn Call,
    pub(crate) return_address: usize,
    pub(crate) site: &'a Site,
    /// The argument that holds what a failed call gave.
    pub(crate) failed_result: Option<&'static str>,
}
