//! The names of POSIX shared memory objects, and where they lie (`shm_overview(7)`).

use core::ffi::CStr;

/// The most bytes of an object's name: `NAME_MAX`.
pub(crate) const NAME: usize = 255;

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Named {
    /// An object of `shm_open(3)`.
    Object,
    /// A semaphore of `sem_open(3)`.
    Semaphore,
}

impl Named {
    /// What libc puts before the name, in the same folder.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Named::Object => "",
            Named::Semaphore => "sem.",
        }
    }

    /// The most bytes of a name.
    pub(crate) fn longest(self) -> usize {
        NAME.saturating_sub(self.prefix().len())
    }
}

/// Where `shm_open(3)` keeps its objects.
pub(crate) const FOLDER: &str = "/dev/shm/";

/// The path of an object.
pub(crate) struct ObjectPath([u8; 272]);

impl ObjectPath {
    pub(crate) fn as_c_str(&self) -> Option<&CStr> {
        CStr::from_bytes_until_nul(&self.0).ok()
    }

    /// The name in the folder.
    pub(crate) fn file_name(&self) -> &[u8] {
        self.as_c_str().and_then(|path| path.to_bytes().strip_prefix(FOLDER.as_bytes())).unwrap_or_default()
    }
}

/// Why a name can be none of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameFlaw {
    /// Nothing, or slashes alone.
    Empty,
    SlashInside,
    TooLong,
}

/// Why a name can be none of these; `None` if it can.
pub(crate) fn flaw(named: Named, name: &[u8]) -> Option<NameFlaw> {
    let bare = without_slashes(name);
    if bare.is_empty() {
        Some(NameFlaw::Empty)
    } else if bare.contains(&b'/') {
        Some(NameFlaw::SlashInside)
    } else {
        (bare.len() > named.longest()).then_some(NameFlaw::TooLong)
    }
}

/// A name without its leading slashes.
pub(crate) fn without_slashes(name: &[u8]) -> &[u8] {
    let slashes = name.iter().take_while(|byte| **byte == b'/').count();
    name.get(slashes..).unwrap_or_default()
}

/// The path of what has this name, as the call takes it; `None` if it can have none.
pub(crate) fn path(named: Named, name: &CStr) -> Option<ObjectPath> {
    let name = name.to_bytes();
    flaw(named, name).is_none().then(|| path_of(named, without_slashes(name)))?
}

/// The path of what has this bare name.
pub(crate) fn path_of(named: Named, bare: &[u8]) -> Option<ObjectPath> {
    let mut path = [0; 272];
    let mut rest = path.as_mut_slice();
    for part in [FOLDER.as_bytes(), named.prefix().as_bytes(), bare] {
        let (room, after) = rest.split_at_mut_checked(part.len())?;
        room.copy_from_slice(part);
        rest = after;
    }
    Some(ObjectPath(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_a_path() {
        let object = |name: &[u8]| flaw(Named::Object, name);
        assert_eq!([&b""[..], b"/", b"//"].map(object), [Some(NameFlaw::Empty); 3]);
        assert_eq!([&b"/a/b"[..], b"a/", b"//a/b"].map(object), [Some(NameFlaw::SlashInside); 3]);
        assert_eq!([&[b'x'; 255][..], &[b'x'; 256]].map(object), [None, Some(NameFlaw::TooLong)]);
        assert_eq!(flaw(Named::Semaphore, &[b'x'; 252]), Some(NameFlaw::TooLong));
        let gate = path_of(Named::Semaphore, b"gate").unwrap();
        assert_eq!(gate.as_c_str(), Some(c"/dev/shm/sem.gate"));
        assert_eq!(path(Named::Object, c"//board").unwrap().file_name(), b"board");
        assert_eq!(path(Named::Semaphore, c"/gate").unwrap().file_name(), b"sem.gate");
    }
}
