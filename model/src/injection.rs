//! The orders of `inject=`: `CALL[@SITE]:WHAT[:WHEN]`, several separated by commas.
//!
//! The library obeys them, and the command reads them first, so that a wrong one is told before anything runs.

use crate::errnos::errno_number;
use crate::injectable::Injectable;
use core::fmt;

/// The counters of the file that `inject_counts` names, and its size: zeroes at first.
pub const COUNTERS: usize = 256;
/// As above, in bytes.
pub const COUNTERS_SIZE: usize = COUNTER_SIZE * COUNTERS;
/// Of each the key comes first, as a `u64`, and then how many calls were counted, as a `u32`.
const COUNTER_SIZE: usize = 16;
/// The most orders of a run that are obeyed.
pub const MOST_ORDERS: usize = 64;

/// By what the counter of an order is found; that of a free one is 0.
#[must_use]
pub fn counter_key(order: &str) -> u64 {
    // FNV-1a.
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    order.bytes().fold(0xcbf2_9ce4_8422_2325, add) | 1
}

/// How many calls an order has met, by the bytes of that file.
#[must_use]
pub fn count_of(counters: &[u8], order: &str) -> u32 {
    let key = counter_key(order).to_ne_bytes();
    let count = |counter: &[u8]| {
        let (found, rest) = counter.split_first_chunk()?;
        (*found == key).then(|| rest.first_chunk().copied().map(u32::from_ne_bytes)).flatten()
    };
    counters.chunks_exact(COUNTER_SIZE).find_map(count).unwrap_or(0)
}

/// What separates the places of one order.
pub const OR: u8 = b'|';

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
            What::Errno(name, false) => errno_number(name).is_some_and(|number| call.gives_number(number)),
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
        let (first, rest) = number(text)?;
        let (last, rest) = match rest.strip_prefix("..") {
            Some(rest) => number(rest)?,
            // A number alone is one call, with a step all that follow.
            None => (if rest.is_empty() { first } else { u32::MAX }, rest),
        };
        let (step, then_all) = match rest {
            "" | "+" => (1, false),
            "++" if last == u32::MAX => (1, true),
            _ => match number(rest.strip_prefix('+')?)? {
                (step, "") => (step, false),
                _ => return None,
            },
        };
        (first <= last).then_some(When { first, last, step, then_all })
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
    /// Where they are made, with [`OR`] between them; empty for anywhere.
    pub places: &'a str,
    /// The hash of the stack, if one was given.
    pub stack: Option<u32>,
    /// What becomes of them.
    pub what: What<'a>,
    /// Which of them.
    pub when: When,
}

/// A number that is not 0, at the beginning of a text, and what follows it.
fn number(text: &str) -> Option<(u32, &str)> {
    let mut number = 0_u32;
    let mut end = 0_usize;
    for byte in text.bytes().take_while(u8::is_ascii_digit) {
        number = number.checked_mul(10)?.checked_add(u32::from(byte.wrapping_sub(b'0')))?;
        end = end.wrapping_add(1);
    }
    (number != 0).then_some((number, text.get(end..)?))
}

/// What stands before the first or last of a byte, and behind it. Plain, since the library is to stay small.
fn cut(text: &str, byte: u8, last: bool) -> Option<(&str, &str)> {
    let is_it = |one: u8| one == byte;
    let at = if last { text.bytes().rposition(is_it) } else { text.bytes().position(is_it) }?;
    Some((text.get(..at)?, text.get(at.wrapping_add(1)..)?))
}

impl<'a> Order<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong, and what is allowed.
    #[inline(never)]
    pub fn read(text: &'a str) -> Result<Order<'a>, Wrong<'a>> {
        // From the end, since a place may hold colons: a C++ name, or a file's line.
        let (mut rest, mut last) = cut(text, b':', true).ok_or(Wrong::Form(text))?;
        let mut when = When::ALWAYS;
        if last.bytes().next().is_some_and(|first| first.is_ascii_digit()) {
            when = When::read(last).ok_or(Wrong::When(last))?;
            (rest, last) = cut(rest, b':', true).ok_or(Wrong::Form(text))?;
        }
        let (call, site) = match cut(rest, b'@', false) {
            Some((call, site)) => (call, Some(site)),
            None => (rest, None),
        };
        let calls = match Injectable::from_name(call) {
            Some(call) => Calls::One(call),
            None if call == "any" => Calls::Any,
            None if call.bytes().all(is_of_name) => return Err(Wrong::Call(call)),
            None => return Err(Wrong::Form(text)),
        };
        let what = read_what(last, calls)?;
        let (places, stack) = match site {
            None => ("", None),
            Some(site) => read_site(site).ok_or(Wrong::Site(site))?,
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
    texts(value).map(Order::read)
}

/// The texts of the orders of a value.
pub fn texts(value: &str) -> impl Iterator<Item = &str> {
    parts(value, b',').map(str::trim_ascii).filter(|text| !text.is_empty())
}

/// The pieces of a text between bytes of this value.
fn parts(text: &str, byte: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let (part, after) = cut(text, byte, false).map_or((text, None), |(part, after)| (part, Some(after)));
        rest = after;
        Some(part)
    })
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

fn read_site(site: &str) -> Option<(&str, Option<u32>)> {
    let (places, stack) = match cut(site, b'#', true) {
        Some((places, hash)) => (places, Some(u32::try_from(hex(hash)?).ok()?)),
        None => (site, None),
    };
    let is_whole = places.is_empty() && stack.is_some() || parts(places, OR).all(|place| !place.is_empty());
    is_whole.then_some((places, stack))
}

/// A number in hexadecimal digits.
fn hex(text: &str) -> Option<u64> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let is_short = !text.is_empty() && text.len() <= 16;
    let add = |number: u64, byte: u8| Some(number << 4 | u64::from(digit(byte)?));
    if is_short { text.bytes().try_fold(0, add) } else { None }
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
        let offset = |text: &str| hex(text.strip_prefix("0x")?);
        let read = || {
            let (module, offsets) = cut(text, b'+', true)?;
            match cut(offsets, b'-', false) {
                Some((from, to)) => Some(Place::Offsets(module, offset(from)?, offset(to)?)),
                // Where findings show the call; the return address is as good.
                None => offset(offsets).map(|at| Place::Offsets(module, at.saturating_sub(1), at.saturating_add(1))),
            }
        };
        read().unwrap_or(Place::Function(text))
    }
}

impl Order<'_> {
    /// The places where its calls are made; none where they may be made anywhere.
    pub fn places(&self) -> impl Iterator<Item = Place<'_>> {
        parts(self.places, OR).filter(|place| !place.is_empty()).map(Place::read)
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
        assert_eq!(orders("mmap:ENOMEM:1, munmap:EINVAL").flatten().count(), 2);
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
