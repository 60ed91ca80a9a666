//! Code whose file was written over: what is executed is what the file has now, and zeros past its end.

use super::file::Ago;
use crate::call::Fault;
use crate::check::memory::{FileName, mapping_at};
use crate::facts::backing::Backing;
use crate::facts::mapping::Mapping;
use crate::facts::module;
use core::fmt;

/// The instruction that faulted is not the one that was loaded, or may not be.
pub(super) struct ChangedCode {
    there: Mapping,
    change: Change,
}

enum Change {
    /// Its file, in bytes, ends before the instruction.
    Cut(u64),
    /// The contents of its file were changed so many nanoseconds ago, since the program has started; when it was loaded is not
    /// known.
    Written(u64),
}

impl ChangedCode {
    /// Looks whether the file of the loaded object that faulted was shortened before its code, within the page.
    pub(super) fn cut(fault: &Fault) -> Option<ChangedCode> {
        ChangedCode::of(fault, |byte, file| {
            let size = file.size()?;
            (size <= byte).then_some(Change::Cut(size))
        })
    }

    /// Looks whether that file was changed since the program has started.
    pub(super) fn written(fault: &Fault) -> Option<ChangedCode> {
        ChangedCode::of(fault, |_, file| {
            let changed = file.changed()?;
            (changed.is_since_start == Some(true)).then_some(Change::Written(changed.passed))
        })
    }

    fn of(fault: &Fault, look: fn(u64, &Backing) -> Option<Change>) -> Option<ChangedCode> {
        let instruction = fault.registers.instruction();
        if !module::is_in_object(instruction) {
            return None;
        }
        // A page of the process's own is a copy, which stays.
        let there = mapping_at(instruction).filter(|there| there.inode != 0 && !there.is_writable())?;
        let byte = there.offset.wrapping_add(instruction.wrapping_sub(there.start) as u64);
        let change = look(byte, &Backing::of(&there)?)?;
        Some(ChangedCode { there, change })
    }
}

/// As after "no mapping explains this, but".
impl fmt::Display for ChangedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = FileName(self.there.name());
        match self.change {
            Change::Cut(size) => write!(
                f,
                "the file of the code, {name}, ends before it: it was shortened to {size} bytes, and zeros are executed"
            )?,
            Change::Written(passed) => write!(
                f,
                "the file of the code, {name}, was last changed {}, after the program had started: if it was loaded before, \
                 its code has changed with it",
                Ago(passed)
            )?,
        }
        f.write_str("; replace a library by writing a new file and renaming it into place")
    }
}
