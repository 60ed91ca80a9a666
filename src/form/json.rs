//! The JSON form of records (a contract, described by the model's JSON Schema): one object a line.

use super::draft::{Draft, Role};
use super::frames::Frames;
use super::injection::Reached;
use super::outliving::{NewIpcObject, NewLock, NewObject, NewSegment, SegmentUse};
use super::subject::{Finding, OUTPUT, Subject, Trace};
use crate::call::{Key, Value};
use crate::facts::Module;
use crate::facts::environment::Carried;
use crate::facts::mapping;
use crate::plain::Line;
use crate::plain::errno::ErrnoName;
use crate::plain::escape::Escaped;
use crate::plain::shm::FOLDER;
use crate::plain::time::Time;
use crate::sys::{self, process};
use core::ffi::c_int;
use core::fmt::{self, Write as _};
use mapsan_model::Summary;
use mapsan_model::record::SCHEMA_NAME;

/// The room that is kept for what follows the frames.
const KEPT: usize = 8 * 1024;

/// The fields that every record has.
fn head(out: &mut Line<OUTPUT>, kind: &str) {
    let executable = Escaped(process::executable());
    let _ = write!(
        out,
        r#"{{"schema":"{SCHEMA_NAME}","kind":"{kind}","time":"{}","pid":{},"tid":{},"exe":{}"#,
        Time(sys::realtime()),
        sys::getpid(),
        sys::gettid(),
        Json(&executable),
    );
}

/// The record of a process that is covered from now on.
pub(crate) fn start(out: &mut Line<OUTPUT>) {
    head(out, "start");
    let _ = write!(out, r#","version":"{}","ppid":{}"#, env!("CARGO_PKG_VERSION"), sys::getppid());
    degraded(out);
    let _ = out.write_str("}\n");
}

/// The record of a process that is checked less from here on.
pub(crate) fn degradation(out: &mut Line<OUTPUT>, why: fmt::Arguments<'_>) {
    head(out, "degraded");
    let _ = writeln!(out, r#","reason":{}}}"#, Json(&why));
}

/// Why the process can be checked in part alone.
fn degraded(out: &mut Line<OUTPUT>) {
    if let Some(errno) = mapping::unreadable() {
        let _ = write!(out, r#","degraded":"{}""#, ErrnoName(errno));
    }
}

/// The record of a process that ends in order; `lost` is the findings that could not be written, `changes` the mappings that it
/// has made and released.
pub(crate) fn end(out: &mut Line<OUTPUT>, counts: &Summary, lost: u64, changes: u32) {
    head(out, "end");
    let Summary { errors, warnings, notes, repeated } = counts;
    let _ = write!(out, r#","errors":{errors},"warnings":{warnings},"notes":{notes},"repeated":{repeated}"#);
    let _ = write!(out, r#","changes":{changes}"#);
    if lost > 0 {
        let _ = write!(out, r#","lost":{lost}"#);
    }
    degraded(out);
    let _ = out.write_str("}\n");
}

/// The record of a program that is about to be started in this process, or has been in `child`: 0 of one whose pid is not
/// known.
pub(crate) fn execution(out: &mut Line<OUTPUT>, file: &[u8], child: Option<c_int>, carried: Carried) {
    head(out, "exec");
    let Carried { preload, options } = carried;
    let _ = write!(out, r#","path":{},"preload":{preload},"options":{options}"#, Json(&Escaped(file)));
    if let Some(child) = child {
        let _ = write!(out, r#","child":{child}"#);
    }
    let _ = out.write_str("}\n");
}

/// The record of a program that was not started after all.
pub(crate) fn execution_failed(out: &mut Line<OUTPUT>) {
    head(out, "exec-failed");
    let _ = out.write_str("}\n");
}

/// The record of a finding.
pub(crate) fn finding(out: &mut Line<OUTPUT>, finding: &Finding<'_>, draft: &Draft, frames: &Frames) {
    head(out, "finding");
    let Finding { rule, severity, subject } = finding;
    let _ = write!(out, r#","rule":"{rule}","severity":"{severity}","call":"#);
    call(out, subject);
    let _ = write!(out, r#","message":{}"#, Json(&draft.headline()));
    texts(out, "notes", draft, Role::Note);
    texts(out, "help", draft, Role::Help);
    let _ = out.write_str(r#","stack":["#);
    stack(out, frames);
    let _ = out.write_str(r#"],"related":["#);
    let mut separator = "";
    for (label, related) in draft.related_calls() {
        let _ = write!(out, r#"{separator}{{"label":{}"#, Json(&label));
        if let Some(function) = related.function {
            let _ = write!(out, r#","call":{{"function":"{function}"}}"#);
        }
        let _ = out.write_str(r#","stack":["#);
        stack(out, &Frames::of_site_within(related.site, &related.outer));
        let _ = out.write_str("]");
        if related.length > 0 {
            let _ = write!(out, r#","start":"{:#x}","length":{}"#, related.start, related.length);
        }
        let _ = out.write_str("}");
        separator = ",";
    }
    let _ = out.write_str("]");
    if let Some(mapping) = draft.about() {
        let [read, write, execute, shared] = mapping.rights();
        let _ = write!(
            out,
            r#","mapping":{{"start":"{:#x}","length":{},"protection":"{read}{write}{execute}{shared}","offset":{},"path":{}}}"#,
            mapping.start,
            mapping.length(),
            mapping.offset,
            Json(&Escaped(mapping.name()))
        );
    }
    // Only the first of a rule at a site is written, so nothing has been repeated yet.
    let _ = writeln!(out, r#","repeated":0}}"#);
}

/// The record of a segment that has been made.
pub(crate) fn segment(out: &mut Line<OUTPUT>, subject: &Subject<'_>, made: &NewSegment, frames: &Frames) {
    head(out, "segment");
    let NewSegment { id, key, size } = made;
    let _ = write!(out, r#","id":{id},"key":{},"size":{size}"#, Json(&Key(*key)));
    maker(out);
    close(out, subject, frames);
}

/// The record of a semaphore set or message queue that has been made.
pub(crate) fn ipc_object(out: &mut Line<OUTPUT>, subject: &Subject<'_>, made: &NewIpcObject, frames: &Frames) {
    head(out, "ipc-object");
    let NewIpcObject { kind, id, key } = made;
    let _ = write!(out, r#","object":"{kind}","id":{id},"key":{}"#, Json(&Key(*key)));
    maker(out);
    close(out, subject, frames);
}

/// The user who makes an object of System V, and the namespace.
fn maker(out: &mut Line<OUTPUT>) {
    let _ = write!(out, r#","uid":{}"#, sys::geteuid());
    if let Ok(namespace) = process::ask_own(c"/proc/self/ns/ipc", &mut sys::statx_path) {
        let _ = write!(out, r#","ipc_namespace":{}"#, namespace.stx_ino);
    }
}

/// The record of what a process has done with a segment.
pub(crate) fn segment_use(
    out: &mut Line<OUTPUT>,
    subject: &Subject<'_>,
    id: c_int,
    done: &SegmentUse,
    frames: &Frames,
) {
    head(out, "segment-use");
    let name = match done {
        SegmentUse::Attached => "attached",
        SegmentUse::Removed => "removed",
        SegmentUse::RemovalRefused(_) => "removal-refused",
        SegmentUse::Left { .. } => "left",
    };
    let _ = write!(out, r#","id":{id},"use":"{name}","uid":{}"#, sys::geteuid());
    if let SegmentUse::Left { key, size, own, attached } = done {
        let key = Key(*key);
        let _ = write!(out, r#","key":{},"size":{size},"own":{own},"attached":{attached}"#, Json(&key));
    }
    close(out, subject, frames);
}

/// The record of a shared memory object or a named semaphore that has been made.
pub(crate) fn object(out: &mut Line<OUTPUT>, subject: &Subject<'_>, object: &NewObject<'_>, frames: &Frames) {
    head(out, "object");
    let name = Escaped(object.name);
    let file = Escaped(object.file);
    let path = format_args!("{FOLDER}{file}");
    let (major, minor) = object.device;
    let _ = write!(out, r#","name":{},"path":{}"#, Json(&format_args!("/{name}")), Json(&path));
    let _ = write!(out, r#","device":"{major}:{minor}","inode":{},"uid":{}"#, object.inode, sys::geteuid());
    close(out, subject, frames);
}

/// The record of a lock that has been made in shared memory.
pub(crate) fn lock(out: &mut Line<OUTPUT>, subject: &Subject<'_>, lock: &NewLock<'_>, frames: &Frames) {
    head(out, "lock");
    let NewLock { kind, address, memory, .. } = lock;
    let offset = address.wrapping_sub(memory.base());
    let _ = write!(out, r#","lock":{},"address":"{address:#x}","offset":{offset}"#, Json(kind));
    let _ = write!(out, r#","path":{},"inode":{}"#, Json(&Escaped(memory.name())), memory.inode);
    close(out, subject, frames);
}

/// The record of a call that was made to fail, or that could be.
pub(crate) fn reached(out: &mut Line<OUTPUT>, reached: &Reached<'_>, hash: u32, frames: &Frames) {
    let Reached { call, outcome, return_address, site, injected } = *reached;
    head(out, if injected.is_some() { "injected" } else { "point" });
    let _ = write!(out, r#","site":{},"stack_hash":"{hash:08x}""#, Json(site));
    if let Some((what, number)) = injected {
        let _ = write!(out, r#","what":"{what}","number":{number}"#);
    } else {
        let given = call.given();
        let _ = out.write_str(r#","flags":["#);
        let mut separator = "";
        for name in given.circumstances.names() {
            let _ = write!(out, r#"{separator}"{name}""#);
            separator = ",";
        }
        let _ = out.write_str("]");
        if let Some(argument) = given.failed_result {
            let _ = write!(out, r#","failed_result":"{argument}""#);
        }
    }
    close(out, &Subject { call, outcome, return_address, trace: Trace::Unwound }, frames);
}

/// The end of a record about a call: the call and its frames.
fn close(out: &mut Line<OUTPUT>, subject: &Subject<'_>, frames: &Frames) {
    let _ = out.write_str(r#","call":"#);
    call(out, subject);
    let _ = out.write_str(r#","stack":["#);
    stack(out, frames);
    let _ = out.write_str("]}\n");
}

/// The object that shows a call.
fn call(out: &mut Line<OUTPUT>, subject: &Subject<'_>) {
    let Subject { call, outcome, .. } = subject;
    let _ = write!(out, r#"{{"function":"{}","args":["#, call.function());
    let mut separator = "";
    call.arguments(&mut |argument| {
        let _ = write!(out, "{separator}{}", Json(&argument));
        separator = ",";
    });
    let _ = write!(out, r#"],"result":{},"errno":"#, Json(&Value(*call, *outcome)));
    match outcome.errno() {
        Some(errno) => _ = write!(out, "{}", Json(&ErrnoName(errno))),
        None => _ = out.write_str("null"),
    }
    let _ = out.write_str("}");
}

fn texts(out: &mut Line<OUTPUT>, field: &str, draft: &Draft, role: Role) {
    let _ = write!(out, r#","{field}":["#);
    let mut separator = "";
    for text in draft.texts(role) {
        let _ = write!(out, "{separator}{}", Json(&text));
        separator = ",";
    }
    let _ = out.write_str("]");
}

fn stack(out: &mut Line<OUTPUT>, frames: &Frames) {
    let mut separator = "";
    for address in frames.addresses() {
        if out.room() < KEPT {
            break;
        }
        let _ = out.write_str(separator);
        frame(out, *address);
        separator = ",";
    }
}

fn frame(out: &mut Line<OUTPUT>, address: usize) {
    let Some(module) = Module::find(address) else {
        let _ = write!(out, r#"{{"address":"{address:#x}","module":null,"offset":null,"build_id":null}}"#);
        return;
    };
    let path = Escaped(module.path());
    let offset = address.wrapping_sub(module.bias);
    let _ = write!(out, r#"{{"address":"{address:#x}","module":{},"offset":"{offset:#x}","build_id":"#, Json(&path));
    match module.build_id() {
        Some(id) => {
            let _ = out.write_str("\"");
            for byte in id {
                let _ = write!(out, "{byte:02x}");
            }
            let _ = out.write_str("\"");
        }
        None => _ = out.write_str("null"),
    }
    if let Some((symbol, distance)) = module.symbol(address) {
        let symbol = Escaped(symbol);
        let _ = write!(out, r#","symbol":{}"#, Json(&format_args!("{symbol}+{distance:#x}")));
    }
    let _ = out.write_str("}");
}

/// Shows something as a JSON string.
struct Json<'a>(&'a dyn fmt::Display);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        write!(Quoting(f), "{}", self.0)?;
        f.write_str("\"")
    }
}

/// Escapes what JSON demands; control characters are escaped already, but a format may still hold one.
struct Quoting<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Quoting<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '"' => self.0.write_str("\\\"")?,
                '\\' => self.0.write_str("\\\\")?,
                '\0'..='\x1f' => write!(self.0, "\\u{:04x}", u32::from(character))?,
                _ => self.0.write_char(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings() {
        assert_eq!(format!("{}", Json(&"a\"b\\c\n")), r#""a\"b\\c\u000a""#);
    }
}
