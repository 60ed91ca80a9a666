//! Places of calls: how they are named, and which the program has and did not reach.

use crate::findings::records::{Frame, Point};
use crate::findings::symbols::{SourceLocation, Symbols};
use crate::sweep::plan::{Reached, place_of};
use crate::system::call_sites;
use mapsan_model::{Circumstances, Injectable};
use std::collections::BTreeSet;
use std::path::Path;

/// A place in words: the call, where, and the function that makes it.
pub(crate) fn name(point: &Point, symbols: &mut Symbols) -> String {
    let places = point.stack.first().map(|frame| symbols.places(frame, "")).unwrap_or_default();
    in_words(&point.call.function, &places, &point.site)
}

fn in_words(function: &str, places: &[SourceLocation], otherwise: &str) -> String {
    let place = places.first();
    let line = place.and_then(|place| {
        let file = place.file.as_deref()?.file_name()?.to_string_lossy().into_owned();
        Some(format!("{file}:{}", place.line?))
    });
    let caller = place.and_then(|place| place.function.as_deref());
    let at = line.unwrap_or_else(|| otherwise.to_owned());
    caller.map_or_else(|| format!("{function} at {at}"), |caller| format!("{function} at {at} in {caller}"))
}

/// The places of calls that fail by what a correct program meets, in the program and those of its objects that are not the
/// system's, that no point has.
pub(crate) fn never_reached(program: &Path, points: &[Reached], symbols: &mut Symbols) -> Vec<String> {
    let frames = || points.iter().filter_map(|reached| reached.point.stack.first());
    let reached: BTreeSet<String> = frames().map(place_of).collect();
    let mut modules: BTreeSet<String> = BTreeSet::new();
    modules.extend(program.canonicalize().ok().map(|path| path.display().to_string()));
    let is_of_system = |module: &str| ["/usr/lib", "/lib"].iter().any(|folder| module.starts_with(folder));
    modules.extend(frames().filter_map(|frame| frame.module.clone()).filter(|module| !is_of_system(module)));
    let mut never: Vec<(String, usize)> = Vec::new();
    for module in modules {
        for site in call_sites::in_file(Path::new(&module), is_meant) {
            let frame = Frame {
                address: String::new(),
                module: Some(module.clone()),
                offset: Some(format!("{:#x}", site.offset)),
                build_id: None,
                symbol: None,
            };
            let place = place_of(&frame);
            if reached.contains(&place) {
                continue;
            }
            let words = in_words(as_written(&site.function), &symbols.places(&frame, ""), &place);
            // The compiler may have made several of one.
            match never.iter_mut().find(|(known, _)| *known == words) {
                Some((_, count)) => *count += 1,
                None => never.push((words, 1)),
            }
        }
    }
    let shown = |(words, count)| if count == 1 { words } else { format!("{words} ({count} places)") };
    never.into_iter().map(shown).collect()
}

/// A call as the source has it.
fn as_written(function: &str) -> &str {
    function.strip_suffix("64").unwrap_or(function)
}

fn is_meant(function: &str) -> bool {
    let call = Injectable::from_name(as_written(function));
    call.is_some_and(|call| call.mattering(Circumstances(u16::MAX)).next().is_some())
}
