//! Who has an object, a file or a mapping: as a table in 80 cells, and as JSON (docs/who.schema.json).

use super::document::Using;
use super::table::Layout;
use crate::ipc::inventory::User;
use crate::ipc::sharing::{Shared, Sharing};
use crate::system::processes::{How, Use};
use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use serde::Serialize;

/// A line that names each object, and below it a line a use.
pub(crate) fn sharing_table(shared: &[Shared], layout: &Layout) -> String {
    let parts = shared.iter().filter(|shared| !shared.users.is_empty()).map(|shared| {
        let name =
            if shared.kind == "file" { shared.name.clone() } else { format!("{}, {}", shared.name, shared.kind) };
        format!("{name}\n{}", uses(&shared.users, layout))
    });
    parts.collect::<Vec<_>>().join("\n")
}

fn uses(users: &[User], layout: &Layout) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["PID", "NAME", "HOW", "WHERE", "OFFSET"]);
    for user in users {
        for used in &user.uses {
            let [how, place, offset] = cells(used);
            table.add_row([user.pid.to_string(), user.name.clone(), how, place, offset]);
        }
    }
    if let Some(width) = layout.width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
        if column.index != 1 {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// How, where, and where in the object it begins.
fn cells(used: &Use) -> [String; 3] {
    match &used.how {
        How::Mapped { start, end, protection, offset, .. } => {
            let rights: String = protection.chars().take(3).filter(|right| *right != '-').collect();
            let rights = if rights.is_empty() { "no access".to_owned() } else { rights };
            let private = if protection.ends_with('p') { " private" } else { "" };
            [format!("{rights}{private}"), format!("{start:#x}-{end:#x}"), format!("{offset:#x}")]
        }
        How::Open { descriptor, reads, writes } => {
            let rights = [(*reads, "r"), (*writes, "w")].map(|(has, letter)| if has { letter } else { "" }).concat();
            [format!("open {rights}").trim_end().to_owned(), format!("descriptor {descriptor}"), "-".to_owned()]
        }
    }
}

/// The same for programs.
pub(crate) fn sharing_document(sharing: &Sharing) -> String {
    let objects = sharing.shared.iter().map(|shared| Described {
        object: &shared.name,
        kind: shared.kind,
        users: shared.users.iter().map(Using::from).collect(),
    });
    let document = Document { schema: "mapsan-who/1", objects: objects.collect(), not_seen: &sharing.gaps };
    serde_json::to_string(&document).map(|text| text + "\n").unwrap_or_default()
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    objects: Vec<Described<'a>>,
    not_seen: &'a [String],
}

#[derive(Serialize)]
struct Described<'a> {
    object: &'a str,
    kind: &'static str,
    users: Vec<Using<'a>>,
}
