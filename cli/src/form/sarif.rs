//! SARIF 2.1.0, for code scanning.

use super::contract::{Form, RunFacts, details};
use crate::findings::found::{Found, Located, Related, site_of};
use crate::findings::session::{Gap, Session};
use crate::findings::symbols::SourceLocation;
use mapsan_model::{Rule, Severity};
use serde_sarif::sarif;
use std::collections::BTreeMap;
use std::path::Path;

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

/// A path as a URI: relative to the working directory, which stands for the root of the sources.
fn artifact(path: &Path, run: &RunFacts) -> sarif::ArtifactLocation {
    let encoded = |path: &Path| {
        let bytes = path.as_os_str().as_encoded_bytes().iter();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~+,@=".contains(byte);
        bytes.map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
    };
    if let Ok(below) = path.strip_prefix(&run.working_directory) {
        let uri: String = encoded(below);
        return sarif::ArtifactLocation::builder().uri(uri).uri_base_id("SRCROOT").build();
    }
    let uri: String = encoded(path);
    let uri = if path.is_absolute() { format!("file://{uri}") } else { uri };
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

/// What stays the same when lines move: the rule, the function and the file.
fn fingerprint(found: &Found) -> BTreeMap<String, String> {
    let site = found.site();
    let file = site.and_then(|place| place.file.as_deref()?.file_name()?.to_str()).unwrap_or_default();
    let function = site.and_then(|place| place.function.as_deref()).unwrap_or_default();
    BTreeMap::from([("mapsan/v1".to_owned(), format!("{}:{file}:{function}", found.rule))])
}

fn result(found: &Found, rules: &[Rule], run: &RunFacts) -> sarif::Result {
    let index = rules.iter().position(|rule| rule.name() == found.rule).and_then(|index| i64::try_from(index).ok());
    sarif::Result::builder()
        .rule_id(found.rule.as_str())
        .rule_index(index.unwrap_or(-1))
        .level(level(found.severity))
        .message(message(details(found)))
        .locations(vec![location(&found.stack, &found.exe, run)])
        .related_locations(found.related.iter().map(|place| related(place, &found.exe, run)).collect::<Vec<_>>())
        .stacks(vec![stack(found, run)])
        .partial_fingerprints(fingerprint(found))
        .build()
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

impl Form for Sarif {
    fn render_finding(&mut self, found: &Found, _session: &mut Session) -> String {
        self.findings.push(found.clone());
        String::new()
    }

    fn render_end(&mut self, session: &mut Session, run: &RunFacts) -> String {
        let used = |rule: &&Rule| self.findings.iter().any(|found| found.rule == rule.name());
        let rules: Vec<Rule> = Rule::ALL.iter().filter(used).copied().collect();
        let driver = sarif::ToolComponent::builder()
            .name("mapsan")
            .semantic_version(env!("CARGO_PKG_VERSION"))
            .rules(rules.iter().map(|known| rule(*known)).collect::<Vec<_>>())
            .build();
        let notification = |gap: &Gap| {
            sarif::Notification::builder()
                .level(if run.requires_coverage { "error" } else { "warning" })
                .message(message(format!("not covered: '{}': {}", gap.program, gap.reason)))
                .build()
        };
        let invocation = sarif::Invocation::builder()
            .execution_successful(session.gaps.is_empty() || !run.requires_coverage)
            .arguments(run.words.clone())
            .tool_execution_notifications(session.gaps.iter().map(notification).collect::<Vec<_>>())
            .build();
        let root = format!("file://{}/", run.working_directory.display());
        let one = sarif::Run::builder()
            .tool(sarif::Tool::builder().driver(driver).build())
            .results(self.findings.iter().map(|found| result(found, &rules, run)).collect::<Vec<_>>())
            .invocations(vec![invocation])
            .original_uri_base_ids(BTreeMap::from([(
                "SRCROOT".to_owned(),
                sarif::ArtifactLocation::builder().uri(root).build(),
            )]))
            .column_kind("unicodeCodePoints")
            .build();
        let log = sarif::Sarif::builder()
            .schema(sarif::SCHEMA_URL)
            .version(serde_json::json!("2.1.0"))
            .runs(vec![one])
            .build();
        serde_json::to_string_pretty(&log).map(|text| text + "\n").unwrap_or_default()
    }
}
