//! When the kernel is to be asked how many mappings there are: who asks looks here, and says what it answered.

use super::held::if_lock_is_had;
use crate::facts::limits;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Calls that may have split mappings in a way that the tracker is not told, as madvise(2) does.
static SPLITS: AtomicU32 = AtomicU32::new(0);
/// The tracker's lock is taken for one in so many of them.
const TOLD_EACH: u32 = 256;

/// Whether somebody is to ask.
static IS_DUE: AtomicBool = AtomicBool::new(false);

/// The share of the limit that matters, in hundredths.
pub(crate) const MATTERS: u64 = 80;

/// The kernel is to be asked.
#[cold]
pub(crate) fn note_due() {
    IS_DUE.store(true, Relaxed);
}

/// A call has succeeded that may have split mappings, and is not told to the tracker: whether the kernel is to be asked.
#[inline]
pub(crate) fn may_have_split() -> bool {
    let splits = SPLITS.load(Relaxed).wrapping_add(1);
    SPLITS.store(splits, Relaxed);
    splits.is_multiple_of(TOLD_EACH) && is_due_after(splits)
}

/// The same of a call that is to be made: counts it, unless [`may_have_split`] is to be asked after it.
#[inline]
pub(crate) fn is_split_counted() -> bool {
    // In two steps, which cost a third of one: where threads get between them, some calls are not counted, and no number is
    // passed over.
    let splits = SPLITS.load(Relaxed).wrapping_add(1);
    let is_counted = !splits.is_multiple_of(TOLD_EACH);
    if is_counted {
        SPLITS.store(splits, Relaxed);
    }
    is_counted
}

#[cold]
#[inline(never)]
fn is_due_after(splits: u32) -> bool {
    let is_due = if_lock_is_had(|tracker| tracker.count_is_due_after(splits)).unwrap_or(false);
    if is_due {
        note_due();
    }
    is_due
}

/// A call that may have added mappings has been told: whether the kernel is to be asked.
pub(crate) fn is_due_now() -> bool {
    let is_due = if_lock_is_had(|tracker| tracker.wants_more() && tracker.count_is_due()).unwrap_or(false);
    if is_due {
        note_due();
    }
    is_due
}

/// Whether somebody is to ask, without taking it upon oneself.
#[inline]
pub(crate) fn is_noted() -> bool {
    IS_DUE.load(Relaxed)
}

/// The limit on mappings, where they are to be counted now: for one who asks, once.
#[inline]
pub(crate) fn is_due() -> Option<u64> {
    if is_noted() { limit_if_due() } else { None }
}

#[cold]
#[inline(never)]
fn limit_if_due() -> Option<u64> {
    if !IS_DUE.swap(false, Relaxed) {
        return None;
    }
    let limit = limits::max_map_count();
    let matters = if_lock_is_had(|tracker| match limit {
        Some(limit) => tracker.count_matters(in_range(limit)),
        None => !tracker.count_watch().end(),
    })?;
    limit.filter(|_| matters)
}

/// The kernel has been asked: whether so many mappings, of so many, matter. That is so once. If it can't be asked, or nobody
/// is to be told, it is not asked again.
pub(crate) fn counted(count: Option<u64>, limit: u64) -> bool {
    let most = limit.saturating_mul(MATTERS).wrapping_div(100);
    if_lock_is_had(|tracker| {
        // Those of hardened mode would not be there without us.
        let own = u64::from(tracker.reserved().ranges());
        match count.map(|count| count.saturating_sub(own)) {
            Some(count) if count < most => {
                tracker.count_watch().counted(in_range(most.wrapping_sub(count)), in_range(limit));
                false
            }
            Some(_) => tracker.count_watch().end(),
            None => {
                tracker.count_watch().end();
                false
            }
        }
    })
    .unwrap_or(false)
}

fn in_range(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
