//! `mapsan ipc` and `mapsan who`, in IPC namespaces of the tests' own.

mod list;
mod removal;
mod room;
mod who;
