//! The library that tests run programs under. Cargo builds it for the tests of the root package alone: it is taken from
//! `MAPSAN_RUNTIME` or from the release build.

use std::path::{Path, PathBuf};

/// The library; `None`, said loudly, where there is none.
pub(crate) fn library() -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/libmapsan.so");
    let library = std::env::var_os("MAPSAN_RUNTIME").map_or(built, PathBuf::from);
    if library.exists() {
        return library.canonicalize().ok();
    }
    eprintln!("SKIPPED: {} is missing: cargo build --release", library.display());
    None
}
