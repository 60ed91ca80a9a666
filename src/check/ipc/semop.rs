//! semop(2), semtimedop(2).
//!
//! The kernel (`do_semtimedop`, Linux 6.18) copies the timeout (EFAULT), looks at the number of operations (EINVAL for none,
//! E2BIG), their memory (EFAULT), whether the timeout is one (EINVAL), the id, the numbers of the semaphores (EFBIG), the mode bits (EACCES), then at the values (ERANGE).

use super::{bad_id, is_stopped_by_removal, removed, tell_bad_memory, tell_denied};
use crate::call::{Call, Semop};
use crate::check::{Check, tell_unexplained};
use crate::facts;
use crate::finding::Report;
use crate::form::Draft;
use crate::plain::ipc::Kind;
use crate::plain::texts::{Texts, texts};
use crate::sys::{self, Errno, memory};
use libc::timespec;
use mapsan_model::{Counted, Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::EINVAL => "the number of operations is 0, or the timeout is negative, or has a second or more in its nanoseconds",
    libc::ENOMEM => "the kernel has no memory for the call",
    libc::ENOSPC => "there is no room for what SEM_UNDO would undo",
    libc::ERANGE => "a semaphore would pass SEMVMX, 32767",
};

/// The bytes of a `struct sembuf`: number, operation and flags, of 16 bits each.
const OPERATION: usize = 6;

impl Check for Semop {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        match errno {
            // Answers, not failures.
            libc::EAGAIN | libc::EINTR => {}
            libc::E2BIG => self.too_many(report),
            libc::EFAULT => self.null_buffer(report),
            libc::EFBIG => self.bad_number(report),
            libc::EIDRM => removed(Rule::SemopRemoved, Kind::Set, self.id, true, report),
            libc::EINVAL if is_stopped_by_removal(Kind::Set, self.id, report) => {
                removed(Rule::SemopRemoved, Kind::Set, self.id, false, report);
            }
            libc::EINVAL if self.id < 0 || !facts::ipc::exists(Kind::Set, self.id) => {
                bad_id(Rule::SemopBadId, Kind::Set, self.id, report);
            }
            _ => {
                report.finding(Rule::SemopFailed, Severity::Note, |draft| self.tell(errno, draft));
            }
        }
    }
}

impl Semop {
    fn tell(&self, errno: Errno, draft: &mut Draft) {
        match errno {
            libc::EACCES => tell_denied(Kind::Set, self.id, "operate on", draft),
            libc::EINVAL if self.count == 0 => {
                draft.message(format_args!("{} of no operations: at least one is needed", self.function()));
                draft.help(format_args!("pass the number of elements of the array of struct sembuf"));
            }
            libc::EINVAL if self.wrong_timeout().is_some() => {
                let timespec { tv_sec, tv_nsec } = self.wrong_timeout().unwrap_or(timespec { tv_sec: 0, tv_nsec: 0 });
                draft.message(format_args!("the timeout has {tv_sec} seconds and {tv_nsec} nanoseconds"));
                draft.help(format_args!("pass seconds from 0 on, and nanoseconds from 0 to 999999999"));
            }
            libc::ERANGE => {
                draft.message(format_args!("a semaphore of set {} would pass SEMVMX (32767)", self.id));
                draft.note(format_args!("more is added to it than is taken away"));
                draft.help(format_args!("look for a semop that adds without one that has taken before"));
            }
            _ => tell_unexplained(self.function(), errno, MEANINGS, draft),
        }
    }

    /// The timeout, if it can be read, and is none.
    fn wrong_timeout(&self) -> Option<timespec> {
        let timeout: timespec = memory::value(self.timeout.filter(|address| *address != 0)?)?;
        (timeout.tv_sec < 0 || !(0..1_000_000_000).contains(&timeout.tv_nsec)).then_some(timeout)
    }

    fn too_many(&self, report: &Report<'_>) {
        report.finding(Rule::SemopTooMany, Severity::Warning, |draft| {
            match sys::ipc::set_limits() {
                Ok((_, limits)) => draft.message(format_args!(
                    "{} operations in one call, and SEMOPM allows {}",
                    self.count, limits.semopm
                )),
                Err(_) => draft.message(format_args!("{} operations in one call, more than SEMOPM allows", self.count)),
            }
            draft.help(format_args!(
                "pass the number of elements, not of bytes; or split the call, or raise the third number of kernel.sem"
            ));
        });
    }

    fn null_buffer(&self, report: &Report<'_>) {
        report.finding(Rule::SemopNullBuffer, Severity::Error, |draft| {
            let unreadable = |address: &usize| *address != 0 && memory::value::<timespec>(*address).is_none();
            if let Some(timeout) = self.timeout.filter(unreadable) {
                tell_bad_memory(timeout, format_args!("semtimedop reads a timeout"), draft);
                draft.help(format_args!("pass the address of a struct timespec, or NULL to wait without limit"));
                return;
            }
            let operations = Counted(self.count as u64, "operation");
            let bytes = self.count.saturating_mul(OPERATION);
            tell_bad_memory(
                self.operations,
                format_args!("{} reads {operations} ({bytes} bytes)", self.function()),
                draft,
            );
            draft.help(format_args!("pass the address of an array of struct sembuf, and the number of its elements"));
        });
    }

    /// The first operation on a semaphore that the set does not have: its place, and the number.
    fn first_outside(&self, count: u64) -> Option<(usize, u16)> {
        (0..self.count.min(512)).find_map(|place| {
            let mut number = [0; 2];
            let address = self.operations.checked_add(place.checked_mul(OPERATION)?)?;
            sys::read_memory(address, &mut number).ok().filter(|read| *read == number.len())?;
            let number = u16::from_ne_bytes(number);
            (u64::from(number) >= count).then_some((place, number))
        })
    }

    fn bad_number(&self, report: &Report<'_>) {
        report.finding(Rule::SemopBadNumber, Severity::Error, |draft| {
            let id = self.id;
            let count = facts::ipc::any_by_id(Kind::Set, id).map_or(0, |set| set.count);
            let outside = self.first_outside(count);
            match outside {
                Some((place, number)) if count > 0 => draft.message(format_args!(
                    "operation {place} is on semaphore {number}, and set {id} has {count}, numbered from 0 to {}",
                    count.saturating_sub(1)
                )),
                _ => draft.message(format_args!("an operation is on a semaphore that set {id} does not have")),
            }
            // Perhaps sizeof in place of the number of elements: those that there would be are right.
            let elements = self.count / OPERATION;
            if self.count.is_multiple_of(OPERATION) && outside.is_some_and(|(place, _)| place >= elements) {
                draft.help(format_args!(
                    "set sem_num of each operation to that of a semaphore of the set; or, if the array has {}, pass \
                     {elements}: the last argument counts elements",
                    Counted(elements as u64, "element")
                ));
                return;
            }
            draft.help(format_args!("set sem_num of each operation to that of a semaphore of the set"));
        });
    }
}
