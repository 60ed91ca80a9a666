//! The kernel's text files, read line by line without a heap.

use crate::sys::{self, process};
use core::ffi::{CStr, c_int};

/// Lines longer than this are handed on without their tail.
const LONGEST_LINE: usize = 512;

/// Hands each line of a file, without its newline, to `each`, until that returns a value.
///
/// A file that can't be opened (no /proc, a sandbox) has no lines.
pub(super) fn find_line<T>(path: &CStr, each: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    find_line_at::<LONGEST_LINE, T>(path, each)
}

/// As [`find_line`], with little stack, of lines whose tails don't matter: what decides about a finding is asked on the
/// program's stack.
pub(super) fn find_short_line<T>(path: &CStr, each: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    find_line_at::<128, T>(path, each)
}

fn find_line_at<const LONGEST: usize, T>(path: &CStr, mut each: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    let mut is_empty = true;
    let mut find = |path: &CStr| {
        let fd = sys::open(path, libc::O_RDONLY, 0)?;
        let found = find_line_of::<LONGEST, T>(fd, |line| {
            is_empty = false;
            each(line)
        });
        sys::close(fd);
        // As a file of a main thread that has ended.
        if is_empty { Err(libc::ESRCH) } else { Ok(found) }
    };
    process::ask_own(path, &mut find).ok()?
}

/// As [`find_line`], from where the descriptor stands.
pub(super) fn find_line_in<T>(fd: c_int, each: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    find_line_of::<LONGEST_LINE, T>(fd, each)
}

fn find_line_of<const LONGEST: usize, T>(fd: c_int, mut each: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    let mut line = [0_u8; LONGEST];
    let mut length = 0_usize;
    let mut chunk = [0_u8; LONGEST];
    loop {
        let read = sys::read(fd, &mut chunk).ok().filter(|read| *read > 0)?;
        for byte in chunk.get(..read)? {
            if *byte != b'\n' {
                if let Some(place) = line.get_mut(length) {
                    *place = *byte;
                    length = length.wrapping_add(1);
                }
                continue;
            }
            let found = each(line.get(..length)?);
            if found.is_some() {
                return found;
            }
            length = 0;
        }
    }
}

/// The number at the start of a file such as those of /proc/sys.
pub(super) fn number(path: &CStr) -> Option<u64> {
    find_short_line(path, |line| Some(leading_number(line)))?
}

/// The number after `name` in a file of `name: number` lines such as /proc/self/status.
pub(super) fn field(path: &CStr, name: &[u8]) -> Option<u64> {
    let find = |path: &CStr| find_line(path, |line| line.strip_prefix(name).map(leading_number));
    // Of a main thread that has ended the kernel tells less.
    process::ask_own(path, |path| find(path).ok_or(libc::ESRCH)).ok()?
}

/// The decimal number that `text` starts with, after blanks.
fn leading_number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii_start();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    core::str::from_utf8(text.get(..digits)?).ok()?.parse().ok()
}
