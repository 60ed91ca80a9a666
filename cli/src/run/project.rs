//! The options of a project: `.mapsan.toml` in the working directory or the nearest folder above that has one.
//!
//! It stands below `MAPSAN_OPTIONS` and the command line, and above what the program asks for itself.

use crate::failure::{Failure, reason};
use crate::findings::aside::Notes;
use crate::run::options;
use crate::spelling::nearest;
use crate::values;
use mapsan_model::Key;
use serde_json::{Map, Value};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The name of the file.
const NAME: &str = ".mapsan.toml";
/// The keys that are options of the command alone.
const OWN: [&str; 5] = ["baseline", "error-exitcode", "notes", "require-coverage", "source-root"];

/// What the file asks for; nothing, if there is none.
#[derive(Debug, Default)]
pub(crate) struct Project {
    /// The file.
    pub(crate) path: Option<PathBuf>,
    /// Options of the library, and those that the command acts on in its place.
    pub(crate) options: Vec<(Key, String)>,
    pub(crate) baseline: Option<PathBuf>,
    pub(crate) error_exitcode: Option<u8>,
    pub(crate) requires_coverage: bool,
    pub(crate) source_root: Option<PathBuf>,
    pub(crate) notes: Option<Notes>,
}

impl Project {
    /// Reads the nearest file.
    pub(crate) fn find() -> Result<Project, Failure> {
        let here = env::current_dir().unwrap_or_default();
        match here.ancestors().map(|folder| folder.join(NAME)).find(|path| path.is_file()) {
            Some(path) => Project::read(path),
            None => Ok(Project::default()),
        }
    }

    fn read(path: PathBuf) -> Result<Project, Failure> {
        let failure = |why: String| Failure::usage(format!("'{}': {why}", path.display()));
        let text =
            fs::read_to_string(&path).map_err(|error| failure(format!("it can't be read: {}", reason(&error))))?;
        let table: Map<String, Value> =
            basic_toml::from_str(&text).map_err(|error| failure(error.to_string().replace('\n', "; ")))?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let mut project = Project::default();
        for (name, value) in &table {
            project.take(&name.replace('_', "-"), value, folder).map_err(|why| failure(format!("{name}: {why}")))?;
        }
        project.path = Some(path);
        Ok(project)
    }

    /// Takes one key. What names a file is meant from the folder of the project.
    fn take(&mut self, name: &str, value: &Value, folder: &Path) -> Result<(), String> {
        let file =
            || value.as_str().map(|file| folder.join(file)).ok_or_else(|| "it takes the name of a file".to_owned());
        match name {
            "baseline" => self.baseline = Some(file()?),
            "source-root" => {
                let there = file()?;
                if !there.is_dir() {
                    return Err(format!("there is no folder '{}'", there.display()));
                }
                self.source_root = Some(there);
            }
            "notes" => {
                let notes = value.as_str().and_then(Notes::from_name);
                self.notes = Some(notes.ok_or_else(|| format!("it takes {}", Notes::NAMES.join(", ")))?);
            }
            "require-coverage" => self.requires_coverage = value.as_bool().ok_or("it takes true or false")?,
            "error-exitcode" => {
                let code = value.as_u64().and_then(|code| u8::try_from(code).ok()).filter(|code| *code > 0);
                self.error_exitcode = Some(code.ok_or("it takes a whole number from 1 to 255")?);
            }
            _ => {
                let key =
                    Key::from_name(&name.replace('-', "_")).filter(|key| options::keys().any(|known| known == *key));
                let key = key.ok_or_else(|| unknown(name))?;
                let text = match (key, value.as_str()) {
                    (Key::Suppressions, Some(file)) => folder.join(file).display().to_string(),
                    _ => in_text(value).ok_or_else(|| format!("it takes {}", key.info().values))?,
                };
                values::check(key.info().values, &text)?;
                self.options.push((key, text));
            }
        }
        Ok(())
    }
}

/// A value as `MAPSAN_OPTIONS` has it: a list with commas, a table as `key=value`; `None` of what no option is.
fn in_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        Value::Array(values) => {
            values.iter().map(|value| value.as_str()).collect::<Option<Vec<_>>>().map(|all| all.join(","))
        }
        Value::Object(table) => {
            let pair = |(key, value): (&String, &Value)| Some(format!("{key}={}", value.as_str()?));
            table.iter().map(pair).collect::<Option<Vec<_>>>().map(|all| all.join(","))
        }
        Value::Number(_) | Value::Null => None,
    }
}

fn unknown(name: &str) -> String {
    let mut known: Vec<String> = options::keys().map(|key| key.name().replace('_', "-")).collect();
    known.extend(OWN.map(str::to_owned));
    known.sort();
    let near = nearest(name, known.iter().map(String::as_str));
    format!("there is no such key{near}; there are {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Project, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("known.txt"), "munmap-double:main\n").unwrap();
        let path = folder.path().join(NAME);
        fs::write(&path, text).unwrap();
        Project::read(path).map_err(|failure| failure.to_string())
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let text = "level = \"warning\"\nstack_depth = 8\nleaks = false\ndisable = [\"leak-mapping\", \"portability\"]\n\
                    baseline = \"base.json\"\nerror-exitcode = 9\nrequire-coverage = true\nsource-root = \".\"\n\
                    suppressions = \"known.txt\"\n[severity]\nleak-segment = \"warning\"\nfault = \"error\"\n";
        let project = read(text).unwrap();
        let value = |key| project.options.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str());
        assert_eq!(value(Key::Level), Some("warning"));
        assert_eq!((value(Key::StackDepth), value(Key::Leaks)), (Some("8"), Some("0")));
        assert_eq!(value(Key::Disable), Some("leak-mapping,portability"));
        assert!(value(Key::Suppressions).unwrap().starts_with('/'));
        assert!(value(Key::Severity).unwrap().contains("leak-segment=warning"));
        assert!(project.baseline.unwrap().is_absolute() && project.source_root.is_some());
        assert_eq!((project.error_exitcode, project.requires_coverage), (Some(9), true));
    }

    #[test]
    fn what_is_not_understood_is_one_line_that_says_what_is_allowed() {
        for (text, words) in [
            ("levle = \"note\"", "levle: there is no such key (did you mean 'level'?); there are baseline, "),
            ("level = \"loud\"", "level: it takes note, warning or error"),
            ("level = 1.5", "level: it takes note, warning or error"),
            ("stack_depth = 65", "stack_depth: it takes a whole number from 1 to 64"),
            ("error-exitcode = 0", "error-exitcode: it takes a whole number from 1 to 255"),
            ("require-coverage = 1", "require-coverage: it takes true or false"),
            ("log_path = \"x\"", "log_path: there is no such key"),
            ("suppressions = \"missing\"", "suppressions: it can't be read"),
            ("source-root = \"missing\"", "source-root: there is no folder"),
            ("disable = [\"leaks\"]", "disable: there is no rule or group 'leaks'"),
            ("[severity]\nleak = \"loud\"", "severity: it takes comma-separated RULE=SEVERITY"),
            ("\n\nlevel = ", "at line 3"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words) && error.lines().count() == 1, "{text}: {error}");
        }
    }
}
