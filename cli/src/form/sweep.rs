//! What a sweep has come to, as a table for people.

use super::contract::{Swept, SweptSite};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use mapsan_model::Counted;
use std::fmt::Write;

/// The most places that were never reached that are named.
const NAMED: usize = 20;

/// A column: its title, and what it has of a place.
type Column = (&'static str, fn(&SweptSite) -> u64);

/// The table, and what is not in it.
pub(super) fn summary(swept: &Swept) -> String {
    let mut text = String::new();
    let sum = |number: fn(&SweptSite) -> u64| swept.sites.iter().map(number).sum::<u64>();
    let numbers: [Column; 6] = [
        ("points", |site| site.points),
        ("runs", |site| site.runs),
        ("survived", |site| site.survived),
        ("died", |site| site.died),
        ("hung", |site| site.hung),
        ("silent", |site| site.silent),
    ];
    if !swept.sites.is_empty() {
        let mut table = Table::new();
        let titles = numbers.iter().map(|(title, _)| *title);
        table.load_style(NOTHING).set_header(["site"].into_iter().chain(titles));
        let sites = swept.sites.iter().map(|site| {
            let cells = numbers.iter().map(|(_, number)| number(site).to_string());
            [site.name.clone()].into_iter().chain(cells).collect::<Vec<_>>()
        });
        table.add_rows(sites);
        let all = Counted(swept.sites.len() as u64, "site").to_string();
        table.add_row([all].into_iter().chain(numbers.iter().map(|(_, number)| sum(*number).to_string())));
        for place in 1..=numbers.len() {
            if let Some(column) = table.column_mut(place) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in table.lines() {
            let _ = writeln!(text, "mapsan:{}", line.trim_end());
        }
    }
    let unreached = sum(|site| site.unreached);
    if unreached > 0 {
        let runs = Counted(unreached, "run");
        let _ = writeln!(text, "mapsan: in {runs} the call that was to fail was not made: no result");
    }
    for name in swept.never_reached.iter().take(NAMED) {
        let _ = writeln!(text, "mapsan: never reached: {name}");
    }
    if swept.never_reached.len() > NAMED {
        let _ = writeln!(text, "mapsan: never reached: {} more", swept.never_reached.len() - NAMED);
    }
    if let Some(why) = &swept.cut_short {
        let _ = writeln!(text, "mapsan: {why}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_counted_and_those_that_were_not_reached_named() {
        let site = |name: &str, survived, died| SweptSite {
            name: name.to_owned(),
            points: 1,
            runs: survived + died,
            survived,
            died,
            ..SweptSite::default()
        };
        let swept = Swept {
            sites: vec![site("mmap at a.c:1 in main", 1, 0), site("shmat at a.c:2 in main", 0, 2)],
            never_reached: vec!["mmap at a.c:9 in other".to_owned()],
            cut_short: None,
        };
        let text = summary(&swept);
        let last = text.lines().find(|line| line.contains("2 sites")).unwrap();
        let words: Vec<&str> = last.split_whitespace().collect();
        assert_eq!(words, ["mapsan:", "2", "sites", "2", "3", "1", "2", "0", "0"]);
        assert!(text.ends_with("mapsan: never reached: mmap at a.c:9 in other\n"), "{text}");
    }
}
