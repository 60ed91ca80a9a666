//! Times as records have them: in UTC, to the microsecond, so that they are in order as texts, too.

use std::time::SystemTime;

pub(crate) fn text(time: SystemTime) -> String {
    humantime::format_rfc3339_micros(time).to_string()
}

pub(crate) fn now() -> String {
    text(SystemTime::now())
}
