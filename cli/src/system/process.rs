//! A process that runs, looked at from outside: it is neither stopped nor changed.

use super::memory::{KernelMapping, Memory};
use super::refusal;
use crate::failure::Failure;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A process that runs.
pub(crate) struct Process {
    pid: u32,
    /// Its folder in /proc, which is kept open: another process that gets its number later is not taken for it.
    folder: File,
    /// Its memory as it was when this was opened, though it executes another program meanwhile.
    memory: File,
    page_size: u64,
}

impl Process {
    /// A process that may be read.
    pub(crate) fn open(pid: u32) -> Result<Process, Failure> {
        refusal::check_numbers(pid)?;
        let listed = PathBuf::from(format!("/proc/{pid}"));
        let state = State::read(&listed).map_err(|error| refusal::unlisted(pid, &error))?;
        if state.leader != pid {
            return Err(refusal::is_thread(pid, state.leader));
        }
        if state.is_kernel {
            return Err(refusal::of_kernel(pid, &state.name));
        }
        // The memory is reached by a thread that lives; the first may have ended before the others.
        let listed = if state.has_ended { living_thread(&listed, pid) } else { Some(listed) };
        let listed = listed.ok_or_else(|| refusal::zombie(pid, &state.name, state.parent))?;
        let refused = |error| refusal::unreadable(pid, &listed, &error);
        let folder = File::open(&listed).map_err(refused)?;
        let here = reopened(&folder);
        let memory = File::open(here.join("mem")).map_err(refused)?;
        let page_size =
            fs::read(here.join("auxv")).ok().and_then(|vector| page_size(&vector)).unwrap_or_else(own_page_size);
        Ok(Process { pid, folder, memory, page_size })
    }

    /// The file that it executes, as the kernel names it.
    pub(crate) fn program(&self) -> PathBuf {
        fs::read_link(self.program_file()).unwrap_or_default()
    }

    /// The file that it executes, to be opened, though it has been removed.
    pub(crate) fn program_file(&self) -> PathBuf {
        reopened(&self.folder).join("exe")
    }

    /// The processes that its first thread has started and that have not ended, where the kernel lists them.
    pub(crate) fn children(&self) -> Vec<u32> {
        let path = reopened(&self.folder).join(format!("task/{}/children", self.pid));
        let list = fs::read_to_string(path).unwrap_or_default();
        list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// All that is mapped, lowest first; something is, while it lives.
    pub(crate) fn mappings(&self) -> Result<Vec<KernelMapping>, Failure> {
        let path = reopened(&self.folder).join("maps");
        let list = fs::read(path).map_err(|error| refusal::unreadable(self.pid, &reopened(&self.folder), &error))?;
        if list.is_empty() {
            return Err(refusal::has_ended(self.pid));
        }
        Ok(String::from_utf8_lossy(&list).lines().filter_map(mapping).collect())
    }
}

impl Memory for Process {
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        self.memory.read_exact_at(buffer, address).is_ok()
    }

    fn page_size(&self) -> u64 {
        self.page_size
    }
}

/// The path of what is open, and stays what it is.
fn reopened(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// What everybody may know of a process.
struct State {
    name: String,
    /// The process of which it is a thread, itself if it is one.
    leader: u32,
    parent: u32,
    has_ended: bool,
    is_kernel: bool,
}

impl State {
    fn read(folder: &Path) -> io::Result<State> {
        /// `PF_KTHREAD` of the kernel's flags of a task.
        const KERNEL_THREAD: u32 = 0x0020_0000;
        let status = String::from_utf8_lossy(&fs::read(folder.join("status"))?).into_owned();
        let field = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or("").trim()
        };
        let number = |name: &str| field(name).parse().unwrap_or(0);
        let stat = String::from_utf8_lossy(&fs::read(folder.join("stat"))?).into_owned();
        // The name may have brackets and blanks in it; the flags are the seventh word after it.
        let flags = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(6)?.parse::<u32>().ok());
        Ok(State {
            name: field("Name").to_owned(),
            leader: number("Tgid"),
            parent: number("PPid"),
            has_ended: field("State").starts_with(['Z', 'X']),
            is_kernel: flags.unwrap_or(0) & KERNEL_THREAD != 0,
        })
    }
}

/// The folder of a process in /proc; of a thread that lives where the main one has ended, since of that alone the kernel shows
/// memory and descriptors then.
pub(crate) fn folder(pid: u32) -> PathBuf {
    let listed = PathBuf::from(format!("/proc/{pid}"));
    let has_ended = State::read(&listed).is_ok_and(|state| state.has_ended);
    let living = if has_ended { living_thread(&listed, pid) } else { None };
    living.unwrap_or(listed)
}

/// The folder of a thread that has not ended.
fn living_thread(folder: &Path, pid: u32) -> Option<PathBuf> {
    let threads = fs::read_dir(folder.join("task")).ok()?;
    let mut others = threads.flatten().map(|entry| entry.path()).filter(|path| !path.ends_with(pid.to_string()));
    others.find(|path| State::read(path).is_ok_and(|state| !state.has_ended))
}

/// The page size that the kernel told a process of.
fn page_size(vector: &[u8]) -> Option<u64> {
    let (words, _) = vector.as_chunks::<8>();
    let mut pairs = words.chunks_exact(2).map(|pair| pair.iter().map(|word| u64::from_ne_bytes(*word)));
    let size = pairs.find_map(|mut pair| (pair.next()? == libc::AT_PAGESZ).then(|| pair.next())?)?;
    Some(size).filter(|size| size.is_power_of_two())
}

fn own_page_size() -> u64 {
    // SAFETY: asks for a number.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// A line of /proc/PID/maps.
fn mapping(line: &str) -> Option<KernelMapping> {
    let mut words = line.splitn(6, ' ');
    let (range, rights, offset, _device, inode) =
        (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    let (start, end) = range.split_once('-')?;
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let name = words.next().unwrap_or_default().trim_start().to_owned();
    Some(KernelMapping {
        start: number(start)?,
        end: number(end)?,
        rights: rights.to_owned(),
        offset: number(offset)?,
        inode: inode.parse().ok()?,
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let line = "7f00-8000 r-xp 00001000 08:01 77                         /a b/c (deleted)";
        let read = mapping(line).unwrap();
        assert_eq!((read.start, read.end, read.offset, read.inode), (0x7f00, 0x8000, 0x1000, 77));
        assert_eq!((read.rights.as_str(), read.name.as_str()), ("r-xp", "/a b/c (deleted)"));
        assert_eq!(mapping("1000-2000 rw-p 00000000 00:00 0 ").unwrap().name, "");
        assert_eq!(mapping("nonsense"), None);
    }

    #[test]
    fn a_process_is_read_and_what_is_not_there_is_not() {
        let process = Process::open(std::process::id()).ok().unwrap();
        let text = *b"known bytes";
        assert_eq!(process.bytes(text.as_ptr() as u64, text.len()).unwrap(), text);
        assert_eq!(process.bytes(1, 8), None);
        assert!(process.mappings().ok().unwrap().iter().any(KernelMapping::is_of_file));
        assert_eq!(Process::open(u32::MAX).err().unwrap().status(), 127);
        assert_eq!(process.page_size(), own_page_size());
    }

    #[test]
    fn a_process_is_reached_by_a_thread_that_lives() {
        // SAFETY: the child makes a thread, and ends its first one.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(30)));
            // SAFETY: the other thread goes on.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
        }
        let number = u32::try_from(pid).unwrap();
        assert!((0..2000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            folder(number) != Path::new(&format!("/proc/{pid}"))
        }));
        assert!(!fs::read(folder(number).join("maps")).unwrap().is_empty());
        assert!(Process::open(number).ok().unwrap().mappings().is_ok());
        // SAFETY: the child's number is its own until it is waited for.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        // SAFETY: as said.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    }

    #[test]
    fn the_page_size_is_found_among_what_the_kernel_tells() {
        let vector =
            |pairs: &[[u64; 2]]| pairs.as_flattened().iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
        assert_eq!(page_size(&vector(&[[33, 6], [6, 65536], [0, 0]])), Some(65536));
        assert_eq!(page_size(&vector(&[[6, 0], [0, 0]])), None);
        assert_eq!(page_size(&[]), None);
    }
}
