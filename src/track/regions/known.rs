//! What the regions answer: what is known of a piece, of one that is gone, and of a release.

use crate::plain::Outer;
use crate::track::history::Gone;
use crate::track::origin::{File, Origin};
use crate::track::tree::Entry;

/// What a release took out of the regions.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Taken {
    /// The release's number.
    pub(crate) release: u32,
    /// How many pieces there were.
    pub(crate) pieces: u32,
    /// Whether they cover the whole range, without a gap.
    pub(crate) whole: bool,
    /// Whether they come from more than one call.
    pub(crate) mixed: bool,
    /// Whether the last one goes on behind the range.
    pub(crate) cut: bool,
    /// Whether one of them needs a look: a segment, or a mapping past the end of its file.
    pub(crate) notable: bool,
}

/// A piece of a mapping, with all that is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) entry: Entry,
    pub(crate) origin: Origin,
    pub(crate) file: Option<File>,
    pub(crate) outer: Outer,
    pub(crate) asked: Asked,
}

/// The address that a mapping call was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// None: the kernel chose.
    Nothing,
    /// This one, which was given or not.
    Address(usize),
    /// One that was not given, and is not remembered.
    Forgotten,
}

/// A piece of a mapping that is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownGone {
    pub(crate) gone: Gone,
    /// What had been there.
    pub(crate) was: Known,
    pub(crate) outer: Outer,
}
