//! A frame of a record's stack.

use serde::{Deserialize, Serialize};

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Frame {
    pub(crate) address: String,
    pub(crate) module: Option<String>,
    pub(crate) offset: Option<String>,
    pub(crate) build_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) symbol: Option<String>,
}

impl Frame {
    /// The offset as a number.
    pub(crate) fn offset(&self) -> Option<u64> {
        u64::from_str_radix(self.offset.as_deref()?.strip_prefix("0x")?, 16).ok()
    }

    /// The dynamic symbol, without the distance from it.
    pub(crate) fn function(&self) -> Option<&str> {
        self.symbol.as_deref().map(|symbol| symbol.split('+').next().unwrap_or(symbol))
    }

    /// The instruction, by a name that is the same in all processes.
    pub(crate) fn place(&self) -> String {
        match (&self.module, &self.offset) {
            (Some(module), Some(offset)) => format!("{module}+{offset}"),
            _ => self.address.clone(),
        }
    }
}
