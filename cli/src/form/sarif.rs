//! SARIF 2.1.0, for code scanning.

use super::contract::{Form, RunFacts, details, unended};
use super::limits;
use crate::findings::baseline::Baseline;
use crate::findings::fingerprint::{Numbered, numbered};
use crate::findings::found::{Found, Located, Related, site_of};
use crate::findings::session::Session;
use crate::findings::symbols::SourceLocation;
use crate::system::signal;
use mapsan_model::{Rule, Severity};
use serde_sarif::sarif;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

/// The name of what paths are relative to.
const SOURCE_ROOT: &str = "SRCROOT";

/// Collects the findings until all are known.
#[derive(Default)]
pub(crate) struct Sarif {
    findings: Vec<Found>,
}

fn level(severity: Severity) -> sarif::ResultLevel {
    match severity {
        Severity::Error => sarif::ResultLevel::Error,
        Severity::Warning => sarif::ResultLevel::Warning,
        Severity::Note => sarif::ResultLevel::Note,
    }
}

fn message(text: impl Into<String>) -> sarif::Message {
    sarif::Message::builder().text(text).build()
}

/// Bytes as a URI has them.
fn encoded(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~+,@=".contains(byte);
    bytes.map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A path as a URI: relative to the root of the sources where it lies below that.
fn artifact(path: &Path, run: &RunFacts) -> sarif::ArtifactLocation {
    if let Some(below) = run.source_root.relative(path) {
        return sarif::ArtifactLocation::builder().uri(encoded(&below)).uri_base_id(SOURCE_ROOT).build();
    }
    let uri = if path.is_absolute() { format!("file://{}", encoded(path)) } else { encoded(path) };
    sarif::ArtifactLocation::builder().uri(uri).build()
}

/// Where a place is; `None` without a line.
fn physical(place: &SourceLocation, run: &RunFacts) -> Option<sarif::PhysicalLocation> {
    let line = i64::from(place.line?);
    let column = i64::from(place.column.unwrap_or(1));
    let region = sarif::Region::builder().start_line(line).start_column(column).build();
    Some(
        sarif::PhysicalLocation::builder()
            .artifact_location(artifact(place.file.as_deref()?, run))
            .region(region)
            .build(),
    )
}

/// A location: the line, or the executable where there is none.
fn location(stack: &[Located], exe: &str, run: &RunFacts) -> sarif::Location {
    let known = site_of(stack).and_then(|place| physical(place, run));
    let or_executable = || sarif::PhysicalLocation::builder().artifact_location(artifact(Path::new(exe), run)).build();
    sarif::Location::builder().physical_location(known.unwrap_or_else(or_executable)).build()
}

fn related(related: &Related, exe: &str, run: &RunFacts) -> sarif::Location {
    let mut location = location(&related.stack, exe, run);
    location.message = Some(message(related.label.as_str()));
    location
}

fn stack(found: &Found, run: &RunFacts) -> sarif::Stack {
    let frame = |located: &Located, place: Option<&SourceLocation>| {
        let mut location = sarif::Location::builder().build();
        location.physical_location = place.and_then(|place| physical(place, run));
        let name = place.and_then(|place| place.function.clone()).or_else(|| located.function().map(str::to_owned));
        location.message = Some(message(name.unwrap_or_else(|| located.frame.address.clone())));
        sarif::StackFrame::builder().location(location).build()
    };
    let frames: Vec<_> = found
        .stack
        .iter()
        .flat_map(|located| match located.places.as_slice() {
            [] => vec![frame(located, None)],
            places => places.iter().map(|place| frame(located, Some(place))).collect(),
        })
        .collect();
    sarif::Stack::builder().frames(frames).build()
}

/// What code scanning tells results apart by; the name is the one key that GitHub looks at.
fn fingerprints(numbered: &Numbered) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("primaryLocationLineHash".to_owned(), format!("{}:1", numbered.hash())),
        ("mapsan/v2".to_owned(), numbered.name()),
    ])
}

fn result(found: &Found, numbered: &Numbered, rules: &[Rule], run: &RunFacts) -> sarif::Result {
    let index = rules.iter().position(|rule| rule.name() == found.rule).and_then(|index| i64::try_from(index).ok());
    sarif::Result::builder()
        .rule_id(found.rule.as_str())
        .rule_index(index.unwrap_or(-1))
        .level(level(found.severity))
        .message(message(details(found)))
        .locations(vec![location(&found.stack, &found.exe, run)])
        .related_locations(found.related.iter().map(|place| related(place, &found.exe, run)).collect::<Vec<_>>())
        .stacks(vec![stack(found, run)])
        .partial_fingerprints(fingerprints(numbered))
        .build()
}

/// Whether a finding is in the baseline.
fn baseline_state(found: &Found) -> serde_json::Value {
    let state = if found.is_known { sarif::ResultBaselineState::Unchanged } else { sarif::ResultBaselineState::New };
    serde_json::to_value(state).unwrap_or_default()
}

fn rule(rule: Rule) -> sarif::ReportingDescriptor {
    let info = rule.info();
    let text = |text: &str| sarif::MultiformatMessageString::builder().text(text).build();
    let severity = info.severities.iter().max().copied().unwrap_or(Severity::Note);
    sarif::ReportingDescriptor::builder()
        .id(info.name)
        .name(info.name)
        .short_description(text(info.summary))
        .help(sarif::MultiformatMessageString::builder().text(rule.text()).markdown(rule.text()).build())
        .default_configuration(sarif::ReportingConfiguration::builder().level(severity.name()).build())
        .build()
}

impl Sarif {
    fn log(&self, session: &Session, run: &RunFacts) -> sarif::Sarif {
        let used = |rule: &&Rule| self.findings.iter().any(|found| found.rule == rule.name());
        let rules: Vec<Rule> = Rule::ALL.iter().filter(used).copied().collect();
        let numbered = numbered(&self.findings);
        let results = self.findings.iter().zip(&numbered).map(|(found, numbered)| {
            let mut result = result(found, numbered, &rules, run);
            result.baseline_state = session.baseline.is_some().then(|| baseline_state(found));
            result
        });
        let driver = sarif::ToolComponent::builder()
            .name("mapsan")
            .semantic_version(env!("CARGO_PKG_VERSION"))
            .rules(rules.iter().map(|known| rule(*known)).collect::<Vec<_>>())
            .build();
        let root = format!("file://{}/", encoded(run.source_root.path()).trim_end_matches('/'));
        let one = sarif::Run::builder()
            .tool(sarif::Tool::builder().driver(driver).build())
            .results(results.collect::<Vec<_>>())
            .invocations(vec![invocation(session, run)])
            .original_uri_base_ids(BTreeMap::from([(
                SOURCE_ROOT.to_owned(),
                sarif::ArtifactLocation::builder().uri(root).build(),
            )]))
            .column_kind("unicodeCodePoints")
            .build();
        sarif::Sarif::builder().schema(sarif::SCHEMA_URL).version(serde_json::json!("2.1.0")).runs(vec![one]).build()
    }
}

/// How the program ended, and what was not checked.
fn invocation(session: &Session, run: &RunFacts) -> sarif::Invocation {
    let uncovered = session.gaps.iter().map(|gap| {
        let text = format!("not covered: '{}': {}", gap.program, gap.reason);
        notification(if run.requires_coverage { "error" } else { "warning" }, text)
    });
    let gone = session.baseline.iter().flat_map(Baseline::gone);
    let gone = gone.map(|gone| notification("note", format!("gone since the baseline: {gone}")));
    let unended = unended(&session.unended).map(|unended| notification("note", unended));
    let failure = run.failure();
    let failed = failure.iter().map(|failure| notification("error", failure.clone()));
    let mut invocation = sarif::Invocation::builder()
        .execution_successful(failure.is_none() && (session.gaps.is_empty() || !run.requires_coverage))
        .arguments(run.words.clone())
        .tool_execution_notifications(failed.chain(uncovered).chain(unended).chain(gone).collect::<Vec<_>>())
        .build();
    invocation.exit_code = run.ended.and_then(|ended| ended.code()).map(i64::from);
    let signal = run.ended.and_then(|ended| ended.signal());
    invocation.exit_signal_number = signal.map(i64::from);
    invocation.exit_signal_name = signal.map(signal::name);
    invocation
}

fn notification(level: &str, text: String) -> sarif::Notification {
    sarif::Notification::builder().level(level).message(message(text)).build()
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
