//! The hooks of mmap, munmap and mremap.

use super::losses::holds_thread;
use super::path::{Follow, follow, two_lanes};
use super::{pointer, value};
use crate::call::{MAP_TYPE, Mmap, Mremap, Munmap, Outcome};
use crate::check::{Check, contents};
use crate::enabled::{self, HARDENED, INJECT, OPT_IN, TAIL, TRACK};
use crate::finding::Report;
use crate::harden::{self, Reached};
use crate::observe::PendingRelease;
use crate::observe::{self, Remap};
use crate::plain::page::whole_pages;
use crate::plain::{Range, errno};
use crate::{inject, next, output};
use core::ffi::{c_int, c_void};
use core::ptr;

/// Looks at the contents of what a release takes; whether something was found past its end.
#[cold]
#[inline(never)]
pub(super) fn inspect_contents(
    call: &dyn Check,
    release: &PendingRelease,
    value: isize,
    return_address: usize,
) -> bool {
    let (Some(taken), false) = (release.taken(), output::is_inside()) else { return false };
    let before = errno::get();
    let report = Report::of(call, Outcome::Succeeded(value), return_address);
    let found = contents::inspect_taken(taken, &report);
    errno::set(before);
    found
}

/// Takes what hardened mode holds out of a range: with it the guard that it reaches.
fn clear(address: usize, length: usize) -> Option<(Range, Reached)> {
    // Of a length that wraps there are no pages: the kernel refuses the call, and what is held stays.
    let reached = harden::clear(Range::new(address, whole_pages(length)))?;
    Some((Range::new(address, length), reached))
}

impl Follow for Mmap {
    type Taken = PendingRelease;

    fn clear(&self) -> Option<(Range, Reached)> {
        let is_fixed = self.flags & libc::MAP_FIXED != 0;
        if is_fixed { clear(self.address, self.length) } else { None }
    }

    #[inline(always)]
    fn take(&self, enabled: u32, return_address: usize) -> PendingRelease {
        if self.flags & libc::MAP_FIXED == 0 || enabled & TRACK == 0 {
            PendingRelease::Untracked
        } else {
            observe::replaces(self, return_address)
        }
    }

    fn inspect(&self, taken: &mut PendingRelease, return_address: usize) {
        inspect_contents(self, taken, self.address.cast_signed(), return_address);
    }

    #[inline(always)]
    fn doubtful<'a>(&self, taken: &'a PendingRelease) -> Option<&'a PendingRelease> {
        (self.flags & libc::MAP_FIXED != 0 && replaces_more(self, taken)).then_some(taken)
    }

    #[inline(always)]
    fn settle(&mut self, taken: &PendingRelease, outcome: Outcome, enabled: u32, return_address: usize) -> bool {
        let Outcome::Succeeded(base) = outcome else {
            not_mapped(self, taken, outcome, enabled);
            return false;
        };
        let base = base.cast_unsigned();
        if enabled & TRACK != 0 {
            observe::mapped(self, base, return_address);
            if enabled & TAIL != 0 {
                contents::inspect_new(base);
            }
        }
        if enabled & INJECT != 0 {
            inject::unback(self, base, self.length, return_address);
        }
        observe::count::is_noted() || self.flags & MAP_TYPE == libc::MAP_SHARED_VALIDATE || enabled & OPT_IN != 0
    }

    #[inline(always)]
    fn settle_plainly(&mut self, _taken: &PendingRelease, outcome: Outcome, return_address: usize) -> bool {
        match outcome {
            Outcome::Succeeded(base) => observe::mapped_plainly(self, base.cast_unsigned(), return_address),
            _ => false,
        }
    }
}

/// Whether what a mapping at a fixed address replaces is not simply one mapping of the program's.
#[inline(never)]
fn replaces_more(call: &Mmap, release: &PendingRelease) -> bool {
    let is_simple = release.taken().is_none_or(|taken| taken.contiguous && !taken.multi_origin && !taken.needs_check);
    // A rule that is off by default looks at more.
    let is_asked = || enabled::bits() & OPT_IN != 0 && call.flags & libc::MAP_ANONYMOUS != 0;
    !is_simple || holds_thread(call.address, call.length) || is_asked()
}

/// A mapping call has failed or was refused: what it would have replaced is still there, and its address was asked for.
#[cold]
#[inline(never)]
fn not_mapped(call: &Mmap, release: &PendingRelease, outcome: Outcome, enabled: u32) {
    if let Outcome::Refused(_) = outcome {
        release.rollback();
        return;
    }
    if enabled & TRACK != 0 {
        observe::not_replaced(release, call);
        if call.address != 0 {
            observe::events::requested(Range::new(call.address, call.length), call.address, None);
        }
    }
}

/// Makes the call; `map` does with another address and other flags.
#[inline]
fn map(call: &Mmap, enabled: u32, mut map: impl Fn(*mut c_void, c_int) -> *mut c_void) -> isize {
    #[cold]
    #[inline(never)]
    fn map_hardened(call: &Mmap, map: harden::Map<'_>) -> *mut c_void {
        harden::map(call, map)
    }
    value(if enabled & HARDENED == 0 {
        map(ptr::with_exposed_provenance_mut(call.address), call.flags)
    } else {
        map_hardened(call, harden::Map::of(&mut map))
    })
}

two_lanes! {
    /// mmap(2).
    mmap, mmap_otherwise,
    (address: *mut c_void, length: usize, prot: c_int, flags: c_int, fd: c_int, offset: i64) -> *mut c_void,
    Mmap { address: address as usize, length, prot, flags, fd, offset },
    plain if observe::is_plain(flags),
    |call: &Mmap, enabled| map(call, enabled, |address, flags| {
        // SAFETY: the program's own call, perhaps at another address.
        unsafe { next::mmap(address, call.length, call.prot, flags, call.fd, call.offset) }
    }),
    pointer
}
two_lanes! {
    /// mmap64(3).
    mmap64, mmap64_otherwise,
    (address: *mut c_void, length: usize, prot: c_int, flags: c_int, fd: c_int, offset: i64) -> *mut c_void,
    Mmap { address: address as usize, length, prot, flags, fd, offset },
    plain if observe::is_plain(flags),
    |call: &Mmap, enabled| map(call, enabled, |address, flags| {
        // SAFETY: the program's own call, perhaps at another address.
        unsafe { next::mmap64(address, call.length, call.prot, flags, call.fd, call.offset) }
    }),
    pointer
}

impl Follow for Munmap {
    type Taken = PendingRelease;

    fn clear(&self) -> Option<(Range, Reached)> {
        clear(self.address, self.length)
    }

    #[inline(always)]
    fn take(&self, enabled: u32, return_address: usize) -> PendingRelease {
        if enabled & TRACK == 0 {
            PendingRelease::Untracked
        } else {
            observe::unmaps(self.address, self.length, return_address, enabled)
        }
    }

    fn inspect(&self, taken: &mut PendingRelease, return_address: usize) {
        inspect_contents(self, taken, 0, return_address);
    }

    #[inline(always)]
    fn doubtful<'a>(&self, taken: &'a PendingRelease) -> Option<&'a PendingRelease> {
        let is_simple = match taken.taken() {
            Some(taken) => taken.contiguous && !taken.needs_check && !(taken.multi_origin && taken.partial_tail),
            None => true,
        };
        (!is_simple || holds_thread(self.address, self.length)).then_some(taken)
    }

    #[inline(always)]
    fn settle(&mut self, taken: &PendingRelease, outcome: Outcome, enabled: u32, _return_address: usize) -> bool {
        if !outcome.is_success() {
            taken.rollback();
            return false;
        }
        if enabled & HARDENED != 0 {
            observe::released_by(taken, harden::released);
        }
        let is_due = taken.taken().is_some_and(|taken| taken.count_is_due);
        if is_due {
            observe::count::note_due();
        }
        is_due
    }
}

two_lanes! {
    /// munmap(2).
    munmap, munmap_otherwise,
    (address: *mut c_void, length: usize) -> c_int,
    Munmap { address: address as usize, length },
    plain if true,
    |call: &Munmap, enabled| {
        let address = ptr::with_exposed_provenance_mut(call.address);
        if enabled & HARDENED == 0 {
            // SAFETY: the program's own call.
            (unsafe { next::munmap(address, call.length) }) as isize
        } else {
            // SAFETY: the program's own call.
            (unsafe { harden::unmap(address, call.length) }) as isize
        }
    },
    super::status
}

/// What mremap takes.
pub(crate) struct Moving {
    remap: Remap,
    /// Whether nothing can be told from the bytes past the end afterwards.
    tail_unreliable: bool,
}

impl Follow for Mremap {
    type Taken = Option<Moving>;

    fn take(&self, enabled: u32, return_address: usize) -> Option<Moving> {
        (enabled & TRACK != 0).then(|| Moving { remap: observe::remaps(self, return_address), tail_unreliable: false })
    }

    fn inspect(&self, taken: &mut Option<Moving>, return_address: usize) {
        if let Some(moving) = taken {
            let [old, target] =
                moving.remap.releases().map(|release| inspect_contents(self, release, 0, return_address));
            moving.tail_unreliable = old || target || self.new_size < self.old_size;
        }
    }

    fn doubtful<'a>(&self, taken: &'a Option<Moving>) -> Option<&'a PendingRelease> {
        let moving = taken.as_ref().filter(|_| self.flags & libc::MREMAP_FIXED != 0)?;
        let [_, target] = moving.remap.releases();
        Some(target)
    }

    fn settle(&mut self, taken: &Option<Moving>, outcome: Outcome, enabled: u32, return_address: usize) -> bool {
        if let Outcome::Succeeded(moved) = outcome
            && enabled & INJECT != 0
        {
            inject::unback(self, moved.cast_unsigned(), self.new_size, return_address);
        }
        let Some(Moving { remap, tail_unreliable }) = taken else { return false };
        match outcome {
            Outcome::Succeeded(moved) => {
                observe::remapped(remap, self, moved.cast_unsigned(), return_address);
                if *tail_unreliable {
                    observe::events::mark_tail_unreliable(moved.cast_unsigned());
                }
                return observe::count::is_due_now();
            }
            Outcome::Refused(_) => {
                for release in remap.releases() {
                    release.rollback();
                }
            }
            _ => observe::not_remapped(remap, self, return_address),
        }
        false
    }
}

/// mremap(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn mremap(
    old_address: *mut c_void,
    old_size: usize,
    new_size: usize,
    flags: c_int,
    new_address: *mut c_void,
    return_address: usize,
) -> *mut c_void {
    let call =
        Mremap { old_address: old_address as usize, old_size, new_size, flags, new_address: new_address as usize };
    pointer(follow(call, return_address, |call, enabled| {
        value(if enabled & HARDENED == 0 {
            // SAFETY: the program's own call.
            unsafe {
                next::mremap(
                    ptr::with_exposed_provenance_mut(call.old_address),
                    call.old_size,
                    call.new_size,
                    call.flags,
                    ptr::with_exposed_provenance_mut(call.new_address),
                )
            }
        } else {
            // SAFETY: the program's own call.
            unsafe { harden::remap(call) }
        })
    }))
}
