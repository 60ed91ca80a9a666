//! From a frame's module and offset to functions and source lines.
//!
//! `addr2line` reads DWARF, also from files that a debug link or build id names, gives inlined calls, and runs without
//! a daemon or the network. A module that has been built anew since is not looked at: its lines would be wrong.

use crate::findings::records::Frame;
use crate::system::regular;
use addr2line::Loader;
use object::{Object, ReadCache};
use std::collections::HashMap;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One call of the source: several where calls were inlined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceLocation {
    pub(crate) function: Option<String>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
}

impl SourceLocation {
    /// Whether it is in a header or the source of a library of the system.
    pub(crate) fn is_of_system(&self) -> bool {
        let folders = ["/usr/include/", "/usr/lib/", "/usr/lib64/", "/rustc/"];
        self.file.as_deref().is_some_and(|file| folders.iter().any(|folder| file.starts_with(folder)))
    }
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
    /// By path and build id: a database may tell of several that had one name.
    modules: HashMap<(String, Option<String>), Module>,
    changed: Vec<String>,
    /// The time that has been spent on all of it.
    spent: Duration,
    /// Whether nobody wants to know.
    is_off: bool,
}

/// The most time that is spent on looking modules up: beyond it those that come new have no lines.
const PATIENCE: Duration = Duration::from_secs(20);

impl Symbols {
    /// Those of records that are only handed on: nothing is looked up.
    pub(crate) fn off() -> Symbols {
        Symbols { is_off: true, ..Symbols::default() }
    }

    /// The calls that a frame stands for, innermost first; none if its module has no symbols. `time` is that of the record.
    pub(crate) fn places(&mut self, frame: &Frame, time: &str) -> Vec<SourceLocation> {
        let (Some(path), Some(offset)) = (&frame.module, frame.offset()) else {
            return Vec::new();
        };
        if self.is_off {
            return Vec::new();
        }
        let start = Instant::now();
        let tired = self.spent > PATIENCE;
        let open = || if tired { Module::Unknown } else { open(path, frame.build_id.as_deref(), time) };
        let module = self.modules.entry((path.clone(), frame.build_id.clone())).or_insert_with(open);
        match module {
            Module::Known(loader) => {
                let places = lookup(loader, offset);
                self.spent += start.elapsed();
                places
            }
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
    // Something else may have the name by now.
    if regular::open(Path::new(path)).is_err() {
        return Module::Unknown;
    }
    let changed = match (build_id, build_id_of(path)) {
        (Some(ran), Some(there)) => ran != there,
        // Without build ids a file that is newer than the record is not the one that ran.
        _ => modified_after(path, time),
    };
    if changed {
        return Module::Changed;
    }
    loader(Path::new(path)).map_or(Module::Unknown, |loader| Module::Known(Box::new(loader)))
}

/// What tells the lines of a file, or of the one that has its debug information.
pub(crate) fn loader(path: &Path) -> Option<Loader> {
    let with_lines = debug_file(path).and_then(|file| Loader::new(file).ok());
    with_lines.or_else(|| Loader::new(path).ok())
}

/// Where distributions put debug information.
const DEBUG: &str = "/usr/lib/debug";

/// The separate file with a module's debug information, where it has none itself: by its build id, or by the name that it
/// gives (`.gnu_debuglink`), beside it, in `.debug`, or below [`DEBUG`]; or as debuginfod has given it.
fn debug_file(module: &Path) -> Option<PathBuf> {
    let cache = ReadCache::new(File::open(module).ok()?);
    let file = object::File::parse(&cache).ok()?;
    if file.section_by_name(".debug_info").is_some() || file.section_by_name(".zdebug_info").is_some() {
        return None;
    }
    let id = file.build_id().ok().flatten().map(hex);
    let by_id = id.as_deref().and_then(|id| {
        let (folder, name) = id.split_at_checked(2)?;
        Some(Path::new(DEBUG).join(".build-id").join(folder).join(format!("{name}.debug")))
    });
    let (link, checksum) = file.gnu_debuglink().ok().flatten().unzip();
    let folder = module.canonicalize().ok()?.parent()?.to_owned();
    let by_name = link.and_then(|link| std::str::from_utf8(link).ok()).map(|link| {
        let below = Path::new(DEBUG).join(folder.strip_prefix("/").unwrap_or(&folder));
        [folder.join(link), folder.join(".debug").join(link), below.join(link)]
    });
    // The build id tells whether it is the right one; without, the checksum does.
    let fits = |path: &PathBuf| match (&id, build_id_of(path)) {
        (Some(own), Some(there)) => *own == there,
        _ => fs::read(path).is_ok_and(|bytes| checksum == Some(crc32fast::hash(&bytes))),
    };
    let fetched = id.as_deref().and_then(fetched);
    by_id.into_iter().chain(fetched).chain(by_name.into_iter().flatten()).find(fits)
}

/// Where `debuginfod-find` puts what it has fetched (debuginfod-find(1)).
fn fetched(build_id: &str) -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = folder("DEBUGINFOD_CACHE_PATH").or_else(|| {
        let caches = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
        Some(caches.join("debuginfod_client"))
    });
    Some(cache?.join(build_id).join("debuginfo"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Whether a file was written after a time such as `2026-01-01T00:00:00.000000Z`.
fn modified_after(path: &str, time: &str) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let written = modified.map(crate::findings::time::text);
    written.is_some_and(|written| !time.is_empty() && written.as_str() > time)
}

/// The build id that a file has.
pub(crate) fn build_id_of(path: impl AsRef<Path>) -> Option<String> {
    let cache = ReadCache::new(File::open(path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    let id = file.build_id().ok()??;
    Some(hex(id))
}

/// A function and the distance from its start, as the library writes it, with the name that the source has for it.
pub(crate) fn readable(symbol: &str) -> String {
    let (name, distance) = symbol.rfind("+0x").map_or((symbol, ""), |at| symbol.split_at(at));
    source_name(name) + distance
}

/// The name that the source has for a symbol. A function of C may be called `f`, which C++ writes for float.
fn source_name(symbol: &str) -> String {
    let is_mangled = ["_Z", "__Z", "_R"].iter().any(|start| symbol.starts_with(start));
    if is_mangled { addr2line::demangle_auto(symbol.into(), None).into_owned() } else { symbol.to_owned() }
}

fn lookup(loader: &Loader, offset: u64) -> Vec<SourceLocation> {
    let mut places = Vec::new();
    if let Ok(mut frames) = loader.find_frames(offset) {
        while let Ok(Some(frame)) = frames.next() {
            let function = frame.function.and_then(|name| Some(name.demangle().ok()?.into_owned()));
            let location = frame.location;
            places.push(SourceLocation {
                function,
                file: location.as_ref().and_then(|location| location.file.map(PathBuf::from)),
                line: location.as_ref().and_then(|location| location.line).filter(|line| *line > 0),
                column: location.as_ref().and_then(|location| location.column).filter(|column| *column > 0),
            });
        }
    }
    // The outermost function has a name in the symbol table even without DWARF.
    let symbol = loader.find_symbol(offset).map(source_name);
    match places.last_mut() {
        Some(place) => place.function = place.function.take().or(symbol),
        None => places.extend(symbol.map(|function| SourceLocation {
            function: Some(function),
            file: None,
            line: None,
            column: None,
        })),
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_source() {
        assert_eq!(
            readable("_ZN4shop5Store5closeImEEvT_+0x3b"),
            "void shop::Store::close<unsigned long>(unsigned long)+0x3b"
        );
        assert_eq!(readable("main+0x2c"), "main+0x2c");
        assert_eq!(readable("f+0x2"), "f+0x2");
    }
}
