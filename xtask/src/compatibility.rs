//! `cargo xtask compatibility`: real programs with and without the library, as a table in docs/compatibility.md.

use crate::subjects::{SUBJECTS, Subject};
use anyhow::{Context, Result};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// Runs all of it and writes the table; with a name prints the rows of those that hold it.
pub(crate) fn compatibility(name: Option<&str>) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the folder of the sources")?;
    crate::install::build_library(root)?;
    let library = root.join("target/release/libmapsan.so").canonicalize().context("the library")?;
    if let Some(name) = name {
        for subject in SUBJECTS.iter().filter(|subject| subject.0.contains(name)) {
            print!("{}", row(subject, &library)?);
        }
        return Ok(());
    }
    let mut text = format!(
        "# Compatibility\n\nReal programs of Debian packages, each run with the library and without: the same output \
         and exit status or not, what was found, and what it cost. Written by `cargo xtask compatibility` on {}.\n\n\
         Errors and warnings are named; notes, most of which tell of mappings that are never unmapped, are counted. \
         Times are the median of three, with start and end of all processes. In the column `hardened` the same with \
         `harden=guard,quarantine,tail`: the result, and errors and warnings beside those of the plain run.\n\n\
         | program | package | result | errors and warnings | notes | time without, with | hardened |\n\
         | --- | --- | --- | --- | ---: | ---: | --- |\n",
        crate::bench::machine()?
    );
    for subject in SUBJECTS {
        println!("{}", subject.0);
        text.push_str(&row(subject, &library)?);
    }
    let document = root.join("docs/compatibility.md");
    text.push_str(&suites(&document)?);
    fs::write(&document, text).context("writing docs/compatibility.md")?;
    println!("the table is in {}", document.display());
    Ok(())
}

/// What the document says after the table, which is written by hand: suites of tests take longer, and their sources.
fn suites(document: &Path) -> Result<String> {
    let before = fs::read_to_string(document).context("reading docs/compatibility.md")?;
    Ok(before.find("\n## Test suites").map(|at| before[at..].to_owned()).unwrap_or_default())
}

fn row(subject: &Subject, library: &Path) -> Result<String> {
    let Subject(name, package, command) = subject;
    let (plain, without) = run(command, None, "")?;
    if plain.0.status.code() == Some(127) || !plain.0.status.success() {
        return Ok(format!("| {name} | {package} | not tried: it does not run here | | | | |\n"));
    }
    let (covered, with) = run(command, Some(library), "")?;
    let (hardened, _) = run(command, Some(library), "harden=guard,quarantine,tail:")?;
    let rules = rules_of(&covered.1);
    let notes = covered.1.lines().filter(|line| line.starts_with("mapsan: note[")).count();
    let mut more = rules_of(&hardened.1);
    more.retain(|rule| !rules.contains(rule));
    let mut row = format!("| {name} | {package} | {} | {} | {notes} | ", result(&plain.0, &covered.0), list(&rules));
    let _ = write!(row, "{without:.2} s, {with:.2} s | {}", result(&plain.0, &hardened.0));
    if !more.is_empty() {
        let _ = write!(row, "; {}", list(&more));
    }
    row.push_str(" |\n");
    Ok(row)
}

/// Whether two runs were the same to see.
fn result(plain: &Output, other: &Output) -> &'static str {
    if plain.stdout == other.stdout && plain.status == other.status { "same" } else { "**differs**" }
}

/// The rules of errors and warnings in a log.
fn rules_of(log: &str) -> Vec<&str> {
    let mut rules = Vec::new();
    for line in log.lines() {
        let found = line.strip_prefix("mapsan: error[").or_else(|| line.strip_prefix("mapsan: warning["));
        rules.extend(found.and_then(|rest| rest.split(']').next()).filter(|rule| !rules.contains(rule)));
    }
    rules
}

fn list(rules: &[&str]) -> String {
    if rules.is_empty() { "none".to_owned() } else { rules.join(", ") }
}

/// Runs a command three times; the last run's output, the library's log, and the median time in seconds.
fn run(command: &str, library: Option<&Path>, options: &str) -> Result<((Output, String), f64)> {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..3 {
        let folder = std::env::temp_dir().join(format!("mapsan-compatibility-{}", std::process::id()));
        let logs = folder.with_extension("logs");
        for path in [&folder, &logs] {
            let _ = fs::remove_dir_all(path);
            fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
        }
        let mut shell = Command::new("timeout");
        shell.args(["120", "unshare", "--ipc", "sh", "-c", command]).current_dir(&folder).stdin(Stdio::null());
        if let Some(library) = library {
            let options = format!("{options}log_path={}", logs.join("%p").display());
            shell.env("LD_PRELOAD", library).env("MAPSAN_OPTIONS", options);
        }
        let start = Instant::now();
        let output = shell.output().context("running timeout and unshare")?;
        times.push(start.elapsed().as_secs_f64());
        let mut log = String::new();
        for entry in fs::read_dir(&logs)? {
            log.push_str(&String::from_utf8_lossy(&fs::read(entry?.path()).unwrap_or_default()));
        }
        last = Some((output, log));
        let _ = fs::remove_dir_all(&folder);
        let _ = fs::remove_dir_all(&logs);
    }
    times.sort_by(f64::total_cmp);
    Ok((last.context("three runs")?, times[1]))
}
