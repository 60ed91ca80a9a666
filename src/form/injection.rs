//! A call that was made to fail, or that could be.

use crate::call::{Call, Outcome};
use crate::facts::Site;
use mapsan_model::injection::What;

/// A call of the program's own that was reached.
pub(crate) struct Reached<'a> {
    pub(crate) call: &'a dyn Call,
    pub(crate) outcome: Outcome,
    pub(crate) return_address: usize,
    pub(crate) site: &'a Site,
    /// What it, or its memory, was made to end with, and its number among the calls that the order counts.
    pub(crate) injected: Option<(What<'a>, u32)>,
}
