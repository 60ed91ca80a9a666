//! `mapsan explain`: a rule with its programs, or an errno with the rules that explain it.

use super::prose;
use crate::failure::Failure;
use crate::spelling::nearest;
use clap::ArgMatches;
use mapsan_model::call_line::is_signal;
use mapsan_model::{Rule, Shown};
use std::fmt::Write;

/// Declares for each rule the two programs, which are those that the tests run.
macro_rules! programs {
    ($($variant:ident $name:literal $call:literal $($when:ident)|+ $(harden($harden:ident))? [$($severity:ident),+]
        $group:ident $enforce:ident $(($errno:literal))? $summary:literal;)+) => {
        /// The program that breaks the rule, and the one that does not.
        fn programs(rule: Rule) -> (&'static str, &'static str) {
            match rule {
                $(Rule::$variant => (
                    include_str!(concat!("../../../c-tests/rules/", $name, "/bad.c")),
                    include_str!(concat!("../../../c-tests/rules/", $name, "/good.c")),
                ),)+
            }
        }
    };
}
mapsan_model::for_each_rule!(programs);

/// An errno: its number, meaning, and for each call the rules that may be the reason, in the order in which libc and
/// the kernel look.
struct Errno {
    name: &'static str,
    number: i32,
    meaning: &'static str,
    rules: &'static [Rule],
}

macro_rules! errnos {
    ($($name:ident $meaning:literal [$($rule:ident)*];)+) => {
        const ERRNOS: &[Errno] = &[$(Errno {
            name: stringify!($name),
            number: libc::$name,
            meaning: $meaning,
            rules: &[$(Rule::$rule),*],
        },)+];
    };
}

errnos! {
    EINVAL "invalid argument: which one, and why, the kernel does not say" [
        MmapUnalignedOffset MmapZeroLength MmapUnalignedAddress MmapNoSharing MmapBothSharing MmapHugePages MmapFailed
        MunmapMapFailed MunmapUnalignedAddress MunmapZeroLength MunmapBadRange MunmapFailed
        MremapBadAddress MremapFailed MprotectUnalignedAddress MprotectFailed MsyncBadFlags MsyncUnalignedAddress
        MadviseFailed MadviseUnalignedAddress
        ShmgetSizeMismatch ShmgetZeroSize ShmgetSizeLimit ShmgetFailed
        ShmatBadId ShmatUnalignedAddress ShmatRemapNull ShmatAddressInUse ShmatFailed
        ShmdtNotAttached ShmdtInterior ShmdtDouble ShmdtNotASegment ShmctlBadId ShmctlBadCommand ShmctlFailed
        ShmOpenName ShmOpenFailed SemOpenName SemOpenFailed SemBadValue SemUnlinkFailed
        SemgetLimit SemgetCountMismatch SemgetZeroCount SemctlBadId SemctlBadNumber SemctlBadCommand SemctlFailed
        SemopRemoved SemopBadId SemopFailed MsgctlBadId MsgctlBadCommand MsgctlFailed MsgsndTooLong MsgsndBadId MsgsndBadType
        MsgsndRemoved MsgrcvBadId MsgrcvRemoved MsgrcvFailed
    ];
    ENOMEM "not enough memory, a limit on it, or a hole in a range" [
        MmapLengthTooLarge MmapHugePages MmapOutOfMemory MunmapFailed MremapFailed MprotectNotMapped MprotectFailed
        MsyncNotMapped MadviseFailed ShmgetSizeLimit ShmgetFailed ShmatFailed ShmctlFailed
        SemgetFailed MsggetFailed SemopFailed MsgsndFailed
    ];
    EACCES "permission denied" [
        MmapNotMappable MmapFdNotReadable MmapFdNotWritable MmapExecDenied MmapFailed MprotectDenied MprotectFailed MadviseFailed FtokPath
        ShmgetDenied ShmatDenied ShmctlDenied ShmOpenNoPermissions ShmOpenDenied ShmUnlinkFailed
        SemOpenNoPermissions SemOpenDenied SemUnlinkFailed
        SemgetDenied SemctlDenied SemopFailed MsggetDenied MsgctlDenied MsgsndFailed MsgrcvFailed
    ];
    EBADF "the descriptor is not open, or not fit for the call" [MmapBadFd MadviseFailed];
    ENODEV "what the descriptor refers to can't be mapped" [MmapNotMappable];
    EPERM "not permitted: a privilege is missing, or the file, its mount, a seal or a filter forbids it" [
        MmapSealed MmapExecDenied MmapLockLimit MmapFailed MunmapFailed MremapFailed MprotectFailed MadviseFailed ShmgetFailed ShmctlDenied
        SemctlDenied MsgctlDenied SemgetFailed MsggetFailed
    ];
    EEXIST "it exists already" [MmapAddressInUse ShmgetExists ShmOpenExists SemOpenExists SemgetExists MsggetExists];
    EAGAIN "a limit for now: locked memory, a locked file, or the number of mappings" [MmapLockLimit MmapFailed MremapFailed MadviseFailed];
    EOVERFLOW "a value is too large for its type" [MmapOffsetOverflow ShmctlFailed];
    EOPNOTSUPP "a flag is not supported for this file" [MmapFailed MadviseFailed];
    ENOENT "no such file or object, or no segment with this key" [FtokPath ShmgetMissing ShmOpenMissing ShmOpenFailed SemOpenMissing SemOpenFailed SemgetMissing MsggetMissing];
    ENOTDIR "a part of the path is not a directory" [FtokPath];
    EFAULT "the address is not memory that can be used" [MremapBadAddress MadviseFailed FtokPath ShmctlNullBuffer SemctlNullBuffer SemopNullBuffer MsgctlNullBuffer MsgsndNullBuffer MsgrcvNullBuffer];
    ENOSPC "no room: a limit on segments, or a full filesystem" [ShmgetSizeLimit ShmgetSegmentLimit MsyncFailed SemgetLimit MsggetLimit SemopFailed];
    EIDRM "the segment has been removed" [ShmatBadId ShmctlBadId SemctlBadId SemopRemoved MsgctlBadId MsgsndRemoved MsgrcvRemoved];
    EBUSY "the memory is locked, or in use otherwise" [MsyncFailed MadviseFailed];
    EIO "the file could not be read or written" [MmapNotMappable MsyncFailed MadviseFailed];
    EINTR "a signal came while the call waited" [MsyncFailed];
    ENFILE "the system has as many open files as it may" [MmapFailed ShmgetFailed ShmOpenFailed SemOpenFailed];
    EMFILE "the process has as many open files as it may" [ShmOpenFailed SemOpenFailed];
    ENAMETOOLONG "the name is longer than one may be" [ShmOpenName SemOpenName SemUnlinkFailed];
    E2BIG "more than there may be, or than there is room for" [SemopTooMany MsgrcvTooLong];
    EFBIG "a number outside of what there is" [SemopBadNumber];
    ERANGE "a value outside of its range" [SemctlBadValue SemopFailed];
    ETXTBSY "the file is executed, or open for writing" [MmapFailed];
}

/// Explains what was asked for, to people or, as Markdown, to programs.
pub(crate) fn explain(matches: &ArgMatches, to_terminal: bool) -> Result<String, Failure> {
    let page = page(matches)?;
    Ok(if to_terminal { prose::shown(&page) } else { page })
}

fn page(matches: &ArgMatches) -> Result<String, Failure> {
    let words: Vec<&str> = matches.get_many::<String>("what").into_iter().flatten().map(String::as_str).collect();
    if let [call, errno] = words[..] {
        let swapped = errno_named(call).is_some() && errno_named(errno).is_none();
        return if swapped { of_call(errno, call) } else { of_call(call, errno) };
    }
    let what = words.first().copied().unwrap_or_default();
    let lower = what.to_ascii_lowercase();
    if let Some(page) = call_page(&lower) {
        return Ok(page);
    }
    if let Some(rule) = Rule::from_name(&lower) {
        return Ok(rule_page(rule));
    }
    if let Some(errno) = errno_named(what) {
        return Ok(errno_page(errno));
    }
    let known = Rule::ALL.iter().map(|rule| rule.name()).chain(ERRNOS.iter().map(|errno| errno.name));
    Err(Failure::usage(format!(
        "'{what}' is no rule and no errno of these calls{}; 'mapsan rules' lists the rules",
        nearest(what, known)
    )))
}

fn errno_named(what: &str) -> Option<&'static Errno> {
    ERRNOS.iter().find(|errno| errno.name.eq_ignore_ascii_case(what) || errno.number.to_string() == what)
}

/// The rules of a call; `None` if it has none.
fn call_page(call: &str) -> Option<String> {
    let rules: Vec<&Rule> = Rule::ALL.iter().filter(|rule| rule.info().call.eq_ignore_ascii_case(call)).collect();
    let name = rules.first()?.info().call;
    let mut text = format!("# {name}\n\n");
    for rule in rules {
        let _ = writeln!(text, "  {:<26}  {}", rule.name(), rule.info().summary);
    }
    let _ =
        write!(text, "\n'mapsan explain RULE' tells more of each; 'mapsan explain {name} ERRNO' why it fails so.\n");
    Some(text)
}

/// Why a call fails with an errno.
fn of_call(call: &str, what: &str) -> Result<String, Failure> {
    let of = |errno: &'static Errno| errno.rules.iter().copied().filter(move |rule| rule.info().call == call);
    let gives: Vec<&str> = ERRNOS.iter().filter(|errno| of(errno).next().is_some()).map(|errno| errno.name).collect();
    if gives.is_empty() {
        let calls = Rule::ALL.iter().map(|rule| rule.info().call).filter(|call| !is_signal(call));
        return Err(Failure::usage(format!("'{call}' is no call that mapsan checks{}", nearest(call, calls))));
    }
    let errno = errno_named(what)
        .filter(|errno| of(errno).next().is_some())
        .ok_or_else(|| Failure::usage(format!("{call} does not fail with '{what}'; it gives {}", gives.join(", "))))?;
    let mut text = format!(
        "# {call}: {} ({})\n\n{}. The causes, in the order in which libc and the kernel look:\n",
        errno.name,
        errno.number,
        capital(errno.meaning)
    );
    for rule in of(errno) {
        let body = what_it_says(rule).replace('\n', "\n    ").replace("\n    \n", "\n\n");
        let _ = write!(text, "\n{}\n    {body}\n", rule.name());
    }
    text.push_str("\n'mapsan run PROGRAM' says which it was; 'mapsan explain RULE' tells more of each.\n");
    Ok(text)
}

/// The first paragraph of a rule's text, with the list that it announces.
fn what_it_says(rule: Rule) -> String {
    let mut paragraphs = rule.text().split("\n\n").skip(1);
    let first = paragraphs.next().unwrap_or_default();
    match paragraphs.next().filter(|_| first.ends_with(':')) {
        Some(list) => format!("{first}\n\n{list}"),
        None => first.to_owned(),
    }
}

fn rule_page(rule: Rule) -> String {
    let info = rule.info();
    let mut text = rule.text().trim_end().to_owned();
    let severities: Vec<&str> = info.severities.iter().map(|severity| severity.name()).collect();
    let group = info.group.name();
    let on = if info.group.on_by_default() { "on by default".to_owned() } else { format!("off until enable={group}") };
    let _ = write!(text, "\n\nSeverity {}; group {group}, {on}", severities.join(" or "));
    let _ = match info.enforce {
        Some(errno) => writeln!(text, "; mode=enforce fails the call with {errno}."),
        None => writeln!(text, "."),
    };
    let (bad, good) = programs(rule);
    for (title, program) in [("A program that breaks it", bad), ("One that does not", good)] {
        let shown = Shown::of(program);
        let with = shown.options.map(|options| format!(" (with {options})")).unwrap_or_default();
        let _ = write!(text, "\n## {title}{with}\n\n```c\n{shown}```\n");
    }
    text
}

fn errno_page(errno: &Errno) -> String {
    let mut text = format!("# {} ({})\n\n{}.\n", errno.name, errno.number, capital(errno.meaning));
    let mut call = "";
    for rule in errno.rules {
        let info = rule.info();
        if info.call != call {
            call = info.call;
            let _ = writeln!(text, "\n{call}, in the order in which libc and the kernel look:");
        }
        let _ = writeln!(text, "  {:<26}  {}", info.name, info.summary);
    }
    text.push_str("\n'mapsan run PROGRAM' says which it was; 'mapsan explain RULE' tells more of each.\n");
    text
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(what: &str) -> Result<String, Failure> {
        let matches = crate::arguments::command().get_matches_from(["mapsan", "explain", what]);
        page(matches.subcommand_matches("explain").unwrap())
    }

    #[test]
    fn every_rule_has_a_page_and_programs() {
        for rule in Rule::ALL {
            let page = ask(rule.name()).unwrap();
            assert!(page.starts_with(&format!("# {rule}\n")), "{rule}");
            assert!(rule.text().lines().count() >= 6, "the page of {rule} says too little");
            assert!(page.contains("/* faulty */"), "{rule}");
            assert!(
                !page.contains("mapsan-vary") && !page.contains("/* mapsan:") && !page.contains("return 77"),
                "{rule}"
            );
        }
    }

    /// It is shown as what is right, and is copied.
    #[test]
    fn a_correct_program_leaves_nothing_out_and_opens_nothing_to_all() {
        let mut decimal = 0;
        for rule in Rule::ALL {
            let (_, good) = programs(*rule);
            assert!(!good.to_lowercase().contains("forget"), "{rule}");
            if rule.name().ends_with("-decimal-mode") {
                decimal += 1;
                assert!(!good.contains("0666"), "{rule}");
            }
        }
        assert!(decimal > 0);
    }

    #[test]
    fn an_errno_is_known_by_name_and_number() {
        assert!(ask("munmap").unwrap().contains("munmap-double"));
        assert_eq!(ask("MUNMAP-DOUBLE").unwrap(), ask("munmap-double").unwrap());
        assert_eq!(ask("einval").unwrap(), ask("22").unwrap());
        assert!(ask("EINVAL").unwrap().contains("mmap-unaligned-offset"));
    }

    #[test]
    fn a_call_and_its_errno() {
        let ask = |words: [&str; 2]| {
            let matches = crate::arguments::command().get_matches_from(["mapsan", "explain", words[0], words[1]]);
            page(matches.subcommand_matches("explain").unwrap())
        };
        let page = ask(["mmap", "EINVAL"]).unwrap();
        assert!(page.contains("mmap-unaligned-offset") && !page.contains("shmget"), "{page}");
        assert!(ask(["mmap", "ENOTDIR"]).unwrap_err().to_string().contains("it gives EINVAL"));
        assert!(ask(["nmap", "EINVAL"]).unwrap_err().to_string().contains("(did you mean 'mmap'"));
        assert_eq!(ask(["EINVAL", "mmap"]).unwrap(), page);
    }

    #[test]
    fn an_unknown_word_is_met_with_what_is_near() {
        let failure = ask("mmap-bad-df").unwrap_err();
        assert_eq!(failure.status(), 2);
        assert!(failure.to_string().contains("'mmap-bad-fd'"), "{failure}");
    }

    #[test]
    fn every_rule_of_a_failure_explains_some_errno() {
        for rule in Rule::ALL.iter().filter(|rule| rule.name().ends_with("-failed")) {
            let of_result = ["shmget-failed-key", "munmap-map-failed", "fault-map-failed", "fault-sem-failed"]
                .contains(&rule.name());
            assert!(of_result || ERRNOS.iter().any(|errno| errno.rules.contains(rule)), "{rule}");
        }
    }
}
