//! Layer *running*: a program is run again and again, and in each run one call fails. What becomes of it is compared with what
//! becomes of it plainly.
//!
//! In the order in which each uses those after it: campaign, words, database, judge, plain, pool, runner, remains, input, sites, expected, plan, planned.

pub(crate) mod campaign;
pub(crate) mod database;
mod expected;
pub(crate) mod input;
mod judge;
mod plain;
pub(crate) mod plan;
pub(crate) mod planned;
mod pool;
pub(crate) mod remains;
pub(crate) mod runner;
mod sites;
mod words;
