//! What is not as it should be yet. Each entry must be true: one that is no longer has to go.

use crate::tree::Defect;

/// Where defects may be, by how their paths begin, and how they begin themselves.
pub(crate) type Known = (&'static str, &'static str);

/// Arrows that run up.
pub(crate) const UPWARD: &[Known] = &[
    ("src/call", "fault is above call:"),
    ("src/check", "fault is above check:"),
    ("src/check", "hooks is above check:"),
    ("src/check", "interpose is above check:"),
    ("src/check", "start is above check:"),
    ("src/clib", "interpose is above clib:"),
    ("src/facts", "interpose is above facts:"),
    ("src/facts", "report is above facts:"),
    ("src/facts", "track is above facts:"),
    ("src/follow", "start is above follow:"),
    ("src/harden", "start is above harden:"),
    ("src/next", "interpose is above next:"),
    ("src/next", "start is above next:"),
    ("src/next", "track is above next:"),
    ("src/options", "report is above options:"),
    ("src/options", "start is above options:"),
    ("src/report", "api is above report:"),
    ("src/report", "fault is above report:"),
    ("src/report", "interpose is above report:"),
    ("src/report", "track is above report:"),
    ("src/sys", "facts is above sys:"),
    ("src/sys", "report is above sys:"),
    ("src/sys", "track is above sys:"),
    ("src/track", "harden is above track:"),
    ("src/track", "interpose is above track:"),
    ("src/track", "start is above track:"),
];

/// Folders whose first lines do not say their layer.
pub(crate) const UNPLACED: &[Known] = &[("src/", "its first lines")];

/// Circles.
pub(crate) const CIRCLES: &[Known] = &[
    ("src/", "a circle of api, call, check"),
    ("src/check/", "a circle of leaks, left"),
    ("src/check/", "a circle of mmap, releases"),
    ("src/report/", "a circle of json, records"),
    ("src/track/", "a circle of history, regions"),
];

/// Functions that do more than one thing.
pub(crate) const LONG: &[Known] = &[];

/// Code that rustfmt leaves as it is.
pub(crate) const LEFT_ALONE: &[Known] = &[("src/check/", "rustfmt leaves")];

/// Rules that are named outside their checks.
pub(crate) const RULES: &[Known] = &[
    ("src/hooks/mod.rs", "names the rule MmapFixedClobber"),
    ("src/hooks/mod.rs", "names the rule MunmapOverrun"),
    ("src/options.rs", "names the rule PrivateWriteDiscarded"),
    ("src/report/records.rs", "names the rule LeakSegment"),
    ("src/start.rs", "names the rule MmapPastEof"),
    ("src/start.rs", "names the rule MmapAnonymousFd"),
    ("src/start.rs", "names the rule MmapWritableExecutable"),
    ("src/start.rs", "names the rule ShmatRemovedSegment"),
    ("src/start.rs", "names the rule ShmgetWorldWritable"),
];

/// Files of the runtime that the map does not name.
pub(crate) const UNNAMED: &[Known] = &[
    ("src/call/", "ARCHITECTURE.md does not name"),
    ("src/check/", "ARCHITECTURE.md does not name"),
    ("src/clib/", "ARCHITECTURE.md does not name"),
    ("src/facts/", "ARCHITECTURE.md does not name"),
    ("src/fault/", "ARCHITECTURE.md does not name"),
    ("src/hidden.rs", "ARCHITECTURE.md does not name"),
    ("src/hooks/", "ARCHITECTURE.md does not name"),
    ("src/interpose/", "ARCHITECTURE.md does not name"),
    ("src/next/", "ARCHITECTURE.md does not name"),
    ("src/report/", "ARCHITECTURE.md does not name"),
    ("src/spread.rs", "ARCHITECTURE.md does not name"),
    ("src/sys/", "ARCHITECTURE.md does not name"),
    ("src/track/", "ARCHITECTURE.md does not name"),
];

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
