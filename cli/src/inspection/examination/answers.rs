//! The answers to the system calls of a process that has the memory of a dead one: as the dead one would have been answered, as
//! far as that is known.

use super::body::Body;
use super::fault::Fault;
use super::list;
use super::structures::{stat, statfs, statx};
use crate::inspection::snapshot::Piece;
use crate::system::core::Core;
use crate::system::regular;
use crate::system::tracee::Registers;
use nix::sys::signal::Signal;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The first descriptor that is given; those of the dead are gone.
const FIRST: u64 = 1 << 20;
const STANDARD_ERROR: u64 = 2;
/// `<linux/fs.h>`.
const PROCMAP_QUERY: u64 = 0xc068_6611;
/// No text of this length is written.
const MOST: usize = 1 << 20;

/// What is open.
enum Open {
    /// A text, and how much of it has been read.
    Text(Vec<u8>, usize),
    /// The folder of the threads, and whether it has been read.
    Threads(bool),
    File(File),
}

/// What answers.
pub(super) struct Answers<'a> {
    core: &'a Core,
    tid: u32,
    /// What the library knows to be mapped.
    known: &'a [Piece],
    list: String,
    open: Vec<Option<Open>>,
    written: Vec<u8>,
    /// The signals for which the library has set a handler.
    handled: Vec<Signal>,
}

/// How it goes on.
pub(super) enum Next {
    GoOn,
    Signal(Signal),
    End,
}

/// An answer: a result, or an errno.
type Answer = Result<u64, i32>;

impl<'a> Answers<'a> {
    pub(super) fn new(core: &'a Core, fault: &Fault<'_>, known: &'a [Piece]) -> Answers<'a> {
        let list = list::text(core, known);
        Answers { core, tid: fault.thread.tid, known, list, open: Vec::new(), written: Vec::new(), handled: Vec::new() }
    }

    /// The line that was written.
    pub(super) fn line(&self) -> Option<String> {
        String::from_utf8_lossy(&self.written).lines().next().map(str::to_owned)
    }

    /// Answers a call.
    pub(super) fn answer(&mut self, body: &mut Body<'_>, registers: &Registers) -> io::Result<Next> {
        let number = registers.orig_rax.cast_signed();
        let Registers { rdi, rsi, rdx, r10, .. } = *registers;
        let answer: Answer = match number {
            libc::SYS_exit_group | libc::SYS_exit => return Ok(Next::End),
            libc::SYS_rt_sigreturn => {
                let state = state_of(body, registers)?;
                body.set_registers(state)?;
                return Ok(Next::GoOn);
            }
            libc::SYS_rt_sigaction => self.action(body, rdi, rsi, rdx)?,
            libc::SYS_rt_sigprocmask => mask(body, rdi, rsi, rdx)?,
            libc::SYS_getpid => Ok(self.core.notes.pid.unwrap_or(self.tid).into()),
            libc::SYS_gettid => Ok(self.tid.into()),
            libc::SYS_getppid => Ok(self.core.notes.parent.unwrap_or(0).into()),
            libc::SYS_geteuid | libc::SYS_getuid => self.core.notes.owner.map(u64::from).ok_or(libc::ENOSYS),
            libc::SYS_prctl if rdi == libc::PR_GET_NAME as u64 => {
                let mut name = self.core.notes.name.clone().into_bytes();
                name.resize(16, 0);
                give(body, rsi, &name)
            }
            libc::SYS_get_robust_list => self.robust_list(body, rdi, rsi),
            libc::SYS_kill | libc::SYS_tgkill => self.thread(if number == libc::SYS_kill { rdi } else { rsi }),
            libc::SYS_clock_gettime if rdi == libc::CLOCK_REALTIME as u64 => give(body, rsi, &self.time()),
            libc::SYS_msync => {
                if body.is_mapped(rdi, rsi) {
                    Ok(0)
                } else {
                    Err(libc::ENOMEM)
                }
            }
            libc::SYS_process_vm_readv => read_memory(body, rsi, r10)?,
            // Nobody wakes anybody.
            libc::SYS_futex if rsi & 1 == 0 => Err(libc::ETIMEDOUT),
            libc::SYS_futex | libc::SYS_nanosleep => Ok(0),
            _ => self.answer_about_files(body, number, registers)?,
        };
        let result = answer.unwrap_or_else(|errno| i64::from(-errno).cast_unsigned());
        body.set_registers(Registers { rax: result, ..*registers })?;
        Ok(Next::GoOn)
    }

    fn answer_about_files(&mut self, body: &mut Body<'_>, number: i64, registers: &Registers) -> io::Result<Answer> {
        let Registers { rdi, rsi, rdx, r10, r8, .. } = *registers;
        let length = |bytes: u64| usize::try_from(bytes).unwrap_or(MOST).min(MOST);
        Ok(match number {
            libc::SYS_openat => {
                let path = path(body, rsi)?;
                self.open(&path, rdx)
            }
            libc::SYS_close => self.slot(rdi).map(|slot| *slot = None).map(|()| 0),
            libc::SYS_read | libc::SYS_pread64 => {
                let at = (number == libc::SYS_pread64).then_some(r10);
                match self.read(rdi, length(rdx), at) {
                    Ok(bytes) => give(body, rsi, &bytes).map(|_| bytes.len() as u64),
                    Err(errno) => Err(errno),
                }
            }
            libc::SYS_ioctl if rsi == PROCMAP_QUERY => self.page_size(body, rdx)?,
            libc::SYS_getdents64 => match self.threads(rdi, length(rdx)) {
                Ok(bytes) => give(body, rsi, &bytes).map(|_| bytes.len() as u64),
                Err(errno) => Err(errno),
            },
            libc::SYS_lseek if rsi == 0 && rdx == 0 => match self.slot(rdi).map(|slot| slot.as_mut()) {
                Ok(Some(Open::Text(_, read))) => {
                    *read = 0;
                    Ok(0)
                }
                _ => Err(libc::ESPIPE),
            },
            libc::SYS_statx => match self.looked_at(body, rdi, rsi)? {
                Ok(file) => give(body, r8, &statx(&file)),
                Err(errno) => Err(errno),
            },
            libc::SYS_fstat => match self.looked_at(body, rdi, 0)? {
                Ok(file) => give(body, rsi, &stat(&file)),
                Err(errno) => Err(errno),
            },
            libc::SYS_fstatfs => match self.file(rdi).map(rustix::fs::fstatfs) {
                Ok(Ok(system)) => give(body, rsi, &statfs(&system)),
                _ => Err(libc::ENOSYS),
            },
            libc::SYS_ppoll if rsi == 1 => {
                // Of the descriptor, and what is asked of it: all that is there is at once.
                let asked = body.bytes(rdi, 8)?;
                give(body, rdi.wrapping_add(6), asked.get(4..6).unwrap_or_default()).map(|_| 1)
            }
            libc::SYS_write if rdi == STANDARD_ERROR => self.take(body, rsi, length(rdx))?,
            libc::SYS_writev | libc::SYS_pwritev2 if rdi == STANDARD_ERROR && rdx == 1 => {
                let (start, bytes) = (body.word(rsi)?, body.word(rsi.wrapping_add(8))?);
                self.take(body, start, length(bytes))?
            }
            _ => Err(libc::ENOSYS),
        })
    }

    /// `PROCMAP_QUERY` of `<linux/fs.h>`, of the page size alone: all else is in the text.
    fn page_size(&self, body: &mut Body<'_>, query: u64) -> io::Result<Answer> {
        /// Where `struct procmap_query` has what.
        const FLAGS: u64 = 8;
        const ADDRESS: u64 = 16;
        const START: u64 = 24;
        const PAGE_SIZE: u64 = 48;
        const NAME: u64 = 88;
        if body.word(query.wrapping_add(FLAGS))? != 0 || body.word(query.wrapping_add(NAME))? != 0 {
            return Ok(Err(libc::ENOTTY));
        }
        let address = body.word(query.wrapping_add(ADDRESS))?;
        let Some(piece) = self.core.piece_at(address) else { return Ok(Err(libc::ENOENT)) };
        let range = [piece.start, piece.end].map(u64::to_ne_bytes);
        give(body, query.wrapping_add(START), range.as_flattened()).ok();
        Ok(give(body, query.wrapping_add(PAGE_SIZE), &list::page_size(self.core, self.known, address).to_ne_bytes()))
    }

    /// Takes what is written to standard error.
    fn take(&mut self, body: &mut Body<'_>, start: u64, length: usize) -> io::Result<Answer> {
        if self.written.len() < 4 * MOST {
            self.written.extend(body.bytes(start, length)?);
        }
        Ok(Ok(length as u64))
    }

    fn slot(&mut self, descriptor: u64) -> Result<&mut Option<Open>, i32> {
        let index = descriptor.checked_sub(FIRST).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.open.get_mut(index)).filter(|slot| slot.is_some()).ok_or(libc::EBADF)
    }

    fn file(&mut self, descriptor: u64) -> Result<&File, i32> {
        match self.slot(descriptor)? {
            Some(Open::File(file)) => Ok(file),
            _ => Err(libc::ENOSYS),
        }
    }

    /// Opens what can still be asked, for reading.
    fn open(&mut self, path: &Path, flags: u64) -> Answer {
        let open = match path.strip_prefix("/proc/self") {
            Ok(of_process) => self.open_of_process(&of_process.to_string_lossy())?,
            Err(_) if path.starts_with("/proc") => return Err(libc::ENOENT),
            Err(_) => self.open_file(path, flags)?,
        };
        self.open.push(Some(open));
        Ok(FIRST + self.open.len() as u64 - 1)
    }

    /// What /proc said of the process.
    fn open_of_process(&self, name: &str) -> Result<Open, i32> {
        let text = match name {
            "maps" => self.list.clone(),
            "status" => format!("Threads:\t{}\n", self.core.notes.threads.len()),
            // The kernel's note has the name of the thread that faulted; the first one has the program's, unless it was given
            // another.
            "comm" => {
                let program = self.core.program().file_name().unwrap_or_default().to_string_lossy().into_owned();
                let kept =
                    program.char_indices().map(|(at, letter)| at + letter.len_utf8()).take_while(|end| *end < 16);
                format!("{}\n", &program[..kept.last().unwrap_or(0)])
            }
            "task" => return Ok(Open::Threads(false)),
            _ => {
                let tid =
                    name.strip_prefix("task/").and_then(|rest| rest.strip_suffix("/syscall")).ok_or(libc::ENOENT)?;
                let threads = &self.core.notes.threads;
                let thread = threads.iter().find(|thread| thread.tid.to_string() == tid).ok_or(libc::ENOENT)?;
                format!("-1 {:#x} {:#x}\n", thread.registers[19], thread.registers[16])
            }
        };
        Ok(Open::Text(text.into_bytes(), 0))
    }

    /// A file that is still there, of those that can be asked without harm.
    fn open_file(&self, path: &Path, flags: u64) -> Result<Open, i32> {
        if flags & u64::from((libc::O_ACCMODE | libc::O_CREAT).cast_unsigned()) != 0 {
            return Err(libc::EACCES);
        }
        let place = self.core.place_of(path);
        let errno = |error: io::Error| error.raw_os_error().unwrap_or(libc::EIO);
        let file = match regular::open(place) {
            // Nothing happens to another file when it is opened so.
            Err(_) => File::options().read(true).custom_flags(libc::O_PATH).open(place).map_err(errno)?,
            Ok(file) => file,
        };
        Ok(Open::File(file))
    }

    fn read(&mut self, descriptor: u64, most: usize, at: Option<u64>) -> Result<Vec<u8>, i32> {
        let errno = |error: io::Error| error.raw_os_error().unwrap_or(libc::EIO);
        match (self.slot(descriptor)?, at) {
            (Some(Open::Text(text, read)), None) => {
                let part = text.get(*read..).unwrap_or_default();
                let part = part.get(..most).unwrap_or(part).to_vec();
                *read += part.len();
                Ok(part)
            }
            (Some(Open::File(file)), at) => {
                let mut bytes = vec![0; most];
                let read = match at {
                    Some(at) => file.read_at(&mut bytes, at),
                    None => file.read(&mut bytes),
                };
                bytes.truncate(read.map_err(errno)?);
                Ok(bytes)
            }
            _ => Err(libc::EISDIR),
        }
    }

    /// The entries of the folder of the threads, `struct linux_dirent64`.
    fn threads(&mut self, descriptor: u64, room: usize) -> Result<Vec<u8>, i32> {
        const LENGTH: u16 = 40;
        let threads = &self.core.notes.threads;
        let Some(Open::Threads(read)) = self.slot(descriptor)? else { return Err(libc::ENOTDIR) };
        if std::mem::replace(read, true) {
            return Ok(Vec::new());
        }
        let mut entries = Vec::new();
        for thread in threads.iter().take(room / usize::from(LENGTH)) {
            let mut entry = [0; LENGTH as usize];
            entry[..4].copy_from_slice(&thread.tid.to_ne_bytes());
            entry[16..18].copy_from_slice(&LENGTH.to_ne_bytes());
            let name = thread.tid.to_string();
            entry[19..19 + name.len()].copy_from_slice(name.as_bytes());
            entries.extend(entry);
        }
        Ok(entries)
    }

    /// What statx(2) or fstat(2) asks about: a descriptor alone, or a path.
    fn looked_at(
        &mut self,
        body: &mut Body<'_>,
        descriptor: u64,
        name: u64,
    ) -> io::Result<Result<std::fs::Metadata, i32>> {
        let path = if name == 0 { PathBuf::new() } else { path(body, name)? };
        let errno = |error: io::Error| error.raw_os_error().unwrap_or(libc::EIO);
        Ok(match () {
            // Standard error takes what is written.
            () if descriptor == STANDARD_ERROR => std::fs::metadata("/dev/null").map_err(errno),
            () if path.as_os_str().is_empty() => self.file(descriptor).and_then(|file| file.metadata().map_err(errno)),
            () if path.starts_with("/proc") => Err(libc::ENOENT),
            () if path.is_absolute() => std::fs::metadata(self.core.place_of(&path)).map_err(errno),
            // Its working directory is not known.
            () => Err(libc::ENOENT),
        })
    }

    /// Whether the library has set a handler for a signal.
    pub(super) fn is_handled(&self, signal: Signal) -> bool {
        self.handled.contains(&signal)
    }

    /// `rt_sigaction(2)`, for faults: the handler is set, for what it recovers from are faults in reading the dead one's stack.
    fn action(&mut self, body: &mut Body<'_>, signal: u64, new: u64, old: u64) -> io::Result<Answer> {
        let signal = i32::try_from(signal).ok().and_then(|signal| Signal::try_from(signal).ok());
        let Some(signal @ (Signal::SIGSEGV | Signal::SIGBUS)) = signal else { return Ok(Err(libc::EINVAL)) };
        if old != 0
            && let Err(errno) = give(body, old, &[0; 32])
        {
            return Ok(Err(errno));
        }
        if new != 0 {
            let handler = body.word(new)?;
            self.handled.retain(|handled| *handled != signal);
            match handler {
                0 | 1 => body.tracee().forget(signal)?,
                handler => {
                    body.tracee().handle(signal, Some(handler))?;
                    self.handled.push(signal);
                }
            }
        }
        Ok(Ok(0))
    }

    /// Whether there was such a thread.
    fn thread(&self, tid: u64) -> Answer {
        let there = self.core.notes.threads.iter().any(|thread| u64::from(thread.tid) == tid);
        if there { Ok(0) } else { Err(libc::ESRCH) }
    }

    /// Where a thread's list of robust mutexes was. It lies in its control block, always at the same place: that it is the
    /// beginning is as good as any other, for what is asked for is where the blocks are.
    fn robust_list(&self, body: &mut Body<'_>, tid: u64, to: u64) -> Answer {
        let tid = if tid == 0 { self.tid.into() } else { tid };
        let Some(thread) = self.core.notes.threads.iter().find(|thread| u64::from(thread.tid) == tid) else {
            return Err(libc::ESRCH);
        };
        give(body, to, &thread.registers[21].to_ne_bytes())
    }

    /// When the process died: when its core was written.
    fn time(&self) -> Vec<u8> {
        let written = self.core.written().unwrap_or(SystemTime::UNIX_EPOCH);
        let since = written.duration_since(UNIX_EPOCH).unwrap_or_default();
        [since.as_secs(), since.subsec_nanos().into()].iter().flat_map(|number| number.to_ne_bytes()).collect()
    }
}

/// Writes what a call gives.
fn give(body: &mut Body<'_>, to: u64, bytes: &[u8]) -> Answer {
    if to == 0 || body.write(to, bytes).is_err() { Err(libc::EFAULT) } else { Ok(0) }
}

/// A path that a call is given.
fn path(body: &mut Body<'_>, at: u64) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = vec![0; libc::PATH_MAX as usize];
    let read = body.read(at, &mut bytes)?.unwrap_or(0);
    bytes.truncate(read);
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(0);
    bytes.truncate(end);
    Ok(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

/// `rt_sigprocmask(2)`, by which the library also asks whether memory can be read.
fn mask(body: &mut Body<'_>, how: u64, new: u64, old: u64) -> io::Result<Answer> {
    if new != 0 && body.read(new, &mut [0; 8])? != Some(8) {
        return Ok(Err(libc::EFAULT));
    }
    if how > 2 {
        return Ok(if new == 0 { Ok(0) } else { Err(libc::EINVAL) });
    }
    Ok(if old == 0 { Ok(0) } else { give(body, old, &[0; 8]) })
}

/// `process_vm_readv(2)` of one piece of its own memory to another.
fn read_memory(body: &mut Body<'_>, to: u64, from: u64) -> io::Result<Answer> {
    let (to, from, length) = (body.word(to)?, body.word(from)?, body.word(from.wrapping_add(8))?);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(MOST).min(MOST)];
    match body.read(from, &mut bytes)? {
        Some(read) => Ok(give(body, to, &bytes[..read]).map(|_| read as u64)),
        None => Ok(Err(libc::EFAULT)),
    }
}

/// The registers that a handler goes back to: it returns to what stands below the state.
fn state_of(body: &mut Body<'_>, registers: &Registers) -> io::Result<Registers> {
    let bytes = body.bytes(registers.rsp.wrapping_add(40), 18 * 8)?;
    let words: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word)).collect();
    let [r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags] = words[..] else {
        return Err(io::Error::other("a handler returned to nothing"));
    };
    let orig_rax = u64::MAX;
    Ok(Registers {
        r8,
        r9,
        r10,
        r11,
        r12,
        r13,
        r14,
        r15,
        rdi,
        rsi,
        rbp,
        rbx,
        rdx,
        rax,
        rcx,
        rsp,
        rip,
        eflags,
        orig_rax,
        ..*registers
    })
}
