//! The patterns of the names of output files: those of the library's `log_path`.

use std::env;
use std::path::{Path, PathBuf};

/// The file that a pattern names: `%p` is the command's process, `%e` the `program`'s name, `%q{VAR}` a variable of the
/// environment, `%%` a percent sign. Anything else is refused, since a file of that very name is never meant.
pub(crate) fn expand(pattern: &Path, program: Option<&str>) -> Result<PathBuf, String> {
    let Some(text) = pattern.to_str().filter(|text| text.contains('%')) else { return Ok(pattern.to_owned()) };
    let mut name = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        name.push_str(before);
        let variable = after.strip_prefix("q{").and_then(|after| after.split_once('}'));
        rest = if let Some((variable, after)) = variable {
            let value =
                env::var(variable).map_err(|_| format!("there is no variable '{variable}' in the environment"))?;
            name.push_str(&value);
            after
        } else {
            match (after.chars().next(), program) {
                (Some('p'), _) => name.push_str(&std::process::id().to_string()),
                (Some('e'), Some(program)) => name.push_str(program),
                (Some('%'), _) => name.push('%'),
                (unknown, _) => {
                    let unknown = unknown.map(String::from).unwrap_or_default();
                    let program = if program.is_some() { ", %e (the program)" } else { "" };
                    return Err(format!(
                        "it takes %p (mapsan's process){program}, %q{{VAR}} and %%, not '%{}'",
                        unknown.escape_debug()
                    ));
                }
            }
            &after[1..]
        };
    }
    name.push_str(rest);
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_the_log() {
        let expanded = |pattern: &str| expand(Path::new(pattern), Some("prog")).map(|path| path.display().to_string());
        assert_eq!(expanded("x.%p.txt").unwrap(), format!("x.{}.txt", std::process::id()));
        assert_eq!(expanded("%e-100%%").unwrap(), "prog-100%");
        assert_eq!(expanded("%q{CARGO_PKG_NAME}.%e").unwrap(), "mapsan-cli.prog");
        assert_eq!(expanded("plain").unwrap(), "plain");
        for bad in ["%x", "a%", "%q{NO_SUCH_VARIABLE_HERE}", "%q{", "%é"] {
            assert!(expanded(bad).is_err(), "{bad}");
        }
        assert!(expand(Path::new("%e"), None).unwrap_err().contains("%p"));
    }
}
