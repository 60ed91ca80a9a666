//! The second table of calls, whose head is in calls.rs: those that are passed on as they are made.

/// The calls by which a program shuts its own way to the file system. They are rare: their next definitions are found when
/// they are first made, and their doors jump there with the arguments as they were.
macro_rules! for_each_passed_call {
    ($make:ident) => {
        $make! {
            /// chroot(2).
            chroot(path: *const c_char) -> c_int { declared: libc::chroot, raw: raw_chroot, }
            /// unshare(2).
            unshare(flags: c_int) -> c_int { declared: libc::unshare, raw: raw_unshare, }
            /// setns(2).
            setns(fd: c_int, nstype: c_int) -> c_int { declared: libc::setns, raw: raw_setns, }
            /// setuid(2).
            setuid(uid: uid_t) -> c_int { declared: libc::setuid, raw: own_setuid, }
            /// setreuid(2).
            setreuid(ruid: uid_t, euid: uid_t) -> c_int { declared: libc::setreuid, raw: own_setreuid, }
            /// setresuid(2).
            setresuid(ruid: uid_t, euid: uid_t, suid: uid_t) -> c_int { declared: libc::setresuid, raw: own_setresuid, }
            /// seteuid(2).
            seteuid(euid: uid_t) -> c_int { declared: libc::seteuid, raw: own_seteuid, }
        }
    };
}
pub(crate) use for_each_passed_call;
