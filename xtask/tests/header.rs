//! include/mapsan.h is what cbindgen makes of the C API. It is committed, so that a build needs no generator.

use std::path::Path;
use std::{env, fs};

#[test]
fn the_committed_header_is_the_generated_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new().with_config(config).with_src(root.join("src/api.rs")).generate();
    let mut generated = Vec::new();
    bindings.unwrap().write(&mut generated);
    let committed = root.join("include/mapsan.h");
    if env::var_os("MAPSAN_UPDATE").is_some_and(|value| value == "1") {
        fs::write(&committed, &generated).unwrap();
    }
    assert!(
        fs::read(&committed).unwrap_or_default() == generated,
        "include/mapsan.h is not what src/api.rs gives; MAPSAN_UPDATE=1 cargo test -p xtask writes it anew"
    );
}
