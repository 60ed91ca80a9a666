//! Flags, protections and modes as C writes them.

use crate::machine::{Architecture, Machine};
use crate::plain::bits::{Bits, Octal};
use crate::plain::texts::{Texts, texts};
use core::ffi::c_int;
use core::fmt;

/// `PROT_…` bits.
pub(crate) struct Prot(pub(crate) c_int);

impl fmt::Display for Prot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = texts! {
            libc::PROT_READ => "PROT_READ",
            libc::PROT_WRITE => "PROT_WRITE",
            libc::PROT_EXEC => "PROT_EXEC",
            libc::PROT_GROWSDOWN => "PROT_GROWSDOWN",
            libc::PROT_GROWSUP => "PROT_GROWSUP",
        };
        Bits { set: self.0, names, empty: "PROT_NONE" }.fmt(f)
    }
}

/// The type bits of mmap's flags, `MAP_TYPE`.
pub(crate) const MAP_TYPE: c_int = 0x0f;

/// `MAP_DROPPABLE` (Linux 6.11), a type of its own.
pub(crate) const MAP_DROPPABLE: c_int = 0x08;

/// mmap's `MAP_…` bits.
pub(crate) struct MapFlags(pub(crate) c_int);

impl MapFlags {
    /// What is not the type.
    const NAMES: Texts = texts! {
        libc::MAP_FIXED => "MAP_FIXED",
        libc::MAP_ANONYMOUS => "MAP_ANONYMOUS",
        Machine::LOW_ADDRESSES => "MAP_32BIT",
        libc::MAP_GROWSDOWN => "MAP_GROWSDOWN",
        libc::MAP_DENYWRITE => "MAP_DENYWRITE",
        libc::MAP_EXECUTABLE => "MAP_EXECUTABLE",
        libc::MAP_LOCKED => "MAP_LOCKED",
        libc::MAP_NORESERVE => "MAP_NORESERVE",
        libc::MAP_POPULATE => "MAP_POPULATE",
        libc::MAP_NONBLOCK => "MAP_NONBLOCK",
        libc::MAP_STACK => "MAP_STACK",
        libc::MAP_HUGETLB => "MAP_HUGETLB",
        libc::MAP_SYNC => "MAP_SYNC",
        libc::MAP_FIXED_NOREPLACE => "MAP_FIXED_NOREPLACE",
    };

    /// All bits but the type that have a name.
    pub(crate) const ALL: c_int = {
        let (mut all, mut rest) = (0, Self::NAMES.numbers);
        while let [bit, after @ ..] = rest {
            (all, rest) = (all | *bit, after);
        }
        all
    };
}

impl fmt::Display for MapFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sharing = match self.0 & MAP_TYPE {
            libc::MAP_SHARED => "MAP_SHARED",
            libc::MAP_PRIVATE => "MAP_PRIVATE",
            libc::MAP_SHARED_VALIDATE => "MAP_SHARED_VALIDATE",
            MAP_DROPPABLE => "MAP_DROPPABLE",
            _ => "",
        };
        f.write_str(sharing)?;
        let rest = if sharing.is_empty() { self.0 } else { self.0 & !MAP_TYPE };
        if rest == 0 {
            return f.write_str(if sharing.is_empty() { "0" } else { "" });
        }
        if !sharing.is_empty() {
            f.write_str("|")?;
        }
        Bits { set: rest, names: Self::NAMES, empty: "" }.fmt(f)
    }
}

/// `SHM_HUGETLB` of `<sys/shm.h>`.
pub(crate) const SHM_HUGETLB: c_int = 0o4000;

/// shmget's flags, with the mode: `IPC_CREAT|0600`.
pub(crate) struct ShmgetFlags(pub(crate) c_int);

impl fmt::Display for ShmgetFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = texts! {
            libc::IPC_CREAT => "IPC_CREAT",
            libc::IPC_EXCL => "IPC_EXCL",
            SHM_HUGETLB => "SHM_HUGETLB",
            0o10000 => "SHM_NORESERVE",
        };
        let mode = Octal(self.0 & 0o777);
        match self.0 & !0o777 {
            0 => mode.fmt(f),
            set => write!(f, "{}|{mode}", Bits { set, names, empty: "" }),
        }
    }
}
