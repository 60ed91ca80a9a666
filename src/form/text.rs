//! The text form of a finding (a contract: users and tests read it).

use super::draft::{Draft, Role};
use super::frames::Frames;
use super::injection::Reached;
use super::subject::{Finding, OUTPUT, Subject};
use crate::call::CallLine;
use crate::facts::Module;
use crate::plain::Line;
use crate::plain::escape::Escaped;
use core::fmt::Write as _;
use mapsan_model::Severity;
use mapsan_model::injection::What;

/// The room that is kept for notes and helps when the frames are long.
const KEPT: usize = 6 * 1024;

/// Writes the whole block.
pub(crate) fn finding(out: &mut Line<OUTPUT>, finding: &Finding<'_>, draft: &Draft, frames: &Frames, colour: bool) {
    let (on, off) = if colour { (colour_of(finding.severity), "\x1b[0m") } else { ("", "") };
    let Finding { rule, severity, subject: Subject { call, outcome, .. } } = finding;
    let _ = writeln!(out, "mapsan: {on}{severity}[{rule}]{off}: {}", draft.headline());
    let _ = writeln!(out, "    {}", CallLine(*call, *outcome));
    for address in frames.addresses() {
        if out.room() < KEPT {
            break;
        }
        frame(out, "    ", *address);
    }
    for (label, related) in draft.related_calls() {
        let _ = writeln!(out, "    {label}:");
        for address in Frames::of_site_within(related.site, &related.outer).addresses() {
            frame(out, "        ", *address);
        }
    }
    for note in draft.texts(Role::Note) {
        let _ = writeln!(out, "    note: {note}");
    }
    for help in draft.texts(Role::Help) {
        let _ = writeln!(out, "    help: {help}");
    }
}

/// Writes what tells of a call that was made to fail, or whose memory was.
pub(crate) fn injected(out: &mut Line<OUTPUT>, reached: &Reached<'_>, hash: u32, frames: &Frames) {
    let _ = write!(out, "mapsan: injected: {}", CallLine(reached.call, reached.outcome));
    if let Some((what @ (What::Sigbus | What::Truncate), _)) = reached.injected {
        let _ = write!(out, " ({what})");
    }
    let _ = out.write_str("\n");
    if let Some(address) = frames.addresses().first() {
        frame(out, "    ", *address);
        // As it is ordered, at the end of that line.
        out.truncate(out.len().saturating_sub(1));
        let _ = writeln!(out, " #{hash:08x}");
    }
}

/// Bold, in the colours that compilers use.
fn colour_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "\x1b[1;31m",
        Severity::Warning => "\x1b[1;35m",
        Severity::Note => "\x1b[1;36m",
    }
}

fn frame(out: &mut Line<OUTPUT>, indent: &str, address: usize) {
    let _ = write!(out, "{indent}at {address:#x}");
    if let Some(module) = Module::find(address) {
        if let Some((symbol, distance)) = module.symbol(address) {
            let _ = write!(out, " {}+{distance:#x}", Escaped(symbol));
        }
        let _ = write!(out, " ({}+{:#x})", Escaped(module.path()), address.wrapping_sub(module.bias));
    }
    let _ = out.write_str("\n");
}
