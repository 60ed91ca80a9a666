//! Addresses of the process's code, as functions and source lines.

use super::module::Module;
use crate::findings::records::Frame;
use crate::findings::symbols::{SourceLocation, Symbols};
use crate::system::memory::{KernelMapping, Memory};
use serde::Serialize;
use std::collections::HashMap;
use std::rc::Rc;

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
                self.modules.entry(there.name.clone()).or_insert_with(|| Module::read(memory, mappings, &there.name));
            if let Some(module) = module {
                frame.module = Some(there.name.trim_end_matches(" (deleted)").to_owned());
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
