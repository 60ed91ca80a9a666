//! What is tracked, in words, for `mapsan_describe_address` and `mapsan_dump_mappings`.

use crate::clock::Moment;
use crate::facts::Module;
use crate::facts::mapping::Mappings;
use crate::harden::{self, Purpose};
use crate::observe::tracked;
use crate::plain::Line;
use crate::plain::escape::Escaped;
use crate::sys;
use crate::track::{By, TrackedRange};
use core::ffi::{c_int, c_long};
use core::fmt::{self, Write as _};

/// The bytes of a line.
const LINE: usize = 1024;

/// Writes one line; false if that can't be done.
fn say(fd: c_int, text: fmt::Arguments<'_>) -> bool {
    let mut line = Line::<LINE>::new();
    let _ = line.write_fmt(text);
    if line.room() == 0 {
        line.truncate(LINE.saturating_sub(1));
    }
    line.push_bytes(b"\n");
    let mut rest = line.as_bytes();
    while !rest.is_empty() {
        match sys::write(fd, rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(libc::EINTR) => {}
            Err(_) => return false,
        }
    }
    true
}

/// Shows a call site: function and object, as a finding does.
struct Site(usize);

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(address) = self.0.checked_sub(1) else { return f.write_str("a place that is not remembered") };
        write!(f, "{address:#x}")?;
        let Some(module) = Module::find(address) else { return Ok(()) };
        if let Some((symbol, distance)) = module.symbol(address) {
            write!(f, " {}+{distance:#x}", Escaped(symbol))?;
        }
        write!(f, " ({}+{:#x})", Escaped(module.path()), address.wrapping_sub(module.bias))
    }
}

/// Shows how long ago something was, of which the clock said `1`.
struct Ago<'a>(&'a Option<Moment>, u32);

impl fmt::Display for Ago<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_ref().and_then(|now| now.passed_since(self.1)) {
            Some(passed) => write!(f, "{}.{:03} s ago", passed / 1000, passed % 1000),
            None => f.write_str("at a time that is not known"),
        }
    }
}

/// Shows a range with what is known of it: `7f00-7f01 rw- 4096 bytes by mmap at SITE, 0.012 s ago`.
struct Piece<'a>(&'a TrackedRange, &'a Option<Moment>);

impl fmt::Display for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TrackedRange { entry, origin, file, .. } = self.0;
        let has = |bit: c_int, letter: char| if c_int::from(entry.prot) & bit == 0 { '-' } else { letter };
        let (read, write, execute) = (has(libc::PROT_READ, 'r'), has(libc::PROT_WRITE, 'w'), has(libc::PROT_EXEC, 'x'));
        write!(f, "{:#x}-{:#x} {read}{write}{execute} ", entry.start, entry.end)?;
        match (origin.by, file) {
            (By::Shmat, Some(file)) => write!(f, "segment {} of {} bytes", file.inode, file.size)?,
            (_, Some(file)) => write!(
                f,
                "file {}:{} inode {} of {} bytes, from offset {}",
                file.device >> 20,
                file.device & 0xf_ffff,
                file.inode,
                file.size,
                file.offset
            )?,
            (_, None) => f.write_str("anonymous")?,
        }
        let (by, length) = (origin.by.function(), origin.length);
        write!(f, ", {by} of {length} bytes at {}, {}", Site(origin.site), Ago(self.1, origin.time))
    }
}

/// Writes what is, or was, at an address: 1 if it is mapped, 0 if not, -1 if nothing could be written.
pub(crate) fn address(address: usize, fd: c_int) -> c_int {
    let there = Mappings::open().and_then(|mappings| mappings.at(address));
    let mut written = true;
    let now = Moment::now();
    let held = harden::held(address);
    if let Some(kind) = held {
        let what = match kind {
            Purpose::Below => "a guard below a mapping (harden=guard)",
            Purpose::Above => "a guard above a mapping (harden=guard)",
            Purpose::Quarantined => "in quarantine (harden=quarantine)",
        };
        written &= say(fd, format_args!("{address:#x} is {what}"));
    } else if let Some(known) = tracked::at(address) {
        let into = address.wrapping_sub(known.origin.base);
        written &= match into {
            0 => say(fd, format_args!("{address:#x} is at the start of {}", Piece(&known, &now))),
            1 => say(fd, format_args!("{address:#x} is 1 byte into {}", Piece(&known, &now))),
            _ => say(fd, format_args!("{address:#x} is {into} bytes into {}", Piece(&known, &now))),
        };
    } else if let Some(there) = &there {
        let [read, write, execute, shared] = there.rights();
        let name = if there.name().is_empty() { b"anonymous memory" } else { there.name() };
        written &= say(
            fd,
            format_args!(
                "{address:#x} lies in {:#x}-{:#x} {read}{write}{execute}{shared} {}, which was mapped by no call that \
                 was seen",
                there.start,
                there.end,
                Escaped(name)
            ),
        );
    } else {
        written &= say(fd, format_args!("{address:#x} is not mapped"));
    }
    if let Some(gone) = tracked::last_gone(address) {
        let (by, site) = (gone.gone.by.function(), Site(gone.gone.site));
        written &= say(fd, format_args!("it was {}", Piece(&gone.was, &now)));
        let how = if gone.gone.by == By::Madvise { "kept back from forked children" } else { "released" };
        written &= say(fd, format_args!("{how} by {by} at {site}, {}", Ago(&now, gone.gone.time)));
    }
    match (written, there) {
        (false, _) => -1,
        (true, there) => c_int::from(there.is_some() && held.is_none()),
    }
}

/// Writes all live mappings; how many, or -1.
pub(crate) fn mappings(fd: c_int) -> c_long {
    let (mut at, mut count, now) = (0, 0, Moment::now());
    let next = |from: usize| tracked::at_or_after(from);
    while let Some(known) = next(at) {
        at = known.entry.end;
        if !say(fd, format_args!("{}", Piece(&known, &now))) {
            return -1;
        }
        count = c_long::wrapping_add(count, 1);
    }
    count
}
