//! The library's own description of its memory, found in a process.

use super::module::Module;
use crate::failure::Failure;
use crate::system::memory::{KernelMapping, Memory};
use mapsan_model::layout::{ADDRESSES, Head, Layout, MAGIC, VERSION, Words};
use std::path::Path;

/// No number of a layout is larger: it is refused as nonsense.
const LARGEST: usize = 1 << 26;
/// How much is searched at a time.
const PART: usize = 1 << 20;
/// How long a table of this form is.
const LENGTH: usize = size_of::<Head>() + 8 * (ADDRESSES + Layout::COUNT);

/// Where the library's variables are, and where in them lies what is read.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// The library's version.
    pub(crate) library: String,
    pub(crate) tracker: u64,
    pub(crate) failures: u64,
    pub(crate) last_finding: u64,
    pub(crate) counts: u64,
    pub(crate) enabled: u64,
    pub(crate) clock: u64,
    /// The function that explains a fault of the dead.
    pub(crate) examine: u64,
    pub(crate) layout: Layout,
}

/// Finds the table among the constants of the files that a process has mapped: the library's own first, then those of the
/// program.
pub(crate) fn find(memory: &dyn Memory, mappings: &[KernelMapping], program: &Path) -> Result<Option<Table>, Failure> {
    let rank = |name: &str| {
        if is_of_library(name) { 0 } else { 1 + usize::from(Path::new(name.trim_end_matches(" (deleted)")) != program) }
    };
    let mut names: Vec<&str> =
        mappings.iter().filter(|one| one.is_of_file() && one.offset == 0).map(|one| one.name.as_str()).collect();
    names.sort_by_key(|name| (rank(name), *name));
    names.dedup();
    for name in names {
        let Some(module) = Module::read(memory, mappings, name) else { continue };
        // The linker puts it there unless it was told to have no such place.
        let places = module.constants.map_or_else(|| data(mappings, name), |constants| vec![constants]);
        for (start, length) in places {
            if let Some(table) = search(memory, start, length) {
                return table.map(Some);
            }
        }
    }
    Ok(None)
}

/// Whether a file is named as the library is.
pub(crate) fn is_of_library(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|name| name.to_string_lossy().starts_with("libmapsan"))
}

/// Where a file's data is, and how long.
fn data(mappings: &[KernelMapping], name: &str) -> Vec<(u64, u64)> {
    let is_data = |one: &&KernelMapping| one.name == name && one.rights.starts_with("rw") && !one.rights.ends_with('s');
    mappings.iter().filter(is_data).map(|one| (one.start, one.end.saturating_sub(one.start))).collect()
}

/// Searches memory, a part after the other.
fn search(memory: &dyn Memory, start: u64, length: u64) -> Option<Result<Table, Failure>> {
    let end = start.saturating_add(length);
    let mut at = start.next_multiple_of(8);
    while at < end {
        let part = usize::try_from(end - at).unwrap_or(PART).min(PART);
        // What can't be read holds no table.
        if let Some(found) = memory.bytes(at, part).and_then(|bytes| find_in(&bytes, at)) {
            return Some(found);
        }
        // One that lies across the end of a part is whole in the next.
        at += (if part < PART { part } else { PART - LENGTH }) as u64;
    }
    None
}

/// Finds it in the bytes that lie at an address.
fn find_in(bytes: &[u8], start: u64) -> Option<Result<Table, Failure>> {
    let (words, _) = bytes.as_chunks::<8>();
    let mut candidates = words.windows(2).enumerate().filter(|(_, pair)| pair.as_flattened() == MAGIC);
    candidates.find_map(|(index, _)| read(words.get(index..)?.as_flattened(), start + 8 * index as u64))
}

/// Reads what begins like a table; `None` if it is none: one names its own address.
fn read(bytes: &[u8], here: u64) -> Option<Result<Table, Failure>> {
    let (head, rest) = bytes.split_at_checked(size_of::<Head>())?;
    let number = |at: usize| Some(u32::from_ne_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let (version, count) = (number(16)?, number(20)?);
    let library: Vec<u8> = head.get(24..40)?.iter().copied().take_while(|byte| *byte != 0).collect();
    let library =
        String::from_utf8(library).ok().filter(|name| name.chars().all(|letter| letter.is_ascii_graphic()))?;
    let mut numbers = rest.as_chunks::<8>().0.iter().map(|bytes| u64::from_ne_bytes(*bytes));
    if numbers.next()? != here {
        return None;
    }
    if version != VERSION || count as usize != Layout::COUNT {
        return Some(Err(Failure::own(format!(
            "the process has libmapsan.so {library}, whose memory is laid out otherwise (form {version} with {count} numbers, \
             and this mapsan {} reads form {VERSION} with {}): use the mapsan that came with it",
            env!("CARGO_PKG_VERSION"),
            Layout::COUNT
        ))));
    }
    let mut addresses = [0; ADDRESSES - 1];
    for address in &mut addresses {
        *address = numbers.next()?;
    }
    let [tracker, failures, last_finding, counts, enabled, clock, examine] = addresses;
    let mut numbers = numbers.map(|number| usize::try_from(number).unwrap_or(usize::MAX)).take(Layout::COUNT);
    let mut largest = 0;
    let layout = Layout::read(&mut numbers.by_ref().inspect(|number| largest = largest.max(*number)))?;
    (largest <= LARGEST).then_some(Ok(Table {
        library,
        tracker,
        failures,
        last_finding,
        counts,
        enabled,
        clock,
        examine,
        layout,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(here: u64, version: u32) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        bytes.extend(MAGIC);
        bytes.extend(version.to_ne_bytes());
        bytes.extend(u32::try_from(Layout::COUNT).unwrap().to_ne_bytes());
        bytes.extend(*b"9.8.7\0\0\0\0\0\0\0\0\0\0\0");
        bytes.extend(here.to_ne_bytes());
        (2..ADDRESSES + 1 + Layout::COUNT).for_each(|number| bytes.extend((number as u64).to_ne_bytes()));
        bytes
    }

    /// Memory from an address on.
    struct From(u64, Vec<u8>);

    impl Memory for From {
        fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
            let start = usize::try_from(address - self.0).unwrap();
            self.1.get(start..start + buffer.len()).map(|bytes| buffer.copy_from_slice(bytes)).is_some()
        }

        fn page_size(&self) -> u64 {
            4096
        }
    }

    #[test]
    fn a_table_is_found_wherever_it_lies() {
        for at in [0, 8, 4096, PART - LENGTH, PART - 64, PART - 8, PART, PART + 8, 2 * PART - 72] {
            let mut bytes = vec![1; 3 * PART - 24];
            let table = table(0x10000 + at as u64, VERSION);
            bytes[at..at + LENGTH].copy_from_slice(&table[8..]);
            let memory = From(0x10000, bytes);
            assert!(search(&memory, 0x10000, memory.1.len() as u64).is_some_and(|found| found.is_ok()), "{at}");
        }
    }

    #[test]
    fn a_table_names_its_own_address_and_its_version() {
        let found = find_in(&table(0x1008, VERSION), 0x1000).unwrap().ok().unwrap();
        assert_eq!((found.library.as_str(), found.tracker, found.enabled), ("9.8.7", 2, 6));
        assert_eq!(found.layout.holder, ADDRESSES + 1);
        assert!(find_in(&table(0x1010, VERSION), 0x1000).is_none(), "a copy of one is none");
        let other = find_in(&table(0x1008, VERSION + 1), 0x1000).unwrap().err().unwrap().to_string();
        assert!(other.contains("libmapsan.so 9.8.7"), "{other}");
        let whole = table(0x1008, VERSION);
        assert!((0..whole.len()).all(|length| find_in(&whole[..length], 0x1000).is_none()));
    }
}
