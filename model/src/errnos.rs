//! The names of all errnos.

use crate::words;
use crate::words::Words;

macro_rules! all_errnos {
    ($($name:literal,)+) => {
        /// The names of all errnos of Linux (asm-generic), from 1 on; empty where there is none.
        static ALL_ERRNOS: Words<133> = words!($($name),+);

        pub(crate) const ERRNO_NAMES: [&str; 133] = [$($name),+];
    };
}

all_errnos! {
    "EPERM",
    "ENOENT",
    "ESRCH",
    "EINTR",
    "EIO",
    "ENXIO",
    "E2BIG",
    "ENOEXEC",
    "EBADF",
    "ECHILD",
    "EAGAIN",
    "ENOMEM",
    "EACCES",
    "EFAULT",
    "ENOTBLK",
    "EBUSY",
    "EEXIST",
    "EXDEV",
    "ENODEV",
    "ENOTDIR",
    "EISDIR",
    "EINVAL",
    "ENFILE",
    "EMFILE",
    "ENOTTY",
    "ETXTBSY",
    "EFBIG",
    "ENOSPC",
    "ESPIPE",
    "EROFS",
    "EMLINK",
    "EPIPE",
    "EDOM",
    "ERANGE",
    "EDEADLK",
    "ENAMETOOLONG",
    "ENOLCK",
    "ENOSYS",
    "ENOTEMPTY",
    "ELOOP",
    "",
    "ENOMSG",
    "EIDRM",
    "ECHRNG",
    "EL2NSYNC",
    "EL3HLT",
    "EL3RST",
    "ELNRNG",
    "EUNATCH",
    "ENOCSI",
    "EL2HLT",
    "EBADE",
    "EBADR",
    "EXFULL",
    "ENOANO",
    "EBADRQC",
    "EBADSLT",
    "",
    "EBFONT",
    "ENOSTR",
    "ENODATA",
    "ETIME",
    "ENOSR",
    "ENONET",
    "ENOPKG",
    "EREMOTE",
    "ENOLINK",
    "EADV",
    "ESRMNT",
    "ECOMM",
    "EPROTO",
    "EMULTIHOP",
    "EDOTDOT",
    "EBADMSG",
    "EOVERFLOW",
    "ENOTUNIQ",
    "EBADFD",
    "EREMCHG",
    "ELIBACC",
    "ELIBBAD",
    "ELIBSCN",
    "ELIBMAX",
    "ELIBEXEC",
    "EILSEQ",
    "ERESTART",
    "ESTRPIPE",
    "EUSERS",
    "ENOTSOCK",
    "EDESTADDRREQ",
    "EMSGSIZE",
    "EPROTOTYPE",
    "ENOPROTOOPT",
    "EPROTONOSUPPORT",
    "ESOCKTNOSUPPORT",
    "EOPNOTSUPP",
    "EPFNOSUPPORT",
    "EAFNOSUPPORT",
    "EADDRINUSE",
    "EADDRNOTAVAIL",
    "ENETDOWN",
    "ENETUNREACH",
    "ENETRESET",
    "ECONNABORTED",
    "ECONNRESET",
    "ENOBUFS",
    "EISCONN",
    "ENOTCONN",
    "ESHUTDOWN",
    "ETOOMANYREFS",
    "ETIMEDOUT",
    "ECONNREFUSED",
    "EHOSTDOWN",
    "EHOSTUNREACH",
    "EALREADY",
    "EINPROGRESS",
    "ESTALE",
    "EUCLEAN",
    "ENOTNAM",
    "ENAVAIL",
    "EISNAM",
    "EREMOTEIO",
    "EDQUOT",
    "ENOMEDIUM",
    "EMEDIUMTYPE",
    "ECANCELED",
    "ENOKEY",
    "EKEYEXPIRED",
    "EKEYREVOKED",
    "EKEYREJECTED",
    "EOWNERDEAD",
    "ENOTRECOVERABLE",
    "ERFKILL",
    "EHWPOISON",
}

/// The number of an errno's name.
#[must_use]
pub fn errno_number(name: &str) -> Option<i32> {
    let name = if name == "EWOULDBLOCK" { "EAGAIN" } else { name };
    let index = if name.is_empty() { None } else { ALL_ERRNOS.position(name) }?;
    i32::try_from(index).ok()?.checked_add(1)
}

/// The name of an errno's number.
#[must_use]
pub fn errno_name(number: i32) -> Option<&'static str> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    Some(ALL_ERRNOS.get(index)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errnos_have_the_numbers_of_linux() {
        let numbers = [
            ("EPERM", 1),
            ("EAGAIN", 11),
            ("EAGAIN", 11),
            ("EINVAL", 22),
            ("EDEADLK", 35),
            ("ENOMSG", 42),
            ("EBFONT", 59),
            ("EOVERFLOW", 75),
            ("EOPNOTSUPP", 95),
            ("EDQUOT", 122),
            ("EHWPOISON", 133),
        ];
        for (name, number) in numbers {
            assert_eq!(errno_number(name), Some(number), "{name}");
            assert!(name == "EWOULDBLOCK" || errno_name(number) == Some(name));
        }
        assert_eq!([errno_number(""), errno_number("ENONE"), errno_number("EI")], [None; 3]);
        assert_eq!([errno_name(0), errno_name(41), errno_name(134), errno_name(-1)], [None; 4]);
    }
}
