//! An object that a process has loaded, by its headers in memory.

use crate::system::memory::{KernelMapping, Memory};
use object::elf::{FileHeader64, PT_GNU_RELRO, PT_LOAD, PT_NOTE, ProgramHeader64, ProgramType};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, pod};
use std::fmt::Write;

/// The first bytes of a file that has its headers there.
const HEADERS: usize = 4096;

/// An object that is loaded.
pub(super) struct Module {
    /// What is added to the addresses of its file.
    pub(super) bias: u64,
    pub(super) build_id: Option<String>,
    /// Where what the loader puts right and nobody changes afterwards lies, and how long that is.
    pub(super) constants: Option<(u64, u64)>,
}

impl Module {
    /// That of a file which is mapped.
    pub(super) fn read(memory: &dyn Memory, mappings: &[KernelMapping], name: &str) -> Option<Module> {
        let first = mappings.iter().find(|mapping| mapping.name == name && mapping.offset == 0)?;
        let bytes = memory.bytes(first.start, HEADERS)?;
        let (header, _) = pod::from_bytes::<FileHeader64<Endianness>>(&bytes).ok()?;
        let endian = header.endian().ok()?;
        let headers: &[ProgramHeader64<Endianness>] = header.program_headers(endian, &*bytes).ok()?;
        let of_type = |kind: ProgramType| headers.iter().filter(move |header| header.p_type(endian) == kind);
        let lowest = of_type(PT_LOAD).next()?.p_vaddr(endian);
        let bias = first.start.wrapping_sub(lowest & !(memory.page_size() - 1));
        let build_id = of_type(PT_NOTE).find_map(|header| {
            let length = usize::try_from(header.p_filesz(endian)).ok().filter(|length| *length <= HEADERS)?;
            build_id(&memory.bytes(bias.wrapping_add(header.p_vaddr(endian)), length)?)
        });
        let constants = of_type(PT_GNU_RELRO)
            .next()
            .map(|header| (bias.wrapping_add(header.p_vaddr(endian)), header.p_memsz(endian)));
        Some(Module { bias, build_id, constants })
    }
}

/// The build id among notes.
fn build_id(mut notes: &[u8]) -> Option<String> {
    const NT_GNU_BUILD_ID: u32 = 3;
    loop {
        let word = |at: usize| Some(u32::from_ne_bytes(notes.get(at..at + 4)?.try_into().ok()?));
        let (name, content, kind) = (word(0)?, word(4)?, word(8)?);
        let begin = 12 + (name as usize).checked_next_multiple_of(4)?;
        let bytes = notes.get(begin..begin.checked_add(content as usize)?)?;
        if kind == NT_GNU_BUILD_ID && notes.get(12..16) == Some(b"GNU\0") {
            let mut text = String::new();
            for byte in bytes {
                let _ = write!(text, "{byte:02x}");
            }
            return Some(text);
        }
        notes = notes.get(begin + (content as usize).checked_next_multiple_of(4)?..)?;
    }
}
