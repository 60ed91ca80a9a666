//! What the program has called, when it is the C library that accesses memory for it.
//!
//! The functions inside the C library have no names that a stripped one keeps; what the program asked for has: it is what the
//! call goes to, by way of the procedure linkage table.

use crate::system::pages;
use crate::system::unwind::Place;
use object::{Object, ObjectSymbol, ObjectSymbolTable, RelocationTarget};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Which functions modules call, by where their addresses are.
#[derive(Default)]
pub(crate) struct Callees {
    modules: HashMap<String, HashMap<u64, String>>,
}

/// How an access came about that is made inside the C library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inside {
    /// How many frames of the stack are the C library's; none if the program makes the access itself.
    pub(crate) frames: usize,
    /// The function that the program has called, if that is known.
    pub(crate) function: Option<String>,
}

impl Inside {
    /// Whether it is one of the C library's own, of what it keeps in its locks and the like: all but those of functions
    /// that are known to access memory for their caller.
    pub(crate) fn is_own(&self) -> bool {
        let accesses = |function: &str| {
            let own = ["pthread_", "sem_", "mtx_", "cnd_", "__pthread_", "thrd_", "tss_", "call_once", "__cxa_"];
            !own.iter().any(|prefix| function.starts_with(prefix))
        };
        self.frames > 0 && !self.function.as_deref().is_some_and(accesses)
    }
}

impl Callees {
    /// What of a stack is the C library's, and what was called there.
    pub(crate) fn inside(&mut self, pid: i32, stack: &[Place]) -> Inside {
        let frames = stack.iter().take_while(|place| is_of_c_library(place)).count();
        let function = stack.get(frames).filter(|_| frames > 0).and_then(|caller| self.called(pid, caller));
        Inside { frames, function }
    }

    /// The function that a call goes to; the place is inside the instruction, at its last byte.
    fn called(&mut self, pid: i32, caller: &Place) -> Option<String> {
        let (module, offset) = caller.module.clone()?;
        let bias = caller.address.wrapping_sub(offset);
        let end = caller.address + 1;
        let mut code = [0; 6];
        if !pages::read(pid, end - 6, &mut code) {
            return None;
        }
        let distance = |bytes: &[u8]| Some(i64::from(i32::from_le_bytes(bytes.try_into().ok()?)));
        let slot = if code.starts_with(&[0xff, 0x15]) {
            end.wrapping_add_signed(distance(&code[2..])?)
        } else if code[1] == 0xe8 {
            linked(pid, end.wrapping_add_signed(distance(&code[2..])?))?
        } else {
            return None;
        };
        let functions = self.modules.entry(module).or_insert_with_key(|module| functions(Path::new(module)));
        functions.get(&slot.wrapping_sub(bias)).cloned()
    }
}

/// Where an entry of the procedure linkage table has the address that it jumps to.
fn linked(pid: i32, entry: u64) -> Option<u64> {
    let mut code = [0; 16];
    if !pages::read(pid, entry, &mut code) {
        return None;
    }
    let at = code.windows(2).take(6).position(|two| two == [0xff, 0x25])?;
    let distance = i32::from_le_bytes(code.get(at + 2..at + 6)?.try_into().ok()?);
    Some((entry + at as u64 + 6).wrapping_add_signed(i64::from(distance)))
}

/// The functions that a module has the addresses of, by where it has them.
fn functions(module: &Path) -> HashMap<u64, String> {
    let Ok(bytes) = fs::read(module) else { return HashMap::new() };
    let Ok(file) = object::File::parse(&*bytes) else { return HashMap::new() };
    let symbols = file.dynamic_symbol_table();
    let named = file.dynamic_relocations().into_iter().flatten().filter_map(|(at, relocation)| {
        let RelocationTarget::Symbol(index) = relocation.target() else { return None };
        let name = symbols.as_ref()?.symbol_by_index(index).ok()?.name().ok()?.to_owned();
        Some((at, name))
    });
    named.collect()
}

/// Whether code is the C library's.
fn is_of_c_library(place: &Place) -> bool {
    let name = place.module.as_ref().and_then(|(module, _)| Path::new(module).file_name()?.to_str());
    let names = ["libc.so", "libc-", "libpthread", "librt.so", "librt-", "ld-linux"];
    name.is_some_and(|name| names.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_the_library_s_own_and_copies_are_their_caller_s() {
        let inside = |frames, function: Option<&str>| Inside { frames, function: function.map(str::to_owned) };
        assert!(!inside(0, None).is_own());
        assert!(inside(2, Some("pthread_mutex_lock")).is_own());
        assert!(inside(1, Some("sem_post")).is_own());
        assert!(inside(1, None).is_own());
        assert!(!inside(1, Some("memcpy")).is_own());
        assert!(!inside(3, Some("fread")).is_own());
    }

    #[test]
    fn the_functions_of_a_module_are_named() {
        let functions = functions(Path::new("/proc/self/exe"));
        assert!(functions.values().any(|name| name == "memcpy"), "{functions:?}");
    }
}
