//! Layer *knowing*: what a process that has the library knows of its mappings, read from outside.
//!
//! `table` finds the library's description of its own memory (`module` says where an object has what), `snapshot` copies that memory and reads it, `agreed` does so
//! until it is right although the process goes on, `tables` reads the rest, `fault` (by `examination`) finds out what a dead one died of, `time` says how long ago something was, `sites` looks calls up in the source. Here is
//! what comes of it, as it is shown.

mod agreed;
#[cfg(target_arch = "x86_64")]
mod examination;
mod fault;
mod module;
mod sites;
mod snapshot;
mod table;
mod tables;
mod time;

use crate::failure::{self, Failure};
use crate::system::clock::Now;
use crate::system::core::Core;
use crate::system::memory::{KernelMapping, Memory};
pub(crate) use fault::Fault;
use serde::Serialize;
pub(crate) use sites::Site;
use sites::Sites;
use snapshot::{Origin, Piece, Released};
use std::io;
use std::path::Path;
use std::rc::Rc;
use table::Table;
pub(crate) use table::is_of_library;
use time::Clock;

/// The form of what is told to programs.
pub(crate) const SCHEMA: &str = "mapsan-inspection/1";

/// What is known of a process.
#[derive(Debug, Serialize)]
pub(crate) struct Inspection {
    pub(crate) schema: &'static str,
    pub(crate) pid: Option<u32>,
    /// The core that was read; of a process that runs there is none.
    pub(crate) core: Option<String>,
    pub(crate) program: String,
    /// The signal that it met; none of one that runs, and if addresses were asked for.
    pub(crate) fault: Option<Fault>,
    /// The library's version.
    pub(crate) library: String,
    /// Whether mappings are followed.
    pub(crate) is_tracking: bool,
    /// Whether nothing changed while it was read; otherwise what came or went in these milliseconds may be missing.
    pub(crate) is_settled: bool,
    /// Whether no mapping had to be forgotten for want of memory.
    pub(crate) is_complete: bool,
    pub(crate) mappings: Vec<Mapping>,
    /// The newest first.
    pub(crate) released: Vec<Release>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) objects: Vec<Object>,
    /// The newest first.
    pub(crate) failures: Vec<FailedCall>,
    pub(crate) findings: Findings,
    /// What is and was at the addresses that were asked for.
    pub(crate) addresses: Vec<Place>,
    /// Files that were built anew since they were loaded: their lines are not known.
    pub(crate) changed_files: Vec<String>,
}

/// A piece of a mapping that a call has made.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Mapping {
    pub(crate) start: String,
    /// One past the last byte.
    pub(crate) end: String,
    pub(crate) bytes: u64,
    /// Such as `rw-`.
    pub(crate) protection: String,
    /// The call that made it, the length that it was asked for, and where it was made.
    pub(crate) call: &'static str,
    pub(crate) length: u64,
    pub(crate) flags: i32,
    pub(crate) site: Rc<Site>,
    /// Whether a process made it that forked this one.
    pub(crate) is_inherited: bool,
    /// Whether the kernel has it, all of it, as its list says; it is asked last.
    pub(crate) is_mapped: bool,
    pub(crate) file: Option<File>,
    pub(crate) segment: Option<AttachedSegment>,
}

/// The file of a mapping, as it was when it was mapped.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct File {
    /// Its name now, as the kernel has it, while it is mapped there.
    pub(crate) path: Option<String>,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) offset: u64,
    pub(crate) descriptor: i32,
}

/// The segment of an attachment.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AttachedSegment {
    pub(crate) id: u64,
    pub(crate) size: u64,
}

/// A piece of a mapping that is gone.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Release {
    pub(crate) call: &'static str,
    pub(crate) site: Rc<Site>,
    /// How long ago it was, if that is known.
    pub(crate) milliseconds_ago: Option<u64>,
    /// What it was.
    pub(crate) was: Mapping,
}

/// A segment that the process has met.
#[derive(Debug, Serialize)]
pub(crate) struct Segment {
    pub(crate) id: i32,
    pub(crate) key: String,
    /// 0 while it is not known.
    pub(crate) size: u64,
    pub(crate) is_created: bool,
    pub(crate) site: Option<Rc<Site>>,
    pub(crate) removed_at: Option<Rc<Site>>,
    pub(crate) removal_refused: Option<FailedCall>,
}

/// A shared memory object or a named semaphore that the process has made.
#[derive(Debug, Serialize)]
pub(crate) struct Object {
    pub(crate) call: &'static str,
    pub(crate) name: String,
    pub(crate) site: Rc<Site>,
}

/// A call that failed.
#[derive(Debug, Serialize)]
pub(crate) struct FailedCall {
    pub(crate) call: &'static str,
    pub(crate) errno: i32,
    pub(crate) reason: String,
    pub(crate) site: Rc<Site>,
}

/// How many findings there were, and the last.
#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    pub(crate) errors: u64,
    pub(crate) warnings: u64,
    pub(crate) notes: u64,
    pub(crate) repeated: u64,
    pub(crate) last: Option<LastFinding>,
}

/// The last finding.
#[derive(Debug, Serialize)]
pub(crate) struct LastFinding {
    pub(crate) rule: String,
    pub(crate) message: String,
    pub(crate) site: Rc<Site>,
}

/// What is and was at an address.
#[derive(Debug, Serialize)]
pub(crate) struct Place {
    pub(crate) address: String,
    /// The mapping that holds it, if a call made it that was followed.
    pub(crate) mapping: Option<Mapping>,
    /// The offset of the address from what that call returned.
    pub(crate) offset: Option<u64>,
    /// Otherwise what the kernel has there.
    pub(crate) kernel: Option<KernelsMapping>,
    /// What was there, the newest first.
    pub(crate) released: Vec<Release>,
}

/// A mapping as the kernel lists it.
#[derive(Debug, Serialize)]
pub(crate) struct KernelsMapping {
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) rights: String,
    pub(crate) name: String,
}

/// What is asked of.
pub(crate) struct Subject<'a> {
    pub(crate) pid: Option<u32>,
    pub(crate) core: Option<(&'a Path, &'a Core)>,
    pub(crate) program: &'a Path,
    pub(crate) memory: &'a dyn Memory,
    /// The kernel's list, of before it is read.
    pub(crate) mappings: &'a [KernelMapping],
    /// The kernel's list of afterwards.
    pub(crate) list_again: &'a dyn Fn() -> Result<Vec<KernelMapping>, Failure>,
    /// What time it is, where the process is; of one that has ended nobody knows.
    pub(crate) now: &'a dyn Fn() -> Option<Now>,
    /// The addresses that are asked for.
    pub(crate) addresses: &'a [u64],
}

/// Reads what the library knows; `None` if it is not there.
pub(crate) fn inspect(subject: &Subject<'_>) -> Result<Option<Inspection>, Failure> {
    let memory = subject.memory;
    let Some(table) = table::find(memory, subject.mappings, subject.program)? else {
        return Ok(None);
    };
    let agreed = agreed::read(memory, &table);
    // Of a process that has ended this says so.
    let listed = (subject.list_again)()?;
    let unreadable = || {
        Failure::own(if subject.core.is_some() {
            "the library's memory is not in the core: it was cut short, or left out (ulimit -c; coredump_filter, core(5))"
        } else {
            "the library's memory could not be read: the process executes another program, or changes too fast; try again"
        })
    };
    let agreed = agreed.ok_or_else(unreadable)?;
    let clock = Clock::read(memory, &table, (subject.now)());
    let mut telling = Telling { sites: Sites::new(memory, subject.mappings), listed: &listed, clock };
    let snapshot = &agreed.last;
    let released = snapshot.released();
    let addresses =
        subject.addresses.iter().map(|address| telling.address(*address, &agreed.pieces, &released)).collect();
    let everything = subject.addresses.is_empty();
    let enabled = memory.bytes(table.enabled, 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes);
    let mut inspection = Inspection {
        schema: SCHEMA,
        pid: subject.pid,
        core: subject.core.map(|(path, _)| path.display().to_string()),
        program: subject.program.display().to_string(),
        fault: telling.fault(subject, &table, &agreed.pieces),
        library: table.library.clone(),
        is_tracking: enabled & mapsan_model::layout::TRACKS != 0,
        is_settled: snapshot.is_whole,
        is_complete: !snapshot.is_incomplete(),
        mappings: Vec::new(),
        released: Vec::new(),
        segments: Vec::new(),
        objects: Vec::new(),
        failures: Vec::new(),
        findings: telling.findings(tables::findings(memory, &table)),
        addresses,
        changed_files: Vec::new(),
    };
    if everything {
        inspection.mappings = agreed.pieces.iter().map(|piece| telling.mapping(piece)).collect();
        inspection.released = released.iter().map(|gone| telling.release(gone)).collect();
        inspection.segments = snapshot.segments(&table).into_iter().map(|segment| telling.segment(&segment)).collect();
        let object = |object: tables::Object| Object {
            call: object.call,
            name: object.name,
            site: telling.sites.of_return(object.site),
        };
        inspection.objects = snapshot.objects(&table).into_iter().map(object).collect();
        let failures = tables::failures(memory, &table);
        inspection.failures =
            failures.iter().map(|failed| telling.failed(failed.call, failed.errno, failed.site)).collect();
    }
    inspection.changed_files = telling.sites.take_changed();
    Ok(Some(inspection))
}

/// Puts what was read into the form in which it is told.
struct Telling<'a> {
    sites: Sites<'a>,
    listed: &'a [KernelMapping],
    clock: Option<Clock>,
}

impl Telling<'_> {
    /// What a dead process met, unless addresses alone are asked for.
    fn fault(&mut self, subject: &Subject<'_>, table: &Table, pieces: &[Piece]) -> Option<Fault> {
        let (_, core) = subject.core.filter(|_| subject.addresses.is_empty())?;
        fault::of_core(core, table, pieces, &mut self.sites)
    }

    fn mapping(&mut self, piece: &Piece) -> Mapping {
        let Piece { start, end, protection, ref origin } = *piece;
        let Origin { call, site, length, flags, is_inherited, ref file, .. } = *origin;
        let is_segment = call == "shmat";
        let has = |bit: i32, letter: char| if i32::from(protection) & bit == 0 { '-' } else { letter };
        let rights = [has(libc::PROT_READ, 'r'), has(libc::PROT_WRITE, 'w'), has(libc::PROT_EXEC, 'x')];
        Mapping {
            start: format!("{start:#x}"),
            end: format!("{end:#x}"),
            bytes: end - start,
            protection: rights.iter().collect(),
            call,
            length,
            flags,
            site: self.sites.of_return(site),
            is_inherited,
            is_mapped: self.is_listed(start, end),
            file: file.as_ref().filter(|_| !is_segment).map(|file| File {
                path: self.path(start, file.inode),
                inode: file.inode,
                size: file.size,
                offset: file.offset,
                descriptor: file.descriptor,
            }),
            segment: file
                .as_ref()
                .filter(|_| is_segment)
                .map(|file| AttachedSegment { id: file.inode, size: file.size }),
        }
    }

    /// The name of the file that is mapped at an address, if it is this one.
    fn path(&self, address: u64, inode: u64) -> Option<String> {
        let index = self.listed.partition_point(|mapping| mapping.end <= address);
        let there = self.listed.get(index).filter(|there| there.start <= address && there.inode == inode)?;
        there.is_of_file().then(|| there.name.clone())
    }

    /// Whether the kernel has all of a range.
    fn is_listed(&self, start: u64, end: u64) -> bool {
        let index = self.listed.partition_point(|mapping| mapping.end <= start);
        let mut at = start;
        for mapping in self.listed.get(index..).unwrap_or_default() {
            if at >= end || mapping.start > at {
                break;
            }
            at = mapping.end;
        }
        at >= end
    }

    fn release(&mut self, gone: &Released) -> Release {
        Release {
            call: gone.call,
            site: self.sites.of_return(gone.site),
            milliseconds_ago: self.clock.as_ref().and_then(|clock| clock.milliseconds_since(gone.time)),
            was: self.mapping(&gone.was),
        }
    }

    fn failed(&mut self, call: &'static str, errno: i32, site: u64) -> FailedCall {
        let reason = failure::reason(&io::Error::from_raw_os_error(errno));
        FailedCall { call, errno, reason, site: self.sites.of_return(site) }
    }

    fn segment(&mut self, segment: &tables::Segment) -> Segment {
        Segment {
            id: segment.id,
            key: format!("{:#010x}", segment.key),
            size: segment.size,
            is_created: segment.is_created,
            site: segment.site.map(|site| self.sites.of_return(site)),
            removed_at: segment.removed_at.map(|site| self.sites.of_return(site)),
            removal_refused: segment.refused_at.map(|(site, errno)| self.failed("shmctl", errno, site)),
        }
    }

    fn findings(&mut self, findings: tables::Findings) -> Findings {
        let [notes, warnings, errors] = findings.counts;
        let last = findings.last.map(|last| LastFinding {
            rule: last.rule,
            message: last.message,
            site: self.sites.of_return(last.site),
        });
        Findings { errors, warnings, notes, repeated: findings.repeated, last }
    }

    fn address(&mut self, address: u64, pieces: &[Piece], released: &[Released]) -> Place {
        let holds = |piece: &Piece| piece.start <= address && address < piece.end;
        let index = pieces.partition_point(|piece| piece.end <= address);
        let piece = pieces.get(index).filter(|piece| holds(piece));
        let index = self.listed.partition_point(|mapping| mapping.end <= address);
        let there = self.listed.get(index).filter(|mapping| mapping.start <= address);
        let kernel = there.filter(|_| piece.is_none()).map(|mapping| KernelsMapping {
            start: format!("{:#x}", mapping.start),
            end: format!("{:#x}", mapping.end),
            rights: mapping.rights.clone(),
            name: mapping.name.clone(),
        });
        Place {
            address: format!("{address:#x}"),
            mapping: piece.map(|piece| self.mapping(piece)),
            offset: piece.map(|piece| address.wrapping_sub(piece.origin.base)),
            kernel,
            released: released.iter().filter(|gone| holds(&gone.was)).map(|gone| self.release(gone)).collect(),
        }
    }
}
