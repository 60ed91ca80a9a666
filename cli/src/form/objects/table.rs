//! The table of objects, for people: as wide as the terminal, or a line each where it goes elsewhere.

use super::columns::Column;
use crate::ipc::inventory::Entry;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};
use std::env;
use std::io;

/// Where lines are shorter, a few columns are shown.
const NARROW: u16 = 72;

/// How a table is laid out.
pub(crate) struct Layout {
    /// Cells a line; `None` is one line an object, however long.
    pub(super) width: Option<u16>,
}

impl Layout {
    /// As standard output wants it, or the variable COLUMNS says.
    pub(crate) fn of_output() -> Layout {
        let asked = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|width| *width > 0);
        let of_terminal = || rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col);
        Layout { width: asked.or_else(of_terminal).filter(|width| *width > 0) }
    }

    /// The columns that are shown where none are asked for.
    fn columns(&self) -> &'static [Column] {
        if self.width.is_some_and(|width| width < NARROW) { &Column::FEW } else { &Column::USUAL }
    }
}

/// The objects in their order, with these columns, or the usual ones.
pub(crate) fn table(entries: &[Entry], asked: &[Column], layout: &Layout) -> String {
    let columns = if asked.is_empty() { layout.columns() } else { asked };
    let separator = if layout.width.is_some() { "\n" } else { ", " };
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(columns.iter().map(|column| column.title()));
    for entry in entries {
        table.add_row(columns.iter().map(|column| match column.cell(entry).join(separator) {
            // An empty cell would be none for awk(1) and the like.
            empty if empty.is_empty() => "-".to_owned(),
            text => text,
        }));
    }
    if let Some(width) = layout.width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    for (place, column) in columns.iter().enumerate() {
        let Some(shown) = table.column_mut(place) else { continue };
        shown.set_padding((0, 1));
        if column.is_number() {
            shown.set_cell_alignment(CellAlignment::Right);
        }
        if column.is_short() {
            shown.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}
