//! What `CTest` reads from a memory checker of the type `CudaSanitizer`: lines that start with `========`, of which those
//! that match `== ([A-Z][a-z].*)` name a defect. The names hold no addresses, so that `CTest` counts alike ones together.

use super::contract::{Form, RunFacts, details, each_gap};
use crate::findings::found::Found;
use crate::findings::session::Session;
use crate::path::display_path;

/// A line that names the defect, and details that don't.
pub(crate) struct CTest;

impl Form for CTest {
    fn render_finding(&mut self, found: &Found, _session: &mut Session) -> String {
        let place = found.site().and_then(|place| Some((place.file.as_deref()?, place.line?)));
        let at = place.map_or_else(|| found.exe.clone(), |(file, line)| format!("{}:{line}", display_path(file)));
        let lines = details(found).lines().map(|line| format!("=========     {line}\n")).collect::<Vec<_>>().concat();
        format!("========= Mapsan {}: {}\n=========     at {at}\n{lines}", found.severity.name(), found.rule)
    }

    fn render_end(&mut self, session: &mut Session, _run: &RunFacts) -> String {
        each_gap(session, |gap| {
            format!("========= Mapsan not covered\n=========     '{}': {}\n", gap.program, gap.reason)
        })
    }
}
