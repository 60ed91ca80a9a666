//! The orders of `inject=`: `CALL[@SITE]:WHAT[:WHEN]`, several separated by commas.
//!
//! The library obeys them, and the command reads them first, so that a wrong one is told before anything runs.

use crate::injectable::{Injectable, errno_number};
use core::fmt;

/// The counters of the file that `inject_counts` names, and its size: zeroes at first.
pub const COUNTERS: usize = 256;
/// As above, in bytes.
pub const COUNTERS_SIZE: usize = 16 * COUNTERS;

/// What separates the places of one order.
pub const OR: char = '|';

/// Which calls an order is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Each that can fail so.
    Any,
    /// One function.
    One(Injectable),
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// It fails with this errno; by its name, and whether that was written with a `!`.
    Errno(&'a str, bool),
    /// It succeeds, and each access to its memory raises SIGBUS.
    Sigbus,
    /// It succeeds, and the file that it maps seems to have been cut in the middle.
    Truncate,
}

impl What<'_> {
    /// The errno's number.
    #[must_use]
    pub fn errno(self) -> Option<i32> {
        match self {
            What::Errno(name, _) => errno_number(name),
            What::Sigbus | What::Truncate => None,
        }
    }

    /// Whether a call of this function can end so.
    #[must_use]
    pub fn fits(self, call: Injectable) -> bool {
        match self {
            What::Errno(_, true) => true,
            What::Errno(name, false) => call.errnos().any(|errno| errno == name),
            What::Sigbus => call.maps(),
            What::Truncate => call.maps_files(),
        }
    }
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Errno(name, _) => name,
            What::Sigbus => "sigbus",
            What::Truncate => "truncate",
        })
    }
}

/// Which of the calls, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    first: u32,
    last: u32,
    step: u32,
    /// Whether after the first hit all later calls of that function are hit, wherever they are made.
    pub then_all: bool,
}

impl When {
    /// Each: what holds where nothing is said.
    pub const ALWAYS: When = When { first: 1, last: u32::MAX, step: 1, then_all: false };

    /// Reads it, as strace(1) does: `3`, `3+`, `3..5`, `2+2`, `2..8+2`; and `3++`.
    #[must_use]
    pub fn read(text: &str) -> Option<When> {
        let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
        if let Some(first) = text.strip_suffix("++") {
            return Some(When { first: number(first)?, then_all: true, ..When::ALWAYS });
        }
        let (range, step) = match text.split_once('+') {
            Some((range, "")) => (range, Some(1)),
            Some((range, step)) => (range, Some(number(step)?)),
            None => (text, None),
        };
        let (first, last) = match range.split_once("..") {
            Some((first, last)) => (number(first)?, number(last)?),
            // A number alone is one call, with a step all that follow.
            None => (number(range)?, if step.is_some() { u32::MAX } else { number(range)? }),
        };
        (first <= last).then_some(When { first, last, step: step.unwrap_or(1), then_all: false })
    }

    /// Whether the call of this number is hit.
    #[must_use]
    pub fn hits(self, number: u32) -> bool {
        let after = number.wrapping_sub(self.first);
        number >= self.first && number <= self.last && after.checked_rem(self.step) == Some(0)
    }
}

/// One order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order<'a> {
    /// All of it, as it was written.
    pub text: &'a str,
    /// Which calls.
    pub calls: Calls,
    /// Where they are made: places with [`OR`] between them; empty for all.
    pub places: &'a str,
    /// The hash of the stack, if one was given.
    pub stack: Option<u32>,
    /// What becomes of them.
    pub what: What<'a>,
    /// Which of them.
    pub when: When,
}

impl<'a> Order<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong, and what is allowed.
    pub fn read(text: &'a str) -> Result<Order<'a>, Wrong<'a>> {
        // From the end, since a place may hold colons: a C++ name, or a file's line.
        let (rest, last) = text.rsplit_once(':').ok_or(Wrong::Form(text))?;
        let (rest, what, when) = if last.starts_with(|first: char| first.is_ascii_digit()) {
            let when = When::read(last).ok_or(Wrong::When(last))?;
            let (rest, what) = rest.rsplit_once(':').ok_or(Wrong::Form(text))?;
            (rest, what, when)
        } else {
            (rest, last, When::ALWAYS)
        };
        let (call, site) = match rest.split_once('@') {
            Some((call, site)) => (call, Some(site)),
            None => (rest, None),
        };
        let calls = match call {
            "any" => Calls::Any,
            _ => match Injectable::from_name(call) {
                Some(call) => Calls::One(call),
                None if call.bytes().all(is_of_name) => return Err(Wrong::Call(call)),
                None => return Err(Wrong::Form(text)),
            },
        };
        let what = read_what(what, calls)?;
        let (places, stack) = match site {
            None => ("", None),
            Some(site) => read_site(site)?,
        };
        Ok(Order { text, calls, places, stack, what, when })
    }

    /// Whether it is about calls of this function.
    #[must_use]
    pub fn is_about(&self, call: Injectable) -> bool {
        let is_meant = match self.calls {
            Calls::Any => true,
            Calls::One(one) => one == call,
        };
        is_meant && self.what.fits(call)
    }
}

/// The orders of a value.
pub fn orders(value: &str) -> impl Iterator<Item = Result<Order<'_>, Wrong<'_>>> {
    value.split(',').map(str::trim).filter(|text| !text.is_empty()).map(Order::read)
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn read_what(text: &str, calls: Calls) -> Result<What<'_>, Wrong<'_>> {
    let (name, is_forced) = match text.strip_prefix('!') {
        Some(name) => (name, true),
        None => (text, false),
    };
    let what = match text {
        "sigbus" => What::Sigbus,
        "truncate" => What::Truncate,
        _ if errno_number(name).is_some() => What::Errno(name, is_forced),
        _ => return Err(Wrong::What(text)),
    };
    let fits = match calls {
        Calls::Any => Injectable::all().any(|call| what.fits(call)),
        Calls::One(call) => what.fits(call),
    };
    if fits { Ok(what) } else { Err(Wrong::Unfit(what, calls)) }
}

fn read_site(site: &str) -> Result<(&str, Option<u32>), Wrong<'_>> {
    let (places, stack) = match site.rsplit_once('#') {
        Some((places, hash)) => {
            let is_hash = !hash.is_empty() && hash.len() <= 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            let number = if is_hash { u32::from_str_radix(hash, 16).ok() } else { None };
            (places, Some(number.ok_or(Wrong::Site(site))?))
        }
        None => (site, None),
    };
    let is_empty = places.is_empty() && stack.is_none();
    if is_empty || !places.is_empty() && places.split(OR).any(str::is_empty) {
        return Err(Wrong::Site(site));
    }
    Ok((places, stack))
}

/// A place of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A module's base name, and the offsets in it from the first to before the second.
    Offsets(&'a str, u64, u64),
    /// A function, by its symbol.
    Function(&'a str),
}

impl<'a> Place<'a> {
    /// Reads one: `module+0xOFFSET`, `module+0xFROM-0xTO`, or a function's name.
    #[must_use]
    pub fn read(text: &'a str) -> Place<'a> {
        let offset = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
        let read = || {
            let (module, offsets) = text.rsplit_once('+')?;
            match offsets.split_once('-') {
                Some((from, to)) => Some(Place::Offsets(module, offset(from)?, offset(to)?)),
                // Where findings show the call; the return address is as good.
                None => offset(offsets).map(|at| Place::Offsets(module, at.saturating_sub(1), at.saturating_add(1))),
            }
        };
        read().unwrap_or(Place::Function(text))
    }
}

/// What is wrong with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong<'a> {
    /// It is none.
    Form(&'a str),
    /// There is no such call.
    Call(&'a str),
    /// There is no such errno or word.
    What(&'a str),
    /// It is nothing for these calls.
    Unfit(What<'a>, Calls),
    /// It says not where.
    Site(&'a str),
    /// It says not when.
    When(&'a str),
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Form(text) => {
                write!(f, "'{text}' is not CALL[@SITE]:WHAT[:WHEN], such as mmap:ENOMEM:3 or shmat@attach:EACCES")
            }
            Wrong::Call(call) => {
                write!(f, "'{call}' is no call that can be made to fail; it takes any")?;
                Injectable::all().try_for_each(|call| write!(f, ", {}", call.name()))
            }
            Wrong::What(what) => write!(f, "'{what}' is neither an errno, nor sigbus or truncate"),
            Wrong::Unfit(What::Errno(errno, _), Calls::One(call)) => {
                write!(f, "{errno} is not an errno of {}, which gives", call.page())?;
                call.errnos()
                    .enumerate()
                    .try_for_each(|(index, errno)| write!(f, "{}{errno}", if index == 0 { " " } else { ", " }))?;
                write!(f, "; !{errno} injects it all the same")
            }
            Wrong::Unfit(What::Errno(errno, _), Calls::Any) => {
                write!(f, "{errno} is an errno of none of the calls; !{errno} injects it all the same")
            }
            Wrong::Unfit(What::Sigbus, _) => {
                f.write_str("sigbus is for calls that give memory: mmap, mremap and shmat")
            }
            Wrong::Unfit(What::Truncate, _) => f.write_str("truncate is for the call that maps files: mmap"),
            Wrong::Site(site) => write!(
                f,
                "'@{site}' is no call site: it takes @module+0xOFFSET, @function, and #HASH behind them for one stack, 8 hex digits"
            ),
            Wrong::When(when) => {
                write!(f, "'{when}' is not which of the calls: it takes 3, 3+, 3..5, 2+2 or 3++, from 1 on")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    fn read(text: &str) -> Order<'_> {
        Order::read(text).unwrap()
    }

    fn hit(text: &str) -> std::vec::Vec<u32> {
        let when = When::read(text).unwrap();
        (0..12).filter(|number| when.hits(*number)).collect()
    }

    #[test]
    fn which_of_the_calls() {
        assert_eq!(hit("3"), [3]);
        assert_eq!(hit("9+"), [9, 10, 11]);
        assert_eq!(hit("3..5"), [3, 4, 5]);
        assert_eq!(hit("2+4"), [2, 6, 10]);
        assert_eq!(hit("2..8+3"), [2, 5, 8]);
        assert_eq!(hit("10++"), [10, 11]);
        assert!(When::read("3++").unwrap().then_all && !When::read("3+").unwrap().then_all);
        for wrong in ["", "0", "x", "3-5", "5..3", "0+", "2+0", "3+++", "+", "1..", "4294967296"] {
            assert_eq!(When::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn all_parts_of_an_order() {
        let order = read("mmap@prog.c:15:ENOMEM:2+2");
        assert_eq!(order.calls, Calls::One(Injectable::from_name("mmap").unwrap()));
        assert_eq!((order.places, order.stack, order.what), ("prog.c:15", None, What::Errno("ENOMEM", false)));
        assert_eq!(order.when, When::read("2+2").unwrap());
        let order = read("any@ns::f#00c0ffee:!EIO");
        assert_eq!((order.calls, order.places, order.stack), (Calls::Any, "ns::f", Some(0xc0_ffee)));
        assert_eq!((order.what, order.when), (What::Errno("EIO", true), When::ALWAYS));
        assert_eq!(read("mmap@#1234abcd:sigbus").places, "");
        assert_eq!(read("mmap@a+0x1|b+0x2-0x9:truncate:1++").what, What::Truncate);
        assert_eq!(orders("mmap:ENOMEM:1, munmap:EINVAL").filter(Result::is_ok).count(), 2);
    }

    #[test]
    fn places() {
        assert_eq!(Place::read("libc++.so+0x10"), Place::Offsets("libc++.so", 15, 17));
        assert_eq!(Place::read("a+0x10-0x20"), Place::Offsets("a", 16, 32));
        assert_eq!(Place::read("operator+"), Place::Function("operator+"));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        let why = |text: &str| Order::read(text).unwrap_err().to_string();
        assert!(why("mmap").starts_with("'mmap' is not CALL[@SITE]:WHAT[:WHEN]"));
        assert!(why("mmpa:ENOMEM").contains("'mmpa'") && why("mmpa:ENOMEM").contains(", munmap,"));
        assert!(why("mmap:ENOPE").contains("'ENOPE' is neither"));
        assert_eq!(
            why("shmdt:EIO"),
            "EIO is not an errno of shmdt(2), which gives EINVAL; !EIO injects it all the same"
        );
        assert!(why("munmap:sigbus").starts_with("sigbus is for"));
        assert!(why("shmat:truncate").starts_with("truncate is for"));
        assert!(why("mmap@:ENOMEM").contains("'@'") && why("mmap@f#xyz:ENOMEM").contains("'@f#xyz'"));
        assert!(why("mmap:ENOMEM:0").starts_with("'0' is not which"));
        assert!(why("any:ENOTTY").starts_with("ENOTTY is an errno of none"));
    }
}
