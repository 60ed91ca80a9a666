//! What the library knows besides mappings: segments, objects, calls that failed, and what was found.

use super::snapshot::{Bytes, Snapshot};
use super::table::Table;
use crate::system::memory::Memory;
use mapsan_model::layout::FAILING;

/// A segment that the process has met.
pub(crate) struct Segment {
    pub(crate) id: i32,
    pub(crate) key: i32,
    /// 0 while it is not known.
    pub(crate) size: u64,
    /// Whether the process made it, or one that forked it.
    pub(crate) is_created: bool,
    /// Where it was made, or its id was given first.
    pub(crate) site: Option<u64>,
    pub(crate) removed_at: Option<u64>,
    /// Where its removal was refused, and the errno.
    pub(crate) refused_at: Option<(u64, i32)>,
}

/// A shared memory object or a named semaphore that the process has made.
pub(crate) struct Object {
    /// The function that made it.
    pub(crate) call: &'static str,
    /// Without its slash.
    pub(crate) name: String,
    pub(crate) site: u64,
}

/// A call that failed.
pub(crate) struct Failure {
    pub(crate) call: &'static str,
    pub(crate) errno: i32,
    pub(crate) site: u64,
    order: u32,
}

/// How many findings there were, and the last.
pub(crate) struct Findings {
    /// Notes, warnings and errors.
    pub(crate) counts: [u64; 3],
    pub(crate) repeated: u64,
    pub(crate) last: Option<LastFinding>,
}

/// The last finding.
pub(crate) struct LastFinding {
    pub(crate) rule: String,
    pub(crate) message: String,
    pub(crate) site: u64,
}

impl Snapshot<'_> {
    /// The segments, by id.
    pub(crate) fn segments(&self, table: &Table) -> Vec<Segment> {
        let (layout, bytes) = (&table.layout.segments, &self.tracker);
        let read = |place: usize| {
            let at = layout.table + place.checked_mul(layout.stride)?;
            let marks = bytes.byte(at + layout.marks)?;
            let has = |mark: usize| usize::from(marks) & mark != 0;
            has(layout.used).then_some(())?;
            let removal = bytes.address(at + layout.removal)?;
            let refused = bytes.byte(at + layout.refused)?;
            Some(Segment {
                id: bytes.word(at + layout.id)?.cast_signed(),
                key: bytes.word(at + layout.key)?.cast_signed(),
                size: bytes.long(at + layout.size)?,
                is_created: has(layout.created),
                site: Some(bytes.address(at + layout.site)?).filter(|_| has(layout.given)),
                removed_at: Some(removal).filter(|_| has(layout.removed)),
                refused_at: Some((removal, i32::from(refused))).filter(|_| refused != 0 && !has(layout.removed)),
            })
        };
        let mut segments: Vec<Segment> =
            (0..layout.places).map_while(within(bytes, layout.table, layout.stride)).filter_map(read).collect();
        segments.sort_unstable_by_key(|segment| segment.id);
        segments
    }

    /// The objects, by name.
    pub(crate) fn objects(&self, table: &Table) -> Vec<Object> {
        let (layout, bytes) = (&table.layout.objects, &self.tracker);
        let read = |place: usize| {
            let at = layout.table + place.checked_mul(layout.stride)?;
            let length = usize::from(bytes.byte(at + layout.length)?);
            let name = bytes.0.get(at + layout.name..at + layout.name + length).filter(|name| !name.is_empty())?;
            let (call, name) = match bytes.byte(at + layout.named)? {
                1 => ("sem_open", name.strip_prefix(b"sem.")?),
                _ => ("shm_open", name),
            };
            let site = bytes.address(at + layout.site)?;
            Some(Object { call, name: String::from_utf8_lossy(name).into_owned(), site })
        };
        let mut objects: Vec<Object> =
            (0..layout.places).map_while(within(bytes, layout.table, layout.stride)).filter_map(read).collect();
        objects.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        objects
    }
}

/// Hands on the places that lie within the bytes: a table that is said to be longer ends there.
fn within(bytes: &Bytes, table: usize, stride: usize) -> impl Fn(usize) -> Option<usize> {
    let length = bytes.0.len();
    move |place| place.checked_mul(stride.max(1)).filter(|at| table.saturating_add(*at) < length).map(|_| place)
}

/// The calls that failed last, the newest first.
pub(crate) fn failures(memory: &dyn Memory, table: &Table) -> Vec<Failure> {
    let layout = &table.layout.failures;
    let length = layout.rings.saturating_add(layout.count.min(FAILING.len()).saturating_mul(layout.stride));
    let Some(bytes) = memory.bytes(table.failures, length).map(Bytes) else { return Vec::new() };
    let read = |ring: usize, place: usize| {
        let at = layout.rings + ring * layout.stride + layout.places + place * layout.place_stride;
        let version = bytes.word(at + layout.version)?;
        (version != 0 && version.is_multiple_of(2)).then_some(())?;
        Some(Failure {
            call: FAILING.get(ring)?,
            errno: bytes.word(at + layout.errno)?.cast_signed(),
            site: bytes.address(at + layout.site)?,
            order: bytes.word(at + layout.order)?,
        })
    };
    let places = layout.kept.min(layout.stride.checked_div(layout.place_stride).unwrap_or(0));
    let mut failures: Vec<Failure> =
        (0..FAILING.len()).flat_map(|ring| (0..places).filter_map(move |place| read(ring, place))).collect();
    let newest = failures.iter().map(|failure| failure.order).max().unwrap_or(0);
    failures.sort_unstable_by_key(|failure| newest.wrapping_sub(failure.order));
    failures
}

/// What was found.
pub(crate) fn findings(memory: &dyn Memory, table: &Table) -> Findings {
    /// More than any rule's name and message have.
    const TEXT: usize = 4096;
    let layout = &table.layout.findings;
    let count = |at: usize| {
        let bytes = memory.bytes(table.counts.wrapping_add(at as u64), 8);
        bytes.and_then(|bytes| Bytes(bytes).long(0)).unwrap_or(0)
    };
    let counts = [0, 8, 16].map(|severity| count(layout.counts + severity));
    let read = |at: usize, length: usize| memory.bytes(table.last_finding.wrapping_add(at as u64), length).map(Bytes);
    let text = |at: usize| {
        let length = usize::try_from(read(at, 8)?.long(0)?).ok().filter(|length| *length <= TEXT)?;
        let bytes = read(at + layout.bytes, length)?.0;
        String::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control))
    };
    let last = || {
        read(layout.any, 1)?.byte(0).filter(|any| *any != 0)?;
        Some(LastFinding {
            rule: text(layout.rule)?,
            message: text(layout.message)?,
            site: read(layout.site, 8)?.address(0)?,
        })
    };
    Findings { counts, repeated: count(layout.repeated), last: last() }
}
