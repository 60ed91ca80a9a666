//! The names of POSIX shared memory objects, and where they lie (`shm_overview(7)`).

use core::ffi::CStr;

/// The most bytes of an object's name: `NAME_MAX`.
pub(crate) const NAME: usize = 255;

/// Where `shm_open(3)` keeps its objects.
pub(crate) const FOLDER: &str = "/dev/shm/";

/// The path of an object.
pub(crate) struct ObjectPath([u8; 272]);

impl ObjectPath {
    pub(crate) fn as_c_str(&self) -> Option<&CStr> {
        CStr::from_bytes_until_nul(&self.0).ok()
    }
}

/// A name as `shm_open(3)` takes it, without its leading slashes; `None` if it is none.
pub(crate) fn bare(name: &CStr) -> Option<&[u8]> {
    let bytes = name.to_bytes();
    let slashes = bytes.iter().take_while(|byte| **byte == b'/').count();
    let bare = bytes.get(slashes..)?;
    (!bare.is_empty() && bare.len() <= NAME && !bare.contains(&b'/')).then_some(bare)
}

/// The path of the object of this name; `None` if it is none.
pub(crate) fn path(name: &CStr) -> Option<ObjectPath> {
    path_of(bare(name)?)
}

/// The path of the object with this bare name.
pub(crate) fn path_of(bare: &[u8]) -> Option<ObjectPath> {
    let mut path = [0; 272];
    let (folder, rest) = path.split_at_mut_checked(FOLDER.len())?;
    folder.copy_from_slice(FOLDER.as_bytes());
    rest.get_mut(..bare.len())?.copy_from_slice(bare);
    Some(ObjectPath(path))
}
