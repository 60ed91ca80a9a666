//! The stack of a thread that is stopped, by its registers and the unwind information of what it has mapped.

use crate::system::memory::KernelMapping;
use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{ExplicitModuleSectionInfo, Module, Unwinder};
use object::{Object, ObjectSection, ObjectSegment};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::sync::Arc;

/// The most frames of a stack.
const DEPTH: usize = 48;

/// Where a thread was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Registers {
    pub(crate) instruction: u64,
    pub(crate) stack: u64,
    pub(crate) frame: u64,
}

/// A call in a stack.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Place {
    /// Inside the calling instruction, or of the instruction that the thread was at.
    pub(crate) address: u64,
    /// The object that it is in, and the address in that object's own terms.
    pub(crate) module: Option<(String, u64)>,
}

/// The sections of files, shared by all stacks that are unwound.
#[derive(Default)]
pub(crate) struct Unwinding {
    files: HashMap<String, Option<Arc<Sections>>>,
}

/// What a file has for unwinding.
struct Sections {
    /// Where the file's first segment wants to be.
    base: u64,
    /// Its segments: the place in the file, the length, and the address.
    segments: Vec<(u64, u64, u64)>,
    text: Option<(u64, Arc<[u8]>)>,
    eh_frame: Option<(u64, Arc<[u8]>)>,
    eh_frame_header: Option<(u64, Arc<[u8]>)>,
}

impl Sections {
    fn read(path: &str) -> Option<Sections> {
        let bytes = fs::read(path).ok()?;
        let file = object::File::parse(&*bytes).ok()?;
        let section = |name: &str| {
            let section = file.section_by_name(name)?;
            Some((section.address(), Arc::from(section.data().ok()?)))
        };
        let segments: Vec<(u64, u64, u64)> = file
            .segments()
            .map(|segment| {
                let (offset, length) = segment.file_range();
                (offset, length, segment.address())
            })
            .collect();
        Some(Sections {
            base: segments.iter().map(|(.., address)| *address).min()?,
            segments,
            text: section(".text"),
            eh_frame: section(".eh_frame"),
            eh_frame_header: section(".eh_frame_hdr"),
        })
    }

    /// The address, in the file's own terms, of a place in the file.
    fn address_of(&self, offset: u64) -> Option<u64> {
        // A mapping begins at a page, its segment may begin in the middle of that.
        let page = |at: u64| at & !0xfff;
        let (start, _, address) =
            self.segments.iter().find(|(start, length, _)| page(*start) <= offset && offset < start + length)?;
        Some((address + offset).wrapping_sub(*start))
    }
}

impl Unwinding {
    /// The stack of a thread of a process with these mappings, innermost first; `read` reads a word of its memory.
    pub(crate) fn stack(
        &mut self,
        registers: Registers,
        mappings: &[KernelMapping],
        mut read: impl FnMut(u64) -> Option<u64>,
    ) -> Vec<Place> {
        let mut unwinder: UnwinderX86_64<Arc<[u8]>> = UnwinderX86_64::new();
        let mut added = BTreeSet::new();
        for mapping in mappings.iter().filter(|mapping| mapping.is_executable() && mapping.is_of_file()) {
            let Some((sections, base)) = self.loaded(mapping) else { continue };
            if added.insert(base) {
                let end = mappings.iter().filter(|other| other.name == mapping.name).map(|other| other.end).max();
                let range = base.min(mapping.start)..end.unwrap_or(mapping.end);
                unwinder.add_module(Module::new(mapping.name.clone(), range, base, section_info(&sections)));
            }
        }
        let mut cache = CacheX86_64::<framehop::MayAllocateDuringUnwind>::new();
        let regs = UnwindRegsX86_64::new(registers.instruction, registers.stack, registers.frame);
        let mut read = |address| read(address).ok_or(());
        let mut frames = unwinder.iter_frames(registers.instruction, regs, &mut cache, &mut read);
        let mut addresses = Vec::new();
        while let Ok(Some(frame)) = frames.next()
            && addresses.len() < DEPTH
        {
            addresses.push(frame.address_for_lookup());
        }
        addresses.into_iter().map(|address| self.place(address, mappings)).collect()
    }

    /// What an address belongs to.
    pub(crate) fn place(&mut self, address: u64, mappings: &[KernelMapping]) -> Place {
        let mapping = mappings.iter().find(|mapping| (mapping.start..mapping.end).contains(&address));
        let module = mapping.filter(|mapping| mapping.is_of_file()).and_then(|mapping| {
            let (sections, base) = self.loaded(mapping)?;
            Some((mapping.name.clone(), address.wrapping_sub(base).wrapping_add(sections.base)))
        });
        Place { address, module }
    }

    /// The file of a mapping, and where its first segment is in memory.
    fn loaded(&mut self, mapping: &KernelMapping) -> Option<(Arc<Sections>, u64)> {
        let read = || Sections::read(&mapping.name).map(Arc::new);
        let sections = self.files.entry(mapping.name.clone()).or_insert_with(read).clone()?;
        let address = sections.address_of(mapping.offset)?;
        let base = mapping.start.wrapping_sub(address).wrapping_add(sections.base);
        Some((sections, base))
    }
}

fn section_info(sections: &Sections) -> ExplicitModuleSectionInfo<Arc<[u8]>> {
    let range = |section: &Option<(u64, Arc<[u8]>)>| section.as_ref().map(|(at, bytes)| *at..*at + bytes.len() as u64);
    let data = |section: &Option<(u64, Arc<[u8]>)>| section.as_ref().map(|(_, bytes)| Arc::clone(bytes));
    ExplicitModuleSectionInfo {
        base_svma: sections.base,
        text_svma: range(&sections.text),
        text: data(&sections.text),
        eh_frame_svma: range(&sections.eh_frame),
        eh_frame: data(&sections.eh_frame),
        eh_frame_hdr_svma: range(&sections.eh_frame_header),
        eh_frame_hdr: data(&sections.eh_frame_header),
        ..ExplicitModuleSectionInfo::default()
    }
}

impl Unwinding {
    /// Where the function begins that an address belongs to, by the table that exceptions are handled by.
    pub(crate) fn function_start(&mut self, address: u64, mapping: &KernelMapping) -> Option<u64> {
        let (sections, base) = self.loaded(mapping)?;
        let bias = base.wrapping_sub(sections.base);
        let (at, header) = sections.eh_frame_header.as_ref()?;
        let start = start_in(header, *at, address.wrapping_sub(bias))?;
        Some(start.wrapping_add(bias))
    }
}

/// Looks a function up in `.eh_frame_hdr`, which lies at an address: a sorted table of pairs, both counted from there.
fn start_in(header: &[u8], at: u64, address: u64) -> Option<u64> {
    /// `DW_EH_PE_datarel | DW_EH_PE_sdata4`, the form that linkers write; the pointer and the count before it have four bytes.
    const RELATIVE: u8 = 0x3b;
    let [1, pointer, count, RELATIVE, ..] = *header else { return None };
    // Of both the form says how long they are: signed or unsigned, four bytes.
    if pointer & 0x07 != 3 || count & 0x07 != 3 {
        return None;
    }
    let (pairs, _) = header.get(12..)?.as_chunks::<8>();
    let start =
        |pair: &[u8; 8]| at.wrapping_add_signed(i64::from(i32::from_le_bytes([pair[0], pair[1], pair[2], pair[3]])));
    let index = pairs.partition_point(|pair| start(pair) <= address).checked_sub(1)?;
    pairs.get(index).map(start)
}
