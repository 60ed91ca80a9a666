//! What is known of a process, for people.

use super::contract::{Form, TextStyle};
use super::text::Text;
use crate::findings::found::Found;
use crate::findings::records::{Kind, Record};
use crate::findings::session::Session;
use crate::inspection::{FailedCall, Fault, Inspection, KernelsMapping, Mapping, Place, Release, Segment, Site};
use crate::path::display_path;
use std::fmt::Write;
use std::path::Path;
use std::rc::Rc;

/// Releases that are shown: the last ones are those that are asked for.
const RELEASES: usize = 16;

/// All of it, or of the addresses that were asked for.
pub(crate) fn text(inspection: &Inspection) -> String {
    let mut text = String::new();
    write_head(inspection, &mut text);
    if let Some(fault) = &inspection.fault {
        write_fault(fault, &mut text);
    }
    if inspection.addresses.is_empty() {
        write_all(inspection, &mut text);
    }
    for address in &inspection.addresses {
        write_address(address, &mut text);
    }
    for file in &inspection.changed_files {
        let _ = writeln!(text, "\n{file} has been built anew since it was loaded: its lines are not shown");
    }
    text
}

fn write_head(inspection: &Inspection, text: &mut String) {
    let process = inspection.pid.map_or_else(String::new, |pid| format!("process {pid}: "));
    let program = display_path(Path::new(&inspection.program));
    let core = inspection.core.as_ref().map_or_else(String::new, |core| format!(" as it is in the core '{core}',"));
    let _ = writeln!(text, "{process}{program},{core} with libmapsan.so {}", inspection.library);
    if !inspection.is_tracking {
        let _ = writeln!(text, "its mappings are not followed, or no longer: nothing is said of what they are now");
    }
    if !inspection.is_settled {
        let when = if inspection.core.is_some() { "when its core was made" } else { "while it was read" };
        let _ = writeln!(text, "it was mapping or releasing {when}: what came or went meanwhile may be missing");
    }
    if !inspection.is_complete {
        let _ = writeln!(text, "it had no memory to remember all of its mappings by: some are missing");
    }
}

/// The signal that it met, and what is found of it, as `mapsan run` would have shown it.
fn write_fault(fault: &Fault, text: &mut String) {
    let Fault { signal, address, is_handled, note, .. } = fault;
    let at = address.as_ref().map_or_else(String::new, |address| format!(" at {address}"));
    let handled = if *is_handled { ", for which a handler of the program's was called" } else { "" };
    let then = fault.then.as_ref().map_or_else(String::new, |signal| format!("; then {signal}"));
    let _ = writeln!(text, "\nit met {signal}{at}{handled}{then}");
    let record = fault.finding.as_ref().and_then(|record| Record::read(&record.to_string()).ok());
    if let Some((record, Kind::Finding(finding))) = record.as_ref().map(|record| (record, &record.kind)) {
        let mut session = Session::default();
        let found = Found::of(record, finding, &mut session.symbols);
        let style = TextStyle::default();
        text.push_str(&Text::new(style).render_finding(&found, &mut session));
    } else if let Some(note) = note {
        let _ = writeln!(text, "  {note}");
        fault.site.iter().for_each(|site| write_site("", site, text));
    } else if address.is_some() {
        text.push_str("  it has nothing to do with the program's mappings, as far as the rules that are on can tell\n");
        fault.site.iter().for_each(|site| write_site("", site, text));
    }
}

fn write_all(inspection: &Inspection, text: &mut String) {
    let sum = |of_segments: bool| {
        let some = inspection.mappings.iter().filter(|one| one.segment.is_some() == of_segments);
        some.fold((0_usize, 0_u64), |(count, bytes), mapping| (count + 1, bytes.saturating_add(mapping.bytes)))
    };
    for (of_segments, what) in [(false, "mapped"), (true, "attached")] {
        let (count, bytes) = sum(of_segments);
        if count == 0 {
            let _ = writeln!(text, "\n{what}: nothing that the library has seen");
            continue;
        }
        let _ = writeln!(text, "\n{what}: {}, {bytes} bytes", counted(count, "range"));
        let some: Vec<&Mapping> =
            inspection.mappings.iter().filter(|one| one.segment.is_some() == of_segments).collect();
        some.chunk_by(|one, other| Rc::ptr_eq(&one.site, &other.site) && one.call == other.call)
            .for_each(|neighbours| write_mappings(neighbours, text));
    }
    if !inspection.released.is_empty() {
        let count = inspection.released.len();
        let shown = if count > RELEASES { format!(", of which the last {RELEASES} are shown") } else { String::new() };
        let _ = writeln!(text, "\nreleased: {}{shown}, the newest first", counted(count, "range"));
        inspection.released.iter().take(RELEASES).for_each(|release| write_release(release, text));
    }
    if !inspection.segments.is_empty() {
        let _ = writeln!(text, "\nsegments that it has met");
        inspection.segments.iter().for_each(|segment| write_segment(segment, text));
    }
    if !inspection.objects.is_empty() {
        let _ = writeln!(text, "\nshared memory objects and named semaphores that it has made");
        for object in &inspection.objects {
            let _ = writeln!(text, "  /{}", object.name.escape_debug());
            write_site(object.call, &object.site, text);
        }
    }
    if !inspection.failures.is_empty() {
        let _ = writeln!(text, "\ncalls that failed, the newest first");
        inspection.failures.iter().for_each(|failed| write_failure(failed, text));
    }
    write_findings(inspection, text);
}

fn write_findings(inspection: &Inspection, text: &mut String) {
    let found = &inspection.findings;
    let counts = [(found.errors, "error"), (found.warnings, "warning"), (found.notes, "note")];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| counted(usize::try_from(*count).unwrap_or(usize::MAX), what))
        .collect();
    // A child counts its own alone, and has the last one of its parent until it has one.
    let (found_at_all, last_is) = match (counts.is_empty(), &found.last) {
        (false, _) => (counts.join(", "), "the last"),
        (true, None) => ("nothing".to_owned(), ""),
        (true, Some(_)) => ("nothing since it was forked".to_owned(), "the last before"),
    };
    let when = if inspection.core.is_some() { "told while it ran" } else { "found" };
    let _ = writeln!(text, "\n{when}: {found_at_all}");
    if let Some(last) = &found.last {
        let _ = writeln!(text, "  {last_is}: [{}] {}", last.rule, last.message);
        write_site("", &last.site, text);
    }
}

/// Ranges that one place in the program has mapped, and that place once.
fn write_mappings(mappings: &[&Mapping], text: &mut String) {
    let Some(first) = mappings.first() else { return };
    for mapping in mappings {
        write_described(mapping, text);
        text.push_str(if mapping.is_mapped { "\n" } else { ", of which the kernel no longer has all\n" });
    }
    let by =
        if mappings.len() == 1 { first.call.to_owned() } else { format!("these {}: {}", mappings.len(), first.call) };
    write_site(&by, &first.site, text);
}

fn write_release(release: &Release, text: &mut String) {
    write_described(&release.was, text);
    text.push('\n');
    write_site(release.was.call, &release.was.site, text);
    let by = if matches!(release.call, "mmap" | "shmat") {
        format!("replaced by {}", release.call)
    } else {
        release.call.to_owned()
    };
    let by = match release.milliseconds_ago {
        Some(ago) => format!("{by} {}.{:03} s ago", ago / 1000, ago % 1000),
        None => by,
    };
    write_site(&by, &release.site, text);
}

/// A range and what it is.
fn write_described(mapping: &Mapping, text: &mut String) {
    let Mapping { start, end, protection, bytes, .. } = mapping;
    let _ = write!(text, "  {start}-{end} {protection} {bytes} bytes, ");
    let _ = match (&mapping.segment, &mapping.file) {
        (Some(segment), _) => write!(text, "segment {} of {} bytes", segment.id, segment.size),
        (None, Some(file)) => {
            let sharing = sharing(mapping);
            let _ = match &file.path {
                Some(path) => write!(text, "{sharing}file {}", path.escape_debug()),
                None => write!(text, "{sharing}file with inode {}", file.inode),
            };
            write!(text, " of {} bytes, from offset {}", file.size, file.offset)
        }
        (None, None) => write!(text, "{}anonymous", sharing(mapping)),
    };
    if mapping.is_inherited {
        text.push_str(", made before the fork");
    }
}

/// Whether others see what is written to it, where the call says so; mremap leaves it as it was.
fn sharing(mapping: &Mapping) -> &'static str {
    match (mapping.call, mapping.flags & libc::MAP_TYPE) {
        ("mmap", libc::MAP_PRIVATE) => "private ",
        ("mmap", libc::MAP_SHARED | libc::MAP_SHARED_VALIDATE) => "shared ",
        _ => "",
    }
}

fn write_segment(segment: &Segment, text: &mut String) {
    let size = if segment.size == 0 { String::new() } else { format!(", {} bytes", segment.size) };
    let _ = writeln!(text, "  segment {}, key {}{size}", segment.id, segment.key);
    if let Some(site) = &segment.site {
        write_site(if segment.is_created { "made by shmget" } else { "shmget" }, site, text);
    }
    if let Some(site) = &segment.removed_at {
        write_site("removed by shmctl", site, text);
    }
    if let Some(refused) = &segment.removal_refused {
        write_site(&format!("removal refused: {}", refused.reason), &refused.site, text);
    }
}

fn write_failure(failed: &FailedCall, text: &mut String) {
    let _ = writeln!(text, "  {}: {}", failed.call, failed.reason);
    write_site("", &failed.site, text);
}

fn write_address(address: &Place, text: &mut String) {
    let here = &address.address;
    match (&address.mapping, &address.kernel) {
        (Some(mapping), _) => {
            let number = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or(0);
            let into = number(here).saturating_sub(number(&mapping.start));
            let _ = match into {
                0 => write!(text, "\n{here} is at the start of"),
                1 => write!(text, "\n{here} is 1 byte into"),
                _ => write!(text, "\n{here} is {into} bytes into"),
            };
            match address.offset.filter(|offset| *offset != into) {
                Some(offset) => {
                    let _ = writeln!(text, " what is left here of a mapping that was longer; {offset} bytes into that");
                }
                None => text.push('\n'),
            }
            write_mappings(&[mapping], text);
        }
        (None, Some(kernel)) => {
            let KernelsMapping { start, end, rights, name } = kernel;
            let what = if name.is_empty() { "anonymous memory".into() } else { name.escape_debug().to_string() };
            let _ = writeln!(text, "\n{here} lies in {start}-{end} {rights} {what}, {}", whose(name, rights));
        }
        (None, None) => {
            let _ = writeln!(text, "\n{here} is not mapped{}", strange(here));
        }
    }
    if !address.released.is_empty() {
        let _ = writeln!(text, "it was, the newest first");
        address.released.iter().for_each(|release| write_release(release, text));
    }
}

/// Whose memory is that no call has mapped that was seen.
fn whose(name: &str, rights: &str) -> &'static str {
    match name {
        "[heap]" => "which grows by brk, mostly for malloc",
        "[stack]" => "the stack of the first thread",
        "[vdso]" | "[vvar]" | "[vvar_vclock]" | "[vsyscall]" => "which the kernel gives each process",
        _ if name.is_empty() && rights.starts_with("---") => {
            "which no call of the program's has mapped that was seen: a guard of mapsan's (harden=guard) or of a stack, or \
             addresses that are kept free"
        }
        _ if name.is_empty() => {
            "which no call of the program's has mapped that was seen: it is the loader's, libc's (a stack, malloc), the \
             library's, or of a system call that the program made by itself"
        }
        _ => "which no call of the program's has mapped that was seen: mostly the loader has",
    }
}

/// What is strange about an address at which nothing can be.
fn strange(address: &str) -> &'static str {
    match u64::from_str_radix(address.trim_start_matches("0x"), 16).unwrap_or(0) {
        0 => ": it is NULL",
        1..0x1000 => ": it is a little above NULL, as a member of what a null pointer points to",
        0xff00_0000_0000_0000.. => ": it is an address of the kernel's",
        0x0100_0000_0000_0000.. => ", nor can it be: the pointer is damaged, or has a tag in its upper bits",
        _ => "",
    }
}

/// Where something was done.
fn write_site(what: &str, site: &Site, text: &mut String) {
    let what = if what.is_empty() { String::new() } else { format!("{what} ") };
    let object = match (&site.module, &site.offset) {
        (Some(module), Some(offset)) => format!(" ({}+{offset})", display_path(Path::new(module))),
        _ => String::new(),
    };
    if site.places.is_empty() {
        let _ = writeln!(text, "    {what}at {}{object}", site.address);
    }
    for (index, place) in site.places.iter().enumerate() {
        let what = if index == 0 { what.as_str() } else { "" };
        let function = place.function.as_deref().unwrap_or("?");
        let at = match (&place.file, place.line) {
            (Some(file), Some(line)) => format!(" ({}:{line})", display_path(Path::new(file))),
            (Some(file), None) => format!(" ({})", display_path(Path::new(file))),
            _ => object.clone(),
        };
        let inlined = if index + 1 < site.places.len() { " (inlined)" } else { "" };
        let _ = writeln!(text, "    {what}at {} {function}{at}{inlined}", site.address);
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
