//! The calls that make locks in the program's memory.

use super::{Address, Call};
use crate::plain::lock::LockKind;
use core::ffi::c_int;
use core::fmt;

/// `pthread_mutex_init(3)` and its kin, `sem_init(3)`.
#[derive(Clone, Copy)]
pub(crate) struct LockInit {
    pub(crate) kind: LockKind,
    pub(crate) address: usize,
    /// The address of the attributes; of a spin lock or a semaphore, whether processes share it.
    pub(crate) attributes: usize,
    /// The threads that a barrier waits for, or the initial value of a semaphore.
    pub(crate) count: u32,
}

impl Call for LockInit {
    fn function(&self) -> &'static str {
        self.kind.function()
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("{}", Address(self.address)));
        match (self.kind, self.attributes) {
            (LockKind::Spin, 0) => each(format_args!("PTHREAD_PROCESS_PRIVATE")),
            (LockKind::Spin, 1) => each(format_args!("PTHREAD_PROCESS_SHARED")),
            (LockKind::Spin | LockKind::Semaphore, flag) => each(format_args!("{}", as_int(flag))),
            (_, attributes) => each(format_args!("{}", Address(attributes))),
        }
        if let LockKind::Barrier | LockKind::Semaphore = self.kind {
            each(format_args!("{}", self.count));
        }
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "the argument was an int")]
fn as_int(register: usize) -> c_int {
    register as c_int
}
