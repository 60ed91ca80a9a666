//! What a suspicion is worth, by the source and the names of functions; and the finding that it becomes.

use crate::findings::records::{Call, Finding, Frame, Kind, Place as ObjectPlace, Record, Related};
use crate::findings::symbols::{SourceLocation, Symbols, build_id_of};
use crate::race::instruction::Effect;
use crate::race::macros::{Sources, Statement, is_atomic_word};
use crate::race::suspicion::{Side, Suspicion};
use crate::system::unwind::Place;
use mapsan_model::{Rule, Severity};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

/// Says what is told.
#[derive(Default)]
pub(crate) struct Judge {
    sources: Sources,
    build_ids: HashMap<String, Option<String>>,
    /// Places of the source of which it is told.
    told: HashSet<(&'static str, [String; 2])>,
}

impl Judge {
    /// The finding, if it is one that was not made yet.
    pub(crate) fn finding(&mut self, suspicion: &Suspicion, symbols: &mut Symbols) -> Option<Record> {
        let [first, second] = [&suspicion.first, &suspicion.second].map(|side| self.look_up(side, symbols));
        if [&first, &second].iter().any(|side| self.is_atomic(side) || is_of_lock(side)) {
            return None;
        }
        // Compilers make two instructions of a loop's condition: one before the loop, and one in it.
        let polled: Vec<String> = suspicion.pollers.iter().map(|place| self.line_of(place, symbols)).collect();
        let polls = |side: &LookedUp<'_>| side.side.effect == Effect::Read && polled.contains(&side.place());
        let rule = if polls(&first) || polls(&second) { Rule::RaceFlag } else { Rule::RaceSharedMemory };
        let mut places = [first.place(), second.place()];
        places.sort();
        if !self.told.insert((rule.name(), places)) {
            return None;
        }
        let unseen = self.unseen(&[&first, &second]);
        Some(record(rule, suspicion, first, second, unseen))
    }

    /// Where an instruction is in the source, or in the module without lines.
    fn line_of(&mut self, place: &Place, symbols: &mut Symbols) -> String {
        let frame = self.frame(place);
        let places = symbols.places(&frame, "");
        line_of(&places).unwrap_or_else(|| frame.place())
    }

    fn look_up<'a>(&mut self, side: &'a Side, symbols: &mut Symbols) -> LookedUp<'a> {
        let frames: Vec<Frame> = side.stack.iter().map(|place| self.frame(place)).collect();
        let inside = side.inside.frames.min(frames.len().saturating_sub(1));
        let mut places: Vec<Vec<SourceLocation>> =
            frames.iter().take(inside + 1).map(|frame| symbols.places(frame, "")).collect();
        let own = places.pop().unwrap_or_default();
        let inner = places.into_iter().flatten().collect();
        LookedUp { side, frames, own, inner }
    }

    pub(crate) fn frame(&mut self, place: &Place) -> Frame {
        let module = place.module.as_ref().map(|(module, _)| module.trim_end_matches(" (deleted)").to_owned());
        let build_id = module
            .as_ref()
            .and_then(|module| self.build_ids.entry(module.clone()).or_insert_with(|| build_id_of(module)).clone());
        Frame {
            address: format!("{:#x}", place.address),
            offset: place.module.as_ref().map(|(_, offset)| format!("{offset:#x}")),
            module,
            build_id,
            symbol: None,
        }
    }

    /// Whether the source says that it is an atomic: the function that was called or inlined, or the statement.
    fn is_atomic(&mut self, side: &LookedUp<'_>) -> bool {
        side.own.iter().any(|place| {
            let of_function = place.function.as_deref().is_some_and(is_atomic_function);
            let of_file = place.file.as_deref().is_some_and(is_atomic_file);
            of_function || of_file || self.statement(place) == Statement::Atomic
        })
    }

    fn statement(&mut self, place: &SourceLocation) -> Statement {
        let (Some(file), Some(line)) = (&place.file, place.line) else { return Statement::Plain };
        self.sources.statement(file, usize::try_from(line).unwrap_or_default())
    }

    /// What can't be seen of the source.
    fn unseen(&mut self, sides: &[&LookedUp<'_>; 2]) -> Option<String> {
        let name = sides.iter().flat_map(|side| &side.own).find_map(|place| match self.statement(place) {
            Statement::HasMacro(name) => Some(name),
            _ => None,
        })?;
        Some(format!(
            "if {name}, which looks like a macro, makes an atomic access, this is right: its definition was not found"
        ))
    }
}

/// A side with its names.
struct LookedUp<'a> {
    side: &'a Side,
    frames: Vec<Frame>,
    /// The calls of the program's own innermost frame, and of those of the C library below it.
    own: Vec<SourceLocation>,
    inner: Vec<SourceLocation>,
}

impl LookedUp<'_> {
    /// Where it is in the source, or in the module without lines.
    fn place(&self) -> String {
        let own = self.frames.get(self.side.inside.frames);
        line_of(&self.own).unwrap_or_else(|| own.map_or_else(String::new, Frame::place))
    }
}

/// The line of some calls that one instruction stands for.
fn line_of(places: &[SourceLocation]) -> Option<String> {
    let (file, line) = places.iter().find_map(|place| Some((place.file.as_ref()?, place.line?)))?;
    Some(format!("{}:{line}", file.display()))
}

/// Whether a function is a lock's or semaphore's, in a program that has the C library in it.
fn is_of_lock(side: &LookedUp<'_>) -> bool {
    const LOCKS: [&str; 9] =
        ["pthread_", "__pthread_", "___pthread_", "sem_", "__new_sem_", "__lll_", "lll_", "__nptl_", "__futex_"];
    let functions = side.own.iter().chain(&side.inner).filter_map(|place| place.function.as_deref());
    functions.into_iter().any(|function| LOCKS.iter().any(|prefix| function.starts_with(prefix)))
}

fn is_atomic_function(function: &str) -> bool {
    function.contains("::atomic") || function.contains("::__atomic") || is_atomic_word(function)
}

/// Whether a header or source of a library has the atomics.
fn is_atomic_file(file: &Path) -> bool {
    let names = ["atomic", "atomic_base.h", "atomic_ref.h", "stdatomic.h", "atomic.rs"];
    file.file_name().and_then(|name| name.to_str()).is_some_and(|name| names.contains(&name))
}

fn record(
    rule: Rule,
    suspicion: &Suspicion,
    first: LookedUp<'_>,
    second: LookedUp<'_>,
    unseen: Option<String>,
) -> Record {
    let is_seen = [&first, &second].iter().any(|side| line_of(&side.own).is_some());
    let bytes = &suspicion.bytes;
    let (one, other) = (Accessed::of(first.side, bytes), Accessed::of(second.side, bytes));
    let length = bytes.end - bytes.start;
    let mut related = Related::new("other access", None, second.frames);
    (related.pid, related.tid) = (number(second.side.pid), number(second.side.thread));
    (related.access, related.start) = (Some(other.effect.to_owned()), Some(format!("{:#x}", other.start)));
    (related.length, related.before, related.after) = (Some(length), Some(other.before), Some(other.after));
    let is_plain = [&suspicion.first, &suspicion.second].iter().all(|side| side.effect != Effect::Update);
    let has_size = matches!(bytes.end - bytes.start, 1 | 2 | 4 | 8);
    let looks_like_atomic = rule == Rule::RaceSharedMemory && !is_seen && is_plain && has_size && is_number(suspicion);
    let notes = unseen.or_else(|| looks_like_atomic.then(|| UNSEEN.to_owned())).into_iter().collect();
    let finding = Finding {
        rule: rule.name().to_owned(),
        severity: severity(rule).name().to_owned(),
        call: Call::of_access(one.effect, length, one.start, (&one.before, &one.after)),
        message: message(suspicion),
        notes,
        help: vec![help(rule, suspicion)],
        stack: first.frames,
        related: vec![related],
        repeated: 0,
        replay: None,
        rank: None,
        access: Some(one.effect.to_owned()),
        start: Some(format!("{:#x}", one.start)),
        length: Some(length),
        before: Some(one.before),
        after: Some(one.after),
        object: Some(ObjectPlace { name: suspicion.name.clone(), offset: bytes.start }),
    };
    let Side { pid, thread, exe, .. } = first.side;
    let record = Record::now(number(*pid).unwrap_or_default(), exe, Kind::Finding(Box::new(finding)));
    Record { tid: number(*thread).unwrap_or_default(), ..record }
}

fn number(id: i32) -> Option<u32> {
    u32::try_from(id).ok()
}

fn severity(rule: Rule) -> Severity {
    rule.info().severities.first().copied().unwrap_or(Severity::Warning)
}

/// What a side did to the bytes that both accessed.
struct Accessed {
    effect: &'static str,
    start: u64,
    before: String,
    after: String,
}

impl Accessed {
    fn of(side: &Side, bytes: &Range<u64>) -> Accessed {
        let (before, after) = side.values(bytes);
        let start = side.address.wrapping_add(bytes.start).wrapping_sub(side.bytes.start);
        Accessed { effect: side.effect.name(), start, before: value(&before), after: value(&after) }
    }
}

/// Bytes as a number, the lowest first.
pub(crate) fn value(bytes: &[u8]) -> String {
    let number = bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:#x}")
}

fn message(suspicion: &Suspicion) -> String {
    let Suspicion { name, bytes, first, second, .. } = suspicion;
    let length = bytes.end - bytes.start;
    let (size, them, are) = if length == 1 { ("byte", "it", "is") } else { ("bytes", "them", "are") };
    let did = match first.effect {
        Effect::Read => "read",
        Effect::Write => "written",
        Effect::Update => "read and written",
    };
    let does = match second.effect {
        Effect::Read => "reads",
        Effect::Write => "writes",
        Effect::Update => "reads and writes",
    };
    let (one, other) = if first.pid == second.pid {
        (format!("thread {} of process {}", first.thread, first.pid), format!("thread {}", second.thread))
    } else {
        (format!("process {}", first.pid), format!("process {}", second.pid))
    };
    let at = bytes.start;
    format!("{length} {size} at offset {at} of {name} {are} {did} by {one} while {other} {does} {them}")
}

/// Whether both sides access the same bytes, as many as an atomic may have, by an instruction of the program's own. Of a load that
/// overwrites its own address what is watched is taken for all of it.
fn is_number(suspicion: &Suspicion) -> bool {
    let Suspicion { first, second, .. } = suspicion;
    let are_alike = [first, second].iter().all(|side| {
        let length = side.bytes.end - side.bytes.start;
        side.inside.frames == 0 && length <= 8 && side.bytes == first.bytes
    });
    are_alike && (first.are_all || second.are_all)
}

/// What is said where it can't be seen whether the source has an atomic.
const UNSEEN: &str = "without lines of the source it can't be seen whether these are accesses to an atomic, which would be right: \
                      compile with cc -g";

/// What makes a flag right.
const ATOMIC: &str = "make it an atomic: _Atomic in C, read by atomic_load_explicit(…, memory_order_acquire) and set by \
                      atomic_store_explicit(…, memory_order_release), std::atomic in C++; volatile does not order the \
                      accesses around it";

fn help(rule: Rule, suspicion: &Suspicion) -> String {
    if rule == Rule::RaceFlag {
        return ATOMIC.to_owned();
    }
    let Suspicion { first, second, .. } = suspicion;
    let (lock, wait) = if first.pid == second.pid {
        ("", "a condition, a barrier, pthread_join")
    } else {
        (" (a mutex in this memory made with PTHREAD_PROCESS_SHARED, a semaphore)", "a semaphore, a barrier, waitpid")
    };
    let number = if is_number(suspicion) {
        "; for a number that nothing else has to agree with an atomic is enough (_Atomic, atomic_fetch_add)"
    } else {
        ""
    };
    format!(
        "hold one lock{lock} around both and all that has to agree with them{number}; where one has to come first, let the \
         other wait for it ({wait})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atomics_are_known_by_their_names() {
        for name in ["atomic_load", "__atomic_store_n", "std::atomic<int>::load", "std::__atomic_base<int>::store"] {
            assert!(is_atomic_function(name), "{name}");
        }
        assert!(is_atomic_function("core::sync::atomic::AtomicU32::load"));
        assert!(is_atomic_function("pg_atomic_write_u64"));
        for name in ["main", "update_atomically", "nonatomic_add", "automatic"] {
            assert!(!is_atomic_function(name), "{name}");
        }
        assert!(is_atomic_file(Path::new("/usr/include/c++/12/bits/atomic_base.h")));
        assert!(!is_atomic_file(Path::new("/home/me/not_atomic.c")));
    }

    #[test]
    fn values_are_numbers_with_the_lowest_byte_first() {
        assert_eq!(value(&[7, 1, 0, 0]), "0x107");
        assert_eq!(value(&[0xff; 8]), "0xffffffffffffffff");
    }
}
