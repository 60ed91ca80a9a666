//! The System V objects that are no memory.

use core::fmt;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A set of semaphores.
    Set,
    /// A message queue.
    Queue,
}

impl Kind {
    /// Both.
    pub(crate) const ALL: [Kind; 2] = [Kind::Set, Kind::Queue];

    /// The functions that give an id, and that look at, change or remove what has one.
    pub(crate) fn get(self) -> &'static str {
        match self {
            Kind::Set => "semget",
            Kind::Queue => "msgget",
        }
    }

    /// As [`Kind::get`].
    pub(crate) fn control(self) -> &'static str {
        match self {
            Kind::Set => "semctl",
            Kind::Queue => "msgctl",
        }
    }

    /// Its letter for ipcs(1) and ipcrm(1).
    pub(crate) fn letter(self) -> char {
        match self {
            Kind::Set => 's',
            Kind::Queue => 'q',
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Set => "semaphore set",
            Kind::Queue => "message queue",
        })
    }
}
