//! What the command must find again in a help of the library's.

/// What stands between an advice and the command line by which a person follows it at once: `remove it: ipcrm -m 7`. It
/// holds only where the object's id means the same as for the program, so not after a run in an IPC namespace of its own.
pub const BY_HAND: &str = ": ipcrm -";
