//! Findings that the user has chosen not to see: a file of `rule:pattern` lines.

use crate::facts::Module;
use crate::form::Frames;
use crate::plain::escape::Escaped;
use crate::sys;
use core::ffi::CStr;
use core::sync::atomic::{
    AtomicPtr, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use core::{ptr, slice};
use mapsan_model::Rule;
use mapsan_model::suppressions::{Suppression, matches, suppressions};

/// The largest file, in bytes.
const LARGEST: usize = 64 * 1024;
/// The most lines whose use is told apart for the list of unused ones.
const LINES: usize = 2048;

struct SuppressionFile {
    /// The content, in memory that is mapped only where there is a file: few processes have one, and all map the library.
    content: AtomicPtr<u8>,
    length: AtomicUsize,
    /// The lines that have matched: a bit for each.
    used: [AtomicU32; LINES / 32],
}

static FILE: SuppressionFile = SuppressionFile {
    content: AtomicPtr::new(ptr::null_mut()),
    length: AtomicUsize::new(0),
    used: [const { AtomicU32::new(0) }; LINES / 32],
};

/// What is wrong with a suppression file.
pub(crate) enum SuppressionError {
    Unreadable(sys::Errno),
    TooLarge,
}

/// Reads the file, once, at start.
pub(crate) fn load(path: &CStr) -> Result<(), SuppressionError> {
    let fd = sys::open(path, libc::O_RDONLY | libc::O_NOCTTY, 0).map_err(SuppressionError::Unreadable)?;
    let Some(memory) = sys::zeroed_memory(LARGEST) else {
        sys::close(fd);
        return Err(SuppressionError::Unreadable(libc::ENOMEM));
    };
    FILE.content.store(memory, Relaxed);
    // SAFETY: new memory of this size; start runs on one thread, and nobody reads before the length is stored.
    let buffer = unsafe { slice::from_raw_parts_mut(memory, LARGEST) };
    let mut length = 0_usize;
    let outcome = loop {
        let Some(room) = buffer.get_mut(length..).filter(|room| !room.is_empty()) else {
            break Err(SuppressionError::TooLarge);
        };
        match sys::read(fd, room) {
            Ok(0) => break Ok(()),
            Ok(read) => length = length.wrapping_add(read),
            Err(errno) => break Err(SuppressionError::Unreadable(errno)),
        }
    };
    sys::close(fd);
    if outcome.is_ok() {
        FILE.length.store(length, Release);
    }
    outcome
}

/// The file's lines.
fn lines() -> impl Iterator<Item = Suppression<'static>> {
    let length = FILE.length.load(Acquire);
    // SAFETY: the content is not written again once its length is published.
    let content = if length == 0 { &[] } else { unsafe { slice::from_raw_parts(FILE.content.load(Relaxed), length) } };
    suppressions(content)
}

/// Whether a line's rule part can name a rule.
fn names_a_rule(rule: &[u8]) -> bool {
    Rule::ALL.iter().any(|known| matches(rule, known.name().as_bytes()))
}

/// Hands each line that can never match to `each`: its number and text of the rule part.
pub(crate) fn malformed(mut each: impl FnMut(usize, Escaped<'_>)) {
    for line in lines() {
        if line.pattern.is_empty() || !names_a_rule(line.rule) {
            each(line.line, Escaped(line.rule));
        }
    }
}

/// Hands each line that has matched nothing so far to `each`.
pub(crate) fn unused(mut each: impl FnMut(usize, Escaped<'_>, Escaped<'_>)) {
    for line in lines() {
        if FILE.used.get(line.line / 32).is_none_or(|word| word.load(Relaxed) & 1 << (line.line % 32) == 0) {
            each(line.line, Escaped(line.rule), Escaped(line.pattern));
        }
    }
}

/// Whether a line silences a finding of `rule` with these frames.
pub(super) fn silences(rule: Rule, frames: &Frames) -> bool {
    for line in lines().filter(|line| matches(line.rule, rule.name().as_bytes())) {
        if frames.addresses().iter().any(|address| names_frame(line.pattern, *address)) {
            if let Some(word) = FILE.used.get(line.line / 32) {
                word.fetch_or(1 << (line.line % 32), Relaxed);
            }
            return true;
        }
    }
    false
}

/// Whether the pattern is for the frame's module (its path, or its last component) or dynamic symbol.
fn names_frame(pattern: &[u8], address: usize) -> bool {
    let Some(module) = Module::find(address) else {
        return false;
    };
    let path = module.path();
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    matches(pattern, path)
        || matches(pattern, name)
        || module.symbol(address).is_some_and(|(symbol, _)| matches(pattern, symbol))
}
