//! Other processes.

use super::procfile;
use crate::plain::Line;
use crate::sys;
use core::ffi::{CStr, c_int};
use core::fmt::Write as _;

/// Whether a process runs: it is there, and has not ended. One that has waits for its parent to ask how (a zombie).
pub(crate) fn runs(pid: c_int) -> bool {
    // Without /proc, or if it has been waited for by now, there is no more to ask.
    has_ended(pid).map_or_else(|| sys::process_exists(pid), |ended| !ended)
}

/// `None` if that can't be read.
fn has_ended(pid: c_int) -> Option<bool> {
    let mut path = Line::<32>::new();
    write!(path, "/proc/{pid}/stat\0").ok()?;
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
