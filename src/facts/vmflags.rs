//! What the kernel allows to be made of a mapping: the flags of /proc/self/smaps.

use super::mapping::{self, Mapping};
use super::procfile;

/// Whether mprotect could make the mapping that holds `address` writable (`mw`); `None` where that can't be read.
pub(crate) fn may_be_written(address: usize) -> Option<bool> {
    let mut inside = false;
    procfile::find_line(c"/proc/self/smaps", |line| {
        if let Some(flags) = line.strip_prefix(b"VmFlags:") {
            return inside.then(|| flags.split(u8::is_ascii_whitespace).any(|flag| flag == b"mw"));
        }
        // The other lines have a name and a colon before the first blank.
        if line.first().is_some_and(|first| !first.is_ascii_uppercase()) {
            inside = mapping::parse(line).is_some_and(|mapping: Mapping| mapping.contains(address));
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_memory_may_be_written() {
        static CONSTANT: [u8; 4] = *b"here";
        assert_eq!(may_be_written(CONSTANT.as_ptr() as usize), Some(true));
        assert_eq!(may_be_written(0), None);
    }
}
