//! The memory of another process: read as it is, whatever its bytes are.

/// A mapping of a process, as the kernel has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KernelMapping {
    pub(crate) start: u64,
    /// One past the last byte.
    pub(crate) end: u64,
    /// Such as `rw-p`.
    pub(crate) rights: String,
    /// Where in the file it starts.
    pub(crate) offset: u64,
    /// Its file's; 0 if it has none.
    pub(crate) inode: u64,
    /// The file's path, or what the kernel calls it; empty for anonymous memory.
    pub(crate) name: String,
}

impl KernelMapping {
    /// Whether its file, not the kernel, gives it its name.
    pub(crate) fn is_of_file(&self) -> bool {
        self.name.starts_with('/')
    }

    /// Whether code in it can be executed.
    pub(crate) fn is_executable(&self) -> bool {
        self.rights.contains('x')
    }
}

/// The memory of a process that is not this one.
pub(crate) trait Memory {
    /// Fills the buffer from an address on; whether all of it could be read.
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool;

    /// How large its pages are.
    fn page_size(&self) -> u64;

    /// So many bytes from an address on.
    fn bytes(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.read(address, &mut bytes).then_some(bytes)
    }
}
