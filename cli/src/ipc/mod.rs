//! Layer *knowing*: the objects of System V and POSIX that there are, and who has them; prints nothing.
//!
//! `inventory` is all that there is, `keys` tells which file a key is made of and who made what the kernel does not say,
//! `designator` is how a person names one. `orphan` judges what is left over, `removal` removes, and
//! `sharing` is who has one object, file or mapping.

pub(crate) mod designator;
pub(crate) mod inventory;
pub(crate) mod keys;
pub(crate) mod orphan;
pub(crate) mod removal;
pub(crate) mod sharing;
