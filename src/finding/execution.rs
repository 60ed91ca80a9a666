//! Records of programs that are started, for who reads them knows then of which he should have heard, and has not.

use super::{TOLD, scratch};
use crate::enabled::{self, CHECK};
use crate::facts::environment::{self, Carried};
use crate::form::json;
use crate::options::{self, Form};
use crate::output::{enter, on_own_stack, sink};
use crate::sys::memory;
use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::Ordering::Relaxed;

/// The longest name of a file that is told.
const LONGEST: usize = 4096;

/// A program that is started.
#[derive(Clone, Copy)]
pub(crate) enum Execution {
    /// In this process, from this file.
    Own(*const c_char),
    /// In this process, from a file that has no name here; with these arguments.
    Unnamed(*const *const c_char),
    /// In a new process.
    Child(*const c_char, c_int),
    /// The shell of system(3) or popen(3), told of only if it lacks something: else it speaks for itself.
    Shell,
    /// The one of which was told last, in this process, is not.
    Failed,
}

/// Notes at start whether programs that are started have the library as this one has it, by `LD_PRELOAD`.
pub(crate) fn expect_programs(preload: Option<&CStr>) {
    let expects = options::settings().form == Form::Json
        && preload.is_some_and(|preload| environment::names_library(preload.to_bytes()));
    if expects {
        TOLD.expects.store(true, Relaxed);
    }
}

/// Writes the record of a program that is started with this environment; whether that was to be told.
pub(crate) fn write_execution(execution: Execution, environment: *const *const c_char) -> bool {
    TOLD.expects.load(Relaxed) && enabled::bits() & CHECK != 0 && write(execution, environment)
}

#[cold]
#[inline(never)]
fn write(execution: Execution, environment: *const *const c_char) -> bool {
    let Ok(lock) = enter() else { return false };
    on_own_stack(&lock, &mut || {
        let carried = environment::carried(environment);
        let out = &mut scratch(&lock).out;
        out.clear();
        match execution {
            Execution::Own(file) => json::execution(out, name(file as usize), None, carried),
            Execution::Unnamed(arguments) => {
                let file = memory::value::<usize>(arguments as usize).unwrap_or(0);
                json::execution(out, name(file), None, carried);
            }
            Execution::Child(file, child) => json::execution(out, name(file as usize), Some(child), carried),
            Execution::Shell if carried == (Carried { preload: true, options: true }) => return,
            Execution::Shell => json::execution(out, b"/bin/sh", Some(0), carried),
            Execution::Failed => json::execution_failed(out),
        }
        let _ = sink::write(&lock, out.as_bytes());
    });
    lock.leave();
    true
}

/// The name of a file, by the program's pointer; empty if it can't be read.
fn name(file: usize) -> &'static [u8] {
    // SAFETY: read before the program goes on.
    unsafe { memory::string(file, LONGEST) }.unwrap_or_default()
}
