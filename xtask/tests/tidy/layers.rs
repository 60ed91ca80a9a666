//! The layers of a package: who may use whom, and that nobody uses himself by way of others.

use crate::arrows::Arrow;
use crate::package::Package;
use crate::tree::Defect;
use std::collections::{BTreeMap, BTreeSet};

/// The layers from the top down, each with the modules at the crate's root that it has.
pub(crate) struct Layers(Vec<Layer>);

struct Layer {
    name: String,
    modules: Vec<String>,
}

impl Layers {
    /// Reads the first table below a heading: a row a layer, its modules in the second column, each in backticks.
    ///
    /// # Panics
    /// Where there is no such heading, or no table.
    pub(crate) fn read(document: &str, heading: &str) -> Layers {
        let section =
            document.lines().skip_while(|line| *line != heading).skip(1).skip_while(|line| !line.starts_with('|'));
        let rows = section.take_while(|line| line.starts_with('|')).skip(2);
        let layers: Vec<Layer> = rows
            .map(|row| {
                let mut cells = row.split('|').skip(1).map(str::trim);
                let name = cells.next().unwrap_or_default().to_owned();
                let modules = cells.next().unwrap_or_default().split('`').skip(1).step_by(2);
                let bare = |module: &str| module.trim_end_matches('/').trim_end_matches(".rs").to_owned();
                Layer { name, modules: modules.map(bare).collect() }
            })
            .collect();
        assert!(!layers.is_empty(), "there is no table of layers below '{heading}'");
        Layers(layers)
    }

    /// The place of a module, counted from the top.
    fn place(&self, module: &str) -> Option<usize> {
        self.0.iter().position(|layer| layer.modules.iter().any(|each| each == module))
    }

    /// The arrows that run up, one of each file and module.
    pub(crate) fn upward(&self, arrows: &[Arrow]) -> Vec<Defect> {
        let mut defects: Vec<Defect> = Vec::new();
        for arrow in arrows {
            let (Some(from), Some(to)) = (arrow.from.first(), arrow.to.first()) else { continue };
            let (Some(from_place), Some(to_place)) = (self.place(from), self.place(to)) else { continue };
            if to_place < from_place {
                let (below, above) = (&self.0[from_place].name, &self.0[to_place].name);
                let what = format!("{to} is above {from}: {below} does not know {above} ");
                let is_told = |told: &Defect| told.path == arrow.file && told.what.starts_with(&what);
                if !defects.iter().any(is_told) {
                    defects.push(Defect::new(&arrow.file, arrow.line, format!("{what}({})", arrow.path)));
                }
            }
        }
        defects
    }

    /// Modules without a layer, layers without their modules, and folders whose first lines do not say where they are.
    pub(crate) fn gaps(&self, package: &Package) -> Vec<Defect> {
        let modules = package.roots();
        let named: Vec<&str> = self.0.iter().flat_map(|layer| layer.modules.iter().map(String::as_str)).collect();
        let absent = named.iter().filter(|name| !modules.contains_key(**name));
        let absent = absent.map(|name| Defect::new(name, 0, "a layer has it, and the package does not"));
        let twice = named.iter().enumerate().filter(|(at, name)| named[..*at].contains(name));
        let twice = twice.map(|(_, name)| Defect::new(name, 0, "two layers have it"));
        let unplaced = modules.iter().filter_map(|(name, file)| {
            let what = match self.place(name) {
                None => "no layer has it".to_owned(),
                Some(place) if file.is_folder() && !file.says(&self.0[place].name) => {
                    format!("its first lines do not say its layer: {}", self.0[place].name)
                }
                Some(_) => return None,
            };
            Some(Defect::new(&file.path, 0, what))
        });
        absent.chain(twice).chain(unplaced).collect()
    }
}

/// The circles: among the modules of each module, with all that is below them, none comes back to itself by way of others.
///
/// A module and what is declared in it are one house with its rooms: they may use each other.
pub(crate) fn circles(arrows: &[Arrow]) -> Vec<Defect> {
    let mut houses: BTreeMap<&[String], BTreeMap<&str, BTreeMap<&str, &Arrow>>> = BTreeMap::new();
    for arrow in arrows {
        let common = arrow.from.iter().zip(&arrow.to).take_while(|(from, to)| from == to).count();
        let (Some(from), Some(to)) = (arrow.from.get(common), arrow.to.get(common)) else { continue };
        houses.entry(&arrow.from[..common]).or_default().entry(from).or_default().insert(to, arrow);
    }
    houses.values().flat_map(circles_of).collect()
}

fn circles_of(uses: &BTreeMap<&str, BTreeMap<&str, &Arrow>>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (room, others) in uses {
        let back = |other: &&str| reached(uses, other).contains(room);
        let circle: BTreeSet<&str> = reached(uses, room).into_iter().filter(back).collect();
        // Told once, of the first of those that are in it.
        let Some(first) = others.values().next().filter(|_| circle.first() == Some(room)) else { continue };
        let ways = circle.iter().flat_map(|from| &uses[from]).filter(|(to, _)| circle.contains(*to));
        let ways: Vec<String> = ways.map(|(_, arrow)| shown(arrow)).collect();
        let rooms: Vec<&str> = circle.iter().copied().collect();
        defects.push(Defect::new(&first.file, 0, format!("a circle of {}: {}", rooms.join(", "), ways.join("; "))));
    }
    defects
}

fn shown(arrow: &Arrow) -> String {
    format!("{}:{} uses {}", arrow.file, arrow.line, arrow.path)
}

/// The rooms that are used by one, by whatever way.
fn reached<'a>(uses: &BTreeMap<&'a str, BTreeMap<&'a str, &Arrow>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut ahead = vec![from];
    while let Some(room) = ahead.pop() {
        for to in uses.get(room).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(*to) {
                ahead.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrows::arrows;
    use crate::tree::Tree;

    const TABLE: &str = "## Layers\n\nText.\n\n| layer | modules |\n| --- | --- |\n| telling | `told/` |\n| ground | `sys.rs` `bits.rs` |\n";

    fn package(sys: &str, bits: &str, told: &str, words: &str) -> Package {
        Package::read(
            &Tree::of(&[
                ("src/lib.rs", "mod bits; mod sys; mod told;"),
                ("src/sys.rs", sys),
                ("src/bits.rs", bits),
                ("src/told/mod.rs", told),
                ("src/told/words.rs", words),
                ("src/told/lines.rs", "pub fn line() { super::words::word() }"),
            ]),
            "src/lib.rs",
        )
    }

    #[test]
    fn an_arrow_up_is_found_and_one_down_is_none() {
        let layers = Layers::read(TABLE, "## Layers");
        let upward = |package: &Package| layers.upward(&arrows(package));
        let up = package("fn f() {\n crate::told::tell() }", "", "mod words; mod lines;", "use crate::sys::f;");
        let what = "told is above sys: ground does not know telling (crate::told::tell)";
        assert_eq!(upward(&up), [Defect::new("src/sys.rs", 2, what)]);
        assert_eq!(upward(&package("", "use crate::sys::f;", "use crate::sys::f; mod words; mod lines;", "")), []);
    }

    #[test]
    fn a_circle_is_found_at_each_height() {
        let found = |package: &Package| {
            circles(&arrows(package)).into_iter().map(|circle| circle.to_string()).collect::<Vec<_>>()
        };
        let told = "mod lines; mod words; use words::word;";
        assert_eq!(found(&package("", "", told, "use super::tell; use crate::sys::f;")), [""; 0]);
        let rooms = package("use crate::bits::b;", "use crate::sys::f;", told, "");
        let what =
            "src/bits.rs:0: a circle of bits, sys: src/bits.rs:1 uses crate::sys::f; src/sys.rs:1 uses crate::bits::b";
        assert_eq!(found(&rooms), [what]);
        let files = found(&package("", "", told, "use super::lines::line;"));
        assert!(matches!(files.as_slice(), [one] if one.contains("a circle of lines, words")), "{files:?}");
    }

    #[test]
    fn the_table_and_the_modules_agree() {
        let gaps = |table: &str| {
            Layers::read(table, "## Layers").gaps(&package("", "", "//! Of *telling*.\nmod words; mod lines;", ""))
        };
        assert_eq!(gaps(TABLE), []);
        let unsaid = Defect::new("src/told/mod.rs", 0, "its first lines do not say its layer: words");
        assert_eq!(gaps(&TABLE.replace("telling", "words")), [unsaid]);
        assert_eq!(gaps(&TABLE.replace("`bits.rs`", "")), [Defect::new("src/bits.rs", 0, "no layer has it")]);
        let absent = Defect::new("more", 0, "a layer has it, and the package does not");
        assert_eq!(gaps(&TABLE.replace("`bits.rs`", "`bits.rs` `more/`")), [absent]);
        assert_eq!(
            gaps(&TABLE.replace("`bits.rs`", "`bits.rs` `told/`")),
            [Defect::new("told", 0, "two layers have it")]
        );
    }
}
