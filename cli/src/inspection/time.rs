//! How long ago something was, by the clock that the library goes by.

use super::snapshot::Bytes;
use super::table::Table;
use crate::system::clock::Now;
use crate::system::memory::Memory;

/// The library's clock, and what time it is.
pub(super) struct Clock {
    now: Now,
    /// The counter and the nanoseconds since the machine was started, when the library was.
    ticks: u64,
    nanoseconds: u64,
    /// How many of the counter's lowest bits a time is without.
    shift: u32,
}

impl Clock {
    /// `None` if it has none, or nobody knows what time it is.
    pub(super) fn read(memory: &dyn Memory, table: &Table, now: Option<Now>) -> Option<Clock> {
        let layout = &table.layout.clock;
        let read = |at: usize, length: usize| memory.bytes(table.clock.wrapping_add(at as u64), length).map(Bytes);
        read(layout.allowed, 1)?.byte(0).filter(|allowed| *allowed != 0)?;
        let (ticks, nanoseconds) = (read(layout.ticks, 8)?.long(0)?, read(layout.nanoseconds, 8)?.long(0)?);
        let shift = u32::try_from(layout.shift).ok().filter(|shift| *shift < 32)?;
        Some(Clock { now: now?, ticks, nanoseconds, shift })
    }

    /// How many milliseconds have passed since a time; `None` if the clock may have come round since, or not gone evenly.
    pub(super) fn milliseconds_since(&self, time: u32) -> Option<u64> {
        let in_all = self.now.ticks.checked_sub(self.ticks)?;
        let units = u32::try_from(self.now.ticks >> self.shift & u64::from(u32::MAX)).ok()?.wrapping_sub(time);
        // What was released after the clock was read seems to be the whole round ago.
        let units = if units.cast_signed() < 0 && u64::from(units) << self.shift > in_all { 0 } else { units };
        (in_all >> self.shift < u64::from(u32::MAX)).then_some(())?;
        Some(self.now.nanoseconds_of(u64::from(units) << self.shift, self.ticks, self.nanoseconds)? / 1_000_000)
    }
}
