//! The places of a file's code that call functions of other objects, by its relocations: direct calls of a stub, and calls through
//! the table of addresses itself.

use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, RelocationTarget, SectionKind};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallSite {
    /// Its last byte, in the file's own terms: as findings have calls.
    pub(crate) offset: u64,
    pub(crate) function: String,
}

/// The calls of these functions in a file; none where it can't be read, or is for another processor.
pub(crate) fn in_file(path: &Path, is_meant: impl Fn(&str) -> bool) -> Vec<CallSite> {
    let Ok(bytes) = fs::read(path) else { return Vec::new() };
    let Ok(file) = ElfFile64::<Endianness>::parse(&*bytes) else { return Vec::new() };
    if file.architecture() != object::Architecture::X86_64 {
        return Vec::new();
    }
    let slots = slots(&file, is_meant);
    let stubs = stubs(&file, &slots);
    let mut sites = BTreeSet::new();
    for section in file.sections().filter(|section| section.kind() == SectionKind::Text && !is_of_stubs(section)) {
        let (address, data) = (section.address(), section.data().unwrap_or_default());
        for at in 0..data.len() {
            let function = match data.get(at..) {
                // call rel32.
                Some([0xe8, a, b, c, d, ..]) => {
                    stubs.get(&target(address + at as u64 + 5, [*a, *b, *c, *d])).map(|name| (name, 4))
                }
                // call *disp32(%rip).
                Some([0xff, 0x15, a, b, c, d, ..]) => {
                    slots.get(&target(address + at as u64 + 6, [*a, *b, *c, *d])).map(|name| (name, 5))
                }
                _ => None,
            };
            if let Some((function, last)) = function {
                sites.insert(CallSite { offset: address + at as u64 + last, function: function.clone() });
            }
        }
    }
    sites.into_iter().collect()
}

fn target(next: u64, distance: [u8; 4]) -> u64 {
    next.wrapping_add_signed(i64::from(i32::from_le_bytes(distance)))
}

/// Where the loader puts the addresses of the functions.
fn slots(file: &ElfFile64<'_, Endianness>, is_meant: impl Fn(&str) -> bool) -> BTreeMap<u64, String> {
    let table = file.dynamic_symbol_table();
    let relocations = file.dynamic_relocations().into_iter().flatten();
    let named = relocations.filter_map(|(at, relocation)| {
        let RelocationTarget::Symbol(index) = relocation.target() else { return None };
        let symbol = table.as_ref()?.symbol_by_index(index).ok()?;
        let name = symbol.name().ok()?;
        is_meant(name).then(|| (at, name.to_owned()))
    });
    named.collect()
}

fn is_of_stubs<'a>(section: &impl ObjectSection<'a>) -> bool {
    section.name().is_ok_and(|name| name.starts_with(".plt"))
}

/// The stubs that jump there: where each begins.
fn stubs(file: &ElfFile64<'_, Endianness>, slots: &BTreeMap<u64, String>) -> BTreeMap<u64, String> {
    /// Of each kind of stub.
    const LENGTH: u64 = 16;
    let mut stubs = BTreeMap::new();
    for section in file.sections().filter(is_of_stubs) {
        let (address, data) = (section.address(), section.data().unwrap_or_default());
        // Of those of .plt.got some are eight bytes long.
        let length = if section.name() == Ok(".plt.got") && !data.starts_with(&[0xf3]) { 8 } else { LENGTH };
        for at in 0..data.len() {
            // jmp *disp32(%rip).
            let Some([0xff, 0x25, a, b, c, d, ..]) = data.get(at..) else { continue };
            if let Some(name) = slots.get(&target(address + at as u64 + 6, [*a, *b, *c, *d])) {
                let start = at as u64 / length * length;
                stubs.insert(address + start, name.clone());
            }
        }
    }
    stubs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_with_stubs_and_without() {
        if std::env::consts::ARCH != "x86_64" {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("a.c");
        let text = "#include <sys/mman.h>\nint main(int n, char **v) {\n  void *p = mmap(0, 1, 1, 34, -1, 0);\n  \
                    return n > 1 ? munmap(v, 1) : p == MAP_FAILED;\n}\n";
        fs::write(&source, text).unwrap();
        for option in ["-fplt", "-fno-plt", "-fcf-protection=full", "-fcf-protection=none"] {
            let program = folder.path().join("a");
            let done =
                std::process::Command::new("cc").arg(option).arg("-o").args([&program, &source]).status().unwrap();
            assert!(done.success());
            let mut functions: Vec<String> = in_file(&program, |name| name.contains("mmap") || name == "munmap")
                .into_iter()
                .map(|site| site.function)
                .collect();
            functions.sort();
            assert_eq!(functions, ["mmap", "munmap"], "{option}");
        }
    }
}
