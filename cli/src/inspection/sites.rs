//! Addresses of the process's code, as functions and source lines.

use crate::findings::records::Frame;
use crate::findings::symbols::{SourceLocation, Symbols};
use crate::system::memory::{KernelMapping, Memory};
use object::elf::{FileHeader64, PT_LOAD, PT_NOTE};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, pod};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;

/// The first bytes of a file that has its headers there.
const HEADERS: usize = 4096;

/// A call of the program's.
#[derive(Debug, Serialize)]
pub(crate) struct Site {
    /// Inside the instruction of the call.
    pub(crate) address: String,
    pub(crate) module: Option<String>,
    pub(crate) offset: Option<String>,
    /// The calls that it stands for, innermost first; none without symbols.
    pub(crate) places: Vec<Place>,
}

/// A call of the source.
#[derive(Debug, Serialize)]
pub(crate) struct Place {
    pub(crate) function: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
}

impl From<SourceLocation> for Place {
    fn from(place: SourceLocation) -> Place {
        let file = place.file.map(|file| file.display().to_string());
        Place { function: place.function, file, line: place.line, column: place.column }
    }
}

/// An object that is loaded.
struct Module {
    path: String,
    /// What is added to the addresses of its file.
    bias: u64,
    build_id: Option<String>,
}

/// The calls that were looked up.
pub(crate) struct Sites<'a> {
    memory: &'a dyn Memory,
    mappings: &'a [KernelMapping],
    modules: HashMap<String, Option<Module>>,
    known: HashMap<u64, Rc<Site>>,
    symbols: Symbols,
}

impl<'a> Sites<'a> {
    pub(crate) fn new(memory: &'a dyn Memory, mappings: &'a [KernelMapping]) -> Sites<'a> {
        Sites { memory, mappings, modules: HashMap::new(), known: HashMap::new(), symbols: Symbols::default() }
    }

    /// The call that returns to an address.
    pub(crate) fn of_return(&mut self, address: u64) -> Rc<Site> {
        self.at(address.wrapping_sub(1))
    }

    /// The code at an address.
    pub(crate) fn at(&mut self, address: u64) -> Rc<Site> {
        if let Some(known) = self.known.get(&address) {
            return Rc::clone(known);
        }
        let site = Rc::new(self.look_up(address));
        self.known.insert(address, Rc::clone(&site));
        site
    }

    fn look_up(&mut self, address: u64) -> Site {
        let mut frame =
            Frame { address: format!("{address:#x}"), module: None, offset: None, build_id: None, symbol: None };
        let index = self.mappings.partition_point(|mapping| mapping.end <= address);
        let there = self.mappings.get(index).filter(|mapping| mapping.start <= address && mapping.is_of_file());
        if let Some(there) = there {
            let (memory, mappings) = (self.memory, self.mappings);
            let module =
                self.modules.entry(there.name.clone()).or_insert_with(|| module(memory, mappings, &there.name));
            if let Some(module) = module {
                frame.module = Some(module.path.clone());
                frame.offset = Some(format!("{:#x}", address.wrapping_sub(module.bias)));
                frame.build_id.clone_from(&module.build_id);
            }
        }
        let places = self.symbols.places(&frame, "").into_iter().map(Place::from).collect();
        Site { address: frame.address, module: frame.module, offset: frame.offset, places }
    }

    /// The modules that have been built anew since they were loaded: their lines are not known.
    pub(crate) fn take_changed(&mut self) -> Vec<String> {
        self.symbols.take_changed()
    }
}

/// The object of a file that is mapped, by its headers in memory.
fn module(memory: &dyn Memory, mappings: &[KernelMapping], name: &str) -> Option<Module> {
    let first = mappings.iter().find(|mapping| mapping.name == name && mapping.offset == 0)?;
    let bytes = memory.bytes(first.start, HEADERS)?;
    let (header, _) = pod::from_bytes::<FileHeader64<Endianness>>(&bytes).ok()?;
    let endian = header.endian().ok()?;
    let headers = header.program_headers(endian, &*bytes).ok()?;
    let lowest = headers.iter().find(|header| header.p_type(endian) == PT_LOAD)?.p_vaddr(endian);
    let bias = first.start.wrapping_sub(lowest & !(4096 - 1));
    let notes = headers.iter().filter(|header| header.p_type(endian) == PT_NOTE);
    let build_id = notes.clone().find_map(|header| {
        let length = usize::try_from(header.p_filesz(endian)).ok().filter(|length| *length <= HEADERS)?;
        build_id(&memory.bytes(bias.wrapping_add(header.p_vaddr(endian)), length)?)
    });
    Some(Module { path: name.trim_end_matches(" (deleted)").to_owned(), bias, build_id })
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
