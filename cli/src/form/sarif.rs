//! SARIF 2.1.0, for code scanning.

use super::contract::{Form, RunFacts, details, unended};
use super::limits::{self, message, notification};
use crate::findings::baseline::Baseline;
use crate::findings::fingerprint::{Numbered, numbered};
use crate::findings::found::{Found, Located, Related, site_of};
use crate::findings::session::Session;
use crate::findings::symbols::SourceLocation;
use crate::system::signal;
use mapsan_model::{Rule, Severity};
use serde_json::{Value, json};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

/// The name of what paths are relative to.
const SOURCE_ROOT: &str = "SRCROOT";
/// What describes the form.
const SCHEMA: &str = "https://schemastore.azurewebsites.net/schemas/json/sarif-2.1.0.json";

/// Collects the findings until all are known.
#[derive(Default)]
pub(crate) struct Sarif {
    findings: Vec<Found>,
}

/// An object without what is not there: SARIF knows no null.
fn present(mut object: Value) -> Value {
    object.as_object_mut().into_iter().for_each(|fields| fields.retain(|_, value| !value.is_null()));
    object
}

/// Bytes as a URI has them.
fn encoded(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~+,@=".contains(byte);
    bytes.map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A path as a URI: relative to the root of the sources where it lies below that.
fn artifact(path: &Path, run: &RunFacts) -> Value {
    if let Some(below) = run.source_root.relative(path) {
        return json!({ "uri": encoded(&below), "uriBaseId": SOURCE_ROOT });
    }
    let uri = if path.is_absolute() { format!("file://{}", encoded(path)) } else { encoded(path) };
    json!({ "uri": uri })
}

/// Where a place is; `None` without a line.
fn physical(place: &SourceLocation, run: &RunFacts) -> Option<Value> {
    let region = json!({ "startLine": place.line?, "startColumn": place.column.unwrap_or(1) });
    Some(json!({ "artifactLocation": artifact(place.file.as_deref()?, run), "region": region }))
}

/// A location: the line, or the executable where there is none; and what is there.
fn location(stack: &[Located], exe: &str, label: Option<&str>, run: &RunFacts) -> Value {
    let known = site_of(stack).and_then(|place| physical(place, run));
    let place = known.unwrap_or_else(|| json!({ "artifactLocation": artifact(Path::new(exe), run) }));
    present(json!({ "physicalLocation": place, "message": label.map(message) }))
}

fn stack(found: &Found, run: &RunFacts) -> Value {
    let frame = |located: &Located, place: Option<&SourceLocation>| {
        let name = place.and_then(|place| place.function.clone()).or_else(|| located.function().map(str::to_owned));
        let name = name.unwrap_or_else(|| located.frame.address.clone());
        let place = place.and_then(|place| physical(place, run));
        json!({ "location": present(json!({ "physicalLocation": place, "message": message(name) })) })
    };
    let frames: Vec<_> = found
        .stack
        .iter()
        .flat_map(|located| match located.places.as_slice() {
            [] => vec![frame(located, None)],
            places => places.iter().map(|place| frame(located, Some(place))).collect(),
        })
        .collect();
    json!({ "frames": frames })
}

/// What code scanning tells results apart by; the name is the one key that GitHub looks at.
fn fingerprints(numbered: &Numbered) -> Value {
    json!({ "primaryLocationLineHash": format!("{}:1", numbered.hash()), "mapsan/v2": numbered.name() })
}

/// A finding; where there is a baseline, whether it is in it.
fn result(found: &Found, numbered: &Numbered, rules: &[Rule], session: &Session, run: &RunFacts) -> Value {
    let related = |place: &Related| location(&place.stack, &found.exe, Some(&place.label), run);
    let state = if found.is_known { "unchanged" } else { "new" };
    let index = rules.iter().position(|rule| rule.name() == found.rule);
    present(json!({
        "ruleId": found.rule,
        "ruleIndex": index,
        "level": found.severity.name(),
        "message": message(details(found)),
        "locations": [location(&found.stack, &found.exe, None, run)],
        "relatedLocations": found.related.iter().map(related).collect::<Vec<_>>(),
        "stacks": [stack(found, run)],
        "partialFingerprints": fingerprints(numbered),
        "baselineState": session.baseline.is_some().then_some(state),
    }))
}

fn rule(rule: Rule) -> Value {
    let info = rule.info();
    let severity = info.severities.iter().max().copied().unwrap_or(Severity::Note);
    json!({
        "id": info.name,
        "name": info.name,
        "shortDescription": message(info.summary),
        "help": { "text": rule.text(), "markdown": rule.text() },
        "defaultConfiguration": { "level": severity.name() },
    })
}

impl Sarif {
    fn log(&self, session: &Session, run: &RunFacts) -> Value {
        let used = |rule: &&Rule| self.findings.iter().any(|found| found.rule == rule.name());
        let rules: Vec<Rule> = Rule::ALL.iter().filter(used).copied().collect();
        let numbered = numbered(&self.findings);
        let results = self.findings.iter().zip(&numbered);
        let results: Vec<Value> =
            results.map(|(found, numbered)| result(found, numbered, &rules, session, run)).collect();
        let root = format!("file://{}/", encoded(run.source_root.path()).trim_end_matches('/'));
        let driver = json!({
            "name": "mapsan",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.iter().map(|known| rule(*known)).collect::<Vec<_>>(),
        });
        let one = json!({
            "tool": { "driver": driver },
            "results": results,
            "invocations": [invocation(session, run)],
            "originalUriBaseIds": { SOURCE_ROOT: { "uri": root } },
            "columnKind": "unicodeCodePoints",
        });
        json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [one] })
    }
}

/// How the program ended, and what was not checked.
fn invocation(session: &Session, run: &RunFacts) -> Value {
    let uncovered = session.gaps.iter().map(|gap| {
        let text = format!("not covered: '{}': {}", gap.program, gap.reason);
        notification(if run.requires_coverage { "error" } else { "warning" }, text)
    });
    let gone = session.baseline.iter().flat_map(Baseline::gone);
    let gone = gone.map(|gone| notification("note", format!("gone since the baseline: {gone}")));
    let unended = unended(&session.unended).map(|unended| notification("note", unended));
    let failure = run.failure();
    let failed = failure.iter().map(|failure| notification("error", failure.clone()));
    let signal = run.ended.and_then(|ended| ended.signal());
    present(json!({
        "executionSuccessful": failure.is_none() && (session.gaps.is_empty() || !run.requires_coverage),
        "arguments": run.words,
        "toolExecutionNotifications": failed.chain(uncovered).chain(unended).chain(gone).collect::<Vec<_>>(),
        "exitCode": run.ended.and_then(|ended| ended.code()),
        "exitSignalNumber": signal,
        "exitSignalName": signal.map(signal::name),
    }))
}

impl Form for Sarif {
    fn render_finding(&mut self, found: &Found, _session: &mut Session) -> String {
        self.findings.push(found.clone());
        String::new()
    }

    fn render_end(&mut self, session: &mut Session, run: &RunFacts) -> String {
        limits::cut_to_size(self.log(session, run))
    }

    fn shows_known(&self) -> bool {
        true
    }
}
