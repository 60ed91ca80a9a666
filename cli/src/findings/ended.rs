//! Processes that have ended without a word.

/// A process whose end was not looked at: it was not there to be asked what it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unended {
    pub(crate) pid: u32,
    pub(crate) exe: String,
    pub(crate) how: HowEnded,
}

/// What is known of the end of a process that has not told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HowEnded {
    /// No signal has ended it.
    Exited,
    /// It has ended, in some way.
    Somehow,
    /// Nothing: the records, or the log, stop.
    Untold,
}
