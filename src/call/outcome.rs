//! What became of a call.

use crate::plain::errno::{self, Errno};

/// What became of a call.
#[derive(Clone, Copy)]
pub(crate) enum Outcome {
    /// It was made and gave this value, as a register holds it.
    Succeeded(isize),
    /// It was made and failed: it gave -1 (or `MAP_FAILED`, which is the same), with this errno.
    Failed(Errno),
    /// It was not made: `mode=enforce` gave -1 and this errno in its place.
    Refused(Errno),
    /// It was not made: an injected failure gave -1 and this errno in its place.
    Injected(Errno),
    /// It is still to be made.
    Pending,
    /// It is still to be made, or has changed nothing: `mode=enforce` refuses it for the first rule that is broken and has
    /// an errno.
    Considered,
}

impl Outcome {
    /// That of a call that was made, and gives -1 (or `MAP_FAILED`) on failure; reads `errno` then.
    #[inline]
    pub(crate) fn of(value: isize) -> Outcome {
        if value == -1 { Outcome::Failed(errno::get()) } else { Outcome::Succeeded(value) }
    }

    /// What the program gets; `None` where that is not known yet.
    #[inline]
    pub(crate) fn value(self) -> Option<isize> {
        match self {
            Outcome::Succeeded(value) => Some(value),
            Outcome::Failed(_) | Outcome::Refused(_) | Outcome::Injected(_) => Some(-1),
            Outcome::Pending | Outcome::Considered => None,
        }
    }

    /// The errno that the program gets; `None` where there is none, or none yet.
    #[inline]
    pub(crate) fn errno(self) -> Option<Errno> {
        match self {
            Outcome::Failed(errno) | Outcome::Refused(errno) | Outcome::Injected(errno) => Some(errno),
            Outcome::Succeeded(_) | Outcome::Pending | Outcome::Considered => None,
        }
    }

    /// Whether the call was made and succeeded.
    #[inline]
    pub(crate) fn is_success(self) -> bool {
        matches!(self, Outcome::Succeeded(_))
    }

    /// Whether the call is refused if a rule is broken.
    pub(crate) fn is_considered(self) -> bool {
        matches!(self, Outcome::Considered)
    }

    /// What becomes of the call by a rule that is broken, which has this errno for `mode=enforce`.
    pub(crate) fn judged(self, errno: Option<Errno>) -> Outcome {
        match (self, errno) {
            (Outcome::Considered, Some(errno)) => Outcome::Refused(errno),
            (Outcome::Considered, None) => Outcome::Pending,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_made_has_given_minus_one() {
        for outcome in [Outcome::Failed(libc::EIO), Outcome::Refused(libc::EIO), Outcome::Injected(libc::EIO)] {
            assert_eq!((outcome.value(), outcome.errno(), outcome.is_success()), (Some(-1), Some(libc::EIO), false));
        }
        assert_eq!((Outcome::Considered.value(), Outcome::Pending.value()), (None, None));
    }

    #[test]
    fn a_rule_without_an_errno_refuses_nothing() {
        assert!(matches!(Outcome::Considered.judged(Some(libc::EIO)), Outcome::Refused(libc::EIO)));
        assert!(matches!(Outcome::Considered.judged(None), Outcome::Pending));
        assert!(matches!(Outcome::Succeeded(7).judged(Some(libc::EIO)), Outcome::Succeeded(7)));
    }
}
