//! Arguments of shmget that are not where, or what, they are meant to be, in a call that has failed for want of `IPC_CREAT`.

use crate::call::{Key, Shmget};
use crate::form::Draft;
use crate::plain::bits::Octal;
use core::ffi::c_int;

/// The modes that are given to segments.
const MODES: [c_int; 9] = [0o400, 0o600, 0o640, 0o644, 0o660, 0o664, 0o666, 0o700, 0o777];

/// Tells of such arguments; whether there are any.
pub(super) fn tell(call: &Shmget, draft: &mut Draft) -> bool {
    let Shmget { key, size, flags, .. } = *call;
    if let Some(mode) = swapped_mode(size, flags) {
        draft.message(format_args!(
            "size and flags are swapped: {size} bytes is IPC_CREAT|{}, and the flags are {flags}",
            Octal(mode)
        ));
        draft.note(format_args!("no segment has key {}, and IPC_CREAT is not among the flags", Key(key)));
        draft.help(format_args!("write shmget(key, {flags}, IPC_CREAT | {})", Octal(mode)));
        return true;
    }
    if flags == 1 {
        draft.message(format_args!("the flags are 1, which is what IPC_CREAT || {} gives", Octal(0o600)));
        draft.note(format_args!("no segment has key {}, and IPC_CREAT is not among the flags", Key(key)));
        draft.help(format_args!("join the flags with a single |: IPC_CREAT | {}", Octal(0o600)));
        return true;
    }
    false
}

/// The mode in a size that is `IPC_CREAT` and a mode, beside flags that are a size: no mode, and no `IPC_CREAT`.
fn swapped_mode(size: usize, flags: c_int) -> Option<c_int> {
    let size = c_int::try_from(size).ok()?;
    let rest = size & !(libc::IPC_CREAT | libc::IPC_EXCL);
    let is_flags = size & libc::IPC_CREAT != 0 && MODES.contains(&rest);
    let no_mode = flags.trailing_zeros() >= 9;
    (is_flags && flags > 0 && no_mode).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_is_flags_is_told_from_a_size() {
        assert_eq!(swapped_mode(0o1666, 4096), Some(0o666));
        assert_eq!(swapped_mode(0o3600, 8192), Some(0o600));
        for (size, flags) in [(0o1666, 0o600), (950, 0), (4096, 4096), (0o666, 4096)] {
            assert_eq!(swapped_mode(size, flags), None);
        }
    }
}
