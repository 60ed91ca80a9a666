//! Workflow commands, which GitHub Actions shows beside the source: `::error file=…,line=…::…`, a line each.

use super::contract::{Form, RunFacts, details, each_gap, machine_path};
use crate::findings::found::Found;
use crate::findings::session::Session;
use crate::path::SourceRoot;
use mapsan_model::Severity;

/// One command a finding, and one for what went wrong beside them.
pub(crate) struct Github {
    root: SourceRoot,
}

impl Github {
    pub(super) fn new(root: SourceRoot) -> Github {
        Github { root }
    }
}

/// A message, in which a line break would end the command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property, which a colon or comma would end, too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn command(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    }
}

impl Form for Github {
    fn render_finding(&mut self, found: &Found, _session: &mut Session) -> String {
        let command = command(found.severity);
        let mut place = String::new();
        if let Some(site) = found.site()
            && let (Some(file), Some(line)) = (&site.file, site.line)
        {
            place = format!(
                "file={},line={line},col={},",
                property(&machine_path(file, &self.root)),
                site.column.unwrap_or(1)
            );
        }
        format!("::{command} {place}title={}::{}\n", property(&format!("mapsan {}", found.rule)), data(&details(found)))
    }

    fn render_end(&mut self, session: &mut Session, run: &RunFacts) -> String {
        let kind = if run.requires_coverage { "error" } else { "warning" };
        let gaps = each_gap(session, |gap| {
            format!("::{kind} title=mapsan::{}\n", data(&format!("not covered: '{}': {}", gap.program, gap.reason)))
        });
        let failure = run.failure().map(|failure| format!("::error title=mapsan::{}\n", data(&failure)));
        gaps + &failure.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_early() {
        assert_eq!(data("50 %\r\n::error::x"), "50 %25%0D%0A::error::x");
        assert_eq!(property("a,b:c\n%"), "a%2Cb%3Ac%0A%25");
    }
}
