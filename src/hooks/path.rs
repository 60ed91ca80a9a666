//! The way of a call, which is one: inject, refuse, take, look, call, settle, check.
//!
//! - inject: a failure that was ordered takes the place of the call, of which nothing is learned then.
//! - refuse: `mode=enforce` lets nothing be done that breaks a rule.
//! - take: what the call releases leaves the tracker, because another thread may own the address as soon as the kernel
//!   returns.
//! - look: what is about to be taken away and is not simply the program's own is looked at; nobody could afterwards.
//! - call: the next definition.
//! - settle: what came of it enters the tracker; what was taken for a call that failed comes back.
//! - check: a call that has failed, or may have broken a rule, is explained.
//!
//! Most calls succeed and need nothing but take, call and settle, with the default options. Their way is [`way`] with the
//! bits known to the compiler ([`two_lanes`]), which leaves nothing else of it: the anonymous mapping and its release pay
//! for each instruction, and the stack of a coroutine for each frame. What is rare is `#[cold]` and not inlined, so that it
//! costs neither registers nor stack here. `errno` is the program's: it is put back after anything that may have touched it.

use super::losses::{self, MakeNow};
use crate::call::Outcome;
use crate::check::{Check, guard, mapping_count};
use crate::enabled::{self, CHECK, CONTENTS, ENFORCE, HARDENED, INJECT, TRACK};
use crate::finding::Report;
use crate::harden::Reached;
use crate::observe::PendingRelease;
use crate::plain::Range;
use crate::plain::callback::callback;
use crate::plain::errno::{self, Errno};
use crate::{begin, inject, output};

/// The bits of the fast lane, and by default.
pub(super) const PLAIN: u32 = CHECK | TRACK;

/// What the steps need to know of a call.
pub(super) trait Follow: Check + Sized {
    /// What is taken out of the tracker for the call, or learned before it.
    type Taken;

    /// Whether the call changes nothing: `mode=enforce` refuses it by what it gives.
    const CHANGES_NOTHING: bool = false;

    /// Takes what hardened mode holds out of the call's way: the range that the call was given, and the guard that it
    /// reaches, if it does.
    fn clear(&self) -> Option<(Range, Reached)> {
        None
    }

    /// Takes what the call is about to release out of the tracker.
    fn take(&self, enabled: u32, return_address: usize) -> Self::Taken;

    /// Looks at the contents of what was taken.
    fn inspect(&self, _taken: &mut Self::Taken, _return_address: usize) {}

    /// The release whose memory is to be looked at; `None` if all of it is simply the program's own.
    fn doubtful<'a>(&self, _taken: &'a Self::Taken) -> Option<&'a PendingRelease> {
        None
    }

    /// Enters what came of the call; whether a rule may be broken though it succeeded.
    fn settle(&mut self, taken: &Self::Taken, outcome: Outcome, enabled: u32, return_address: usize) -> bool;

    /// The same of a success in the fast lane.
    #[inline]
    fn settle_plainly(&mut self, taken: &Self::Taken, outcome: Outcome, return_address: usize) -> bool {
        self.settle(taken, outcome, PLAIN, return_address)
    }
}

callback! {
    /// Makes a call.
    struct Make<C>(call: &C) -> isize;
}

/// Takes a call its way; `make` makes it. Its value, with `errno` as the program is to find it.
#[inline(always)]
pub(super) fn way<C: Follow, const FAST: bool>(
    mut call: C,
    enabled: u32,
    return_address: usize,
    mut make: impl Fn(&C) -> isize,
) -> isize {
    let enabled = if FAST { PLAIN } else { enabled };
    if enabled & INJECT != 0 && is_failed(&call, return_address) {
        return -1;
    }
    if enabled & ENFORCE != 0 && !C::CHANGES_NOTHING && refuses(&call, return_address) {
        return -1;
    }
    if enabled & HARDENED != 0 {
        return way_hardened(&mut call, enabled, return_address, Make::of(&mut make));
    }
    let mut taken = call.take(enabled, return_address);
    if enabled & CONTENTS != 0 {
        call.inspect(&mut taken, return_address);
    }
    if call.doubtful(&taken).is_some() {
        return look(&mut call, &taken, None, enabled, return_address, Make::of(&mut make));
    }
    let value = make(&call);
    if value == -1 {
        let failed = Outcome::Failed(errno::get());
        return end(&mut call, &taken, None, failed, enabled, return_address);
    }
    let succeeded = Outcome::Succeeded(value);
    let doubtful = if FAST {
        call.settle_plainly(&taken, succeeded, return_address)
    } else {
        call.settle(&taken, succeeded, enabled, return_address)
    };
    if doubtful && enabled & CHECK != 0 && check_success(&call, Offences::of::<C>(enabled), value, return_address) {
        return -1;
    }
    value
}

/// Whether a call is made to fail, with `errno` set.
#[cold]
#[inline(never)]
fn is_failed(call: &dyn Check, return_address: usize) -> bool {
    let failure = inject::failure(call, return_address);
    if let Some(failure) = failure {
        errno::set(failure);
    }
    failure.is_some()
}

/// What becomes of rules that a call breaks which the kernel lets pass, once it is made.
#[derive(Clone, Copy)]
pub(super) enum Offences {
    /// They are told.
    Told,
    /// The call is refused by what it gave, since it has changed nothing.
    Refused,
    /// They were asked before the call.
    Known,
}

impl Offences {
    #[inline]
    fn of<C: Follow>(enabled: u32) -> Offences {
        match enabled & ENFORCE {
            0 => Offences::Told,
            _ if C::CHANGES_NOTHING => Offences::Refused,
            _ => Offences::Known,
        }
    }
}

/// The way of hardened mode from here on.
#[cold]
#[inline(never)]
fn way_hardened<C: Follow>(call: &mut C, enabled: u32, return_address: usize, make: Make<'_, C>) -> isize {
    // Before anything is looked up: what is in quarantine is not mapped.
    let reached = call.clear();
    let mut taken = call.take(enabled, return_address);
    if enabled & CONTENTS != 0 {
        call.inspect(&mut taken, return_address);
    }
    look(call, &taken, reached.as_ref(), enabled, return_address, make)
}

/// The rest of the way of a call whose release may have to be looked at.
#[cold]
#[inline(never)]
fn look<C: Follow>(
    call: &mut C,
    taken: &C::Taken,
    reached: Option<&(Range, Reached)>,
    enabled: u32,
    return_address: usize,
    mut make: Make<'_, C>,
) -> isize {
    let outcome = match call.doubtful(taken) {
        Some(release) => losses::look(&*call, release, return_address, MakeNow::of(&mut || make.call(call))),
        None => Outcome::of(make.call(call)),
    };
    end(call, taken, reached, outcome, enabled, return_address)
}

/// The end of the way of a call that has failed, was refused, or has reached a guard.
#[cold]
#[inline(never)]
fn end<C: Follow>(
    call: &mut C,
    taken: &C::Taken,
    reached: Option<&(Range, Reached)>,
    outcome: Outcome,
    enabled: u32,
    return_address: usize,
) -> isize {
    let doubtful = call.settle(taken, outcome, enabled, return_address) && enabled & CHECK != 0;
    let offences = doubtful.then(|| Offences::of::<C>(enabled));
    conclude(call, reached, outcome, offences, return_address)
}

/// The same of what is alike for all calls; `offences` if a rule may be broken though the call has succeeded.
#[cold]
#[inline(never)]
fn conclude(
    call: &dyn Check,
    reached: Option<&(Range, Reached)>,
    outcome: Outcome,
    offences: Option<Offences>,
    return_address: usize,
) -> isize {
    // Afterwards: other threads may have what was released as long as this takes.
    if let Some((asked, reached)) = reached {
        tell_reached(call, *asked, reached, outcome, return_address);
    }
    match outcome {
        Outcome::Succeeded(value) => match offences {
            Some(offences) if check_success(call, offences, value, return_address) => -1,
            _ => value,
        },
        Outcome::Failed(failure) => {
            check_failure(call, failure, return_address);
            -1
        }
        // Whoever refused it has set `errno`.
        _ => -1,
    }
}

/// As [`way`], with what is enabled now.
#[inline(always)]
pub(super) fn follow<C: Follow>(call: C, return_address: usize, make: impl Fn(&C, u32) -> isize) -> isize {
    let enabled = begin::enabled_when_ready();
    way::<_, false>(call, enabled, return_address, move |call| make(call, enabled))
}

/// Declares the hook of a call that has a fast lane: where the bits are the default ones and the call is `$plain`, they
/// are known to the compiler. The other lane has the same arguments, so that it takes the place of the hook on the stack.
macro_rules! two_lanes {
    (
        $(#[$doc:meta])* $name:ident, $otherwise:ident, ($($argument:ident: $type:ty),+) -> $result:ty,
        $call:expr, plain if $plain:expr, $make:expr, $returned:expr
    ) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// As the call.
        pub(crate) unsafe extern "C" fn $name($($argument: $type,)+ return_address: usize) -> $result {
            if $crate::enabled::bits() == $crate::hooks::path::PLAIN && $plain {
                let make = $make;
                return $returned($crate::hooks::path::way::<_, true>($call, $crate::hooks::path::PLAIN, return_address, |call| {
                    make(call, $crate::hooks::path::PLAIN)
                }));
            }
            // SAFETY: the program's own call.
            unsafe { $otherwise($($argument,)+ return_address) }
        }

        /// The same with other options, or of another kind.
        ///
        /// # Safety
        /// As the call.
        #[inline(never)]
        unsafe extern "C" fn $otherwise($($argument: $type,)+ return_address: usize) -> $result {
            $returned($crate::hooks::path::follow($call, return_address, $make))
        }
    };
}
pub(super) use two_lanes;

/// Asks the rules before the call is made; whether `mode=enforce` refuses it, with `errno` set.
#[cold]
#[inline(never)]
fn refuses(call: &dyn Check, return_address: usize) -> bool {
    if output::is_inside() {
        return false;
    }
    let before = errno::get();
    let refusal = call.violates(&Report::of(call, Outcome::Considered, return_address));
    errno::set(refusal.unwrap_or(before));
    refusal.is_some()
}

/// Explains a call that has failed.
#[inline]
fn check_failure(call: &dyn Check, failure: Errno, return_address: usize) {
    // A call made from inside a report is the report's own business.
    if enabled::bits() & CHECK != 0 && !output::is_inside() {
        call.failed(failure, &Report::of(call, Outcome::Failed(failure), return_address));
    }
    errno::set(failure);
}

/// Asks the rules about a call that has succeeded; whether `mode=enforce` refuses it, with `errno` set.
#[cold]
#[inline(never)]
pub(super) fn check_success(call: &dyn Check, offences: Offences, value: isize, return_address: usize) -> bool {
    if output::is_inside() {
        return false;
    }
    if matches!(offences, Offences::Refused) && refuses(call, return_address) {
        return true;
    }
    let before = errno::get();
    let report = Report::of(call, Outcome::Succeeded(value), return_address);
    if matches!(offences, Offences::Told) {
        call.violates(&report);
    }
    call.succeeded(&report);
    mapping_count::look(&report);
    errno::set(before);
    false
}

/// Tells of a guard that a call has reached, if it has succeeded.
#[cold]
#[inline(never)]
fn tell_reached(call: &dyn Check, asked: Range, reached: &Reached, outcome: Outcome, return_address: usize) {
    if !outcome.is_success() || enabled::bits() & CHECK == 0 || output::is_inside() {
        return;
    }
    let before = errno::get();
    guard::tell_reached(asked, reached, &Report::of(call, outcome, return_address));
    errno::set(before);
}
