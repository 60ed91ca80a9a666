//! The names in a folder, read without a heap.

use crate::sys;
use core::ffi::CStr;

/// The bytes of records that are read at a time.
const RECORDS: usize = 2048;
/// Where a record (`struct linux_dirent64` of getdents64(2)) has its length and its name.
const LENGTH: usize = 16;
const NAME: usize = 19;

/// Hands each name in a folder to `each`, `.` and `..` included, until that returns a value. A folder that can't be read has
/// none.
pub(super) fn find_name<T>(path: &CStr, mut each: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    let fd = sys::open(path, libc::O_RDONLY | libc::O_DIRECTORY, 0).ok()?;
    let mut records = [0_u8; RECORDS];
    let mut found = None;
    while found.is_none()
        && let Ok(read @ 1..) = sys::read_folder(fd, &mut records)
    {
        let mut rest = records.get(..read).unwrap_or_default();
        while let Some((name, next)) = first_name(rest) {
            found = each(name);
            if found.is_some() {
                break;
            }
            rest = next;
        }
    }
    sys::close(fd);
    found
}

/// The name of the first record, and the records after it.
fn first_name(records: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, _) = records.get(LENGTH..)?.split_first_chunk::<2>()?;
    let (record, rest) = records.split_at_checked(usize::from(u16::from_ne_bytes(*length)))?;
    let name = record.get(NAME..)?.split(|byte| *byte == 0).next()?;
    Some((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_seen_once() {
        let folder = std::env::temp_dir().join(format!("mapsan-folder-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        for number in 0..200 {
            std::fs::write(folder.join(format!("a-name-of-some-length-{number}")), "").unwrap();
        }
        let path = std::ffi::CString::new(folder.to_str().unwrap()).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        let all: Option<()> = find_name(&path, |name| {
            assert!(seen.insert(name.to_vec()));
            None
        });
        assert_eq!((all, seen.len()), (None, 202));
        assert_eq!(find_name(&path, |name| name.ends_with(b"-7").then_some(name.len())), Some(23));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(find_name(&path, |_| Some(())), None);
    }
}
