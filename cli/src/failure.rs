//! The command's own failures and their exit status.

use std::fmt;

/// Why the command did not do what it was asked for: one line, and an exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    /// The arguments are wrong: 2.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure { status: 2, message: message.into() }
    }

    /// mapsan itself failed, or can't cover the program: 125.
    pub(crate) fn own(message: impl Into<String>) -> Failure {
        Failure { status: 125, message: message.into() }
    }

    /// The program can't be executed: 126.
    pub(crate) fn not_executable(message: impl Into<String>) -> Failure {
        Failure { status: 126, message: message.into() }
    }

    /// The program doesn't exist: 127.
    pub(crate) fn not_found(message: impl Into<String>) -> Failure {
        Failure { status: 127, message: message.into() }
    }

    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
