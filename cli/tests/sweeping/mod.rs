//! Sweeps of programs in a place, and the records that come of them.

#![allow(dead_code, reason = "each file of tests takes what it needs")]

use crate::place::{Place, text};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

pub(crate) fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../c-tests/sweep").canonicalize().unwrap()
}

/// Records of a kind.
pub(crate) fn records<'a>(all: &'a [Value], kind: &str) -> Vec<&'a Value> {
    all.iter().filter(|record| record["kind"] == kind).collect()
}

pub(crate) fn read(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Sweeps a program with some input; the records, and what is said beside them.
pub(crate) fn sweep(place: &Place, options: &[&str], program: &[&str]) -> (Vec<Value>, String, Option<i32>) {
    let arguments = [&["sweep", "--format", "json", "-o", "out.json"], options, &["--"], program].concat();
    let mut command = place.command(&arguments);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"one\ntwo\nthree\n").unwrap();
    let output = child.wait_with_output().unwrap();
    (
        read(&fs::read_to_string(place.path().join("out.json")).unwrap_or_default()),
        text(&output.stderr),
        output.status.code(),
    )
}

pub(crate) const UNCHECKED: &str = "#include <stdio.h>\n#include <string.h>\n#include <sys/mman.h>\nint main(int n, char **v) {\n  \
                         char *p = mmap(0, 4096, 3, 34, -1, 0);\n  if (n > 9) munmap(p, 1);\n  strcpy(p, \"x\");\n  puts(p);\n  \
                         return munmap(p, 4096);\n}\n";
