//! What is not as it should be yet. Each entry must be true: one that is no longer has to go.

use crate::tree::Defect;

/// Where defects may be, by how their paths begin, and how they begin themselves.
pub(crate) type Known = (&'static str, &'static str);

/// Arrows that run up.
pub(crate) const UPWARD: &[Known] = &[];

/// Folders whose first lines do not say their layer.
pub(crate) const UNPLACED: &[Known] = &[];

/// Circles.
pub(crate) const CIRCLES: &[Known] = &[];

/// Functions that do more than one thing.
pub(crate) const LONG: &[Known] = &[];

/// Code that rustfmt leaves as it is.
pub(crate) const LEFT_ALONE: &[Known] = &[];

/// Rules that are named outside their checks.
pub(crate) const RULES: &[Known] = &[];

/// Files of the runtime that the map does not name.
pub(crate) const UNNAMED: &[Known] = &[];

/// The defects that are not known, and what is known and is none any more.
pub(crate) fn but_known(defects: Vec<Defect>, known: &[Known]) -> Vec<Defect> {
    let is_known =
        |defect: &Defect, (path, what): &Known| defect.path.starts_with(path) && defect.what.starts_with(what);
    let mended = known.iter().filter(|known| !defects.iter().any(|defect| is_known(defect, known)));
    let mended = mended.map(|(path, what)| Defect::new(path, 0, format!("no longer so, take it off the list: {what}")));
    let mended: Vec<Defect> = mended.collect();
    let unknown = defects.into_iter().filter(|defect| !known.iter().any(|known| is_known(defect, known)));
    unknown.chain(mended).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_left_out_and_what_is_mended_is_told() {
        let defects = || vec![Defect::new("src/a.rs", 3, "too long"), Defect::new("src/b.rs", 1, "too long")];
        assert_eq!(but_known(defects(), &[("src/", "too")]), []);
        let unknown = Defect::new("src/b.rs", 1, "too long");
        let mended = Defect::new("src/c.rs", 0, "no longer so, take it off the list: too");
        assert_eq!(but_known(defects(), &[("src/a", "too"), ("src/c.rs", "too")]), [unknown, mended]);
    }
}
