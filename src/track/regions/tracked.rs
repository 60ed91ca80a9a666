//! What the regions answer: what is known of a piece, of one that is gone, and of a release.

use crate::plain::Outer;
use crate::track::history::Released;
use crate::track::origin::{File, Origin};
use crate::track::tree::Entry;

/// What a release took out of the regions.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct ReleasedPieces {
    /// The release's number.
    pub(crate) release: u32,
    /// How many pieces there were.
    pub(crate) pieces: u32,
    /// Whether they cover the whole range, without a gap.
    pub(crate) contiguous: bool,
    /// Whether they come from more than one call.
    pub(crate) multi_origin: bool,
    /// Whether the last one goes on behind the range.
    pub(crate) partial_tail: bool,
    /// Whether one of them needs a look: a segment, or a mapping past the end of its file.
    pub(crate) needs_check: bool,
    /// Whether the kernel is to be asked how many mappings there are, when the call has succeeded.
    pub(crate) count_is_due: bool,
}

/// A piece of a mapping, with all that is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrackedRange {
    pub(crate) entry: Entry,
    pub(crate) origin: Origin,
    pub(crate) file: Option<File>,
    pub(crate) outer: Outer,
    pub(crate) requested: Requested,
}

/// The address that a mapping call was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requested {
    /// None: the kernel chose.
    Nothing,
    /// This one, which was given or not.
    Address(usize),
    /// One that was not given, and is not remembered.
    Forgotten,
}

/// A piece of a mapping that is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReleasedMapping {
    pub(crate) gone: Released,
    /// What had been there.
    pub(crate) was: TrackedRange,
    pub(crate) outer: Outer,
}
