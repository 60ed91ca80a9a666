//! Layer *knowing*: what the records tell, each finding once, with its source, unless it is suppressed.
//!
//! In the order in which each uses those after it: session, baseline, fingerprint, suppress, severities, source, harness, found,
//! code, symbols, `text_log`, records, call.

pub(crate) mod baseline;
mod call;
pub(crate) mod code;
pub(crate) mod fingerprint;
pub(crate) mod found;
pub(crate) mod harness;
pub(crate) mod records;
pub(crate) mod session;
pub(crate) mod severities;
pub(crate) mod source;
pub(crate) mod suppress;
pub(crate) mod symbols;
pub(crate) mod text_log;
