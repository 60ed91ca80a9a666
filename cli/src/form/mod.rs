//! Layer *telling*: the forms of findings, a file each. Those for people are written while the program runs, those for
//! machines when all is known.
//!
//! `names` knows them all; each knows the `contract` alone.

mod codeclimate;
pub(crate) mod contract;
mod ctest;
mod gcc;
mod github;
pub(crate) mod inspection;
mod json;
mod junit;
mod limits;
pub(crate) mod names;
pub(crate) mod objects;
mod sarif;
mod sweep;
pub(crate) mod text;
mod valgrind;
