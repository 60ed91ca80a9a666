//! What is made of the table of calls and committed: include/mapsan.h, with the twins, and the list of exported symbols.
//!
//! `MAPSAN_UPDATE=1 cargo test -p xtask` writes both anew.

#[path = "../../../src/call"]
mod call {
    pub(crate) mod calls;
    pub(crate) mod passed;
}

use call::calls::for_each_call;
use call::passed::for_each_passed_call;
use std::path::{Path, PathBuf};
use std::{env, fs};
use syn::{Attribute, Item};

/// A twin, as the header shows it.
struct Twin {
    name: &'static str,
    page: &'static str,
    done: &'static str,
    arguments: String,
    result: &'static str,
}

/// Makes of the rows: the names that are exported, and the twins.
macro_rules! exports {
    ($(
        #[doc = $page:literal]
        $name:ident($($argument:ident: $type:ty),* $(; $dots:tt $($more:ident: $more_type:ty),+)?) -> $result:ty {
            door: $door:ident $(($($detail:tt)*))?,
            $(declared: $declared:path,)?
            $(cancellation_point: $cancellation_point:literal,)?
            $(twin: $twin:ident $done:ident,)?
            $(system_call: $number:ident,)?
            $(raw: $raw:ident,)?
        }
    )+) => {
        const NAMES: &[&str] = &[$(stringify!($name), $(stringify!($twin),)?)+];

        fn twins() -> Vec<Twin> {
            let mut twins = Vec::new();
            $(
                let arguments: &[&str] = &[
                    $(concat!(stringify!($argument), ": ", stringify!($type)),)*
                    $(stringify!($dots),)?
                ];
                let twin: &[(&str, &str)] = &[$((stringify!($twin), stringify!($done)))?];
                if let [(name, done)] = *twin {
                    let (page, result) = ($page, stringify!($result));
                    twins.push(Twin { name, page, done, arguments: arguments.join(", "), result });
                }
            )+
            twins
        }
    };
}

for_each_call!(exports);

/// Makes of the rows: the names that are exported.
macro_rules! passed_names {
    ($(
        #[doc = $page:literal]
        $name:ident $arguments:tt -> $result:ty { declared: $declared:path, raw: $raw:ident, }
    )+) => {
        const PASSED_NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

for_each_passed_call!(passed_names);

/// Where the twins stand in the header: after the functions of src/api.rs, before what the program may define.
const PLACE: &str = "    unsafe extern \"C\" {\n";

#[test]
fn the_committed_header_is_the_generated_one() {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    let api = fs::read_to_string(root().join("src/api.rs")).unwrap();
    let (before, after) = api.split_once(PLACE).expect("src/api.rs declares what the program may define");
    let twins: String = twins().iter().map(declaration).collect();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join("api.rs");
    fs::write(&source, [before, PLACE, &twins, after].concat()).unwrap();
    let bindings = cbindgen::Builder::new().with_config(config).with_src(source).generate();
    let mut generated = Vec::new();
    bindings.unwrap().write(&mut generated);
    is_committed("include/mapsan.h", &generated);
}

#[test]
fn the_committed_list_of_exports_is_the_generated_one() {
    let api = syn::parse_file(&fs::read_to_string(root().join("src/api.rs")).unwrap()).unwrap();
    let functions = api.items.iter().filter_map(|item| match item {
        Item::Fn(function) if function.attrs.iter().any(is_no_mangle) => Some(function.sig.ident.to_string()),
        _ => None,
    });
    let calls = NAMES.iter().chain(PASSED_NAMES).map(|name| (*name).to_owned());
    let mut names: Vec<String> = calls.chain(functions).collect();
    names.sort();
    is_committed("c-tests/abi/exports.txt", (names.join("\n") + "\n").as_bytes());
}

/// Each twin is named after its call.
#[test]
fn twins_are_named_after_their_calls() {
    for Twin { name, .. } in twins() {
        let call = name.strip_prefix("mapsan_");
        assert!(call.is_some_and(|call| NAMES.contains(&call)), "{name}");
    }
}

/// A twin as a function of another language.
fn declaration(twin: &Twin) -> String {
    let Twin { name, page, done, arguments, result } = twin;
    let page = page.trim_end_matches('.');
    format!("        /// As{page}, {done}.\n        pub fn {name}({arguments}) -> {result};\n\n")
}

fn is_no_mangle(attribute: &Attribute) -> bool {
    attribute.path().is_ident("unsafe")
        && attribute.parse_args::<syn::Path>().is_ok_and(|what| what.is_ident("no_mangle"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Compares a file with what is made of the table, or writes it.
#[track_caller]
fn is_committed(path: &str, generated: &[u8]) {
    let file = root().join(path);
    if env::var_os("MAPSAN_UPDATE").is_some_and(|value| value == "1") {
        fs::write(&file, generated).unwrap();
    }
    assert!(
        fs::read(&file).unwrap_or_default() == generated,
        "{path} is not what src/call/calls.rs and src/api.rs give; MAPSAN_UPDATE=1 cargo test -p xtask writes it anew"
    );
}
