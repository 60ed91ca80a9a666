//! What runs the user's code and is not the user's: test harnesses and interpreters, whose frames say little.

use crate::findings::found::Located;
use std::path::Path;

/// Libraries, by the start of their file's name.
const LIBRARIES: [&str; 14] = [
    "libpython",
    "libjvm",
    "libgtest",
    "libgmock",
    "libCatch2",
    "libruby",
    "libperl",
    "libnode",
    "libphp",
    "libcoreclr",
    "libmonosgen",
    "libboost_unit_test_framework",
    "libcppunit",
    "libcheck.",
];
/// Interpreters that are one file; a version may follow.
const PROGRAMS: [&str; 6] = ["python", "ruby", "perl", "node", "php", "java"];
/// Harnesses that are linked into the program, by the namespace of their functions.
const NAMESPACES: [(&str, &str); 4] = [
    ("testing::", "GoogleTest"),
    ("Catch::", "Catch2"),
    ("doctest::", "doctest"),
    ("boost::unit_test::", "Boost.Test"),
];

/// The name of the harness or interpreter that a frame belongs to; `None` of the user's own, and of other libraries'.
fn of(located: &Located) -> Option<String> {
    let module = located.frame.module.as_deref().map(Path::new).and_then(Path::file_name);
    let module = module.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if LIBRARIES.iter().any(|library| module.starts_with(library)) {
        return Some(module.split(".so").next().unwrap_or(&module).to_owned());
    }
    let is_version = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if PROGRAMS.iter().any(|program| module.strip_prefix(program).is_some_and(is_version)) {
        return Some(module);
    }
    let is_of_rust = |file: &Path| file.starts_with("/rustc");
    if !located.places.is_empty() && located.places.iter().all(|place| place.file.as_deref().is_some_and(is_of_rust)) {
        return Some("Rust's libraries".to_owned());
    }
    // Of a template the type that it gives stands before its name.
    let function = located.function()?.split(['(', '<']).next()?.rsplit(' ').next()?;
    NAMESPACES.iter().find(|(start, _)| function.starts_with(start)).map(|(_, name)| (*name).to_owned())
}

/// Some frames of a stack, one after the other.
pub(crate) enum Part<'a> {
    Frame(&'a Located),
    /// So many of one harness or interpreter.
    Folded(usize, String),
}

/// A stack with the frames of harnesses and interpreters put together where there are several; the first is always shown.
pub(crate) fn folded(stack: &[Located]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = stack;
    while let [first, others @ ..] = rest {
        let name = of(first).filter(|_| !parts.is_empty());
        let is_same = |located: &&Located| {
            // What a virtual machine has compiled is in no file.
            let is_generated = located.frame.module.is_none() && name.as_deref() == Some("libjvm");
            is_generated || of(located) == name
        };
        let count = 1 + others.iter().take_while(is_same).count();
        match name {
            Some(name) if count > 1 => {
                parts.push(Part::Folded(count, name));
                rest = &rest[count..];
            }
            _ => {
                parts.push(Part::Frame(first));
                rest = others;
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::records::Frame;
    use crate::findings::symbols::SourceLocation;

    fn located(module: &str, function: &str, file: &str) -> Located {
        let frame = Frame {
            address: "0x1".into(),
            module: (!module.is_empty()).then(|| module.into()),
            offset: None,
            build_id: None,
            symbol: None,
        };
        let file = (!file.is_empty()).then(|| file.into());
        let place = SourceLocation { function: Some(function.into()), file, line: None, column: None };
        Located { frame, places: vec![place] }
    }

    fn shown(stack: &[Located]) -> String {
        let part = |part: &Part<'_>| match part {
            Part::Frame(located) => located.function().unwrap_or_default().to_owned(),
            Part::Folded(count, name) => format!("{count} {name}"),
        };
        folded(stack).iter().map(part).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn frames_of_harnesses_and_interpreters_are_put_together() {
        let python = |function| located("/usr/lib/libpython3.11.so.1.0", function, "");
        let stack =
            [python("new_mmap"), python("eval"), python("call"), located("/x/own.so", "own", ""), python("eval")];
        assert_eq!(shown(&stack), "new_mmap, 2 libpython3.11, own, eval");
        let test = |function| located("/x/tests", function, "");
        let stack = [
            test("Map_Unmaps_Test::TestBody()"),
            test("void testing::internal::HandleExceptionsInMethodIfSupported<testing::Test, void>(testing::Test*)"),
            test("testing::Test::Run()"),
            test("check(testing::Test*)"),
        ];
        assert_eq!(shown(&stack), "Map_Unmaps_Test::TestBody(), 2 GoogleTest, check(testing::Test*)");
        let rust = |function| located("/x/deps/tests-1", function, "/rustc/1/library/core/src/ops/function.rs");
        let stack = [located("/x/deps/tests-1", "tests::maps", "/x/src/lib.rs"), rust("call_once"), rust("call_once")];
        assert_eq!(shown(&stack), "tests::maps, 2 Rust's libraries");
        let java =
            [test("own"), located("/j/libjvm.so", "call", ""), located("", "", ""), located("/j/libjvm.so", "run", "")];
        assert_eq!(shown(&java), "own, 3 libjvm");
        assert_eq!(
            shown(&[located("/usr/bin/python3.11", "a", ""), located("/usr/bin/python3-config", "b", "")]),
            "a, b"
        );
    }
}
