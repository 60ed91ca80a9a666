//! Entrances, the start: the constructor, by which the library finds its way before the program's own code runs.
//!
//! Until then every call is made raw. That covers allocators that map memory before any constructor has run, and
//! resolvers (IFUNC) that run before this library itself is relocated. Nothing of the program's is called in it, nor
//! anything that a program or a sanitizer may define (see `clib`).

use crate::begin::{self, Environment};
use crate::clib;
use crate::enabled::ENABLED;
use crate::finding;
use crate::plain::guarded::Starting;
use crate::plain::page;
use crate::sys::process;
use crate::{api, exit, layout, next};
use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::Ordering::Relaxed;

/// What the loader calls; glibc passes the arguments of main to constructors.
type Constructor = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".init_array")]
static START: Constructor = start;

#[cfg_attr(test, expect(dead_code, reason = "the tests run without the hooks"))]
extern "C" fn start(_count: c_int, arguments: *const *const c_char, environment: *const *const c_char) {
    let before = crate::plain::errno::get();
    // Memory that is read before it is written to costs two faults.
    ENABLED.store(0, Relaxed);
    clib::find();
    // SAFETY: getauxval(3) reads what the kernel left on the stack.
    page::set_page_size(usize::try_from(unsafe { libc::getauxval(libc::AT_PAGESZ) }).unwrap_or(4096));
    crate::machine::prepare();
    next::resolve();
    // SAFETY: glibc's argv, or null from another libc.
    let name = unsafe { strings(arguments) }.next().and_then(|name| name.after(b"")).unwrap_or_default();
    // SAFETY: the loader calls this once, before the program has a thread whose calls are not made raw.
    let starting = unsafe { Starting::new() };
    let identified = process::identify(&starting, name.to_bytes());
    // SAFETY: getauxval(3), as above.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    // SAFETY: glibc's environ, or null from another libc.
    let variables = unsafe { strings(environment) };
    let all = environment.expose_provenance();
    let mut environment = if secure { Environment::SECURE } else { read_environment(variables) };
    environment.strings = all;
    if let Err(errno @ (libc::ENOENT | libc::ENOTDIR)) = identified {
        environment.without_proc = errno;
    }
    exit::register();
    layout::keep();
    finding::listen(api::announce);
    begin::when_ready(&starting, environment);
    crate::plain::errno::set(before);
}

/// The strings of a null-terminated array, none if it is null.
///
/// # Safety
/// `array` must be null, or such an array, that lives for ever.
unsafe fn strings(array: *const *const c_char) -> impl Iterator<Item = Text> {
    let mut next = array;
    core::iter::from_fn(move || {
        if next.is_null() {
            return None;
        }
        // SAFETY: inside the array, as its closing null has not been passed.
        let string = unsafe { *next };
        if string.is_null() {
            return None;
        }
        next = next.wrapping_add(1);
        Some(Text(string))
    })
}

/// A string of argv or environ.
struct Text(*const c_char);

impl Text {
    /// What follows these bytes, if it begins with them. It is read no further than it is alike: there may be much of an
    /// environment.
    fn after(&self, start: &[u8]) -> Option<&'static CStr> {
        // SAFETY: inside the string, as its terminator is none of these bytes and what follows a difference is not read.
        let is_next = |(at, byte): (usize, &u8)| unsafe { self.0.cast::<u8>().wrapping_add(at).read() } == *byte;
        // SAFETY: the rest of a string that lives for ever.
        start.iter().enumerate().all(is_next).then(|| unsafe { CStr::from_ptr(self.0.wrapping_add(start.len())) })
    }
}

fn read_environment(variables: impl Iterator<Item = Text>) -> Environment {
    let mut environment = Environment::EMPTY;
    for variable in variables {
        if let Some(options) = variable.after(b"MAPSAN_OPTIONS=") {
            environment.options = Some(options);
        }
        if let Some(preload) = variable.after(b"LD_PRELOAD=") {
            environment.preload = Some(preload);
        }
        environment.no_color |= variable.after(b"NO_COLOR=").is_some_and(|value| !value.is_empty());
        environment.dumb_terminal |= variable.after(b"TERM=dumb").is_some_and(CStr::is_empty);
    }
    environment
}
