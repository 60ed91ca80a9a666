//! Layer *knowing*: the objects of System V and POSIX that there are, and who has them; prints nothing.
//!
//! `inventory` is all that there is, `keys` tells which file a key is made of and who made what the kernel does not say.

pub(crate) mod inventory;
pub(crate) mod keys;
