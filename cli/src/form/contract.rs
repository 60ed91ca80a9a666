//! What every form does, and what it may know.

use crate::findings::found::Found;
use crate::findings::session::{Gap, HowEnded, Session, Unended};
use crate::path::{SourceRoot, display_path};
use crate::system::signal;
use mapsan_model::Severity;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

/// A form. Each function gives what is to be written then.
pub(crate) trait Form {
    /// A record has come in, as this line.
    fn render_record(&mut self, _line: &str) -> String {
        String::new()
    }

    /// A finding has been made.
    fn render_finding(&mut self, found: &Found, session: &mut Session) -> String;

    /// What is written of a call that was made to fail, and the order that is about it alone: it is no finding.
    fn render_injected(&mut self, _call: &Found, _order: &str, _session: &mut Session) -> String {
        String::new()
    }

    /// All is known.
    fn render_end(&mut self, session: &mut Session, run: &RunFacts) -> String;

    /// Whether it shows findings that the baseline has, too, and tells them from new ones.
    fn shows_known(&self) -> bool {
        false
    }
}

/// What is known of a run besides its findings.
pub(crate) struct RunFacts {
    /// The program and its arguments, or the files that were read.
    pub(crate) words: Vec<String>,
    /// The lowest severity that counts as a failure.
    pub(crate) fail: Severity,
    /// Whether something that is not covered counts as one.
    pub(crate) requires_coverage: bool,
    /// How the program's own process has ended, if this is a run.
    pub(crate) ended: Option<ExitStatus>,
    /// Whether a fault was to end it.
    pub(crate) fault_is_expected: bool,
    /// What the paths of files are relative to.
    pub(crate) source_root: SourceRoot,
    /// Whether it says more.
    pub(crate) verbose: bool,
    /// What was swept, if this is a sweep.
    pub(crate) sweep: Option<Swept>,
}

/// What a sweep has come to, in numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Swept {
    /// A line for each place that was reached, in the order in which they were.
    pub(crate) sites: Vec<SweptSite>,
    /// Places of calls that were not reached.
    pub(crate) never_reached: Vec<String>,
    /// Why it did not come to its end.
    pub(crate) cut_short: Option<String>,
}

/// What became of the runs in which a call of one place failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct SweptSite {
    /// The call, and where.
    pub(crate) name: String,
    pub(crate) points: u64,
    pub(crate) runs: u64,
    pub(crate) survived: u64,
    pub(crate) died: u64,
    pub(crate) hung: u64,
    pub(crate) silent: u64,
    /// Runs in which it was not reached.
    pub(crate) unreached: u64,
}

impl RunFacts {
    /// How the program failed, in words, where it did so otherwise than was expected: its status was not 0, or a signal ended it; or
    /// why it was not swept to the end.
    pub(super) fn failure(&self) -> Option<String> {
        if let Some(why) = self.sweep.as_ref().and_then(|swept| swept.cut_short.clone()) {
            return Some(why);
        }
        let ended = self.ended?;
        match (ended.signal(), ended.code()) {
            _ if self.fault_is_expected && signal::has_ended(ended) => None,
            (Some(signal), _) => Some(format!("the program was ended by {}", signal::name(signal))),
            (None, Some(0)) => None,
            (None, code) => Some(format!("the program ended with status {}", code.unwrap_or_default())),
        }
    }
}

/// Which frames of harnesses and interpreters a text shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ShownFrames {
    /// Of several one after the other the number.
    #[default]
    Folded,
    Each,
}

/// How a text looks.
#[derive(Clone, Copy)]
pub(crate) struct TextStyle {
    pub(crate) colour: bool,
    /// Whether somebody looks on.
    pub(crate) terminal: bool,
    /// Whether each finding comes with the line that would silence it.
    pub(crate) suppressions: bool,
    pub(crate) frames: ShownFrames,
    /// The columns that the source is cut to.
    pub(crate) width: usize,
}

/// Of what no terminal shows.
impl Default for TextStyle {
    fn default() -> TextStyle {
        let frames = ShownFrames::default();
        TextStyle { colour: false, terminal: false, suppressions: false, frames, width: WIDTH }
    }
}

/// The columns of what is no terminal.
pub(crate) const WIDTH: usize = 80;

/// A path as machines read it: relative to the root of the sources where it lies below that.
pub(super) fn machine_path(path: &Path, root: &SourceRoot) -> String {
    root.relative(path).unwrap_or_else(|| path.to_owned()).display().to_string()
}

/// A finding's message with its call, notes and helps, a line each.
pub(super) fn details(found: &Found) -> String {
    let notes = found.notes.iter().map(|note| format!("\nnote: {note}"));
    let helps = found.help.iter().map(|help| format!("\nhelp: {help}"));
    let replay = found.replay.iter().map(|replay| format!("\nreplay: {replay}"));
    let lines: String = notes.chain(helps).chain(replay).collect();
    let ranks = found.ranks().map(|ranks| format!("\n{ranks}")).unwrap_or_default();
    format!("{}\n{}{ranks}{lines}", found.message, found.call)
}

/// A line for each program that is not covered.
pub(super) fn each_gap(session: &Session, line: impl Fn(&Gap) -> String) -> String {
    session.gaps.iter().map(line).collect()
}

/// The most processes that are named.
const NAMED: usize = 3;

/// Which processes ended without a word, in a line.
pub(super) fn unended(all: &[Unended]) -> Option<String> {
    let name = |process: &Unended| match (display_path(Path::new(&process.exe)), process.pid) {
        (exe, 0) => format!("'{exe}'"),
        (exe, pid) => format!("'{exe}' (process {pid})"),
    };
    let mut named: Vec<String> = all.iter().take(NAMED).map(name).collect();
    if all.len() > NAMED {
        named.push(format!("{} more", all.len() - NAMED));
    }
    if all.iter().any(|process| process.how == HowEnded::Untold) {
        let (it, left) = if all.len() == 1 { ("it", "it leaves") } else { ("each of them", "they leave") };
        return Some(format!(
            "no end is told of {}: {it} was ended by a signal, or by exit_group(2) itself, became another program, still ran, \
             or its log goes on in another file: what {left} mapped was not looked at",
            named.join(", ")
        ));
    }
    let (how, left) = match all {
        [] => return None,
        [one] if one.how == HowEnded::Exited => ("by exit_group(2) itself, past exit(3) and _exit(2)", "it left"),
        [_] => ("by a signal, or by exit_group(2) itself", "it left"),
        _ => ("by signals, or by exit_group(2) itself", "they left"),
    };
    Some(format!("ended {how}, or could send nothing more: {}: what {left} mapped was not looked at", named.join(", ")))
}
