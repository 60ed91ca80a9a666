//! Whether a process that the kernel remembers by its pid still lives, or another has its number.

use crate::system::processes;
use rustix::process::{Pid, test_kill_process};
use rustix::time::{ClockId, clock_gettime};
use std::fs;

/// By how much later than an event a process must have started to be known to be another: clocks are set.
const MARGIN: f64 = 60.0;

/// What has become of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It lives, or one does that may be it.
    Alive(String),
    /// A process has its number that started later, as far as the clock was not set.
    Replaced(String),
    Dead,
    /// It has a pid in another PID namespace alone.
    Elsewhere,
}

impl Life {
    /// Of a process that had this pid at a time, in seconds since 1970.
    pub(crate) fn of(pid: u32, time: i64) -> Life {
        let Some(known) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Life::Elsewhere };
        // Not /proc, which may be hidden: only that there is no such process is a proof.
        if test_kill_process(known) == Err(rustix::io::Errno::SRCH) {
            return Life::Dead;
        }
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        match Status::read(&status) {
            Some(status) if status.has_ended => Life::Dead,
            Some(status) if is_later(status.started, time) => Life::Replaced(processes::name(pid)),
            _ => Life::Alive(processes::name(pid)),
        }
    }
}

/// What /proc/PID/stat tells.
struct Status {
    /// It is a zombie, without threads that live.
    has_ended: bool,
    /// In seconds since the machine started.
    started: f64,
}

impl Status {
    fn read(text: &str) -> Option<Status> {
        // The name is in brackets, and may have brackets and spaces itself.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let (state, threads, ticks) = (fields.first()?, fields.get(17)?, fields.get(19)?);
        let ticks: u32 = ticks.parse().ok()?;
        // SAFETY: asks for a number.
        let second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        let second = u32::try_from(second).ok().filter(|second| *second > 0)?;
        let has_ended = *state == "X" || *state == "Z" && *threads == "1";
        Some(Status { has_ended, started: f64::from(ticks) / f64::from(second) })
    }
}

/// Whether a start, in seconds since the machine started, is later than a time, in seconds since 1970, whatever was done to
/// the clock within reason.
fn is_later(started: f64, time: i64) -> bool {
    let seconds = |clock| {
        let now = clock_gettime(clock);
        i32::try_from(now.tv_sec).map_or(0.0, f64::from)
    };
    let boot = seconds(ClockId::Realtime) - seconds(ClockId::Boottime);
    let event = i32::try_from(time).map_or(f64::INFINITY, f64::from) - boot;
    // An event before the start of the machine shows that the clock was set since: then nothing is known.
    event >= 0.0 && started > event + MARGIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_lives_until_it_is_gone() {
        let own = std::process::id();
        assert!(matches!(Life::of(own, i64::from(i32::MAX)), Life::Alive(_)));
        assert_eq!(Life::of(0, 0), Life::Elsewhere);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let (pid, mut life) = (child.id(), Life::Elsewhere);
        for _ in 0..500 {
            life = Life::of(pid, i64::from(i32::MAX));
            if life == Life::Dead {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        // A zombie.
        assert_eq!(life, Life::Dead);
        child.wait().unwrap();
        assert_eq!(Life::of(pid, i64::from(i32::MAX)), Life::Dead);
    }

    #[test]
    fn a_number_that_was_given_again_is_another_process() {
        let now = clock_gettime(ClockId::Realtime).tv_sec;
        let up = clock_gettime(ClockId::Boottime).tv_sec;
        assert!(is_later(1000.0 + 2.0 * MARGIN, now - up + 1000));
        assert!(!is_later(1000.0 + MARGIN / 2.0, now - up + 1000));
        assert!(!is_later(1e9, now - up - 1), "the clock was set");
    }

    #[test]
    fn names_with_brackets_are_read() {
        let text = format!("12 (a) b)) Z 1{} 1 0 500 0", " 0".repeat(15));
        let status = Status::read(&text).unwrap();
        assert!(status.has_ended && status.started > 0.0);
    }
}
