//! What is remembered of earlier calls: small tables of fixed size, without locks on the way of a call.
//!
//! A full table forgets; nothing is concluded from what is not in it.

pub(crate) mod failures;
pub(crate) mod keys;
pub(crate) mod released;
