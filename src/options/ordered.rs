//! What calls are to be made to fail, as the options say it: in memory of its own, which few processes need.

use super::{Settings, Warn, copy};
use crate::plain::Line;
use crate::sys;
use mapsan_model::injection;

/// What `inject=`, `points=` and `inject_counts=` say.
pub(crate) struct Ordered {
    /// The orders, with commas between them.
    pub(crate) orders: Line<{ 64 * 1024 }>,
    /// The name of a file, with a zero byte.
    pub(crate) counts: Line<4096>,
    /// `LD_PRELOAD`, by which others than the program are known.
    pub(crate) preload: Line<4096>,
    pub(crate) points: bool,
}

impl Ordered {
    /// Whether there is anything to do.
    pub(super) fn is_wanted(&self) -> bool {
        self.points || self.orders.len() > 0
    }
}

impl Settings {
    /// Where what calls are made to fail is kept; `None` without memory.
    pub(super) fn ordered(&mut self) -> Option<&mut Ordered> {
        if self.ordered.is_none() {
            let memory = sys::zeroed_memory(size_of::<Ordered>())?;
            // SAFETY: new memory of its size, page-aligned, never given back; all zeroes are empty lines and false.
            self.ordered = Some(unsafe { &mut *memory.cast::<Ordered>() });
        }
        self.ordered.as_deref_mut()
    }

    /// Takes the orders of `inject`, beside those of other sources.
    pub(super) fn take_orders(&mut self, source: &str, value: &str, warn: Warn<'_>) {
        for order in injection::orders(value) {
            match order {
                Ok(order) => {
                    let kept = self.ordered().is_some_and(|ordered| {
                        let text = order.text.as_bytes();
                        ordered.orders.room() > text.len()
                            && ordered.orders.push_bytes(text)
                            && ordered.orders.push_bytes(b",")
                    });
                    if !kept {
                        warn(&format_args!("{source}: there is no room for inject={}", order.text));
                    }
                }
                Err(wrong) => warn(&format_args!("{source}: inject: {wrong}")),
            }
        }
    }

    /// Whether call sites are told.
    pub(super) fn choose_points(&mut self, points: bool) -> Option<()> {
        if points || self.ordered.is_some() {
            self.ordered()?.points = points;
        }
        Some(())
    }

    /// The file of the counters.
    pub(super) fn choose_counts(&mut self, path: &str) -> Option<()> {
        let counts = &mut self.ordered()?.counts;
        copy(counts, path)?;
        counts.push_bytes(b"\0").then_some(())
    }
}
