//! What calls are to be made to fail, as the options say it: in memory of its own, which few processes need.

use super::{Settings, copy};
use crate::plain::Line;
use crate::sys;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicU64;
use mapsan_model::injection::{self, MOST_ORDERS, Order};

/// What `inject=`, `points=` and `inject_counts=` say. All zeroes is nothing.
pub(crate) struct Ordered {
    /// The orders as they were written, one after the other.
    text: Line<{ 64 * 1024 }>,
    orders: [MaybeUninit<Order<'static>>; MOST_ORDERS],
    count: usize,
    /// The name of a file, with a zero byte.
    pub(crate) counts: Line<4096>,
    /// `LD_PRELOAD`, by which others than the program are known.
    pub(crate) preload: Line<4096>,
    pub(crate) points: bool,
    /// Which call sites are known to lie in a function that an order names, or not to.
    pub(crate) verdicts: [AtomicU64; 1024],
}

impl Ordered {
    /// Whether there is anything to do.
    pub(super) fn is_wanted(&self) -> bool {
        self.points || self.count > 0
    }

    /// The orders.
    pub(crate) fn orders(&self) -> impl Iterator<Item = &Order<'static>> {
        // SAFETY: so many have been written.
        self.orders.iter().take(self.count).map(|order| unsafe { order.assume_init_ref() })
    }

    /// Keeps an order; `None` if it is none, or one too many.
    fn keep(&mut self, text: &str) -> Option<()> {
        let (start, place) = (self.text.len(), self.orders.get_mut(self.count)?);
        if !self.text.push_bytes(text.as_bytes()) {
            return None;
        }
        let kept: *const [u8] = self.text.as_bytes().get(start..)?;
        // SAFETY: the memory is never given back, and what has been written of a line stays as it is.
        let kept = core::str::from_utf8(unsafe { &*kept }).ok()?;
        place.write(Order::read(kept).ok()?);
        self.count = self.count.wrapping_add(1);
        Some(())
    }
}

impl Settings {
    /// Where what calls are made to fail is kept; `None` without memory.
    pub(super) fn ordered(&mut self) -> Option<&mut Ordered> {
        if self.ordered.is_none() {
            let memory: *mut c_void = sys::zeroed_memory(size_of::<Ordered>())?.cast();
            // SAFETY: new memory of its size, page-aligned, never given back; all zeroes are empty lines and false.
            self.ordered = Some(unsafe { &mut *memory.cast::<Ordered>() });
        }
        self.ordered.as_deref_mut()
    }

    /// Takes the orders of `inject`, beside those of other sources; `None` if one of them is not understood, when the others
    /// have been taken.
    pub(super) fn take_orders(&mut self, value: &str) -> Option<()> {
        let ordered = self.ordered()?;
        let mut understood = Some(());
        for text in injection::texts(value) {
            let kept = ordered.keep(text);
            understood = understood.and(kept);
        }
        understood
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
