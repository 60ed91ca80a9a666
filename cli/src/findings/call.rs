//! The call of a finding, or what stands for one: a signal, or an access of memory.

use mapsan_model::CallLine;
use mapsan_model::call_line::is_signal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What stands for a function where a finding is about an access.
const ACCESS: &str = "access";

/// The call of a finding.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Call {
    pub(crate) function: String,
    pub(crate) args: Vec<String>,
    pub(crate) result: String,
    pub(crate) errno: Option<String>,
}

impl Call {
    /// An access of memory that stands for a call: what it is, how long, and where, with what the memory was before and after it. That need
    /// not be what was written, where another wrote at the same time.
    pub(crate) fn of_access(access: &str, length: u64, start: u64, (before, after): (&str, &str)) -> Call {
        let args = vec![access.to_owned(), format!("{start:#x}"), length.to_string()];
        let result = match access {
            "read" => after.to_owned(),
            _ if before == after => format!("{after}, as when it was looked at before"),
            _ => format!("{before} becomes {after}"),
        };
        Call { function: ACCESS.to_owned(), args, result, errno: None }
    }

    /// Whether it is an access of memory.
    pub(crate) fn is_access(&self) -> bool {
        self.function == ACCESS
    }

    /// Whether it is a signal that ended the process.
    pub(crate) fn is_signal(&self) -> bool {
        is_signal(&self.function)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some([access, start, length]) = self.args.get(..3).filter(|_| self.is_access()) {
            let bytes = if length == "1" { "byte" } else { "bytes" };
            return write!(f, "{access} of {length} {bytes} at {start}: {}", self.result);
        }
        let arguments = |each: &mut dyn FnMut(fmt::Arguments<'_>)| {
            self.args.iter().for_each(|argument| each(format_args!("{argument}")));
        };
        let errno = self.errno.as_ref().map(|errno| errno as &dyn fmt::Display);
        CallLine { function: &self.function, arguments: &arguments, result: &self.result, errno }.fmt(f)
    }
}
