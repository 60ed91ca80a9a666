//! Ground: plain types and words that everything above is made of. They ask nobody anything.

pub(crate) mod advice;
pub(crate) mod bits;
pub(crate) mod callback;
pub(crate) mod errno;
pub(crate) mod escape;
pub(crate) mod guarded;
pub(crate) mod hash;
pub(crate) mod hidden;
pub(crate) mod ipc;
mod line;
pub(crate) mod lock;
mod outer;
pub(crate) mod page;
pub(crate) mod placement;
mod range;
pub(crate) mod shm;
pub(crate) mod spelling;
pub(crate) mod sync;
pub(crate) mod texts;
pub(crate) mod time;

pub(crate) use line::Line;
pub(crate) use outer::{OUTER_FRAMES, Outer};
pub(crate) use range::Range;
