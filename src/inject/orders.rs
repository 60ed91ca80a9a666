//! The orders of `inject=`, as this process has them: read once, at start, into memory of their own.

use super::Stack;
use super::counters::{self, Counters};
use crate::call::Call;
use crate::facts::{Site, base_name};
use crate::finding;
use crate::options::{self, Ordered};
use crate::output::{ReportLock, sink};
use crate::plain::hash::mix;
use core::ptr;
use core::sync::atomic::{
    AtomicPtr,
    Ordering::{Acquire, Relaxed, Release},
};
use mapsan_model::Injectable;
use mapsan_model::injection::{Order, Place, What};

/// What was ordered, and how often it was met.
#[derive(Clone, Copy)]
pub(super) struct Orders {
    counters: &'static Counters,
    options: &'static Ordered,
}

/// The counters, from when they are there.
static COUNTERS: AtomicPtr<Counters> = AtomicPtr::new(ptr::null_mut());

/// A call that an order is about.
#[derive(Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) what: What<'static>,
    /// Its number among those that the order counts.
    pub(crate) number: u32,
}

/// Takes what the options say, at start.
#[cold]
pub(crate) fn prepare(lock: &ReportLock) {
    let Some(ordered) = options::settings().ordered.as_deref() else { return };
    match counters::open(ordered.counts.as_bytes(), lock) {
        Some(counters) => COUNTERS.store(ptr::from_ref(counters).cast_mut(), Release),
        None => sink::say(lock, format_args!("inject= does nothing: there is no memory for it")),
    }
}

impl Orders {
    /// Those of this process; none before they are read.
    pub(super) fn get() -> Option<Orders> {
        // SAFETY: null, or shared memory that is never unmapped.
        let counters = unsafe { COUNTERS.load(Acquire).as_ref() }?;
        Some(Orders { counters, options: options::settings().ordered.as_deref()? })
    }

    /// Whether a call site is told when it is first reached: where calls are made to fail, that of a failed result alone.
    pub(super) fn want_point(self, call: &dyn Call) -> bool {
        let all = self.options.orders().next().is_none();
        self.options.points && finding::are_recorded() && (all || call.given().failed_result.is_some())
    }

    /// Whether a call is the program's own: neither libc's nor the loader's, nor that of something preloaded.
    pub(super) fn is_of_program(self, site: &Site) -> bool {
        let name = site.name();
        let mut preloaded = self.options.preload.as_bytes().split(|byte| matches!(byte, b':' | b' ')).map(base_name);
        !site.is_of_system() && (name.is_empty() || !preloaded.any(|one| one == name))
    }

    /// Counts a call for each order that is about it, and ends in one of these ways: the first by which it is hit.
    pub(super) fn hit(self, function: Injectable, stack: &mut Stack<'_>, wanted: fn(What<'_>) -> bool) -> Option<Hit> {
        let mut hit = None;
        for order in self.options.orders() {
            if !wanted(order.what) || !order.is_about(function) {
                continue;
            }
            let Some(counter) = counters::of(self.counters, order.text) else { continue };
            let is_meant = self.is_at(order, stack.reached.site) && order.stack.is_none_or(|hash| stack.is(hash));
            let number = counter.count(is_meant);
            let is_hit =
                if is_meant { order.when.hits(number) } else { order.when.then_all && counter.has_fired(function) };
            if is_hit {
                counter.fire(function);
                hit = hit.or(Some(Hit { what: order.what, number }));
            }
        }
        hit
    }

    /// Whether a call site is one of an order's.
    fn is_at(self, order: &Order<'_>, site: &Site) -> bool {
        let is_one = |place: Place<'_>| match place {
            Place::Offsets(module, from, to) => {
                module.as_bytes() == site.name() && (from..to).contains(&(site.offset() as u64))
            }
            Place::Function(name) => self.is_in(name, site),
        };
        order.places.is_empty() || order.places().any(is_one)
    }

    /// Whether a call site lies in a function. An object may have 100,000 symbols: each site is looked up once.
    fn is_in(self, function: &str, site: &Site) -> bool {
        let key = mix(site.address() as u64 ^ mix(function.as_ptr() as u64));
        let place = usize::try_from(key >> 54).ok().and_then(|place| self.options.verdicts.get(place));
        let known = place.map_or(0, |place| place.load(Relaxed));
        if known | 1 == key | 1 {
            return known & 1 != 0;
        }
        let is_in = site.function() == Some(function.as_bytes());
        if let Some(place) = place {
            place.store(key & !1 | u64::from(is_in), Relaxed);
        }
        is_in
    }
}
