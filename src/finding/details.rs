//! What there is to say about a finding: a closure, called at most once.

use crate::form::Draft;
use crate::plain::callback::callback;

callback! {
    /// Says it.
    pub(crate) struct Details(draft: &mut Draft);
}
