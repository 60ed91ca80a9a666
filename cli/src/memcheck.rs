//! The command under the name `mapsan-memcheck`, which `CTest` calls as a memory checker of the type `CudaSanitizer`:
//! `mapsan-memcheck --log-file FILE --tool memcheck --leak-check full TEST ARG...`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The name.
const NAME: &str = "mapsan-memcheck";

/// The exit status of a test that has findings and would succeed.
const FAILED: &str = "86";

/// The words of the command line, made into those of `mapsan run` if the command was called by that name.
pub(crate) fn words(words: Vec<OsString>) -> Vec<OsString> {
    let called = words.first().and_then(|word| Path::new(word).file_name());
    if called != Some(OsStr::new(NAME)) {
        return words;
    }
    let mut run: Vec<OsString> =
        ["mapsan", "run", "--error-exitcode", FAILED, "--format", "text"].map(OsString::from).into();
    let mut rest = words.into_iter().skip(1).peekable();
    // Other options are of tools that CTest takes this one for.
    while let Some(option) = rest.next_if(|word| word.to_string_lossy().starts_with("--")) {
        let value = match option.to_string_lossy().split_once('=') {
            Some((_, value)) => Some(OsString::from(value)),
            None => rest.next(),
        };
        if option.to_string_lossy().starts_with("--log-file")
            && let Some(file) = value
        {
            run.extend(["--format", "ctest", "--output"].map(OsString::from));
            run.push(file);
        }
    }
    match of_own(&mut rest) {
        // A test that runs the program under the command itself (mapsan_add_test) has its own verdict.
        Some(subcommand) => {
            run.splice(1..4, [subcommand]);
        }
        None => run.push("--".into()),
    }
    run.extend(rest);
    run
}

/// The subcommand of a test that is a call of the command itself, if it is one that takes the same outputs; it is taken, and the name.
fn of_own(words: &mut (impl Iterator<Item = OsString> + Clone)) -> Option<OsString> {
    const SUBCOMMANDS: [&str; 3] = ["run", "sweep", "race"];
    let mut ahead = words.clone();
    let program = ahead.next()?;
    if Path::new(&program).file_name() != Some(OsStr::new("mapsan")) {
        return None;
    }
    let subcommand = ahead.next().filter(|word| SUBCOMMANDS.iter().any(|subcommand| word == subcommand))?;
    *words = ahead;
    Some(subcommand)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(line: &str) -> String {
        let words = words(line.split(' ').map(OsString::from).collect());
        words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ctest_s_call_becomes_a_run() {
        assert_eq!(
            translated("/usr/bin/mapsan-memcheck --log-file /l --tool memcheck --leak-check full ./t --x"),
            "mapsan run --error-exitcode 86 --format text --format ctest --output /l -- ./t --x"
        );
        assert_eq!(translated("mapsan-memcheck --log-file=/l ./t"), translated("mapsan-memcheck --log-file /l ./t"));
        assert_eq!(translated("mapsan run ./t"), "mapsan run ./t");
        // A test of mapsan_add_test is not run under the command twice.
        assert_eq!(
            translated("mapsan-memcheck --log-file /l /usr/bin/mapsan run --expect munmap-double -- ./t"),
            "mapsan run --format text --format ctest --output /l --expect munmap-double -- ./t"
        );
        assert_eq!(
            translated("mapsan-memcheck --log-file /l /usr/bin/mapsan report x"),
            "mapsan run --error-exitcode 86 --format text --format ctest --output /l -- /usr/bin/mapsan report x"
        );
    }
}
