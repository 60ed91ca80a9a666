//! From a frame's module and offset to functions and source lines.
//!
//! `addr2line` reads DWARF, also from files that a debug link or build id names, gives inlined calls, and runs without
//! a daemon or the network. A module that has been built anew since is not looked at: its lines would be wrong.

use crate::records::Frame;
use addr2line::Loader;
use object::{Object, ReadCache};
use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;

/// One call of the source: several where calls were inlined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) function: Option<String>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
}

/// What is known of a module.
enum Module {
    Known(Box<Loader>),
    Unknown,
    /// Its build id is not that of the module that ran.
    Changed,
}

/// The modules that have been looked at.
#[derive(Default)]
pub(crate) struct Symbols {
    modules: HashMap<String, Module>,
    changed: Vec<String>,
}

impl Symbols {
    /// The calls that a frame stands for, innermost first; none if its module has no symbols. `time` is that of the record.
    pub(crate) fn places(&mut self, frame: &Frame, time: &str) -> Vec<Place> {
        let (Some(path), Some(offset)) = (&frame.module, frame.offset()) else {
            return Vec::new();
        };
        let module = self.modules.entry(path.clone()).or_insert_with(|| open(path, frame.build_id.as_deref(), time));
        match module {
            Module::Known(loader) => lookup(loader, offset),
            Module::Unknown => Vec::new(),
            Module::Changed => {
                if !self.changed.contains(path) {
                    self.changed.push(path.clone());
                }
                Vec::new()
            }
        }
    }

    /// The modules that were found changed since the last time.
    pub(crate) fn take_changed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.changed)
    }
}

fn open(path: &str, build_id: Option<&str>, time: &str) -> Module {
    let changed = match (build_id, build_id_of(path)) {
        (Some(ran), Some(there)) => ran != there,
        // Without build ids a file that is newer than the record is not the one that ran.
        _ => modified_after(path, time),
    };
    if changed {
        return Module::Changed;
    }
    Loader::new(path).map_or(Module::Unknown, |loader| Module::Known(Box::new(loader)))
}

/// Whether a file was written after a time such as `2026-01-01T00:00:00.000000Z`.
fn modified_after(path: &str, time: &str) -> bool {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let written = modified.map(humantime::format_rfc3339_micros);
    written.is_some_and(|written| !time.is_empty() && written.to_string().as_str() > time)
}

fn build_id_of(path: &str) -> Option<String> {
    let cache = ReadCache::new(File::open(path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    let id = file.build_id().ok()??;
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat())
}

fn lookup(loader: &Loader, offset: u64) -> Vec<Place> {
    let mut places = Vec::new();
    if let Ok(mut frames) = loader.find_frames(offset) {
        while let Ok(Some(frame)) = frames.next() {
            let function = frame.function.and_then(|name| Some(name.demangle().ok()?.into_owned()));
            let location = frame.location;
            places.push(Place {
                function,
                file: location.as_ref().and_then(|location| location.file.map(PathBuf::from)),
                line: location.as_ref().and_then(|location| location.line).filter(|line| *line > 0),
                column: location.as_ref().and_then(|location| location.column).filter(|column| *column > 0),
            });
        }
    }
    // The outermost function has a name in the symbol table even without DWARF.
    let symbol = loader.find_symbol(offset).map(|name| addr2line::demangle_auto(name.into(), None).into_owned());
    match places.last_mut() {
        Some(place) => place.function = place.function.take().or(symbol),
        None => places.extend(symbol.map(|function| Place {
            function: Some(function),
            file: None,
            line: None,
            column: None,
        })),
    }
    places
}
