//! What the kernel tells of a mapping by two letters each, in `VmFlags` of /proc/self/smaps.

use crate::facts::procfile::{self, IsIt};
use crate::plain::Line;
use core::ffi::{CStr, c_int};
use core::fmt::Write as _;

/// Whether a mapping that touches a range has a flag, by its two letters in `VmFlags` of /proc/self/smaps (`lo` for
/// locked, `sl` for sealed); `None` if that can't be read.
pub(crate) fn has_flag(low: usize, high: usize, flag: [u8; 2]) -> Option<bool> {
    flags_of(low, high, |flags| has(flags, flag))
}

/// Whether a mapping that touches a range lacks a flag: `mw` for what may be made writable, `me` for what may be made
/// executable.
pub(crate) fn lacks_flag(low: usize, high: usize, flag: [u8; 2]) -> Option<bool> {
    flags_of(low, high, |flags| !has(flags, flag))
}

fn flags_of(low: usize, high: usize, decide: impl Fn(&[u8]) -> bool) -> Option<bool> {
    let mut seen = false;
    let found = find_flags(low, high, &mut |flags: &[u8]| {
        seen = true;
        decide(flags)
    });
    if found.is_some() { Some(true) } else { seen.then_some(false) }
}

/// The first mapping that touches a range and has one of some flags: where it starts, and the flag.
pub(crate) fn first_flagged(low: usize, high: usize, wanted: &[[u8; 2]]) -> Option<(usize, [u8; 2])> {
    let mut first = None;
    let start = find_flags(low, high, &mut |flags: &[u8]| {
        first = wanted.iter().find(|flag| has(flags, **flag)).copied();
        first.is_some()
    })?;
    Some((start, first?))
}

/// Whether the mapping of another process at an address is kept back from what it forks (`dc`).
pub(crate) fn is_kept_back(pid: c_int, address: usize) -> bool {
    let mut path = Line::<32>::new();
    let _ = write!(path, "/proc/{pid}/smaps\0");
    let path = CStr::from_bytes_until_nul(path.as_bytes()).unwrap_or_default();
    find_flags_in(path, address, address.saturating_add(1), IsIt::of(&mut |flags| has(flags, *b"dc"))).is_some()
}

/// The start of the first mapping that touches a range and of which `decide` says so, by its flags.
fn find_flags(low: usize, high: usize, decide: &mut impl FnMut(&[u8]) -> bool) -> Option<usize> {
    find_flags_in(c"/proc/self/smaps", low, high, IsIt::of(decide))
}

#[inline(never)]
fn find_flags_in(path: &CStr, low: usize, high: usize, mut decide: IsIt<'_>) -> Option<usize> {
    let mut touching = None;
    procfile::find_short_line(path, |line| {
        if let Some((start, end)) = bounds(line) {
            touching = (start < high && low < end).then_some(start);
            return None;
        }
        let start = touching?;
        decide.call(line.strip_prefix(b"VmFlags:")?).then_some(start)
    })
}

/// Whether a flag is among those of a mapping.
fn has(flags: &[u8], flag: [u8; 2]) -> bool {
    flags.split(|byte| *byte == b' ').any(|word| word == flag)
}

/// The ends of the mapping in a line of the list.
pub(super) fn bounds(line: &[u8]) -> Option<(usize, usize)> {
    let hex = |text: &[u8]| usize::from_str_radix(core::str::from_utf8(text).ok()?, 16).ok();
    let mut ends = line.splitn(2, |byte| *byte == b' ').next()?.splitn(2, |byte| *byte == b'-');
    Some((hex(ends.next()?)?, hex(ends.next()?)?))
}
