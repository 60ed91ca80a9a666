//! Other processes.

use super::{folder, procfile};
use crate::plain::Line;
use crate::sys;
use core::ffi::{CStr, c_int};
use core::fmt::Write as _;

/// The kernel's way to a process or a thread, in /proc.
pub(super) type Way = Line<48>;

/// Whether a process runs: it is there, and has not ended. One that has waits for its parent to ask how (a zombie).
pub(crate) fn runs(pid: c_int) -> bool {
    // Without /proc, or if it has been waited for by now, there is no more to ask.
    let has_ended = way(pid).and_then(|way| has_ended(&way));
    has_ended.map_or_else(|| sys::process_exists(pid), |ended| !ended || living_thread(pid).is_some())
}

fn way(pid: c_int) -> Option<Way> {
    let mut way = Way::new();
    write!(way, "/proc/{pid}").ok()?;
    Some(way)
}

/// A thread that lives of a process whose main thread has ended: of that alone the kernel shows memory and descriptors then.
pub(super) fn living_thread(pid: c_int) -> Option<Way> {
    let process = way(pid)?;
    if !has_ended(&process)? {
        return None;
    }
    let mut threads = process;
    threads.push_bytes(b"/task\0");
    folder::find_name(CStr::from_bytes_with_nul(threads.as_bytes()).ok()?, |name| {
        let mut thread = way(pid)?;
        thread.push_bytes(b"/task/");
        thread.push_bytes(name);
        (has_ended(&thread) == Some(false)).then_some(thread)
    })
}

/// Whether a thread has ended, the main one of a process; `None` if that can't be read.
fn has_ended(way: &Way) -> Option<bool> {
    let mut path = Line::<56>::new();
    write!(path, "{}/stat\0", way.as_str()).ok()?;
    // The number, the name in parentheses, the state.
    procfile::find_short_line(CStr::from_bytes_until_nul(path.as_bytes()).ok()?, |line| {
        let state = line.get(line.iter().rposition(|byte| *byte == b')')?..)?.get(2)?;
        Some(matches!(state, b'Z' | b'X'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_runs_after_its_main_thread() {
        // SAFETY: the child makes a thread, and ends its first one.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(30)));
            // SAFETY: the other thread goes on.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
        }
        let ended = |pid| way(pid).and_then(|way| has_ended(&way)) == Some(true);
        while !ended(pid) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert!(runs(pid) && living_thread(pid).is_some());
        // SAFETY: the child's number is its own until it is waited for.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        // SAFETY: as said.
        assert_eq!(unsafe { libc::waitpid(pid, core::ptr::null_mut(), 0) }, pid);
        assert!(!runs(pid) && living_thread(pid).is_none());
    }

    #[test]
    fn a_zombie_does_not_run() {
        assert!(runs(sys::getpid()));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = c_int::try_from(child.id()).unwrap();
        let mut told = core::mem::MaybeUninit::<libc::siginfo_t>::uninit();
        // SAFETY: the child is left as it is; what is told fits.
        let status = unsafe { libc::waitid(libc::P_PID, child.id(), told.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT) };
        assert_eq!(status, 0);
        assert!(sys::process_exists(pid) && !runs(pid));
        child.wait().unwrap();
        assert!(!runs(pid));
    }
}
