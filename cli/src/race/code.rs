//! Code of a process, which is decoded.

use iced_x86::{Decoder, DecoderOptions};

/// Some code, and where it is.
pub(crate) struct Code<'a> {
    pub(crate) start: u64,
    pub(crate) bytes: &'a [u8],
}

impl Code<'_> {
    /// What decodes it from an address on, which is in it and where an instruction begins.
    pub(crate) fn decoder_at(&self, address: u64) -> Option<Decoder<'_>> {
        let skipped = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let bytes = self.bytes.get(skipped..)?;
        Some(Decoder::with_ip(64, bytes, address, DecoderOptions::NONE))
    }

    /// The same code from an address on.
    pub(crate) fn from(&self, address: u64) -> Option<Code<'_>> {
        let skipped = usize::try_from(address.checked_sub(self.start)?).ok()?;
        Some(Code { start: address, bytes: self.bytes.get(skipped..)? })
    }
}
