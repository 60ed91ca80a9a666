//! From a call of ftok(3) that succeeded to what is remembered of its key: the file that the path led to.

use crate::facts::Path;
use crate::past::keys::{self, Given, Relations};
use crate::{output, sys};
use core::ffi::c_int;

/// Compares a key with those before it, and remembers it. The path is a string, at this address.
#[inline(never)]
pub(crate) fn remember(path: usize, id: c_int, key: c_int, site: usize) -> Relations {
    let Ok(lock) = output::enter() else {
        return Relations::default();
    };
    let mut relations = Relations::default();
    output::on_own_stack(&lock, &mut || {
        if let Some(given) = inspect(path, id, key, site) {
            relations = keys::remember(given, is_still_there, &lock);
        }
    });
    lock.leave();
    relations
}

/// What there is to remember of a call; `None` if the path can't be looked up any more, or is very long.
fn inspect(path: usize, id: c_int, key: c_int, site: usize) -> Option<Given> {
    let path = Path::at(path)?;
    let file = sys::statx_path(path.as_c_str()?).ok()?;
    let mut given = Given::new(key, id, site, device_and_inode(&file));
    if !path.is_absolute() {
        let directory = Path::working_directory()?;
        given.append(directory.bytes())?;
        given.append(b"/")?;
    }
    given.append(path.bytes())?;
    Some(given)
}

/// Whether the path still leads to the file it led to.
fn is_still_there(given: &Given) -> bool {
    let file = given.path_as_c_str().and_then(|path| sys::statx_path(path).ok());
    file.is_some_and(|file| device_and_inode(&file) == given.file())
}

fn device_and_inode(file: &libc::statx) -> ((u32, u32), u64) {
    ((file.stx_dev_major, file.stx_dev_minor), file.stx_ino)
}
