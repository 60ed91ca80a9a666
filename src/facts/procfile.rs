//! The kernel's text files, read line by line without a heap.

use crate::plain::callback::callback;
use crate::sys::{self, process};
use core::ffi::{CStr, c_int};

/// Lines longer than this are handed on without their tail.
const LONGEST_LINE: usize = 512;

callback! {
    /// Whether a line is the one that is looked for.
    pub(super) struct IsIt(line: &[u8]) -> bool;
}

/// Hands each line of a file, without its newline, to `each`, until that returns a value.
///
/// A file that can't be opened (no /proc, a sandbox) has no lines.
pub(super) fn find_line<T>(path: &CStr, each: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    found_by(each, |is_it| read_file::<LONGEST_LINE>(path, is_it))
}

/// As [`find_line`], with little stack, of lines whose tails don't matter: what decides about a finding is asked on the
/// program's stack.
pub(super) fn find_short_line<T>(path: &CStr, each: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    found_by(each, |is_it| read_file::<128>(path, is_it))
}

/// As [`find_line`], from where the descriptor stands.
pub(super) fn find_line_in<T>(fd: c_int, each: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    found_by(each, |mut is_it| {
        let _ = read_lines::<LONGEST_LINE>(fd, &mut is_it);
    })
}

/// The value that ended the reading. All that reads is there once, whatever the value.
fn found_by<T>(mut each: impl FnMut(&[u8]) -> Option<T>, read: impl FnOnce(IsIt<'_>)) -> Option<T> {
    let mut found = None;
    read(IsIt::of(&mut |line| {
        found = each(line);
        found.is_some()
    }));
    found
}

#[inline(never)]
fn read_file<const LONGEST: usize>(path: &CStr, mut is_it: IsIt<'_>) {
    let _ = process::ask_own(path, &mut |path| {
        let fd = sys::open(path, libc::O_RDONLY, 0)?;
        let read = read_lines::<LONGEST>(fd, &mut is_it);
        sys::close(fd);
        read
    });
}

/// Hands over the lines until one is it; ESRCH if there are none, as in a file of a main thread that has ended.
#[inline(never)]
fn read_lines<const LONGEST: usize>(fd: c_int, is_it: &mut IsIt<'_>) -> sys::Result<()> {
    let mut line = [0_u8; LONGEST];
    let (mut length, mut is_empty) = (0_usize, true);
    let mut chunk = [0_u8; LONGEST];
    while let Ok(read @ 1..) = sys::read(fd, &mut chunk) {
        for byte in chunk.get(..read).unwrap_or_default() {
            if *byte != b'\n' {
                if let Some(place) = line.get_mut(length) {
                    *place = *byte;
                    length = length.wrapping_add(1);
                }
                continue;
            }
            is_empty = false;
            if is_it.call(line.get(..length).unwrap_or_default()) {
                return Ok(());
            }
            length = 0;
        }
    }
    if is_empty { Err(libc::ESRCH) } else { Ok(()) }
}

/// The number at the start of a file such as those of /proc/sys.
pub(super) fn number(path: &CStr) -> Option<u64> {
    find_short_line(path, |line| Some(leading_number(line)))?
}

/// The number after `name` in a file of `name: number` lines such as /proc/self/status.
pub(super) fn field(path: &CStr, name: &[u8]) -> Option<u64> {
    let find = |path: &CStr| find_line(path, |line| line.strip_prefix(name).map(leading_number));
    // Of a main thread that has ended the kernel tells less.
    process::ask_own(path, &mut |path| find(path).ok_or(libc::ESRCH)).ok()?
}

/// The decimal number that `text` starts with, after blanks.
fn leading_number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii_start();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    core::str::from_utf8(text.get(..digits)?).ok()?.parse().ok()
}
