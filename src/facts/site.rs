//! Where a call was made, by a name that is the same in every process: the object and the place in it.

use super::Module;
use crate::plain::escape::Escaped;
use core::fmt;

/// The objects whose calls are not the program's own, the C library's and the loader's, by how their names begin.
const SYSTEM: &[u8] =
    b"libc.so. ld-linux ld64.so. libpthread.so. libdl.so. librt.so. libnss_ libresolv.so. libc.musl ld-musl";

/// A call site.
pub(crate) struct Site {
    /// The object; none of code that the program has made itself.
    module: Option<Module<'static>>,
    /// An address inside the calling instruction.
    address: usize,
}

impl Site {
    /// That of a call, by its return address.
    pub(crate) fn of(return_address: usize) -> Site {
        let address = return_address.wrapping_sub(1);
        Site { module: Module::find(address), address }
    }

    /// That of a frame.
    pub(crate) fn at(address: usize) -> Site {
        Site { module: Module::find(address), address }
    }

    /// The base name of the object; empty of code that lies in none.
    pub(crate) fn name(&self) -> &[u8] {
        let path = self.module.as_ref().map(Module::path).unwrap_or_default();
        base_name(path)
    }

    /// Where in the object it is, as frames show it; the address itself where it is in none.
    pub(crate) fn offset(&self) -> usize {
        self.address.wrapping_sub(self.module.as_ref().map_or(0, |module| module.bias))
    }

    /// The address inside the calling instruction.
    pub(crate) fn address(&self) -> usize {
        self.address
    }

    /// Whether it lies in a loaded object.
    pub(crate) fn is_in_object(&self) -> bool {
        self.module.is_some()
    }

    /// Whether it is the C library's or the loader's.
    pub(crate) fn is_of_system(&self) -> bool {
        let name = self.name();
        SYSTEM.split(|byte| *byte == b' ').any(|start| name.starts_with(start))
    }

    /// The dynamic symbol of the function that it is in.
    pub(crate) fn function(&self) -> Option<&[u8]> {
        Some(self.module.as_ref()?.symbol(self.address)?.0)
    }
}

/// What stands behind the last slash of a path.
pub(crate) fn base_name(path: &[u8]) -> &[u8] {
    let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash.wrapping_add(1));
    path.get(start..).unwrap_or_default()
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_in_object() {
            write!(f, "{}", Escaped(self.name()))?;
        }
        write!(f, "+{:#x}", self.offset())
    }
}
