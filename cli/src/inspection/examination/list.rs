//! What a dead process had mapped, as /proc/self/maps would say it.

use crate::inspection::snapshot::Piece;
use crate::system::core::Core;
use crate::system::memory::KernelMapping;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The list. A core does not tell what was shared, nor which file it was: the library knows it of what it has seen, the
/// kernel's names tell it of others, and what is left is the loader's and libc's, who map privately.
pub(super) fn text(core: &Core, known: &[Piece]) -> String {
    let mut text = String::new();
    let (program, place) = (core.program(), core.place_of(core.program()));
    // Where the program ends, and what it has without a file; the heap is what comes next.
    let mut program_end = None;
    for mapping in core.mappings() {
        let index = known.partition_point(|piece| piece.end <= mapping.start);
        let piece = known.get(index).filter(|piece| piece.start < mapping.end);
        let is_of_program = !mapping.name.is_empty() && Path::new(&mapping.name) == place;
        let is_next = program_end.is_some() && mapping.name.is_empty();
        let continues = is_of_program || is_next && program_end == Some(mapping.start);
        let is_heap = is_next && !continues && piece.is_none() && mapping.rights == "rw-p";
        program_end = if continues { Some(mapping.end) } else { None };
        let holds = |address: u64| mapping.start <= address && address < mapping.end;
        let name = match &*mapping.name {
            _ if is_of_program => program.to_string_lossy(),
            "" if is_heap => "[heap]".into(),
            "" if holds(core.notes.vdso) => "[vdso]".into(),
            "" if holds(core.notes.executed) => "[stack]".into(),
            name => name.into(),
        };
        let file = piece.and_then(|piece| piece.origin.file.as_ref()).map(|file| file.inode);
        let inode = file.filter(|_| mapping.is_of_file()).or_else(|| Some(fs::metadata(&mapping.name).ok()?.ino()));
        let KernelMapping { start, end, rights, offset, .. } = &mapping;
        let protection = rights.get(..3).unwrap_or_default();
        let sharing = if is_shared(&name, piece) { 's' } else { 'p' };
        let _ =
            writeln!(text, "{start:x}-{end:x} {protection}{sharing} {offset:08x} 00:00 {} {name}", inode.unwrap_or(0));
    }
    text
}

/// Whether others see what is written to a mapping.
fn is_shared(name: &str, known: Option<&Piece>) -> bool {
    let origin = known.map(|piece| &piece.origin);
    match origin.map(|origin| (origin.call, origin.flags & libc::MAP_TYPE)) {
        Some(("mmap", kind)) => kind != libc::MAP_PRIVATE,
        Some(("shmat", _)) => true,
        // Of what mremap has moved the call does not say it.
        _ => name.starts_with("/SYSV") || name.starts_with("/dev/zero (deleted)"),
    }
}

/// The bytes of the pages at an address.
pub(super) fn page_size(core: &Core, known: &[Piece], address: u64) -> u64 {
    let name = core.piece_at(address).and_then(|piece| piece.file.as_ref()).map(|(path, _)| path);
    if !name.is_some_and(|name| name.to_string_lossy().starts_with("/anon_hugepage")) {
        return core.notes.page;
    }
    let index = known.partition_point(|piece| piece.end <= address);
    let flags = known.get(index).filter(|piece| piece.start <= address).map_or(0, |piece| piece.origin.flags);
    let asked = flags.cast_unsigned() >> libc::MAP_HUGE_SHIFT & libc::MAP_HUGE_MASK.cast_unsigned();
    if asked == 0 { usual_huge_page().unwrap_or(core.notes.page) } else { 1 << asked }
}

/// The bytes of the huge pages that are given to who does not say which, `proc_meminfo(5)`.
fn usual_huge_page() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("Hugepagesize:")?.strip_suffix("kB"))?;
    Some(1024 * kilobytes.trim().parse::<u64>().ok()?)
}
