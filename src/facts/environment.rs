//! What an environment that the program hands on holds of this library: its own place in `LD_PRELOAD`, and its options.
//!
//! The program's pointers may be any: the kernel takes a bad one for a mistake, and so it is none here.

use super::Module;
use crate::options;
use crate::sys::memory;
use core::ffi::c_char;

/// The most strings that are looked at.
const MOST: usize = 4096;
/// The longest value of `LD_PRELOAD` that is read.
const LONGEST: usize = 64 * 1024;

/// What a program that is started with an environment gets of this library.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carried {
    /// Whether `LD_PRELOAD` names it.
    pub(crate) preload: bool,
    /// Whether `MAPSAN_OPTIONS` names the log of this process: with none, or another, what it finds goes elsewhere.
    pub(crate) options: bool,
}

/// What an environment carries; with the report lock, for whose holder the same pages are tried once.
pub(crate) fn carried(environment: *const *const c_char) -> Carried {
    let mut carried = Carried { preload: false, options: false };
    let mut at = environment as usize;
    for _ in 0..MOST {
        let Some(string) = memory::value::<usize>(at).filter(|string| *string != 0) else { break };
        carried.preload |= value(string, b"LD_PRELOAD=").is_some_and(names_library);
        carried.options |= value(string, b"MAPSAN_OPTIONS=").is_some_and(names_log);
        if carried.preload && carried.options {
            break;
        }
        at = at.wrapping_add(size_of::<usize>());
    }
    carried
}

/// The test that runs now, as pytest says in the environment; with the report lock, as [`carried`].
pub(crate) fn running_test(environment: *const *const c_char) -> Option<&'static [u8]> {
    variable(environment, b"PYTEST_CURRENT_TEST")
}

/// The value of a variable of an environment; with the report lock, as [`carried`].
pub(crate) fn variable(environment: *const *const c_char, name: &[u8]) -> Option<&'static [u8]> {
    let mut at = environment as usize;
    for _ in 0..MOST {
        let string = memory::value::<usize>(at).filter(|string| *string != 0)?;
        if let Some(value) = value(string, name).and_then(|rest| rest.strip_prefix(b"=")) {
            return Some(value);
        }
        at = at.wrapping_add(size_of::<usize>());
    }
    None
}

/// What follows these bytes, if a string of the environment begins with them.
fn value(string: usize, name: &[u8]) -> Option<&'static [u8]> {
    let first = memory::value::<u8>(string)?;
    if Some(&first) != name.first() {
        return None;
    }
    // SAFETY: read before the program goes on.
    unsafe { memory::string(string, LONGEST) }?.strip_prefix(name)
}

/// Whether a value of `MAPSAN_OPTIONS` names the log of this process.
fn names_log(value: &[u8]) -> bool {
    const KEY: &[u8] = b"log_path=";
    let log = options::settings().log_path.as_bytes();
    // The last one counts; it may stand in quotes.
    let last =
        value.windows(KEY.len()).rposition(|part| part == KEY).and_then(|at| value.get(at.wrapping_add(KEY.len())..));
    let unquoted = last.map(|last| last.strip_prefix(b"'").or_else(|| last.strip_prefix(b"\"")).unwrap_or(last));
    log.is_empty() || unquoted.is_some_and(|last| last.starts_with(log))
}

/// Whether a value of `LD_PRELOAD` names this library.
pub(crate) fn names_library(value: &[u8]) -> bool {
    let Some(own) = Module::find(carried as *const () as usize) else { return false };
    value.split(|byte| matches!(byte, b':' | b' ')).any(|name| name == own.path())
}
