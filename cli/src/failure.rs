//! The command's own failures and their exit status.

use std::fmt;
use std::io;

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

    /// One that another process of the command has met.
    pub(crate) fn of_status(status: u8, message: String) -> Failure {
        Failure { status, message }
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

/// That something can't be written, and why.
pub(crate) fn unwritable(what: &str, error: &io::Error) -> Failure {
    Failure::own(format!("{what} can't be written: {}", reason(error)))
}

/// Why a call of the system failed, in words and with the name that programmers know.
pub(crate) fn reason(error: &io::Error) -> String {
    let names = [
        (libc::EPERM, "EPERM"),
        (libc::ENOENT, "ENOENT"),
        (libc::EIO, "EIO"),
        (libc::E2BIG, "E2BIG"),
        (libc::ENOEXEC, "ENOEXEC"),
        (libc::EBADF, "EBADF"),
        (libc::EAGAIN, "EAGAIN"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EACCES, "EACCES"),
        (libc::EEXIST, "EEXIST"),
        (libc::ENOTDIR, "ENOTDIR"),
        (libc::EISDIR, "EISDIR"),
        (libc::EINVAL, "EINVAL"),
        (libc::EMFILE, "EMFILE"),
        (libc::ENFILE, "ENFILE"),
        (libc::ETXTBSY, "ETXTBSY"),
        (libc::EFBIG, "EFBIG"),
        (libc::ENOSPC, "ENOSPC"),
        (libc::EROFS, "EROFS"),
        (libc::ELOOP, "ELOOP"),
        (libc::ENAMETOOLONG, "ENAMETOOLONG"),
        (libc::EDQUOT, "EDQUOT"),
    ];
    // Errors that have others in them show the number, and nothing else of it.
    let text = error.to_string();
    let (words, rest) = text.split_once(" (os error ").unwrap_or((&text, ""));
    let number = rest.split(')').next().and_then(|number| number.parse::<i32>().ok());
    match names.iter().find(|(known, _)| Some(*known) == number) {
        Some((_, name)) => format!("{words} ({name})"),
        None => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_words_and_name() {
        assert_eq!(reason(&io::Error::from_raw_os_error(libc::ENOSPC)), "No space left on device (ENOSPC)");
        let folder = tempfile::Builder::new().tempdir_in("/no/such").unwrap_err();
        assert_eq!(reason(&folder), "No such file or directory (ENOENT)");
        assert_eq!(reason(&io::Error::other("else")), "else");
    }
}
