//! System V segments over a tree of processes: one that is left by all of them is told once, at the end.
//!
//! The library of each process tells at that process's end what it has made; whether somebody else removes it later is
//! seen here alone.

use crate::found::Found;
use crate::records::{Call, Finding, Kind, Record};
use crate::session::Session;
use mapsan_model::{Rule, Severity};
use std::collections::BTreeSet;
use std::fs;

/// A segment as the kernel lists it in /proc/sysvipc/shm.
#[derive(Debug, PartialEq, Eq)]
struct Listed {
    id: i32,
    key: i32,
    size: u64,
    creator: u32,
    attached: u64,
}

/// The segments of this IPC namespace.
fn list() -> Vec<Listed> {
    let text = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    text.lines().skip(1).filter_map(parse).collect()
}

/// Reads a line: key, shmid, perms, size, cpid, lpid, nattch and so on.
fn parse(line: &str) -> Option<Listed> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse().ok();
    Some(Listed {
        key: fields.first()?.parse().ok()?,
        id: fields.get(1)?.parse().ok()?,
        size: number(3)?,
        creator: u32::try_from(number(4)?).ok()?,
        attached: number(6)?,
    })
}

/// The findings about segments that processes of the run have made and that are still there; with `all`, about every segment
/// of the namespace, which was the run's own.
pub(crate) fn left(session: &mut Session, all: bool) -> Vec<Found> {
    let listed = list();
    let told = std::mem::take(&mut session.left);
    let made = std::mem::take(&mut session.segments);
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for segment in &listed {
        let found =
            told.iter().find(|found| found.call.result == segment.id.to_string() && found.pid == segment.creator);
        let record = made.get(&segment.id).filter(|(pid, _)| *pid == segment.creator);
        let found = match (found, record) {
            (Some(found), _) => found.clone(),
            (None, Some((pid, record))) => {
                let exe = session.processes.get(pid).map(|process| process.exe.clone()).unwrap_or_default();
                finding(segment, record.call.clone(), *pid, &exe, &record.stack, session)
            }
            (None, None) if all => finding(segment, unseen(segment), segment.creator, "", &[], session),
            (None, None) => continue,
        };
        if seen.insert(segment.id) {
            findings.extend(session.enter(found));
        }
    }
    findings
}

/// The findings about segments as the records have them.
pub(crate) fn as_recorded(session: &mut Session) -> Vec<Found> {
    let told = std::mem::take(&mut session.left);
    told.into_iter().filter_map(|found| session.enter(found)).collect()
}

/// The call that nobody saw.
fn unseen(segment: &Listed) -> Call {
    Call {
        function: "shmget".to_owned(),
        args: vec![format!("{:#010x}", segment.key), segment.size.to_string(), "...".to_owned()],
        result: segment.id.to_string(),
        errno: None,
    }
}

/// A finding about a segment of which no process has told at its end.
fn finding(
    segment: &Listed,
    call: Call,
    pid: u32,
    exe: &str,
    stack: &[crate::records::Frame],
    session: &mut Session,
) -> Found {
    let Listed { id, key, size, attached, .. } = segment;
    let private = *key == libc::IPC_PRIVATE;
    let severity = if private && *attached == 0 { Severity::Warning } else { Severity::Note };
    let key = if private { "IPC_PRIVATE".to_owned() } else { format!("{key:#010x}") };
    let finding = Finding {
        rule: Rule::LeakSegment.name().to_owned(),
        severity: severity.name().to_owned(),
        call,
        message: format!("segment {id} of {size} bytes still exists and outlives the program"),
        notes: vec![
            format!("its key is {key}, nattch {attached}"),
            format!("pid {pid} made it, and did not tell at its end"),
        ],
        help: vec![format!(
            "remove it with shmctl({id}, IPC_RMID, NULL), best right after the last attach; by hand: ipcrm -m {id}"
        )],
        stack: stack.to_vec(),
        related: Vec::new(),
    };
    let record =
        Record { schema: String::new(), time: String::new(), pid, tid: pid, exe: exe.to_owned(), kind: Kind::Other };
    let mut found = Found::of(&record, &finding, &mut session.symbols);
    found.other = session.main.is_some_and(|main| main != pid);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_list_is_read() {
        let line = "  -1234567      32769  1666                  4096  4242  4243      2  1000  1000     0     0          0          0 1700000000                  4096                     0";
        let expected = Listed { id: 32769, key: -1_234_567, size: 4096, creator: 4242, attached: 2 };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse("key shmid"), None);
    }
}
