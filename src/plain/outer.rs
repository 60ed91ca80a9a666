//! The calls around a call.

use super::hidden::Addresses;

/// The most frames that are remembered of a call, the call site itself not counted.
pub(crate) const OUTER_FRAMES: usize = 15;

/// The calls around a call site, innermost first, closed by 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outer(pub(crate) [usize; OUTER_FRAMES]);

impl Outer {
    pub(crate) const NONE: Outer = Outer([0; OUTER_FRAMES]);
}

impl Addresses for Outer {
    fn complemented(self) -> Outer {
        Outer(self.0.map(|address| !address))
    }
}
