//! What the kernel fills in when it is asked about a file, of what is asked for.

use std::os::unix::fs::MetadataExt;

/// A device number in the two parts that the kernel gives it in.
fn parts(device: u64) -> [u32; 2] {
    [libc::major(device), libc::minor(device)]
}

/// `struct stat`, of what is asked for.
pub(super) fn stat(file: &std::fs::Metadata) -> [u8; 144] {
    let mut out = [0; 144];
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &file.dev().to_ne_bytes());
    put(8, &file.ino().to_ne_bytes());
    put(16, &file.nlink().to_ne_bytes());
    put(24, &file.mode().to_ne_bytes());
    put(28, &file.uid().to_ne_bytes());
    put(32, &file.gid().to_ne_bytes());
    put(40, &file.rdev().to_ne_bytes());
    put(48, &file.size().to_ne_bytes());
    put(56, &file.blksize().to_ne_bytes());
    put(64, &file.blocks().to_ne_bytes());
    out
}

/// `struct statx`, of what is asked for.
pub(super) fn statx(file: &std::fs::Metadata) -> [u8; 256] {
    /// `STATX_BASIC_STATS` without the times.
    const MASK: u32 = 0x7ff & !0xe0;
    let mut out = [0; 256];
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &MASK.to_ne_bytes());
    put(4, &u32::try_from(file.blksize()).unwrap_or(4096).to_ne_bytes());
    put(16, &u32::try_from(file.nlink()).unwrap_or(u32::MAX).to_ne_bytes());
    put(20, &file.uid().to_ne_bytes());
    put(24, &file.gid().to_ne_bytes());
    put(28, &u16::try_from(file.mode()).unwrap_or(0).to_ne_bytes());
    put(32, &file.ino().to_ne_bytes());
    put(40, &file.size().to_ne_bytes());
    put(48, &file.blocks().to_ne_bytes());
    put(128, parts(file.rdev()).map(u32::to_ne_bytes).as_flattened());
    put(136, parts(file.dev()).map(u32::to_ne_bytes).as_flattened());
    out
}

/// `struct statfs`, of what is asked for.
pub(super) fn statfs(system: &rustix::fs::StatFs) -> Vec<u8> {
    let unit = u64::try_from(system.f_bsize).unwrap_or(0);
    let words = [
        u64::try_from(system.f_type).unwrap_or(0),
        unit,
        system.f_blocks,
        system.f_bfree,
        system.f_bavail,
        system.f_files,
        system.f_ffree,
        0,
        u64::try_from(system.f_namelen).unwrap_or(0),
        unit,
        0,
        0,
        0,
        0,
        0,
    ];
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
