//! The C library among the loaded objects, and the functions in its own symbol table.
//!
//! By the loader's list, without its lock: the objects that are looked at are loaded before anybody starts, and never unloaded.

use crate::machine::{Architecture, Machine};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::size_of;
use core::num::NonZero;
use core::ptr;

/// The public head of `struct link_map` of `<link.h>`.
#[repr(C)]
pub(super) struct LinkMap {
    bias: usize,
    _path: *const c_char,
    dynamic: *const Entry,
    next: *const LinkMap,
}

/// The head of `struct r_debug` of `<link.h>`.
#[repr(C)]
struct Debug {
    version: c_int,
    first: *const LinkMap,
}

/// `Elf64_Dyn`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    tag: i64,
    value: usize,
}

const DT_STRTAB: i64 = 5;
const DT_SYMTAB: i64 = 6;
const DT_SONAME: i64 = 14;
const DT_PREINIT_ARRAY: i64 = 32;
const DT_GNU_HASH: i64 = 0x6fff_fef5;
const DT_VERSYM: i64 = 0x6fff_fff0;

const STT_FUNC: u8 = 2;
/// In a symbol's version: not the default one of its name.
const VERSYM_HIDDEN: u16 = 0x8000;

/// The objects that are the C library: before glibc 2.34 it was in several, and some of its functions are in the loader.
const NAMES: [&[u8]; 3] = [b"libc.so.", b"libdl.so.", b"ld-linux"];

/// A loaded object.
pub(super) struct Object {
    bias: usize,
    symbols: usize,
    strings: usize,
    hash: HashTable,
    /// The versions of its symbols; 0 for none.
    versions: usize,
}

/// Reads a value of a loaded object.
///
/// # Safety
/// The whole value must lie in an object's memory that is readable.
unsafe fn read<T: Copy>(address: usize) -> T {
    // SAFETY: the caller vouches for the memory; any alignment is allowed.
    unsafe { ptr::with_exposed_provenance::<T>(address).read_unaligned() }
}

/// The element of an array in a loaded object.
///
/// # Safety
/// As [`read`].
unsafe fn element<T: Copy>(array: usize, index: usize) -> T {
    // SAFETY: the caller upholds the contract.
    unsafe { read(array.wrapping_add(index.wrapping_mul(size_of::<T>()))) }
}

/// The loaded objects, the program first; none in a static program.
fn maps() -> impl Iterator<Item = &'static LinkMap> {
    // SAFETY: the loader's structure, or null in a static program.
    let debug = unsafe { crate::clib::weak::loader_debug().cast::<Debug>().as_ref() };
    let mut next = debug.map_or(ptr::null(), |debug| debug.first);
    core::iter::from_fn(move || {
        // SAFETY: an entry of the loader's list, or null at its end.
        let map = unsafe { next.as_ref() }?;
        next = map.next;
        Some(map)
    })
}

/// The loaded objects after this one, by the loader's list, and those before it; `None` if this one is not among them.
pub(super) fn others() -> Option<(impl Iterator<Item = &'static LinkMap>, impl Iterator<Item = &'static LinkMap>)> {
    let own = maps().position(|map| map.bias == Machine::own_code().0)?;
    Some((maps().skip(own.wrapping_add(1)), maps().take(own)))
}

/// Hands each object of the C library to `each`.
pub(super) fn of_libc(each: impl FnMut(Object)) {
    maps().filter_map(Object::of).for_each(each);
}

/// Whether what the program has in `.preinit_array`, if anything, has run: libc sets `environ` in its own constructor, which is
/// the first after that.
pub(crate) fn program_is_ready() -> bool {
    if maps().next().is_none_or(|program| program.value(DT_PREINIT_ARRAY).is_none()) {
        return true;
    }
    // SAFETY: a pointer of libc's or of the program's, or null.
    unsafe { crate::clib::weak::environ().as_ref() }.is_none_or(|environ| !environ.is_null())
}

impl LinkMap {
    /// A value of the object's dynamic section.
    fn value(&self, wanted: i64) -> Option<usize> {
        let mut at = self.dynamic as usize;
        loop {
            // SAFETY: inside the section, as its closing entry has not been passed.
            let Entry { tag, value } = unsafe { read(at) };
            if tag == wanted {
                return Some(value);
            }
            if tag == 0 {
                return None;
            }
            at = at.wrapping_add(size_of::<Entry>());
        }
    }

    /// A value that is an address. The loader has relocated it in place, except where the section is read-only (the vDSO).
    fn pointer(&self, wanted: i64) -> Option<usize> {
        self.value(wanted).map(|at| if at < self.bias { at.wrapping_add(self.bias) } else { at })
    }

    /// The name that the object gives itself.
    fn name(&self) -> Option<&'static [u8]> {
        let name = self.pointer(DT_STRTAB)?.wrapping_add(self.value(DT_SONAME)?);
        // SAFETY: a string of the object's string table, which is zero-terminated.
        Some(unsafe { CStr::from_ptr(ptr::with_exposed_provenance(name)) }.to_bytes())
    }

    /// Whether it is the C library itself.
    pub(super) fn is_libc(&self) -> bool {
        self.name().is_some_and(|name| name.starts_with(NAMES[0]))
    }

    /// The table of what the object defines.
    pub(super) fn hash_table(&self) -> Option<HashTable> {
        self.pointer(DT_GNU_HASH).and_then(NonZero::new).map(HashTable)
    }
}

impl Object {
    /// The object of an entry, if it belongs to the C library.
    fn of(map: &LinkMap) -> Option<Object> {
        let name = map.name()?;
        NAMES.iter().any(|one| name.starts_with(one)).then(|| Object::tables(map))?
    }

    /// The tables of an object, whatever it is.
    pub(super) fn tables(map: &LinkMap) -> Option<Object> {
        Some(Object {
            bias: map.bias,
            symbols: map.pointer(DT_SYMTAB)?,
            strings: map.pointer(DT_STRTAB)?,
            hash: map.hash_table()?,
            versions: map.pointer(DT_VERSYM).unwrap_or(0),
        })
    }

    /// The default version of a function by its name; null if there is none.
    pub(super) fn function(&self, name: &Name) -> *mut c_void {
        self.hash.find(name, |index| self.named(index, name)).map_or(ptr::null_mut(), ptr::with_exposed_provenance_mut)
    }

    /// The address of a symbol, if it is the default definition of a function of this name.
    fn named(&self, index: usize, name: &Name) -> Option<usize> {
        // SAFETY: a symbol of the hash table is one of the symbol table.
        let symbol: libc::Elf64_Sym = unsafe { element(self.symbols, index) };
        if symbol.st_shndx == 0 || symbol.st_info & 0xf != STT_FUNC {
            return None;
        }
        if self.versions != 0 {
            // SAFETY: each symbol has a version.
            let version: u16 = unsafe { element(self.versions, index) };
            if version & VERSYM_HIDDEN != 0 {
                return None;
            }
        }
        // Byte by byte: nothing is read past the end of a name that is another.
        let string = self.strings.wrapping_add(symbol.st_name as usize);
        // SAFETY: a string of the object's string table, which is zero-terminated, up to the first difference.
        let is_equal = name.text.bytes().enumerate().all(|(at, byte)| unsafe { element::<u8>(string, at) } == byte);
        is_equal.then(|| self.bias.wrapping_add(usize::try_from(symbol.st_value).unwrap_or(0)))
    }
}

/// The name of a function, with its terminator, and its [`hash`].
pub(crate) struct Name {
    pub(crate) text: &'static str,
    pub(crate) hash: u32,
}

/// What a name is looked up by in such a table.
pub(crate) const fn hash(name: &str) -> u32 {
    let (mut hash, mut rest) = (5381_u32, name.as_bytes());
    while let [byte, after @ ..] = rest {
        hash = hash.wrapping_mul(33).wrapping_add(*byte as u32);
        rest = after;
    }
    hash
}

/// The hash table of an object's definitions, by its address: `DT_GNU_HASH`.
#[derive(Clone, Copy)]
pub(super) struct HashTable(NonZero<usize>);

impl HashTable {
    /// Whether there is a symbol of the name's hash.
    pub(super) fn has(self, name: &Name) -> bool {
        self.find(name, Some).is_some()
    }

    /// What `take` makes of the first symbol of the name's hash of which it makes something, by its index.
    fn find<T>(self, name: &Name, mut take: impl FnMut(usize) -> Option<T>) -> Option<T> {
        let wanted = name.hash;
        // SAFETY: the table's header.
        let [buckets, first, blooms, shift]: [u32; 4] = unsafe { read(self.0.get()) };
        let bloom_array = self.0.get().wrapping_add(16);
        // SAFETY: `blooms` words, a power of two, follow the header.
        let bloom: u64 = unsafe { element(bloom_array, (wanted >> 6 & blooms.wrapping_sub(1)) as usize) };
        if bloom >> (wanted & 63) & bloom >> (wanted.wrapping_shr(shift) & 63) & 1 == 0 {
            return None;
        }
        let bucket_array = bloom_array.wrapping_add((blooms as usize).wrapping_mul(8));
        let chains = bucket_array.wrapping_add((buckets as usize).wrapping_mul(4));
        let bucket = wanted.checked_rem(buckets)?;
        // SAFETY: `buckets` words follow the Bloom filter.
        let mut index: u32 = unsafe { element(bucket_array, bucket as usize) };
        while index >= first && index != 0 {
            // SAFETY: a chain's words, of which the last has its lowest bit set.
            let hash: u32 = unsafe { element(chains, index.wrapping_sub(first) as usize) };
            if hash | 1 == wanted | 1
                && let Some(taken) = take(index as usize)
            {
                return Some(taken);
            }
            if hash & 1 != 0 {
                break;
            }
            index = index.wrapping_add(1);
        }
        None
    }
}
