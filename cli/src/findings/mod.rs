//! Layer *knowing*: what the records tell, each finding once, with its source, unless it is suppressed.
//!
//! In the order in which each uses those after it: session, baseline, fingerprint, suppress, severities, source, harness, aside,
//! ranks, found, spread, code, symbols, `text_log`, records, frame, call, ended, time.

pub(crate) mod aside;
pub(crate) mod baseline;
mod call;
pub(crate) mod code;
mod columns;
mod ended;
pub(crate) mod fingerprint;
pub(crate) mod found;
mod frame;
pub(crate) mod harness;
mod ranks;
pub(crate) mod records;
pub(crate) mod session;
pub(crate) mod severities;
pub(crate) mod source;
mod spread;
pub(crate) mod suppress;
pub(crate) mod symbols;
pub(crate) mod text_log;
pub(crate) mod time;
