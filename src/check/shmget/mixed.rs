//! Arguments of shmget that are not where, or what, they are meant to be. Whatever comes of it, that is told first.

use crate::call::{Key, Shmget, ShmgetFlags};
use crate::form::Draft;
use crate::plain::bits::Octal;
use core::ffi::c_int;

/// The modes that are given to segments, and asked for.
const MODES: [c_int; 11] = [0o400, 0o440, 0o444, 0o600, 0o640, 0o644, 0o660, 0o664, 0o666, 0o700, 0o777];

/// What is wrong with the arguments as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mixed {
    /// The size is flags, and the flags are a size.
    Swapped,
    /// The size is flags, and the flags say nothing against it.
    MaybeSwapped,
    /// The key is flags, and the flags may be a key.
    KeyIsFlags,
    /// The flags were joined by a logical operator.
    Logical,
}

/// Tells of such arguments; whether there are any.
pub(super) fn tell(call: &Shmget, draft: &mut Draft) -> bool {
    let Shmget { key, size, flags, .. } = *call;
    let meant = || ShmgetFlags(c_int::try_from(size).unwrap_or(0));
    match mixed(call) {
        Some(Mixed::Swapped) => {
            draft.message(format_args!(
                "size and flags are swapped: size is {size}, which is {}, and flags is {flags}",
                meant()
            ));
            draft.help(format_args!("pass the size before the flags: shmget(key, {flags}, {})", meant()));
        }
        Some(Mixed::MaybeSwapped) => {
            draft.message(format_args!(
                "size and flags look swapped: size is {size}, which is {}, and flags is {}",
                meant(),
                ShmgetFlags(flags)
            ));
            draft.help(format_args!("the order is key, size, flags: shmget(key, size, {})", meant()));
        }
        Some(Mixed::KeyIsFlags) => {
            draft.message(format_args!(
                "key and flags look swapped: key is {key}, which is {}, and flags is {flags}",
                ShmgetFlags(key)
            ));
            draft.help(format_args!("the order is key, size, flags: shmget({flags}, {size}, {})", ShmgetFlags(key)));
        }
        Some(Mixed::Logical) => {
            draft.message(format_args!(
                "the flags are 1, which is what a logical || (or &&) gives, as in IPC_CREAT || {}",
                Octal(0o600)
            ));
            draft.help(format_args!("join the flags with a single |: IPC_CREAT | {}", Octal(0o600)));
        }
        None => return false,
    }
    true
}

/// Says of a size that may be one, and may be flags, what it is as such.
pub(super) fn note_size_that_may_be_flags(call: &Shmget, draft: &mut Draft) {
    if let Some(size) = size_as_flags(call).filter(|_| call.flags == 0) {
        draft.note(format_args!(
            "size {size} is {}, too: if that was meant, the order is key, size, flags",
            ShmgetFlags(size)
        ));
    }
}

/// Says that no segment has the key, of a call that was not meant to look one up.
pub(super) fn note_missing(call: &Shmget, draft: &mut Draft) {
    draft.note(format_args!("no segment has key {}, and IPC_CREAT is not among the flags", Key(call.key)));
}

fn mixed(call: &Shmget) -> Option<Mixed> {
    let flags = call.flags;
    if flags == 1 {
        return Some(Mixed::Logical);
    }
    if let Some(size) = size_as_flags(call) {
        // No program asks for such flags: bits that mean something to IPC_CREAT alone, or a mode that nobody gives.
        let is_size = flags > 0 && flags & libc::IPC_CREAT == 0 && !MODES.contains(&(flags & 0o777));
        if is_size {
            return Some(Mixed::Swapped);
        }
        // A structure may be as long by chance.
        let is_odd = size & libc::IPC_CREAT != 0 && !size.cast_unsigned().is_multiple_of(8);
        return (is_odd && flags & !libc::IPC_CREAT == 0).then_some(Mixed::MaybeSwapped);
    }
    let may_be_key = flags & (libc::IPC_CREAT | 0o777) != 0 && !MODES.contains(&(flags & 0o777));
    let is_flags = creating_mode(call.key).is_some() && flags & libc::IPC_CREAT == 0;
    (is_flags && may_be_key).then_some(Mixed::KeyIsFlags)
}

/// The size, if it is what flags with one of the usual modes are.
fn size_as_flags(call: &Shmget) -> Option<c_int> {
    let size = c_int::try_from(call.size).ok()?;
    // Without IPC_CREAT it takes flags that are surely none.
    let looks_up = MODES.contains(&size) && call.mode() == 0 && call.flags & !libc::IPC_CREAT != 0;
    (looks_up || creating_mode(size).is_some()).then_some(size)
}

/// The mode in flags that are `IPC_CREAT`, and perhaps `IPC_EXCL`, with one of the usual modes.
fn creating_mode(flags: c_int) -> Option<c_int> {
    let mode = flags & !(libc::IPC_CREAT | libc::IPC_EXCL);
    (flags & libc::IPC_CREAT != 0 && MODES.contains(&mode)).then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_arguments_are_told_from_others() {
        const CREATE: c_int = libc::IPC_CREAT;
        let mixed = |key, size, flags| mixed(&Shmget { key, size, flags, made: false });
        for (key, size, flags, expected) in [
            (7, 0o1666, 4096, Some(Mixed::Swapped)),
            (7, 0o3600, 8192, Some(Mixed::Swapped)),
            (7, 0o1600, 100, Some(Mixed::Swapped)),
            (7, 0o1666, 1024, Some(Mixed::Swapped)),
            (0, 0o600, 4096, Some(Mixed::Swapped)),
            (4096, 0o1666, 0, Some(Mixed::MaybeSwapped)),
            (7, 0o1666, CREATE, Some(Mixed::MaybeSwapped)),
            (0o1666, 4096, 0x77, Some(Mixed::KeyIsFlags)),
            (7, 4096, 1, Some(Mixed::Logical)),
            (7, 0o1666, 0o600, None),
            (7, 0o1666, CREATE | 0o600, None),
            (7, 0o1600, 0, None),
            (7, 0o1600, CREATE, None),
            (7, 0o666, 0, None),
            (7, 4096, 4096, None),
            (7, 4096, 0, None),
            (0o1666, 4096, 0, None),
            (0o1666, 4096, 0o600, None),
        ] {
            assert_eq!(mixed(key, size, flags), expected, "{key:#o} {size:#o} {flags:#o}");
        }
    }
}
