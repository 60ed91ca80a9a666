//! Valgrind's XML, protocol 4, as memcheck writes it: readers take the kinds that memcheck has, and no others.

use super::contract::{Form, RunFacts, details};
use crate::findings::found::{Found, Located};
use crate::findings::session::Session;
use mapsan_model::Rule;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::collections::BTreeMap;
use std::io;

/// Collects the findings until all are known.
#[derive(Default)]
pub(crate) struct Valgrind {
    findings: Vec<Found>,
}

type Out = Writer<Vec<u8>>;

/// What memcheck calls a leak, which comes after the program's end and with figures of its own.
const LEAK: &str = "Leak_StillReachable";

/// The kind of memcheck's that is most like a finding.
fn kind(found: &Found) -> &'static str {
    let access = found.call.is_signal().then_some(found.call.result.as_str());
    kind_of(Rule::from_name(&found.rule), access)
}

/// The same by the rule, and of a fault by the access.
fn kind_of(rule: Option<Rule>, access: Option<&str>) -> &'static str {
    match rule {
        Some(Rule::MunmapForeign | Rule::ShmdtNotASegment) => "MismatchedFree",
        Some(Rule::MmapFixedClobber | Rule::MremapClobber | Rule::ShmatClobber | Rule::MunmapOverrun) => "Overlap",
        Some(
            Rule::MunmapDouble
            | Rule::MunmapNotMapped
            | Rule::MunmapMapFailed
            | Rule::ShmdtDouble
            | Rule::ShmdtNotAttached
            | Rule::ShmdtInterior,
        ) => "InvalidFree",
        Some(Rule::OverflowTail | Rule::LostWrite) => "InvalidWrite",
        Some(Rule::FaultBadJump) => "InvalidJump",
        Some(rule) if rule.name().starts_with("leak-") => LEAK,
        _ => match access {
            Some("write") => "InvalidWrite",
            Some(_) => "InvalidRead",
            None => "SyscallParam",
        },
    }
}

fn element(out: &mut Out, name: &str, text: &str) -> io::Result<()> {
    out.create_element(name).write_text_content(BytesText::new(text))?;
    Ok(())
}

fn frame(out: &mut Out, located: &Located) -> io::Result<()> {
    let place = located.places.first();
    out.create_element("frame").write_inner_content(|out| {
        element(out, "ip", &located.frame.address.to_uppercase().replacen("0X", "0x", 1))?;
        if let Some(module) = &located.frame.module {
            element(out, "obj", module)?;
        }
        if let Some(function) = located.function() {
            element(out, "fn", function)?;
        }
        if let Some(file) = place.and_then(|place| place.file.as_deref()) {
            let text = |part: Option<&std::path::Path>| part.map(|part| part.display().to_string()).unwrap_or_default();
            element(out, "dir", &text(file.parent()))?;
            element(out, "file", &text(file.file_name().map(std::path::Path::new)))?;
        }
        if let Some(line) = place.and_then(|place| place.line) {
            element(out, "line", &line.to_string())?;
        }
        Ok(())
    })?;
    Ok(())
}

fn stack(out: &mut Out, frames: &[Located]) -> io::Result<()> {
    out.create_element("stack").write_inner_content(|out| frames.iter().try_for_each(|located| frame(out, located)))?;
    Ok(())
}

fn error(out: &mut Out, number: usize, found: &Found) -> io::Result<()> {
    let kind = kind(found);
    let what = format!("{}: {} [{}]", found.severity.name(), details(found).replace('\n', "; "), found.rule);
    out.create_element("error").write_inner_content(|out| {
        element(out, "unique", &format!("0x{number:x}"))?;
        element(out, "tid", &found.tid.to_string())?;
        element(out, "kind", kind)?;
        if kind == LEAK {
            // Readers want both figures; the finding has its own in words.
            out.create_element("xwhat").write_inner_content(|out| {
                element(out, "text", &what)?;
                element(out, "leakedbytes", "0")?;
                element(out, "leakedblocks", "1")
            })?;
        } else {
            element(out, "what", &what)?;
        }
        stack(out, &found.stack)?;
        for related in &found.related {
            element(out, "auxwhat", &related.label)?;
            stack(out, &related.stack)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn status(out: &mut Out, state: &str) -> io::Result<()> {
    out.create_element("status").write_inner_content(|out| {
        element(out, "state", state)?;
        element(out, "time", "00:00:00:00.000")
    })?;
    Ok(())
}

impl Valgrind {
    fn write(&self, session: &Session, run: &RunFacts) -> io::Result<Vec<u8>> {
        let mut out = Writer::new_with_indent(Vec::new(), b' ', 2);
        out.write_event(Event::Decl(BytesDecl::new("1.0", None, None)))?;
        out.create_element("valgrindoutput").write_inner_content(|out| {
            element(out, "protocolversion", "4")?;
            element(out, "protocoltool", "memcheck")?;
            out.create_element("preamble").write_inner_content(|out| {
                element(out, "line", &format!("mapsan {}", env!("CARGO_PKG_VERSION")))?;
                session.gaps.iter().try_for_each(|gap| {
                    element(out, "line", &format!("not covered: '{}': {}", gap.program, gap.reason))
                })
            })?;
            element(out, "pid", &session.main.unwrap_or(0).to_string())?;
            element(out, "ppid", &std::process::id().to_string())?;
            element(out, "tool", "memcheck")?;
            out.create_element("args").write_inner_content(|out| {
                out.create_element("vargv").write_inner_content(|out| element(out, "exe", "mapsan"))?;
                out.create_element("argv").write_inner_content(|out| {
                    let mut words = run.words.iter();
                    element(out, "exe", words.next().map_or("", String::as_str))?;
                    words.try_for_each(|word| element(out, "arg", word))
                })?;
                Ok(())
            })?;
            status(out, "RUNNING")?;
            let leaks = |found: &&Found| kind(found) == LEAK;
            let numbered = || self.findings.iter().enumerate();
            numbered().filter(|(_, found)| !leaks(found)).try_for_each(|(number, found)| error(out, number, found))?;
            status(out, "FINISHED")?;
            numbered().filter(|(_, found)| leaks(found)).try_for_each(|(number, found)| error(out, number, found))?;
            let counts: BTreeMap<usize, u64> = numbered().map(|(number, _)| (number, 1)).collect();
            out.create_element("errorcounts").write_inner_content(|out| {
                counts.iter().try_for_each(|(number, count)| {
                    out.create_element("pair").write_inner_content(|out| {
                        element(out, "count", &count.to_string())?;
                        element(out, "unique", &format!("0x{number:x}"))
                    })?;
                    Ok(())
                })
            })?;
            out.create_element("suppcounts").write_empty()?;
            Ok(())
        })?;
        let mut bytes = out.into_inner();
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl Form for Valgrind {
    fn render_finding(&mut self, found: &Found, _session: &mut Session) -> String {
        self.findings.push(found.clone());
        String::new()
    }

    fn render_end(&mut self, session: &mut Session, run: &RunFacts) -> String {
        self.write(session, run).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_a_leak_whatever_it_is() {
        for rule in [Rule::LeakSemaphore, Rule::LeakQueue, Rule::LeakSegment, Rule::LeakMapping] {
            assert_eq!(kind_of(Some(rule), None), LEAK);
        }
        assert_eq!(kind_of(Some(Rule::SemctlBadId), None), "SyscallParam");
        assert_eq!(kind_of(Some(Rule::FaultOverrun), Some("write")), "InvalidWrite");
    }
}
