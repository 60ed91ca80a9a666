//! Which loaded object holds an address, and what is known of it without its file: path, load bias, build id, and the
//! nearest dynamic symbol. No debug information is read in the program: that is the command's work.
//!
//! An object's pages may be shut, unmapped, or covered by something else (programs that hide their headers, or move their
//! own text), and its file may have become shorter: each page is tried before it is read, and what can't be read, or does
//! not fit the loader's own knowledge, is not known.

use crate::sys::memory::{self, is_readable};
use crate::sys::process;
use core::ffi::{c_char, c_int, c_void};
use core::mem::size_of;
use core::slice;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

type Header = libc::Elf64_Ehdr;
type ProgramHeader = libc::Elf64_Phdr;
type Symbol = libc::Elf64_Sym;

/// A loaded object. The references live as long as it stays loaded.
pub(crate) struct Module<'a> {
    path: &'a [u8],
    /// What the loader added to the addresses of the file.
    pub(crate) bias: usize,
    /// Its program headers; none if they can't be read.
    segments: &'a [ProgramHeader],
    /// Its first byte and the one after its last, by the loader, if it says so.
    range: Option<(usize, usize)>,
    /// Its dynamic section, by the loader; 0 if it does not say so.
    dynamic: usize,
}

/// One entry of a dynamic section, `Elf64_Dyn`.
#[repr(C)]
struct Dynamic {
    tag: i64,
    value: usize,
}

/// The size of an entry, not 0.
const DYNAMIC: usize = size_of::<Dynamic>();

/// More of either has no object.
const MOST_ENTRIES: usize = 1024;
const MOST_SYMBOLS: usize = 1 << 22;

const DT_HASH: i64 = 4;
const DT_STRTAB: i64 = 5;
const DT_SYMTAB: i64 = 6;
const DT_STRSZ: i64 = 10;
const DT_GNU_HASH: i64 = 0x6fff_fef5;
const NT_GNU_BUILD_ID: u32 = 3;
const NT_GO_BUILD_ID: u32 = 4;
const STT_FUNC: u8 = 2;

/// Whether the loader's lock may no longer be waited for.
static NO_LOCKS: AtomicBool = AtomicBool::new(false);

/// From here on the loader's lock is left alone: a fault ends the program, and who holds the lock may wait for the thread
/// that faulted.
pub(crate) fn take_no_locks() {
    NO_LOCKS.store(true, Relaxed);
}

impl Module<'_> {
    /// The object that holds `address`. For what is not in glibc's index (before 2.35, in static programs, objects with
    /// gaps between their segments) this takes the loader's lock: for reports alone.
    pub(crate) fn find(address: usize) -> Option<Module<'static>> {
        find_object(address).or_else(|| if NO_LOCKS.load(Relaxed) { None } else { iterate(address) })
    }

    /// As [`Module::find`], never with a lock: what is not in the index is not found.
    pub(crate) fn find_without_lock(address: usize) -> Option<Module<'static>> {
        find_object(address)
    }

    /// This library and the loader, as far as they are in the index.
    pub(crate) fn own_and_loader() -> impl Iterator<Item = Module<'static>> {
        let own = find_object as *const () as usize;
        [own, loader()].into_iter().filter_map(Module::find_without_lock)
    }

    /// An object of the loader's list.
    pub(crate) fn listed(info: &libc::dl_phdr_info) -> Module<'static> {
        let segments = program_headers(info.dlpi_phdr as usize, info.dlpi_phnum).unwrap_or_default();
        let bias = usize::try_from(info.dlpi_addr).unwrap_or(0);
        // SAFETY: the name is a string, or null.
        let path = unsafe { bytes(info.dlpi_name) };
        Module { path, bias, segments, range: None, dynamic: 0 }
    }

    /// The object's path; the executable's for the program itself.
    pub(crate) fn path(&self) -> &[u8] {
        if self.path.is_empty() { process::executable() } else { self.path }
    }

    /// The GNU build id, from the notes in memory.
    pub(crate) fn build_id(&self) -> Option<&[u8]> {
        self.note(b"GNU\0", NT_GNU_BUILD_ID)
    }

    /// Whether the Go toolchain linked it.
    pub(crate) fn is_go(&self) -> bool {
        self.note(b"Go\0\0", NT_GO_BUILD_ID).is_some()
    }

    /// The content of a note, by its owner's name and its type.
    fn note(&self, owner: &[u8; 4], wanted: u32) -> Option<&[u8]> {
        self.of_type(libc::PT_NOTE).find_map(|notes| {
            let end = notes.start.checked_add(notes.length)?;
            let mut at = notes.start;
            while at.checked_add(16)? <= end {
                let [name, description, kind]: [u32; 3] = memory::value(at)?;
                let named: [u8; 4] = memory::value(at.checked_add(12)?)?;
                let content = at.checked_add(12)?.checked_add(padded(name))?;
                let next = content.checked_add(padded(description))?;
                if kind == wanted && name == 4 && named == *owner && next <= end {
                    if !is_readable(content, description as usize) {
                        return None;
                    }
                    // SAFETY: the description lies inside the note segment, as just compared, and can be read.
                    return Some(unsafe {
                        slice::from_raw_parts(core::ptr::with_exposed_provenance(content), description as usize)
                    });
                }
                at = next;
            }
            None
        })
    }

    /// The dynamic symbol of a function that covers `address`, and the distance from its start.
    pub(crate) fn symbol(&self, address: usize) -> Option<(&[u8], usize)> {
        let tables = self.tables()?;
        let offset = address.wrapping_sub(self.bias);
        let symbol = tables.symbols()?.iter().find_map(|symbol| {
            let start = usize::try_from(symbol.st_value).ok()?;
            let size = usize::try_from(symbol.st_size).ok()?;
            (symbol.st_shndx != 0 && symbol.st_info & 0xf == STT_FUNC && offset.wrapping_sub(start) < size)
                .then_some(symbol)
        })?;
        let name = tables.strings.checked_add(symbol.st_name as usize)?;
        if symbol.st_name as usize >= tables.strings_size {
            return None;
        }
        let most = tables.strings_size.checked_sub(symbol.st_name as usize)?;
        // SAFETY: a string of the object's string table, which stays loaded.
        let name = unsafe { memory::string(name, most) }?;
        Some((name, offset.wrapping_sub(usize::try_from(symbol.st_value).ok()?)))
    }

    /// The range of its memory from the first to the last byte, by its program headers.
    pub(crate) fn extent(&self) -> Option<(usize, usize)> {
        let loads = || self.of_type(libc::PT_LOAD);
        let Some(start) = loads().map(|extent| extent.start).min() else { return self.range };
        Some((start, loads().map(|extent| extent.start.wrapping_add(extent.length)).max()?))
    }

    /// What reports read of it: the segment of its headers, and its dynamic section, each from the first byte to the last.
    pub(crate) fn read_by_reports(&self) -> [Option<(usize, usize)>; 2] {
        let first = |kind| self.of_type(kind).next();
        [libc::PT_LOAD, libc::PT_DYNAMIC]
            .map(|kind| first(kind).map(|extent| (extent.start, extent.start.wrapping_add(extent.length))))
    }

    fn of_type(&self, kind: u32) -> impl Iterator<Item = Extent> {
        self.segments.iter().filter(move |segment| segment.p_type == kind).filter_map(|segment| {
            Some(Extent {
                start: self.bias.wrapping_add(usize::try_from(segment.p_vaddr).ok()?),
                length: usize::try_from(segment.p_memsz).ok()?,
            })
        })
    }

    fn tables(&self) -> Option<Tables> {
        let by_header = self.of_type(libc::PT_DYNAMIC).next().map(|section| section.start);
        let section = by_header.or((self.dynamic != 0).then_some(self.dynamic))?;
        let value = |wanted: i64| {
            (0..MOST_ENTRIES).map_while(|index| entry(section, index)).find(|(tag, _)| *tag == wanted).map(|(_, at)| at)
        };
        // The loader has relocated these pointers in place, except where the section is read-only (the vDSO).
        let pointer = |tag: i64| value(tag).map(|at| if at < self.bias { at.wrapping_add(self.bias) } else { at });
        let count = match pointer(DT_GNU_HASH) {
            Some(table) => gnu_hash_count(table)?,
            // The second word of the System V hash table is the number of symbols.
            None => memory::value::<u32>(pointer(DT_HASH)?.checked_add(4)?)? as usize,
        };
        Some(Tables {
            symbols: pointer(DT_SYMTAB)?,
            strings: pointer(DT_STRTAB)?,
            strings_size: value(DT_STRSZ)?,
            count,
        })
    }
}

/// A range of memory.
struct Extent {
    start: usize,
    length: usize,
}

/// The dynamic symbol table.
struct Tables {
    symbols: usize,
    count: usize,
    strings: usize,
    strings_size: usize,
}

impl Tables {
    /// The symbols, if they can be read.
    fn symbols(&self) -> Option<&[Symbol]> {
        let whole = self.symbols.is_multiple_of(align_of::<Symbol>()) && self.count <= MOST_SYMBOLS;
        if !whole || !is_readable(self.symbols, self.count.checked_mul(size_of::<Symbol>())?) {
            return None;
        }
        // SAFETY: readable, as the kernel has just said; every pattern is a symbol.
        Some(unsafe { slice::from_raw_parts(core::ptr::with_exposed_provenance(self.symbols), self.count) })
    }
}

/// An entry of a dynamic section; `None` from its end on.
fn entry(section: usize, index: usize) -> Option<(i64, usize)> {
    let [tag, value]: [usize; 2] = memory::value(section.checked_add(index.checked_mul(DYNAMIC)?)?)?;
    (tag != 0).then_some((tag.cast_signed() as i64, value))
}

/// A note's field rounded up to 4 bytes.
fn padded(length: u32) -> usize {
    (length as usize).wrapping_add(3) & !3
}

/// The number of symbols that a `DT_GNU_HASH` table covers: the end of the chain of its last bucket.
fn gnu_hash_count(table: usize) -> Option<usize> {
    let [buckets, first, bloom, _shift]: [u32; 4] = memory::value(table)?;
    let bucket_array = table.wrapping_add(16).wrapping_add((bloom as usize).wrapping_mul(8));
    if buckets as usize > MOST_SYMBOLS {
        return None;
    }
    let mut last = 0_u32;
    for index in 0..buckets as usize {
        last = last.max(memory::value(bucket_array.wrapping_add(index.wrapping_mul(4)))?);
    }
    if last < first {
        return Some(first as usize);
    }
    let chains = bucket_array.wrapping_add((buckets as usize).wrapping_mul(4));
    loop {
        let at = chains.wrapping_add((last.wrapping_sub(first) as usize).wrapping_mul(4));
        let word: u32 = memory::value(at)?;
        last = last.wrapping_add(1);
        if word & 1 != 0 {
            return Some(last as usize);
        }
    }
}

/// `struct dl_find_object` of `<dlfcn.h>`, glibc 2.35.
#[repr(C)]
struct FoundObject {
    flags: u64,
    map_start: usize,
    map_end: usize,
    link_map: *const LinkMap,
    eh_frame: usize,
    reserved: [u64; 7],
}

/// The public head of `struct link_map` of `<link.h>`.
#[repr(C)]
struct LinkMap {
    bias: usize,
    name: *const c_char,
    dynamic: usize,
}

/// Asks glibc's lock-free index of loaded objects, where there is one (glibc 2.35).
fn find_object(address: usize) -> Option<Module<'static>> {
    let find = crate::clib::find_object()?;
    let mut found = core::mem::MaybeUninit::<FoundObject>::zeroed();
    // SAFETY: the signature of _dl_find_object(3); `found` has its layout.
    if unsafe { find(address, found.as_mut_ptr().cast()) } != 0 {
        return None;
    }
    // SAFETY: filled by the call above; zeroes are valid before.
    let found = unsafe { found.assume_init() };
    // SAFETY: a link map of the loader, or null.
    let link_map = unsafe { found.link_map.as_ref() }?;
    // SAFETY: a link map's name is a string.
    let path = unsafe { bytes(link_map.name) };
    let range = Some((found.map_start, found.map_end));
    let mut module = Module { path, bias: link_map.bias, segments: &[], range, dynamic: link_map.dynamic };
    // An object is mapped from its first loadable segment, which holds the ELF header in all but hand-made objects.
    module.segments = headers(found.map_start).unwrap_or_default();
    if module.of_type(libc::PT_DYNAMIC).any(|section| section.start != link_map.dynamic) {
        // It is another header by now.
        module.segments = &[];
    }
    Some(module)
}

/// The program headers of the object that is mapped from here, if they can be read.
fn headers(start: usize) -> Option<&'static [ProgramHeader]> {
    let header: Header = memory::value(start)?;
    if !header.e_ident.starts_with(b"\x7fELF") || header.e_phentsize as usize != size_of::<ProgramHeader>() {
        return None;
    }
    program_headers(start.checked_add(usize::try_from(header.e_phoff).ok()?)?, header.e_phnum)
}

/// So many program headers, if they can be read.
fn program_headers(table: usize, count: u16) -> Option<&'static [ProgramHeader]> {
    if !table.is_multiple_of(align_of::<ProgramHeader>())
        || !is_readable(table, usize::from(count).checked_mul(size_of::<ProgramHeader>())?)
    {
        return None;
    }
    // SAFETY: readable, as the kernel has just said; every pattern is a program header.
    Some(unsafe { slice::from_raw_parts(core::ptr::with_exposed_provenance(table), usize::from(count)) })
}

/// Whether an address lies in a loaded object, by glibc's index alone: nothing of the object is read.
pub(crate) fn is_in_object(address: usize) -> bool {
    let Some(find) = crate::clib::find_object() else { return false };
    let mut found = core::mem::MaybeUninit::<FoundObject>::zeroed();
    // SAFETY: the signature of _dl_find_object(3); `found` has its layout.
    let answer = unsafe { find(address, found.as_mut_ptr().cast()) };
    answer == 0
}

/// Whether an address lies in the loader.
pub(crate) fn is_of_loader(address: usize) -> bool {
    let loader = loader();
    loader != 0 && Module::find_without_lock(address).is_some_and(|module| module.bias == loader)
}

/// Where the kernel has put the loader; 0 in a static program.
fn loader() -> usize {
    // SAFETY: getauxval(3) reads what the kernel left on the stack.
    usize::try_from(unsafe { libc::getauxval(libc::AT_BASE) }).unwrap_or(0)
}

/// The longest name of an object that is read: a path has no more (`PATH_MAX`).
const LONGEST_NAME: usize = 4096;

/// The bytes of a string that may be null, or lie where nothing can be read any more: the name of the vDSO is its own.
///
/// # Safety
/// `string` must be null, or what can be read of it must outlive the result.
unsafe fn bytes<'a>(string: *const c_char) -> &'a [u8] {
    if string.is_null() {
        return &[];
    }
    // SAFETY: the caller upholds the contract.
    unsafe { memory::string(string as usize, LONGEST_NAME) }.unwrap_or_default()
}

/// Asks the loader for its list (older glibc, static programs).
fn iterate(address: usize) -> Option<Module<'static>> {
    struct Search {
        address: usize,
        found: Option<Module<'static>>,
    }
    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: usize, search: *mut c_void) -> c_int {
        // SAFETY: `search` is what `iterate` handed over.
        let search = unsafe { &mut *search.cast::<Search>() };
        // SAFETY: dl_iterate_phdr(3) passes a valid entry.
        let info = unsafe { &*info };
        let module = Module::listed(info);
        if module.of_type(libc::PT_LOAD).any(|extent| search.address.wrapping_sub(extent.start) < extent.length) {
            search.found = Some(module);
            return 1;
        }
        0
    }
    let mut search = Search { address, found: None };
    // SAFETY: `visit` fits the callback's signature, and `search` lives as long as the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    search.found
}
