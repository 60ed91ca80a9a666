//! What is mapped in a process that goes on: read again until nothing changed meanwhile, or else what several readings have
//! in common.

use super::snapshot::{Piece, Snapshot};
use super::table::Table;
use crate::system::memory::Memory;
use std::collections::HashMap;

/// How often it is read while it changes.
const READINGS: u32 = 5;
/// In how many of these a mapping must be to be told of: a torn one is not the same twice.
const ENOUGH: u32 = 2;

/// The last reading, and what is mapped, lowest first.
pub(crate) struct Agreed<'a> {
    pub(crate) last: Snapshot<'a>,
    pub(crate) pieces: Vec<Piece>,
}

/// Reads until a reading is whole, or often enough; `None` if not all of it can be read.
pub(crate) fn read<'a>(memory: &dyn Memory, table: &'a Table) -> Option<Agreed<'a>> {
    let mut counted: HashMap<Piece, Seen> = HashMap::new();
    for reading in 1.. {
        // A piece of memory that is new while it is copied may be missed: the next reading has it.
        let snapshot = Snapshot::copy(memory, table).or_else(|| Snapshot::copy(memory, table))?;
        let mut pieces = snapshot.pieces();
        if snapshot.is_whole {
            pieces.sort_unstable_by_key(|piece| piece.start);
            return Some(Agreed { last: snapshot, pieces });
        }
        for piece in pieces {
            let seen = counted.entry(piece).or_default();
            // One that moves from node to node can be met twice in one reading.
            if seen.last != reading {
                *seen = Seen { readings: seen.readings + 1, last: reading };
            }
        }
        if reading == READINGS {
            return Some(Agreed { last: snapshot, pieces: in_common(counted) });
        }
    }
    None
}

/// In how many readings a piece was, and in which last.
#[derive(Clone, Copy, Default)]
struct Seen {
    readings: u32,
    last: u32,
}

/// What was read often enough; where two overlap, the one that was seen later, or was made later.
fn in_common(counted: HashMap<Piece, Seen>) -> Vec<Piece> {
    let mut common: Vec<(Piece, Seen)> = counted.into_iter().filter(|(_, seen)| seen.readings >= ENOUGH).collect();
    common.sort_unstable_by_key(|(piece, _)| (piece.start, piece.end));
    let mut kept: Vec<(Piece, Seen)> = Vec::new();
    for (piece, seen) in common {
        let is_newer = |than: &(Piece, Seen)| {
            let later = piece.origin.serial.wrapping_sub(than.0.origin.serial).cast_signed() > 0;
            (seen.last, later) > (than.1.last, false)
        };
        let mut stays = true;
        while let Some(before) = kept.last()
            && before.0.end > piece.start
        {
            if !is_newer(before) {
                stays = false;
                break;
            }
            kept.pop();
        }
        if stays {
            kept.push((piece, seen));
        }
    }
    kept.into_iter().map(|(piece, _)| piece).collect()
}
