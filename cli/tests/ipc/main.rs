//! `mapsan ipc`, in IPC namespaces of the tests' own.

mod list;
mod removal;
mod room;
