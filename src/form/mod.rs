//! Telling: what there is to say of a finding, the calls that led to it, and the two forms in which both are written.

mod draft;
mod frames;
mod injection;
pub(crate) mod json;
mod outliving;
mod recursion;
mod subject;
pub(crate) mod text;

pub(crate) use draft::{Draft, RelatedCall};
pub(crate) use frames::{Frames, outer as outer_frames, prepare as prepare_unwinder};
pub(crate) use injection::Reached;
pub(crate) use outliving::{NewIpcObject, NewLock, NewObject, NewSegment, SegmentUse};
pub(crate) use recursion::{Calls, Round};
pub(crate) use subject::{Finding, OUTPUT, Subject, Trace};
