//! Programs that would run otherwise while they are traced, ptrace(2): that get rights by their file (set-user-ID and the like),
//! or that trace others.

use super::pages;
use super::program;
use super::tracer;
use object::{Object, ObjectSymbol, ReadCache};
use rustix::process::geteuid;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whether a process that has just executed its program has not got the rights that the file gives.
pub(crate) fn are_withheld(pid: i32) -> bool {
    // Who traces as root withholds nothing.
    if geteuid().is_root() {
        return false;
    }
    let path = format!("/proc/{pid}/exe");
    let Ok(file) = fs::metadata(&path) else { return false };
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let effective = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u32>().ok())
    };
    let as_user = file.mode() & 0o4000 != 0 && effective("Uid:").is_some_and(|uid| uid != file.uid());
    let as_group = file.mode() & 0o2010 == 0o2010 && effective("Gid:").is_some_and(|gid| gid != file.gid());
    as_user || as_group || program::has_capabilities(Path::new(&path))
}

/// Whether a process that runs has the rights of another user, as its program's file gives them.
pub(crate) fn are_anothers(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let effective = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u32>().ok());
    effective.is_some_and(|uid| uid != geteuid().as_raw())
}

/// Whether the program that a process executes has ptrace(2) among the functions that it calls: it could not trace what is traced
/// already, nor be traced by what it starts.
pub(crate) fn traces_others(pid: i32) -> bool {
    let Ok(file) = File::open(format!("/proc/{pid}/exe")) else { return false };
    let cache = ReadCache::new(file);
    let Ok(file) = object::File::parse(&cache) else { return false };
    file.dynamic_symbols().any(|symbol| symbol.is_undefined() && symbol.name() == Ok("ptrace"))
}

/// Ends the tracing of a process that has just executed its program, and has it execute the same again: with the same words and
/// environment, which lie on its stack.
pub(crate) fn execute_again(pid: i32) {
    let again = || -> Option<()> {
        let mut registers = tracer::registers(pid).ok()?;
        let word = |address: u64| {
            let mut word = [0; 8];
            pages::read(pid, address, &mut word).then(|| u64::from_ne_bytes(word))
        };
        let stack = registers.rsp;
        let arguments = stack + 8;
        let environment = arguments + 8 * (word(stack)? + 1);
        let mut vector = environment;
        while word(vector)? != 0 {
            vector += 8;
        }
        vector += 8;
        let (mut path, mut code) = (None, None);
        loop {
            match (word(vector)?, word(vector + 8)?) {
                (0, _) => break,
                (libc::AT_EXECFN, value) => path = Some(value),
                (libc::AT_SYSINFO_EHDR, value) => code = Some(value),
                _ => {}
            }
            vector += 16;
        }
        registers.rip = system_call(pid, code?)?;
        registers.rax = libc::SYS_execve.cast_unsigned();
        (registers.rdi, registers.rsi, registers.rdx) = (path?, arguments, environment);
        registers.orig_rax = u64::MAX;
        tracer::set_registers(pid, registers).ok()
    };
    // If that can't be done it goes on with the rights that it has.
    let _ = again();
    tracer::let_go(pid, 0);
}

/// An instruction that makes a system call, in the code that the kernel gives every process.
fn system_call(pid: i32, code: u64) -> Option<u64> {
    let mut bytes = vec![0; 4096];
    pages::read(pid, code, &mut bytes).then_some(())?;
    let at = bytes.windows(2).position(|two| two == [0x0f, 0x05])?;
    Some(code + at as u64)
}
