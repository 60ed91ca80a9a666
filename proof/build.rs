//! Tells the files of the runtime that are included here that a model checker has them.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(model_checked)");
    println!("cargo:rustc-cfg=model_checked");
}
