//! madvise(2) and `posix_madvise(3)`.

use super::{Address, Call};
use crate::plain::advice::{GUARD_INSTALL, GUARD_REMOVE};
use crate::plain::errno::Errno;
use crate::plain::page::{page_remainder, page_size, whole_pages};
use crate::plain::texts::{Texts, texts};

use core::ffi::c_int;
use core::fmt;

/// What lies behind the range of an advice, in the last page, which goes with it.
#[derive(Clone, Copy)]
pub(crate) struct Rest {
    /// The first byte that is not 0.
    pub(crate) first: usize,
    /// How many are not.
    pub(crate) count: usize,
}

/// madvise(2), `posix_madvise(3)`.
pub(crate) struct Madvise {
    pub(crate) address: usize,
    pub(crate) length: usize,
    pub(crate) advice: c_int,
    /// Whether it was made as `posix_madvise`.
    pub(crate) is_posix: bool,
    /// What the call has taken with the rest of its last page.
    pub(crate) rest: Option<Rest>,
    /// The errno that it has failed with, which `posix_madvise` returns; 0 for none.
    pub(crate) failure: Errno,
}

const ADVICES: Texts = texts! {
    libc::MADV_NORMAL => "MADV_NORMAL",
    libc::MADV_RANDOM => "MADV_RANDOM",
    libc::MADV_SEQUENTIAL => "MADV_SEQUENTIAL",
    libc::MADV_WILLNEED => "MADV_WILLNEED",
    libc::MADV_DONTNEED => "MADV_DONTNEED",
    libc::MADV_FREE => "MADV_FREE",
    libc::MADV_REMOVE => "MADV_REMOVE",
    libc::MADV_DONTFORK => "MADV_DONTFORK",
    libc::MADV_DOFORK => "MADV_DOFORK",
    libc::MADV_MERGEABLE => "MADV_MERGEABLE",
    libc::MADV_UNMERGEABLE => "MADV_UNMERGEABLE",
    libc::MADV_HUGEPAGE => "MADV_HUGEPAGE",
    libc::MADV_NOHUGEPAGE => "MADV_NOHUGEPAGE",
    libc::MADV_DONTDUMP => "MADV_DONTDUMP",
    libc::MADV_DODUMP => "MADV_DODUMP",
    libc::MADV_WIPEONFORK => "MADV_WIPEONFORK",
    libc::MADV_KEEPONFORK => "MADV_KEEPONFORK",
    libc::MADV_COLD => "MADV_COLD",
    libc::MADV_PAGEOUT => "MADV_PAGEOUT",
    libc::MADV_POPULATE_READ => "MADV_POPULATE_READ",
    libc::MADV_POPULATE_WRITE => "MADV_POPULATE_WRITE",
    libc::MADV_DONTNEED_LOCKED => "MADV_DONTNEED_LOCKED",
    libc::MADV_COLLAPSE => "MADV_COLLAPSE",
    libc::MADV_HWPOISON => "MADV_HWPOISON",
    101 => "MADV_SOFT_OFFLINE",
    GUARD_INSTALL => "MADV_GUARD_INSTALL",
    GUARD_REMOVE => "MADV_GUARD_REMOVE",
};

/// Advices that destroy or hide contents, as bits; those that decide what forked children get; and the highest of them all.
const DESTRUCTIVE: u32 = 1 << libc::MADV_DONTNEED
    | 1 << libc::MADV_FREE
    | 1 << libc::MADV_REMOVE
    | 1 << libc::MADV_DONTFORK
    | 1 << libc::MADV_WIPEONFORK
    | 1 << libc::MADV_DONTNEED_LOCKED;
const OF_FORK: u32 =
    1 << libc::MADV_DONTFORK | 1 << libc::MADV_DOFORK | 1 << libc::MADV_WIPEONFORK | 1 << libc::MADV_KEEPONFORK;

/// Advices that the kernel keeps as a mark of a mapping, so that it splits one of which a part is advised.
const KEPT: u32 = OF_FORK
    | 1 << libc::MADV_NORMAL
    | 1 << libc::MADV_RANDOM
    | 1 << libc::MADV_SEQUENTIAL
    | 1 << libc::MADV_MERGEABLE
    | 1 << libc::MADV_UNMERGEABLE
    | 1 << libc::MADV_HUGEPAGE
    | 1 << libc::MADV_NOHUGEPAGE
    | 1 << libc::MADV_DONTDUMP
    | 1 << libc::MADV_DODUMP;

/// The bit of an advice; 0 if it is higher than all of the above, as those of guards are.
#[inline]
fn bit(advice: c_int) -> u32 {
    1_u32.checked_shl(advice.cast_unsigned()).unwrap_or(0)
}

impl Madvise {
    /// Whether an advice may split a mapping.
    #[inline]
    pub(crate) fn splits(advice: c_int) -> bool {
        KEPT & bit(advice) != 0
    }

    /// Whether an advice decides what forked children get, or where guards are, or is unknown: what it was given for is remembered.
    #[inline]
    pub(crate) fn is_remembered(advice: c_int) -> bool {
        OF_FORK & bit(advice) != 0 || bit(advice) == 0
    }

    /// Whether an advice may destroy or hide what lies behind its range, in the last page.
    #[inline]
    pub(crate) fn takes_rest(length: usize, advice: c_int) -> bool {
        page_remainder(length) != 0 && (DESTRUCTIVE & bit(advice) != 0 || bit(advice) == 0)
    }

    /// The advice's name; `None` for one that madvise(2) does not list.
    pub(crate) fn advice_name(&self) -> Option<&'static str> {
        ADVICES.of(self.advice)
    }

    /// The advice that the kernel is given, if it is given one: libc takes `POSIX_MADV_DONTNEED` for itself, and does nothing.
    pub(crate) fn advice(&self) -> Option<c_int> {
        (!self.is_posix || self.advice != libc::POSIX_MADV_DONTNEED).then_some(self.advice)
    }

    /// The rest of the last page, where the range ends inside it and the advice destroys or hides what is there: its first
    /// address and its length in bytes.
    pub(crate) fn rest_of_page(&self) -> Option<(usize, usize)> {
        let advice = self.advice()?;
        let bits = DESTRUCTIVE.checked_shr(advice.cast_unsigned());
        let is_destructive = bits.map_or(advice == GUARD_INSTALL, |bits| bits & 1 != 0);
        let rest = page_size().wrapping_sub(page_remainder(self.length));
        let cuts = rest < page_size() && page_remainder(self.address) == 0;
        (is_destructive && cuts).then_some((self.address.checked_add(self.length)?, rest))
    }

    /// One past the last page; `None` if the range wraps.
    pub(crate) fn end(&self) -> Option<usize> {
        self.address.checked_add(whole_pages(self.length))
    }
}

impl Call for Madvise {
    fn function(&self) -> &'static str {
        if self.is_posix { "posix_madvise" } else { "madvise" }
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("{}", Address(self.address)));
        each(format_args!("{}", self.length));
        match self.advice_name() {
            // The first five have the same numbers.
            Some(name) if self.is_posix && self.advice <= libc::POSIX_MADV_DONTNEED => {
                each(format_args!("POSIX_{name}"));
            }
            Some(name) => each(format_args!("{name}")),
            None => each(format_args!("{}", self.advice)),
        }
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_posix && value == -1 { write!(f, "{}", self.failure) } else { write!(f, "{value}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(length: usize, advice: c_int) -> Madvise {
        Madvise { address: 0x10000, length, advice, is_posix: false, rest: None, failure: 0 }
    }

    #[test]
    fn what_destroys_takes_whole_pages() {
        assert_eq!(call(100, libc::MADV_DONTNEED).rest_of_page(), Some((0x10064, 3996)));
        assert_eq!(call(4097, GUARD_INSTALL).rest_of_page(), Some((0x11001, 4095)));
        for (length, advice) in [(4096, libc::MADV_DONTNEED), (0, libc::MADV_FREE), (100, libc::MADV_WILLNEED), (9, 33)]
        {
            assert_eq!(call(length, advice).rest_of_page(), None);
        }
        assert_eq!(Madvise { is_posix: true, ..call(100, libc::POSIX_MADV_DONTNEED) }.rest_of_page(), None);
    }

    #[test]
    fn what_allocators_do_is_neither_remembered_nor_looked_at() {
        assert!(!Madvise::is_remembered(libc::MADV_DONTNEED) && !Madvise::is_remembered(libc::MADV_HUGEPAGE));
        assert!(
            Madvise::is_remembered(libc::MADV_DONTFORK)
                && Madvise::is_remembered(GUARD_INSTALL)
                && Madvise::is_remembered(-1)
        );
        assert!(!Madvise::takes_rest(8192, libc::MADV_DONTNEED) && !Madvise::takes_rest(1, libc::MADV_HUGEPAGE));
        assert!(Madvise::takes_rest(100, libc::MADV_FREE) && Madvise::takes_rest(4097, GUARD_INSTALL));
    }
}
