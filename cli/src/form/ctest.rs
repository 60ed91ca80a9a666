//! What `CTest` reads from a memory checker of the type `CudaSanitizer`: lines that start with `========`, of which those that
//! match `== ([A-Z][a-z].*)` name a defect. The names hold no addresses, so that `CTest` counts alike ones together.

use super::{Form, Run, details, shown};
use crate::found::Found;
use crate::session::Session;

/// A line that names the defect, and details that don't.
pub(crate) struct CTest;

impl Form for CTest {
    fn finding(&mut self, found: &Found, _session: &mut Session) -> String {
        let place = found.site().and_then(|place| Some((place.file.as_deref()?, place.line?)));
        let at = place.map_or_else(|| found.exe.clone(), |(file, line)| format!("{}:{line}", shown(file)));
        let lines = details(found).lines().map(|line| format!("=========     {line}\n")).collect::<Vec<_>>().concat();
        format!("========= Mapsan {}: {}\n=========     at {at}\n{lines}", found.severity.name(), found.rule)
    }

    fn close(&mut self, session: &mut Session, _run: &Run) -> String {
        let gap = |gap: &crate::session::Gap| format!("=========     not covered: '{}': {}\n", gap.program, gap.reason);
        session.gaps.iter().map(gap).collect::<Vec<_>>().concat()
    }
}
