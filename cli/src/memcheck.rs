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
    run.push("--".into());
    run.extend(rest);
    run
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
    }
}
