//! Which runs a sweep makes: of each place that was reached, the failures that matter there.

use crate::findings::records::{Frame, Point, Record};
use crate::findings::symbols::Symbols;
use crate::sweep::planned::{Planned, When, order};
use mapsan_model::injection::MOST_ORDERS;
use mapsan_model::suppressions::matches;
use mapsan_model::{Circumstances, Injectable};
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

/// What the user has chosen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// How many calls of a place fail at most, a run each.
    pub(crate) each: u32,
    /// Whether there is a run, too, in which all later calls fail.
    pub(crate) persistent: bool,
    /// Whether memory fails, too.
    pub(crate) memory: bool,
    /// Whether each errno of the manual page is tried.
    pub(crate) all_errnos: bool,
    /// Patterns of places.
    pub(crate) skip: Vec<String>,
    pub(crate) only: Vec<String>,
    pub(crate) part: Option<Part>,
}

/// Every so manieth run of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    number: usize,
    of: usize,
}

impl Part {
    /// Reads `2/8`.
    pub(crate) fn read(text: &str) -> Result<Part, String> {
        let allowed = || "it takes K/N, such as 2/8: the part K of N, where K is 1 to N".to_owned();
        let (number, of) = text.split_once('/').ok_or_else(allowed)?;
        let read = |text: &str| text.parse::<usize>().ok().filter(|number| *number > 0).ok_or_else(allowed);
        let (number, of) = (read(number)?, read(of)?);
        if number <= of { Ok(Part { number, of }) } else { Err(allowed()) }
    }

    fn has(self, index: usize) -> bool {
        index % self.of == self.number - 1
    }
}

/// Errnos that don't last: who was interrupted, or found another at work, is so once.
const ONCE: [&str; 2] = ["EINTR", "EEXIST"];

impl Choice {
    /// The runs, in an order that is the same in all sweeps of the program.
    pub(crate) fn plan(&self, points: &[Reached], symbols: &mut Symbols) -> Vec<Planned> {
        let chosen = points.iter().filter(|reached| self.takes(&reached.point, symbols));
        let all = chosen.flat_map(|reached| self.of_point(reached).into_iter());
        let all = all.enumerate().filter(|(index, _)| self.part.is_none_or(|part| part.has(*index)));
        all.map(|(_, planned)| planned).collect()
    }

    /// The runs of one point.
    fn of_point(&self, reached: &Reached) -> Vec<Planned> {
        let (exe, point) = (&reached.exe, &reached.point);
        let Some(call) = Injectable::from_name(&point.call.function) else { return Vec::new() };
        let planned =
            |what: &str, when| Planned { point: Rc::clone(point), exe: exe.clone(), what: what.to_owned(), when };
        let flags = point.flags.iter().filter_map(|flag| Circumstances::from_name(flag));
        let circumstances = flags.fold(Circumstances::NONE, |all, flag| all.and(flag, true));
        let errnos: Vec<&str> =
            if self.all_errnos { call.errnos().collect() } else { call.mattering(circumstances).collect() };
        let mut all = Vec::new();
        for errno in &errnos {
            all.extend((1..=self.each.min(reached.calls).max(1)).map(|number| planned(errno, When::Nth(number))));
        }
        for errno in errnos.iter().filter(|errno| self.persistent && !ONCE.contains(errno)) {
            all.push(planned(errno, When::FromThen));
        }
        if self.memory && call.maps() {
            all.push(planned("sigbus", When::Nth(1)));
        }
        let is_of_file = circumstances.have(Circumstances::FILE);
        if self.memory && call.maps_files() && is_of_file {
            all.push(planned("truncate", When::Nth(1)));
        }
        all
    }

    /// Whether a place is among the chosen ones.
    fn takes(&self, point: &Point, symbols: &mut Symbols) -> bool {
        if self.skip.is_empty() && self.only.is_empty() {
            return true;
        }
        let names = names(point, symbols);
        let is_named = |pattern: &String| names.iter().any(|name| matches(pattern.as_bytes(), name.as_bytes()));
        !self.skip.iter().any(is_named) && (self.only.is_empty() || self.only.iter().any(is_named))
    }
}

/// What a pattern may name a place by: the call, the functions it is made in, their files, and the module.
fn names(point: &Point, symbols: &mut Symbols) -> Vec<String> {
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut names = vec![point.call.function.clone()];
    let Some(frame) = point.stack.first() else { return names };
    for place in symbols.places(frame, "") {
        names.extend(place.function);
        names.extend(place.file.as_deref().and_then(last));
    }
    names.extend(frame.function().map(str::to_owned));
    names.extend(frame.module.as_deref().map(Path::new).and_then(last));
    names
}

/// A point, with the executable that reached it first, and how many calls it makes, as far as that matters.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) exe: String,
    pub(crate) point: Rc<Point>,
    pub(crate) calls: u32,
}

/// Orders that are never carried out, by which the calls of points are counted; a few a run, with the places of their points.
/// None of points that fail in no way.
pub(crate) fn counting(points: &[Reached]) -> Vec<Vec<(usize, String)>> {
    let order = |reached: &Reached| {
        let errno = Injectable::from_name(&reached.point.call.function)?.errnos().next()?;
        Some(order(&reached.point, errno, &u32::MAX))
    };
    let orders = points.iter().enumerate().filter_map(|(place, reached)| Some((place, order(reached)?)));
    orders.collect::<Vec<_>>().chunks(MOST_ORDERS).map(<[_]>::to_vec).collect()
}

/// The points among records, each once, and whether a failed result was given to the call or not.
pub(crate) fn points<'a>(records: impl Iterator<Item = (&'a Record, &'a Point)>) -> Vec<Reached> {
    let mut points: Vec<(&Record, Point)> = Vec::new();
    let mut places: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for (record, point) in records {
        let key = (point.call.function.as_str(), point.site.as_str(), point.stack_hash.as_str());
        let place = *places.entry(key).or_insert(points.len());
        match points.get_mut(place) {
            None => points.push((record, Point { failed_result: None, ..point.clone() })),
            // The same place may be asked for other things.
            Some((_, known)) => {
                let new = point.flags.iter().filter(|flag| !known.flags.contains(flag)).cloned();
                let new: Vec<String> = new.collect();
                known.flags.extend(new);
            }
        }
    }
    let reached =
        |(record, point): (&Record, Point)| Reached { exe: record.exe.clone(), point: Rc::new(point), calls: 1 };
    points.into_iter().map(reached).collect()
}

/// The module and the offset of a place, however often it is loaded.
pub(crate) fn place_of(frame: &Frame) -> String {
    let module = frame.module.as_deref().map(Path::new).and_then(Path::file_name).unwrap_or_default();
    format!("{}+{}", module.to_string_lossy(), frame.offset.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::records::Call;

    fn point(function: &str, flags: &[&str]) -> Reached {
        let call = Call { function: function.into(), args: Vec::new(), result: "1".into(), errno: None };
        let point = Point {
            call,
            site: "prog+0x10".into(),
            stack_hash: "01234567".into(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            stack: Vec::new(),
            failed_result: None,
            what: None,
            when: None,
            outcome: None,
            rules: None,
        };
        Reached { exe: "/x/prog".into(), point: Rc::new(point), calls: 2 }
    }

    fn plan(choice: &Choice, points: &[Reached]) -> Vec<String> {
        choice.plan(points, &mut Symbols::default()).iter().map(|run| format!("{}:{}", run.what, run.when)).collect()
    }

    #[test]
    fn errnos_are_those_that_matter_to_the_call() {
        let choice = Choice::default();
        assert_eq!(plan(&choice, &[point("mmap", &["anonymous"])]), ["ENOMEM:1"]);
        let created = plan(&choice, &[point("shmget", &["create", "key", "excl"])]);
        assert!(created.contains(&"EEXIST:1".to_owned()) && created.contains(&"EINVAL:1".to_owned()), "{created:?}");
        let private = plan(&choice, &[point("shmget", &["create"])]);
        assert!(!private.contains(&"EEXIST:1".to_owned()) && !private.contains(&"EINVAL:1".to_owned()), "{private:?}");
        assert_eq!(plan(&choice, &[point("printf", &[])]), [""; 0]);
    }

    #[test]
    fn runs_are_added_for_more_calls_for_lasting_failures_and_for_memory() {
        // It is called twice, and there is no third call that could fail.
        let choice = Choice { each: 3, persistent: true, memory: true, ..Choice::default() };
        assert_eq!(
            plan(&choice, &[point("mmap", &["file"])]),
            ["ENOMEM:1", "ENOMEM:2", "ENOMEM:1++", "sigbus:1", "truncate:1"]
        );
        let anonymous = plan(&choice, &[point("mmap", &["anonymous"])]);
        assert!(!anonymous.contains(&"truncate:1".to_owned()));
        let waits = plan(&choice, &[point("semop", &[])]);
        assert!(waits.contains(&"EIDRM:1++".to_owned()) && !waits.contains(&"EINTR:1++".to_owned()), "{waits:?}");
    }

    #[test]
    fn parts_share_a_plan_out() {
        let points = [point("shmget", &["create", "key", "excl"]), point("mmap", &["anonymous"])];
        let whole = plan(&Choice::default(), &points);
        let part = |number| Choice { part: Some(Part { number, of: 3 }), ..Choice::default() };
        let mut parts: Vec<String> = (1..=3).flat_map(|number| plan(&part(number), &points)).collect();
        assert_eq!(parts.len(), whole.len());
        parts.sort();
        let mut sorted = whole.clone();
        sorted.sort();
        assert_eq!(parts, sorted);
        for wrong in ["0/3", "4/3", "1/0", "1", "a/b", "-1/2", "1/2/3"] {
            assert!(Part::read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Part::read("2/8"), Ok(Part { number: 2, of: 8 }));
    }

    #[test]
    fn places_are_chosen_by_patterns() {
        let points = [point("mmap", &[]), point("shmat", &[])];
        let count = |skip: &[&str], only: &[&str]| {
            let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
            let choice = Choice { skip: owned(skip), only: owned(only), ..Choice::default() };
            choice.plan(&points, &mut Symbols::default()).iter().filter(|run| run.when == When::Nth(1)).count()
        };
        assert!(count(&[], &["mm*"]) == 1 && count(&["mmap"], &[]) == count(&[], &["shm*"]));
        assert_eq!(count(&["*"], &[]), 0);
    }
}
