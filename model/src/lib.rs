//! What the runtime, the command, the documents and the tests of mapsan agree on.
//!
//! Each fact is declared once: a rule in [`rules`], an option in [`options`], the names of a record's fields in
//! [`record`], the line that shows a call in [`call_line`], the form of a suppression file in [`suppressions`], the closing
//! sentence in [`summary`], where the library's knowledge lies in memory in [`layout`], the names of errnos in [`errnos`], which calls can be made to fail in [`injectable`], and how that is ordered in [`injection`]. Nothing here allocates, makes a system call, or knows how a finding is printed.
#![no_std]
#![forbid(unsafe_code)]

pub mod advice;
mod asked;
pub mod call_line;
pub mod errnos;
pub mod injectable;
pub mod injection;
pub mod layout;
pub mod options;
pub mod record;
mod rule;
mod rule_info;
mod rule_set;
pub mod rules;
mod selector;
mod severity;
mod shown;
pub mod summary;
pub mod suppressions;
pub mod words;

pub use asked::{Asked, Group, When};
pub use call_line::CallLine;
pub use injectable::{Circumstances, Injectable};
pub use options::{Hardening, Key};
pub use rule::Rule;
pub use rule_info::RuleInfo;
pub use rule_set::RuleSet;
pub use selector::{Selector, severity_choice};
pub use severity::Severity;
pub use shown::Shown;
pub use summary::{Counted, Summary};
