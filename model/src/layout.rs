//! How the memory of a process that has the library is laid out, for who reads it from outside (`mapsan inspect`).
//!
//! The library has one table in its data, made from its own types when it is compiled: found by its first bytes, it says
//! where the library's variables are, and where in them lies what is read. Offsets and sizes are in bytes. Addresses of the
//! program's are kept as their complements.

/// What a table begins with.
pub const MAGIC: [u8; 16] = *b"mapsan: layout\0\0";

/// What the numbers mean. Another version is not read.
pub const VERSION: u32 = 3;

/// What is made of numbers, read in the order in which they lie.
pub trait Words: Sized {
    /// How many numbers it is made of.
    const COUNT: usize;

    /// Reads it; `None` if there are too few.
    fn read(words: &mut dyn Iterator<Item = usize>) -> Option<Self>;
}

impl Words for usize {
    const COUNT: usize = 1;

    fn read(words: &mut dyn Iterator<Item = usize>) -> Option<usize> {
        words.next()
    }
}

/// Declares a part of a layout: its numbers, and the parts that it is made of.
macro_rules! layout {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),+ $(,)? }
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            #[repr(C)]
            #[allow(missing_docs, reason = "a sentence may stand for several numbers of a kind")]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type),+
            }

            impl Words for $name {
                const COUNT: usize = 0 $(+ <$type as Words>::COUNT)+;

                fn read(words: &mut dyn Iterator<Item = usize>) -> Option<$name> {
                    Some($name { $($field: <$type as Words>::read(words)?),+ })
                }
            }
        )+
    };
}

layout! {
    /// Records by number, from 1: the first in the pool itself, further ones in pieces, each twice as large as the one before.
    Pool {
        /// The highest number that was ever used, 4 bytes.
        used: usize,
        /// The records in the pool itself, and how many there are.
        first: usize,
        own: usize,
        /// From one record to the next.
        stride: usize,
        /// The addresses of the pieces, 8 bytes each; the first is of none.
        pieces: usize,
    }

    /// A range of addresses: start and end are complements of 8 bytes, the number of its origin has 4, its protection 1.
    Entry {
        /// The first address.
        start: usize,
        /// One past the last.
        end: usize,
        /// The number of the record that tells where it comes from; in a branch, of the child.
        origin: usize,
        /// `PROT_READ` and so on.
        protection: usize,
    }

    /// A node of the tree of ranges.
    Node {
        /// How many entries it has, 2 bytes.
        length: usize,
        /// Whether its entries stand for children, 1 byte.
        is_branch: usize,
        /// The entries, and from one to the next.
        entries: usize,
        stride: usize,
    }

    /// The call that made a mapping: site and base are complements.
    Origin {
        /// The return address of the call, 8 bytes.
        site: usize,
        /// What it returned, 8 bytes.
        base: usize,
        /// What it was asked for, 8 bytes.
        length: usize,
        /// Its flags, 4 bytes.
        flags: usize,
        /// Its number, 4 bytes: a later one is higher, modulo 2^32.
        serial: usize,
        /// In which process of a line of forks it was made, 1 byte.
        generation: usize,
        /// The number of the record of its file, 4 bytes; 0 is none.
        file: usize,
        /// Which call, 1 byte: an index of [`CALLS`].
        by: usize,
        /// The protection that it asked for, 1 byte.
        protection: usize,
    }

    /// The file that was mapped; of a segment its id and size.
    File {
        /// 8 bytes.
        inode: usize,
        /// In bytes, 8 bytes.
        size: usize,
        /// 8 bytes.
        offset: usize,
        /// The descriptor, 4 bytes; -1 of a segment.
        descriptor: usize,
    }

    /// The last releases, in a ring.
    History {
        /// How many there have ever been, 8 bytes.
        entered: usize,
        /// The releases, how many places there are, and from one to the next.
        ring: usize,
        places: usize,
        stride: usize,
        /// In a release: its entry; an empty one is none.
        entry: Entry,
        /// The return address of the call, a complement of 8 bytes.
        site: usize,
        /// The number of the call, 4 bytes.
        release: usize,
        /// Which call, 1 byte.
        by: usize,
        /// When it was, as [`Clock`] has it, 4 bytes.
        time: usize,
    }

    /// The clock: the processor's counter without its lowest bits, modulo 2^32.
    Clock {
        /// Whether the counter may be read, 1 byte; otherwise times are 0.
        allowed: usize,
        /// The counter, and nanoseconds since the machine was started, when the library was; 8 bytes each.
        ticks: usize,
        nanoseconds: usize,
        /// How many bits are left out: no offset, but the number itself.
        shift: usize,
    }

    /// The segments that the process has met.
    Segments {
        /// The table, how many places it has, and from one to the next.
        table: usize,
        places: usize,
        stride: usize,
        /// In a segment: 4 bytes each.
        id: usize,
        key: usize,
        /// 8 bytes; 0 while it is not known.
        size: usize,
        /// Bits, 1 byte.
        marks: usize,
        /// Complements of 8 bytes: where it was made or met, and where it was removed or its removal refused.
        site: usize,
        removal: usize,
        /// The errno of a removal that was refused, 1 byte.
        refused: usize,
        /// The bits: the place is used; this process made it; it removed it; it was given its id.
        used: usize,
        created: usize,
        removed: usize,
        given: usize,
    }

    /// The shared memory objects that the process has made.
    Objects {
        /// The table, how many places it has, and from one to the next.
        table: usize,
        places: usize,
        stride: usize,
        /// In an object: the name of its file, and how long that is, 1 byte; 0 is none.
        name: usize,
        length: usize,
        /// 1 byte: 1 of a semaphore, whose file has "sem." before the name.
        named: usize,
        /// A complement of 8 bytes.
        site: usize,
    }

    /// The last calls that failed, in a ring for each function.
    Failures {
        /// The rings, how many there are, and from one to the next: those of [`FAILING`].
        rings: usize,
        count: usize,
        stride: usize,
        /// In a ring: the places, how many there are, and from one to the next.
        places: usize,
        kept: usize,
        place_stride: usize,
        /// In a place: 4 bytes, odd while it is written and 0 if it never was.
        version: usize,
        /// A complement of 8 bytes.
        site: usize,
        /// 4 bytes each; a later one has a higher order, modulo 2^32.
        errno: usize,
        order: usize,
    }

    /// The last finding, and how many there were.
    Findings {
        /// Whether there has been one, 1 byte.
        any: usize,
        /// The rule's name and the message: the length, 8 bytes, and the bytes.
        rule: usize,
        message: usize,
        /// From the length to the bytes.
        bytes: usize,
        /// A complement of 8 bytes.
        site: usize,
        /// The counts by severity (notes, warnings, errors), 8 bytes each, and of repetitions; in a variable of their own.
        counts: usize,
        repeated: usize,
    }

    /// All of it. Offsets are from the beginning of the tracker, but for what lies in records, and in variables of their own
    /// (failures, findings, clock).
    Layout {
        /// Who holds the lock, 8 bytes, 0 if nobody; and how often it was given back, 4 bytes.
        holder: usize,
        turns: usize,
        /// Whether mappings had to be forgotten, 1 byte.
        is_incomplete: usize,
        /// In which process of a line of forks this is, 1 byte.
        generation: usize,
        /// The number of the node at the top of the tree, 4 bytes; 0 is none.
        root: usize,
        nodes: Pool,
        node: Node,
        entry: Entry,
        origins: Pool,
        origin: Origin,
        files: Pool,
        file: File,
        history: History,
        segments: Segments,
        objects: Objects,
        failures: Failures,
        findings: Findings,
        clock: Clock,
    }
}

impl Entry {
    /// That of an entry which itself lies `at` bytes from the beginning.
    #[must_use]
    pub const fn at(self, at: usize) -> Entry {
        Entry {
            start: self.start.wrapping_add(at),
            end: self.end.wrapping_add(at),
            origin: self.origin.wrapping_add(at),
            protection: self.protection.wrapping_add(at),
        }
    }
}

/// The calls that make or end mappings, by the number that records have of them.
pub const CALLS: [&str; 6] = ["mmap", "mremap", "shmat", "munmap", "shmdt", "madvise"];

/// The calls whose failures are kept, in the order of their rings.
pub const FAILING: [&str; 8] = ["mmap", "mremap", "ftok", "shmget", "shmat", "semget", "msgget", "sem_open"];

/// What stands before the addresses in a table.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Head {
    /// [`MAGIC`].
    pub magic: [u8; 16],
    /// [`VERSION`].
    pub version: u32,
    /// How many numbers the layout has, 8 bytes each.
    pub words: u32,
    /// The library's version, padded with zeroes.
    pub library: [u8; 16],
}

/// The addresses that follow it, 8 bytes each: of the table itself, the tracker, the failures, the last finding, the counts,
/// what is looked at ([`TRACKS`]), the clock, and the function that explains the fault of a process that is dead. The layout
/// comes after them.
///
/// That function takes what a handler with `SA_SIGINFO` takes. It is called in the memory of the dead process, writes a
/// finding, if there is one, to standard error as a record, and ends with `exit_group(2)`.
pub const ADDRESSES: usize = 8;

/// The bit of what is looked at that says whether the program's mappings are followed.
pub const TRACKS: u32 = 8;

impl Head {
    /// That of this version.
    #[must_use]
    pub const fn of_this_version() -> Head {
        #[allow(clippy::cast_possible_truncation, reason = "there are some hundred")]
        let words = Layout::COUNT as u32;
        Head { magic: MAGIC, version: VERSION, words, library: padded(env!("CARGO_PKG_VERSION")) }
    }
}

const fn padded(text: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    let (room, _) = bytes.split_at_mut(text.len());
    room.copy_from_slice(text.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_read_as_it_lies() {
        let mut numbers = 0..;
        let layout = Layout::read(&mut numbers).unwrap();
        assert_eq!(size_of::<Layout>(), 8 * Layout::COUNT);
        assert_eq!((layout.holder, layout.nodes.used), (0, 5));
        assert_eq!(layout.clock.shift, Layout::COUNT - 1);
        assert!(Layout::read(&mut (0..10)).is_none());
    }
}
