//! How far a path leads: the part of it that is missing, or that this process may not pass.

use crate::sys::{self, access};
use core::ffi::CStr;

/// The longest path that is followed, with its closing zero byte.
const LONGEST: usize = 512;

/// A file or folder, by whom it may be used.
#[derive(Clone, Copy)]
pub(crate) struct Permissions {
    /// The permission bits.
    pub(crate) mode: u32,
    pub(crate) owner: u32,
    pub(crate) group: u32,
}

/// Where a path ends. Each carries the length of the part of the path that it is about.
pub(crate) enum End {
    /// This folder is not there.
    NoFolder(usize),
    /// This part is there and no folder.
    NotAFolder(usize),
    /// This folder may not be searched.
    NoSearch(usize, Permissions),
    /// All folders are there; the last part is not.
    NoFile,
    /// All folders are there; the last part is a symbolic link, whose target is not, or not its folder.
    LinkToNothing,
    /// It is there.
    File(Permissions),
}

/// Follows a path; `None` if that can't be told.
pub(crate) fn follow(path: &[u8]) -> Option<End> {
    let mut buffer = [0_u8; LONGEST];
    buffer.get_mut(..path.len())?.copy_from_slice(path);
    // The last byte stays 0.
    if path.is_empty() || path.len() >= LONGEST {
        return None;
    }
    for (at, byte) in path.iter().enumerate() {
        if *byte != b'/' || path.get(at.wrapping_add(1)).is_none_or(|next| *next == b'/') {
            continue;
        }
        let length = at.max(1);
        let folder = prefix(&mut buffer, path, length)?;
        match look(folder) {
            Err(libc::ENOENT) => return Some(End::NoFolder(length)),
            Err(_) => return None,
            Ok((_, false)) => return Some(End::NotAFolder(length)),
            Ok((rights, true)) if access::may(folder, libc::X_OK) == Err(libc::EACCES) => {
                return Some(End::NoSearch(length, rights));
            }
            Ok(_) => {}
        }
    }
    match look(prefix(&mut buffer, path, path.len())?) {
        Err(libc::ENOENT) if is_link(prefix(&mut buffer, path, path.len())?) => Some(End::LinkToNothing),
        Err(libc::ENOENT) => Some(End::NoFile),
        Err(_) => None,
        Ok((rights, _)) => Some(End::File(rights)),
    }
}

/// Whether a symbolic link is there.
fn is_link(path: &CStr) -> bool {
    sys::readlink(path, &mut [0_u8; 1]).is_ok()
}

/// The first bytes of a path as a string, in the buffer, whose last byte is 0.
fn prefix<'a>(buffer: &'a mut [u8; LONGEST], path: &[u8], length: usize) -> Option<&'a CStr> {
    buffer.get_mut(..path.len())?.copy_from_slice(path);
    *buffer.get_mut(length)? = 0;
    CStr::from_bytes_until_nul(buffer).ok()
}

/// The rights of a file, and whether it is a folder.
fn look(path: &CStr) -> sys::Result<(Permissions, bool)> {
    let found = sys::statx_path(path)?;
    let mode = u32::from(found.stx_mode);
    let rights = Permissions { mode: mode & 0o7777, owner: found.stx_uid, group: found.stx_gid };
    Ok((rights, mode & libc::S_IFMT == libc::S_IFDIR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_where_the_kernel_says() {
        let folder = std::env::temp_dir().join(format!("mapsan-reach-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("file"), "").unwrap();
        let follow = |rest: &str| follow(folder.join(rest).to_str().unwrap().as_bytes());
        let start = folder.as_os_str().len();
        assert!(matches!(follow("no/such/file"), Some(End::NoFolder(length)) if length == start + 3));
        assert!(matches!(follow("file/more"), Some(End::NotAFolder(length)) if length == start + 5));
        assert!(matches!(follow("none"), Some(End::NoFile)));
        std::os::unix::fs::symlink("nothing", folder.join("link")).unwrap();
        assert!(matches!(follow("link"), Some(End::LinkToNothing)));
        assert!(matches!(follow("file"), Some(End::File(_))));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
