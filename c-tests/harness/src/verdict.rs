//! What must hold of a run.

use crate::run::{Outcome, Run};
use addr2line::Loader;
use anyhow::{Context, Result, anyhow, bail, ensure};
use mapsan_model::Rule;
use mapsan_model::record::JSON_SCHEMA;
use serde_json::Value;
use std::path::Path;

/// With the library the program does what it does without.
pub(crate) fn same_behaviour(plain: &Run, covered: &Run) -> Result<()> {
    ensure!(
        plain.outcome == covered.outcome,
        "without the library the program {}, with it it {}",
        plain.outcome,
        covered.outcome
    );
    for (stream, without, with) in
        [("stdout", &plain.stdout, &covered.stdout), ("stderr", &plain.stderr, &covered.stderr)]
    {
        ensure!(without == with, "{stream} differs.\nwithout the library:\n{without}\nwith it:\n{with}");
    }
    Ok(())
}

/// What the program has made that has a name or a key is gone.
pub(crate) fn nothing_left(run: &Run) -> Result<()> {
    ensure!(run.left.is_empty(), "the program leaves {}", run.left.join(", "));
    Ok(())
}

/// Reads records, each of which must follow the schema.
pub(crate) fn records(log: &str) -> Result<Vec<Value>> {
    let schema = serde_json::from_str(JSON_SCHEMA).context("the schema is not JSON")?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| anyhow!("the schema: {error}"))?;
    log.lines()
        .map(|line| {
            let record = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
            let errors: Vec<String> = validator.iter_errors(&record).map(|error| error.to_string()).collect();
            ensure!(errors.is_empty(), "a record does not follow the schema: {}\n{line}", errors.join("; "));
            Ok(record)
        })
        .collect()
}

/// The process has a record of its start and, if it ended in order, of its end.
pub(crate) fn frames_the_run(records: &[Value], run: &Run) -> Result<()> {
    let count = |kind: &str| records.iter().filter(|record| record["kind"] == kind && record["pid"] == run.pid).count();
    ensure!(count("start") == 1, "{} start records for pid {}", count("start"), run.pid);
    if matches!(run.outcome, Outcome::Exited(_)) {
        ensure!(count("end") == 1, "{} end records for pid {}", count("end"), run.pid);
    }
    Ok(())
}

fn findings(records: &[Value]) -> Vec<&Value> {
    records.iter().filter(|record| record["kind"] == "finding").collect()
}

fn told(findings: &[&Value]) -> String {
    let lines: Vec<String> =
        findings.iter().map(|finding| format!("\n  {}: {}", finding["rule"], finding["message"])).collect();
    lines.concat()
}

/// There is no finding.
pub(crate) fn no_finding(records: &[Value]) -> Result<()> {
    let findings = findings(records);
    ensure!(findings.is_empty(), "a good program has findings:{}", told(&findings));
    Ok(())
}

/// There is exactly one finding: of this rule, with a severity of its declaration, made on this line.
pub(crate) fn one_finding(records: &[Value], rule: &str, program: &Path, line: u32) -> Result<()> {
    let findings = findings(records);
    let [finding] = findings[..] else {
        bail!("{} findings where one is due:{}", findings.len(), told(&findings));
    };
    let declared = Rule::from_name(rule).with_context(|| format!("there is no rule {rule}"))?.info();
    ensure!(finding["rule"] == rule, "a finding of another rule than {rule}:{}", told(&findings));
    ensure!(
        declared.severities.iter().any(|severity| finding["severity"] == severity.name()),
        "severity {} is not declared for {rule}",
        finding["severity"]
    );
    ensure!(finding["call"]["function"].as_str().is_some_and(|function| function.starts_with(declared.call)));
    // Where a jump ended there may be nothing.
    let frames = finding["stack"].as_array().context("the finding has no stack")?;
    // A semaphore is accessed by libc's functions, for the caller.
    let is_meant = |frame: &&Value| {
        let module = frame["module"].as_str();
        module.is_some_and(|module| rule != "fault-sem-failed" || !module.ends_with("/libc.so.6"))
    };
    let first = frames.iter().find(is_meant).context("no frame has a module")?;
    let found = line_of(first, program)?;
    ensure!(found == line, "the finding names line {found}, and line {line} is marked");
    Ok(())
}

/// The source line of a frame, which must lie in the program.
fn line_of(frame: &Value, program: &Path) -> Result<u32> {
    let module = frame["module"].as_str().context("the frame has no module")?;
    ensure!(Path::new(module) == program.canonicalize()?, "the innermost frame lies in {module}");
    let offset = frame["offset"].as_str().and_then(|offset| offset.strip_prefix("0x")).context("no offset")?;
    let offset = u64::from_str_radix(offset, 16)?;
    let loader = Loader::new(program).map_err(|error| anyhow!("{}: {error}", program.display()))?;
    let location = loader.find_location(offset).map_err(|error| anyhow!("{error}"))?;
    location.and_then(|location| location.line).with_context(|| format!("no line for {offset:#x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(stdout: &str, outcome: Outcome) -> Run {
        Run { pid: 7, stdout: stdout.into(), stderr: String::new(), outcome, log: String::new(), left: Vec::new() }
    }

    fn finding(rule: &str) -> Value {
        json!({"kind": "finding", "rule": rule, "message": "m", "severity": "error", "pid": 7,
            "call": {"function": "mmap"}, "stack": [{"module": "/nowhere", "offset": "0x1"}]})
    }

    #[test]
    fn changed_behaviour_is_caught() {
        let plain = run("a", Outcome::Exited(0));
        assert!(same_behaviour(&plain, &run("a", Outcome::Exited(0))).is_ok());
        assert!(same_behaviour(&plain, &run("b", Outcome::Exited(0))).is_err());
        assert!(same_behaviour(&plain, &run("a", Outcome::Exited(1))).is_err());
        assert!(same_behaviour(&plain, &run("a", Outcome::Killed(11))).is_err());
    }

    #[test]
    fn too_many_too_few_and_wrong_findings_are_caught() {
        let error =
            |records: &[Value]| one_finding(records, "mmap-bad-fd", Path::new("/bin/true"), 1).unwrap_err().to_string();
        assert!(error(&[]).starts_with("0 findings"));
        assert!(error(&[finding("mmap-bad-fd"), finding("mmap-bad-fd")]).starts_with("2 findings"));
        assert!(error(&[finding("mmap-failed")]).starts_with("a finding of another rule"));
        assert!(error(&[finding("mmap-bad-fd")]).starts_with("the innermost frame lies in /nowhere"));
        assert!(no_finding(&[finding("mmap-bad-fd")]).is_err());
        assert!(no_finding(&[json!({"kind": "start"})]).is_ok());
    }

    #[test]
    fn the_line_of_an_address_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let (source, program) = (directory.path().join("a.c"), directory.path().join("a"));
        std::fs::write(&source, "int f(void)\n{\n  return 7;\n}\nint main(void) { return f(); }\n").unwrap();
        let done = std::process::Command::new("cc").arg("-g").arg("-o").args([&program, &source]).status().unwrap();
        assert!(done.success());
        let program = program.canonicalize().unwrap();
        let list = std::process::Command::new("nm").arg(&program).output().unwrap().stdout;
        let list = String::from_utf8(list).unwrap();
        let address = list.lines().find(|line| line.ends_with(" T f")).unwrap().split(' ').next().unwrap();
        let frame = json!({"module": program, "offset": format!("0x{}", address.trim_start_matches('0'))});
        assert_eq!(line_of(&frame, &program).unwrap(), 2);
    }

    #[test]
    fn missing_and_malformed_records_are_caught() {
        let ended = run("", Outcome::Exited(0));
        let start = json!({"kind": "start", "pid": 7});
        let end = json!({"kind": "end", "pid": 7});
        assert!(frames_the_run(&[start.clone(), end.clone()], &ended).is_ok());
        assert!(frames_the_run(std::slice::from_ref(&start), &ended).is_err());
        assert!(frames_the_run(&[end], &ended).is_err());
        assert!(frames_the_run(&[start], &run("", Outcome::Killed(6))).is_ok());
        assert!(records("{}").is_err());
        assert!(records("mapsan: text").is_err());
    }
}
