//! `cargo xtask compare`: the same wrong programs under memcheck, the sanitizers of the compiler, strace and mapsan.
//!
//! The programs are those of c-tests/rules: a folder a mistake, whose line is marked in `bad.c`. What is known of them stands in
//! c-tests/mistakes.json, for others to read. The table is a part of README.md. How a tool is added is said in c-tests/README.md.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A tool: what the program is compiled with, what it is run by, and what gives it its settings.
struct Tool {
    name: &'static str,
    compile: &'static [&'static str],
    run: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    /// What is to be there, and how it is had.
    needs: (&'static str, &'static str),
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "mapsan",
        compile: &[],
        run: &["MAPSAN", "run", "--color", "never"],
        environment: &[],
        needs: ("cc", "apt-get install gcc"),
    },
    Tool {
        name: "memcheck",
        compile: &[],
        run: &["valgrind", "--leak-check=full", "--track-fds=yes"],
        environment: &[],
        needs: ("valgrind", "apt-get install valgrind"),
    },
    Tool {
        name: "ASan, UBSan",
        compile: &["-fsanitize=address,undefined"],
        run: &[],
        environment: &[("ASAN_OPTIONS", "detect_leaks=1")],
        needs: ("cc", "apt-get install gcc"),
    },
    Tool {
        name: "TSan",
        compile: &["-fsanitize=thread"],
        run: &[],
        environment: &[],
        needs: ("cc", "apt-get install gcc"),
    },
    Tool {
        name: "strace",
        compile: &[],
        run: &["strace", "-f", "-y"],
        environment: &[],
        needs: ("strace", "apt-get install strace"),
    },
];

/// The mistakes of the table in README.md: of each kind the one that people make most.
const SHOWN: [&str; 12] = [
    "mmap-unaligned-offset",
    "mmap-bad-fd",
    "mmap-fixed-clobber",
    "munmap-double",
    "munmap-overrun",
    "shmget-size-mismatch",
    "shmat-bad-id",
    "shmdt-interior",
    "leak-segment",
    "fault-map-failed",
    "fault-past-eof",
    "fault-after-unmap",
];

/// The most time that a program may take under a tool.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the table stands in README.md.
const BEGIN: &str = "<!-- compared -->\n";
const END: &str = "<!-- /compared -->\n";

/// What a tool has said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// The mistake's line.
    Line,
    /// That something is wrong, elsewhere or nowhere.
    Something,
    /// The call and its errno, among all others.
    Errno,
    Nothing,
    NotHere,
}

impl Said {
    fn word(self) -> &'static str {
        match self {
            Said::Line => "**line**",
            Said::Something => "something",
            Said::Errno => "errno alone",
            Said::Nothing => "-",
            Said::NotHere => "not tried",
        }
    }
}

/// A wrong program.
struct Mistake {
    rule: String,
    summary: String,
    call: String,
    source: PathBuf,
    line: usize,
}

/// Runs all, or those that are named, and prints the table; of the twelve of README.md it writes it there.
pub(crate) fn compare(names: &[String], list: bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the folder of the sources")?;
    let mapsan =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("release/mapsan");
    let mapsan = env::var_os("MAPSAN").map_or(mapsan, PathBuf::from);
    let mistakes = mistakes(root, &mapsan)?;
    if list {
        return fs::write(root.join("c-tests/mistakes.json"), as_json(root, &mistakes))
            .context("writing c-tests/mistakes.json");
    }
    let chosen: Vec<&str> = if names.is_empty() { SHOWN.to_vec() } else { names.iter().map(String::as_str).collect() };
    let mut table = String::from("| mistake |");
    for tool in TOOLS {
        table.extend([" ", tool.name, " |"]);
    }
    table.push_str("\n| --- |");
    table.push_str(&" --- |".repeat(TOOLS.len()));
    table.push('\n');
    let folder = env::temp_dir().join(format!("mapsan-compare-{}", std::process::id()));
    fs::create_dir_all(&folder).context("making a folder")?;
    for name in chosen {
        let mistake = mistakes.get(name).with_context(|| format!("there is no folder c-tests/rules/{name}"))?;
        let _ = write!(table, "| `{}`: {} |", mistake.rule, mistake.summary);
        for tool in TOOLS {
            let said = ask(tool, mistake, &mapsan, &folder)?;
            let _ = write!(table, " {} |", said.word());
        }
        table.push('\n');
    }
    fs::remove_dir_all(&folder).context("removing the folder")?;
    print!("{table}");
    if names.is_empty() { put_into_readme(root, &table) } else { Ok(()) }
}

/// All wrong programs, by their rules.
fn mistakes(root: &Path, mapsan: &Path) -> Result<BTreeMap<String, Mistake>> {
    let output = Command::new(mapsan).args(["rules", "--format", "json"]).output();
    let output = output.with_context(|| format!("{}: cargo build --release", mapsan.display()))?;
    let rules = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut mistakes = BTreeMap::new();
    for entry in fs::read_dir(root.join("c-tests/rules")).context("reading c-tests/rules")? {
        let source = entry?.path().join("bad.c");
        let Ok(text) = fs::read_to_string(&source) else { continue };
        let rule = source.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let marked = text.lines().position(|line| line.contains("/* faulty */"));
        let Some(line) = marked.map(|line| line + 1) else { continue };
        let summary = field(&rules, &rule, "summary").with_context(|| format!("there is no rule {rule}"))?;
        let call = call_of(&rules, &rule).unwrap_or_default();
        mistakes.insert(rule.clone(), Mistake { rule, summary, call, source, line });
    }
    Ok(mistakes)
}

/// A field of a rule in the list that the command prints.
fn field(rules: &str, rule: &str, name: &str) -> Option<String> {
    let of_rule = rules.split_once(&format!("\"name\": \"{rule}\""))?.1;
    let value = of_rule.split_once(&format!("\"{name}\": \""))?.1;
    Some(value.lines().next()?.trim_end_matches(',').trim_end_matches('"').to_owned())
}

/// The call that a rule is about, which stands before its name.
fn call_of(rules: &str, rule: &str) -> Option<String> {
    let before = rules.split_once(&format!("\"name\": \"{rule}\""))?.0;
    let value = before.rsplit_once("\"call\": \"")?.1;
    Some(value.split_once('"')?.0.to_owned())
}

fn as_json(root: &Path, mistakes: &BTreeMap<String, Mistake>) -> String {
    let entry = |mistake: &Mistake| {
        let source = mistake.source.strip_prefix(root).unwrap_or(&mistake.source).display();
        format!(
            "  {{ \"mistake\": \"{}\", \"what\": \"{}\", \"file\": \"{source}\", \"line\": {} }}",
            mistake.rule, mistake.summary, mistake.line
        )
    };
    format!("[\n{}\n]\n", mistakes.values().map(entry).collect::<Vec<_>>().join(",\n"))
}

fn is_there(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Compiles a program for a tool, runs it there, and looks at what is said.
fn ask(tool: &Tool, mistake: &Mistake, mapsan: &Path, folder: &Path) -> Result<Said> {
    if !is_there(tool.needs.0) {
        eprintln!("{} is not here, and not tried: {}", tool.needs.0, tool.needs.1);
        return Ok(Said::NotHere);
    }
    let program = folder.join("bad");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-std=gnu11", "-g", "-O0", "-w", "-pthread"])
        .args(tool.compile)
        .arg("-o")
        .arg(&program)
        .arg(&mistake.source);
    if !compiler.stderr(Stdio::null()).status().context("running cc")?.success() {
        return Ok(Said::NotHere);
    }
    let mut words: Vec<&str> = tool.run.to_vec();
    let (mapsan, shown) = (mapsan.display().to_string(), program.display().to_string());
    words.iter_mut().filter(|word| **word == "MAPSAN").for_each(|word| *word = &mapsan);
    words.push(&shown);
    // Objects that it leaves are gone with their namespace.
    let alone: &[&str] = if is_root() { &["unshare", "--ipc"] } else { &[] };
    let words: Vec<&str> = alone.iter().copied().chain(words).collect();
    let said = folder.join("said");
    let file = fs::File::create(&said).context("making a file")?;
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .current_dir(folder)
        .envs(tool.environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .process_group(0)
        .spawn()
        .with_context(|| format!("running {}", words[0]))?;
    let start = Instant::now();
    while child.try_wait().context("waiting")?.is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().context("ending it")?;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let text = String::from_utf8_lossy(&fs::read(&said).context("reading what was said")?).into_owned();
    Ok(judge(tool, &text, mistake))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0)
}

/// Whether a tool has named the line, or said anything. strace lists all calls, and says nothing of them.
fn judge(tool: &Tool, text: &str, mistake: &Mistake) -> Said {
    let Mistake { line, call, .. } = mistake;
    let names_line = |text: &str| {
        let place = format!("bad.c:{line}");
        text.match_indices(&place)
            .any(|(at, _)| !text[at + place.len()..].starts_with(|next: char| next.is_ascii_digit()))
    };
    match tool.name {
        "strace" => {
            let mut calls = text.lines().filter(|text| text.contains(&format!("{call}(")));
            if calls.any(|text| text.contains(" = -1 E")) { Said::Errno } else { Said::Nothing }
        }
        _ if names_line(text) => Said::Line,
        "memcheck" if text.contains("ERROR SUMMARY: 0 errors") && !text.contains("Process terminating") => {
            Said::Nothing
        }
        "memcheck" => Said::Something,
        _ if ["ERROR: ", "WARNING: ", "runtime error: ", "mapsan: error", "mapsan: warning", "mapsan: note"]
            .iter()
            .any(|word| text.contains(word)) =>
        {
            Said::Something
        }
        _ => Said::Nothing,
    }
}

fn put_into_readme(root: &Path, table: &str) -> Result<()> {
    let path = root.join("README.md");
    let text = fs::read_to_string(&path).context("reading README.md")?;
    let (before, rest) = text.split_once(BEGIN).with_context(|| format!("README.md has no {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("README.md has no {END}"))?;
    fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).context("writing README.md")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str) -> &'static Tool {
        TOOLS.iter().find(|tool| tool.name == name).unwrap()
    }

    #[test]
    fn what_tools_say() {
        let mistake = Mistake {
            rule: "munmap-unaligned-address".into(),
            summary: String::new(),
            call: "munmap".into(),
            source: PathBuf::new(),
            line: 7,
        };
        let said = |name: &str, text: &str| judge(tool(name), text, &mistake);
        assert!(said("memcheck", "==1== ERROR SUMMARY: 0 errors from 0 contexts") == Said::Nothing);
        assert!(said("memcheck", "==1== Process terminating\n==1== by 0x1: main (bad.c:7)") == Said::Line);
        assert!(said("memcheck", "==1== Process terminating\n==1== by 0x1: main (bad.c:71)") == Said::Something);
        assert!(said("ASan, UBSan", "ERROR: AddressSanitizer: SEGV") == Said::Something);
        assert!(said("strace", "munmap(0x1, 4096) = -1 EINVAL (Invalid argument)\nexit_group(1)") == Said::Errno);
        assert!(said("strace", "shmdt(0x1) = -1 EINVAL (Invalid argument)\nmunmap(0x1000, 4096) = 0") == Said::Nothing);
    }

    #[test]
    fn fields_of_rules() {
        let rules =
            "[\n{\n\"name\": \"a-b\",\n\"summary\": \"one\"\n},\n{\n\"name\": \"c-d\",\n\"summary\": \"two\",\n}\n]";
        assert_eq!(field(rules, "a-b", "summary").unwrap(), "one");
        assert_eq!(field(rules, "c-d", "summary").unwrap(), "two");
        assert!(field(rules, "e-f", "summary").is_none());
    }

    /// The list that others read is what the folders say.
    #[test]
    fn the_list_of_mistakes_is_that_of_the_folders() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let list = fs::read_to_string(root.join("c-tests/mistakes.json")).unwrap();
        let mut marked = 0;
        for entry in fs::read_dir(root.join("c-tests/rules")).unwrap() {
            let folder = entry.unwrap().path();
            let Ok(text) = fs::read_to_string(folder.join("bad.c")) else { continue };
            let Some(line) = text.lines().position(|line| line.contains("/* faulty */")) else { continue };
            let rule = folder.file_name().unwrap().to_str().unwrap();
            let start = format!("{{ \"mistake\": \"{rule}\", ");
            let end = format!("\"file\": \"c-tests/rules/{rule}/bad.c\", \"line\": {} }}", line + 1);
            let is_there = list.lines().any(|known| known.trim().starts_with(&start) && known.contains(&end));
            assert!(is_there, "{rule}: write the list anew: cargo xtask compare --list");
            marked += 1;
        }
        assert_eq!(list.matches("\"mistake\"").count(), marked, "write the list anew: cargo xtask compare --list");
    }
}
