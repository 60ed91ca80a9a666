//! The number of mappings, told once a process, before there are as many as there may be.

use super::census::Census;
use crate::facts::limits;
use crate::facts::mapping;
use crate::finding::{self, Report};
use crate::form::Draft;
use crate::observe::count;
use crate::options;
use mapsan_model::{Rule, Severity};

/// Looks at their number, if it is to be looked at now, after a call that may have added some.
#[inline]
pub(crate) fn look(report: &Report<'_>) {
    if let Some(limit) = count::is_due() {
        count(limit, report);
    }
}

#[cold]
#[inline(never)]
fn count(limit: u64, report: &Report<'_>) {
    let mut there = None;
    if options::reported_severity(Rule::MappingCount, Severity::Note).is_some() {
        finding::with_room(&mut || there = mapping::count());
    }
    if count::counted(there, limit) {
        report.finding(Rule::MappingCount, Severity::Note, tell);
    }
}

fn tell(draft: &mut Draft) {
    let census = Census::take();
    let limit = limits::max_map_count().unwrap_or(0);
    draft.message(format_args!("the process has {} mappings, and may have {limit} (vm.max_map_count)", census.count));
    draft.note(format_args!(
        "from there on mmap, munmap, mprotect, mremap and madvise fail for want of one, and with them malloc and \
         pthread_create"
    ));
    census.tell(draft);
}
