//! Where the code of a function or a source line lies in a file.

use crate::findings::symbols;
use addr2line::Loader;
use object::{Object, ObjectSymbol};
use std::fs;
use std::path::Path;

/// From a place in a file, in its own terms, to before another.
pub(crate) type Range = std::ops::Range<u64>;

/// The code of a file.
pub(crate) struct Code {
    lines: Option<Loader>,
    /// The functions, by their names.
    functions: Vec<(String, Range)>,
}

impl Code {
    /// Reads it; `None` if it is no file of code.
    pub(crate) fn open(path: &Path) -> Option<Code> {
        let bytes = fs::read(path).ok()?;
        let file = object::File::parse(&*bytes).ok()?;
        let symbols = file.symbols().chain(file.dynamic_symbols()).filter(|symbol| symbol.size() > 0);
        let functions = symbols.filter_map(|symbol| {
            let name = symbol.name().ok()?.to_owned();
            Some((name, symbol.address()..symbol.address() + symbol.size()))
        });
        Some(Code { functions: functions.collect(), lines: symbols::loader(path) })
    }

    /// That of a line.
    pub(crate) fn of_line(&self, file: &Path, line: u32) -> Vec<Range> {
        self.lines_that(|location, _| {
            location.line == Some(line) && location.file.is_some_and(|path| Path::new(path).ends_with(file))
        })
    }

    /// That of a function, also where it was inlined.
    pub(crate) fn of_function(&self, name: &str) -> Vec<Range> {
        let is_it = |known: &str| known == name || addr2line::demangle_auto(known.into(), None) == name;
        let mut ranges: Vec<Range> =
            self.functions.iter().filter(|(known, _)| is_it(known)).map(|(_, range)| range.clone()).collect();
        ranges.extend(self.lines_that(|_, start| {
            let Some(mut frames) = self.lines.as_ref().and_then(|lines| lines.find_frames(start).ok()) else {
                return false;
            };
            let mut found = false;
            while let Ok(Some(frame)) = frames.next() {
                found |= frame.function.is_some_and(|function| function.raw_name().is_ok_and(|name| is_it(&name)));
            }
            found
        }));
        joined(ranges)
    }

    /// The code of the lines that are wanted, by what is said of them and where they start.
    fn lines_that(&self, is_wanted: impl Fn(&addr2line::Location<'_>, u64) -> bool) -> Vec<Range> {
        let all = self.lines.as_ref().and_then(|lines| lines.find_location_range(0, u64::MAX).ok());
        let wanted = all.into_iter().flatten().filter(|(start, _, location)| is_wanted(location, *start));
        joined(wanted.map(|(start, length, _)| start..start + length).collect())
    }
}

/// The same code in as few ranges as there can be.
fn joined(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Range> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one() {
        assert_eq!(joined(vec![4..6, 0..2, 2..3, 5..9]), [0..3, 4..9]);
    }
}
