//! The orders of `inject=`, as this process has them: read once, at start, into memory of their own.

use super::counters::Counters;
use crate::facts::Site;
use crate::options;
use crate::output::{ReportLock, sink};
use crate::sys;
use core::ptr;
use core::sync::atomic::{
    AtomicPtr,
    Ordering::{Acquire, Release},
};
use mapsan_model::Injectable;
use mapsan_model::injection::{OR, Order, Place, What, orders};

/// The most orders that are kept.
const MOST: usize = 64;

/// What was ordered.
pub(super) struct Orders {
    orders: [Option<Order<'static>>; MOST],
    counters: Counters,
    /// `LD_PRELOAD`.
    preload: &'static str,
    /// Whether each call site is told when it is first reached.
    pub(super) points: bool,
}

static ORDERS: AtomicPtr<Orders> = AtomicPtr::new(ptr::null_mut());

/// The call of an order.
pub(super) struct Hit {
    pub(super) what: What<'static>,
    /// Its number among those that the order counts.
    pub(super) number: u32,
}

/// Takes what the options say, at start.
pub(crate) fn prepare(lock: &ReportLock) {
    let Some(ordered) = options::settings().ordered.as_deref() else { return };
    let counters = Counters::open(ordered.counts.as_bytes(), &mut |why| sink::say(lock, why));
    let (Some(memory), Some(counters)) = (sys::zeroed_memory(size_of::<Orders>()), counters) else {
        sink::say(lock, format_args!("inject= does nothing: there is no memory for it"));
        return;
    };
    let mut kept = Orders { orders: [None; MOST], counters, preload: ordered.preload.as_str(), points: ordered.points };
    let read = || orders(ordered.orders.as_str()).flatten();
    for (place, order) in kept.orders.iter_mut().zip(read()) {
        *place = Some(order);
    }
    if read().nth(MOST).is_some() {
        sink::say(lock, format_args!("inject= has more than {MOST} orders; those after them are left out"));
    }
    let place = memory.cast::<Orders>();
    // SAFETY: new memory, page-aligned and large enough.
    unsafe { place.write(kept) };
    ORDERS.store(place, Release);
}

impl Orders {
    /// Those of this process; none before they are read.
    pub(super) fn get() -> Option<&'static Orders> {
        // SAFETY: null, or written once, and for ever.
        unsafe { ORDERS.load(Acquire).as_ref() }
    }

    /// Whether a call is the program's own: neither libc's nor the loader's, nor that of something preloaded.
    pub(super) fn is_of_program(&self, site: &Site) -> bool {
        let is_preloaded = |name: &[u8]| {
            !name.is_empty()
                && self
                    .preload
                    .split([':', ' '])
                    .any(|path| path.rsplit('/').next().unwrap_or_default().as_bytes() == name)
        };
        !site.is_of_system() && !is_preloaded(site.name())
    }

    fn about(&self, function: Injectable) -> impl Iterator<Item = &Order<'static>> {
        self.orders.iter().map_while(Option::as_ref).filter(move |order| order.is_about(function))
    }

    /// Whether the stack of a call decides whether an order is about it.
    pub(super) fn need_stack(&self, function: Injectable, site: &Site, wanted: fn(What<'_>) -> bool) -> bool {
        self.about(function).any(|order| wanted(order.what) && order.stack.is_some() && is_at(order, site))
    }

    /// Counts a call for each order that is about it, and ends in one of these ways: the first by which it is hit.
    pub(super) fn hit(
        &self,
        function: Injectable,
        site: &Site,
        stack: Option<u32>,
        wanted: fn(What<'_>) -> bool,
    ) -> Option<Hit> {
        let mut hit = None;
        for order in self.about(function).filter(|order| wanted(order.what)) {
            let is_meant = is_at(order, site) && (order.stack.is_none() || order.stack == stack);
            let Some(counter) = self.counters.of(order.text) else { continue };
            if !is_meant {
                if order.when.then_all && counter.has_fired(function) {
                    hit = hit.or(Some(Hit { what: order.what, number: counter.number() }));
                }
                continue;
            }
            let number = counter.count();
            if order.when.hits(number) {
                if order.when.then_all {
                    counter.fire(function);
                }
                hit = hit.or(Some(Hit { what: order.what, number }));
            }
        }
        hit
    }
}

/// Whether a call site is one of an order's.
fn is_at(order: &Order<'_>, site: &Site) -> bool {
    let is_one = |place: Place<'_>| match place {
        Place::Offsets(module, from, to) => {
            module.as_bytes() == site.name() && (from..to).contains(&(site.offset() as u64))
        }
        Place::Function(name) => site.function() == Some(name.as_bytes()),
    };
    order.places.is_empty() || order.places.split(OR).map(Place::read).any(is_one)
}
