//! Objects of System V and POSIX as a table, and as JSON.

mod columns;
mod document;
mod sharing;
mod table;

pub(crate) use columns::Column;
pub(crate) use document::document;
pub(crate) use sharing::{sharing_document, sharing_table};
pub(crate) use table::{Layout, table};
