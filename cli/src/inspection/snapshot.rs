//! A copy of what the library knows, and what it says. Its bytes may be torn or forged: each number in them is tried
//! before it is used, and no search goes on for longer than there are records.

use super::table::Table;
use crate::system::memory::Memory;
use mapsan_model::layout::{CALLS, Entry, Pool};
use std::hash::{Hash, Hasher};

/// More bytes of records than any process has: some ten million mappings.
const MOST_BYTES: usize = 1 << 31;
/// More levels than a tree in memory can have.
const LEVELS: usize = 12;

/// The call that made a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) call: &'static str,
    /// The return address of the call.
    pub(crate) site: u64,
    /// What it returned, and the length that it was asked for.
    pub(crate) base: u64,
    pub(crate) length: u64,
    pub(crate) flags: i32,
    /// A later call has a higher one, modulo 2^32.
    pub(crate) serial: u32,
    /// Whether a process made it that forked this one.
    pub(crate) is_inherited: bool,
    pub(crate) file: Option<File>,
}

/// A file that was mapped, as it was then; of a segment its id and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) offset: u64,
    pub(crate) descriptor: i32,
}

/// A piece of a mapping that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: u64,
    /// One past the last byte.
    pub(crate) end: u64,
    /// `PROT_READ` and so on.
    pub(crate) protection: u8,
    pub(crate) origin: Origin,
}

impl Hash for Piece {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // There are many, and no two of one place and call differ but where they are torn.
        self.start.hash(state);
        self.origin.serial.hash(state);
    }
}

/// A piece of a mapping that was released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Released {
    pub(crate) was: Piece,
    pub(crate) call: &'static str,
    /// The return address of the call, and its number.
    pub(crate) site: u64,
    pub(crate) release: u32,
    /// As the library's clock had it.
    pub(crate) time: u32,
}

/// Bytes in which nothing is read past their end.
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Bytes {
    pub(super) fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    pub(super) fn half(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_ne_bytes)
    }

    pub(super) fn word(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_ne_bytes)
    }

    pub(super) fn long(&self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_ne_bytes)
    }

    /// An address of the program's, which is kept as its complement.
    pub(super) fn address(&self, at: usize) -> Option<u64> {
        self.long(at).map(|kept| !kept)
    }
}

/// Records by number, from 1.
struct Records {
    bytes: Bytes,
    stride: usize,
}

impl Records {
    /// Copies those of a pool that have ever been used.
    fn copy(memory: &dyn Memory, tracker: &Bytes, pool: &Pool) -> Option<Records> {
        let used = usize::try_from(tracker.word(pool.used)?).ok()?;
        let whole = used.checked_mul(pool.stride).filter(|bytes| *bytes <= MOST_BYTES && pool.own > 0)?;
        let own = pool.own.checked_mul(pool.stride)?.min(whole);
        let mut bytes = tracker.0.get(pool.first..pool.first.checked_add(own)?)?.to_vec();
        let mut records = pool.own;
        for piece in 1..32 {
            let rest = whole.checked_sub(bytes.len()).filter(|rest| *rest > 0);
            let Some(rest) = rest else { break };
            records = records.checked_mul(2)?;
            let address = tracker.long(pool.pieces.checked_add(8 * piece)?)?;
            bytes.extend(memory.bytes(address, records.checked_mul(pool.stride)?.min(rest))?);
        }
        Some(Records { bytes: Bytes(bytes), stride: pool.stride })
    }

    /// Where a record begins, if there is such a one.
    fn at(&self, number: u32) -> Option<usize> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?.checked_mul(self.stride)?;
        (at < self.bytes.0.len()).then_some(at)
    }

    fn count(&self) -> usize {
        self.bytes.0.len().checked_div(self.stride).unwrap_or(0)
    }
}

/// A copy of the tracker's memory.
pub(crate) struct Snapshot<'a> {
    table: &'a Table,
    pub(super) tracker: Bytes,
    nodes: Records,
    origins: Records,
    files: Records,
    page_size: u64,
    /// Whether nothing changed while it was copied.
    pub(crate) is_whole: bool,
}

impl<'a> Snapshot<'a> {
    /// Copies it; `None` if not all of it can be read.
    pub(crate) fn copy(memory: &dyn Memory, table: &'a Table) -> Option<Snapshot<'a>> {
        let layout = &table.layout;
        let tracker = Bytes(memory.bytes(table.tracker, extent(table)?)?);
        let nodes = Records::copy(memory, &tracker, &layout.nodes)?;
        let origins = Records::copy(memory, &tracker, &layout.origins)?;
        let files = Records::copy(memory, &tracker, &layout.files)?;
        let turns_offset = u64::try_from(layout.turns).ok()?;
        let turns = memory.bytes(table.tracker.checked_add(turns_offset)?, 4)?;
        let holder_offset = u64::try_from(layout.holder).ok()?;
        let holder = memory.bytes(table.tracker.checked_add(holder_offset)?, 8)?;
        let held = tracker.long(layout.holder)? != 0 || holder.iter().any(|byte| *byte != 0);
        let is_whole = !held && tracker.array::<4>(layout.turns)? == *turns;
        Some(Snapshot { table, tracker, nodes, origins, files, page_size: memory.page_size(), is_whole })
    }

    /// Whether mappings had to be forgotten for want of memory.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.tracker.byte(self.table.layout.is_incomplete).is_some_and(|byte| byte != 0)
    }

    /// What is mapped, in no order where it is torn.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        let layout = &self.table.layout;
        let mut pieces = Vec::new();
        let Some(root) = self.tracker.word(layout.root).filter(|root| *root != 0) else { return pieces };
        let mut seen = vec![false; self.nodes.count()];
        let mut waiting = vec![(root, 0)];
        while let Some((number, level)) = waiting.pop() {
            let Some(seen) = usize::try_from(number).ok().and_then(|number| seen.get_mut(number.checked_sub(1)?))
            else {
                continue;
            };
            if level == LEVELS || std::mem::replace(seen, true) {
                continue;
            }
            let Some(at) = self.nodes.at(number) else { continue };
            let node = &self.nodes.bytes;
            let (Some(length), Some(branch)) =
                (node.half(at + layout.node.length), node.byte(at + layout.node.is_branch))
            else {
                continue;
            };
            let width = self.nodes.stride.saturating_sub(layout.node.entries) / layout.node.stride.max(1);
            for index in (0..usize::from(length).min(width)).rev() {
                let entry = at + layout.node.entries + index * layout.node.stride;
                if branch != 0 {
                    waiting.extend(node.word(entry + layout.entry.origin).map(|child| (child, level + 1)));
                } else {
                    pieces.extend(self.piece(node, entry, &layout.entry));
                }
            }
        }
        pieces
    }

    /// What was released, the newest first.
    pub(crate) fn released(&self) -> Vec<Released> {
        let history = &self.table.layout.history;
        let Some(entered) = self.tracker.long(history.entered) else { return Vec::new() };
        let places = history.places as u64;
        let place = |age: u64| usize::try_from(entered.wrapping_sub(age).checked_rem(places)?).ok();
        let read = |age: u64| {
            let at = history.ring + place(age)? * history.stride;
            let was = self.piece(&self.tracker, at, &history.entry)?;
            let call = *CALLS.get(usize::from(self.tracker.byte(at + history.by)?))?;
            let release = self.tracker.word(at + history.release)?;
            let (site, time) = (self.tracker.address(at + history.site)?, self.tracker.word(at + history.time)?);
            Some(Released { was, call, site, release, time })
        };
        (1..=entered.min(places)).filter_map(read).collect()
    }

    /// A range and its origin, if both can be.
    fn piece(&self, bytes: &Bytes, at: usize, entry: &Entry) -> Option<Piece> {
        let (start, end) = (bytes.address(at + entry.start)?, bytes.address(at + entry.end)?);
        let is_range = start < end && start.is_multiple_of(self.page_size) && end.is_multiple_of(self.page_size);
        let origin = bytes.word(at + entry.origin)?;
        let protection = bytes.byte(at + entry.protection)?;
        is_range.then_some(())?;
        Some(Piece { start, end, protection, origin: self.origin(origin)? })
    }

    fn origin(&self, number: u32) -> Option<Origin> {
        let (layout, bytes, at) = (&self.table.layout, &self.origins.bytes, self.origins.at(number)?);
        let own = self.tracker.byte(layout.generation)?;
        let layout = &layout.origin;
        let file = bytes.word(at + layout.file)?;
        Some(Origin {
            call: CALLS.get(usize::from(bytes.byte(at + layout.by)?))?,
            site: bytes.address(at + layout.site)?,
            base: bytes.address(at + layout.base)?,
            length: bytes.long(at + layout.length)?,
            flags: bytes.word(at + layout.flags)?.cast_signed(),
            serial: bytes.word(at + layout.serial)?,
            is_inherited: bytes.byte(at + layout.generation)? != own,
            file: if file == 0 { None } else { Some(self.file(file)?) },
        })
    }

    fn file(&self, number: u32) -> Option<File> {
        let (layout, bytes, at) = (&self.table.layout.file, &self.files.bytes, self.files.at(number)?);
        Some(File {
            inode: bytes.long(at + layout.inode)?,
            size: bytes.long(at + layout.size)?,
            offset: bytes.long(at + layout.offset)?,
            descriptor: bytes.word(at + layout.descriptor)?.cast_signed(),
        })
    }
}

/// How many bytes of the tracker are copied: to the end of the last of its tables. No number of a layout is large.
fn extent(table: &Table) -> Option<usize> {
    let layout = &table.layout;
    let pool = |pool: &Pool| Some((pool.first + pool.own.checked_mul(pool.stride)?).max(pool.pieces + 8 * 32));
    let ends = [
        pool(&layout.nodes)?,
        pool(&layout.origins)?,
        pool(&layout.files)?,
        layout.history.ring + layout.history.places.checked_mul(layout.history.stride)?,
        layout.segments.table + layout.segments.places.checked_mul(layout.segments.stride)?,
        layout.objects.table + layout.objects.places.checked_mul(layout.objects.stride)?,
        layout.turns + 4,
    ];
    ends.into_iter().max().filter(|end| *end <= MOST_BYTES)
}
