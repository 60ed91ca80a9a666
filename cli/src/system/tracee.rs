//! A process with nothing in it, stopped, that ptrace(2) fills and moves: it makes system calls where it is told to, and
//! nothing else of it reaches the kernel.

use crate::failure::reason;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{Resource, Rlimit};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

pub(crate) type Registers = libc::user_regs_struct;

/// What the process has of its own: code, a page to hand things over by, and a stack for signals.
const PAGE: u64 = 4096;
const STACK: u64 = 256 * 1024;
pub(crate) const OWN: u64 = 2 * PAGE + STACK;
/// How much of that, from its beginning, is for nobody else to write.
pub(crate) const KEPT: u64 = 2 * PAGE;
/// syscall; int3.
const CALL: [u8; 3] = [0x0f, 0x05, 0xcc];
/// What a handler returns to, by the very bytes by which unwinders know it: mov $15,%rax; syscall.
pub(crate) const RESTORER: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];
const RESTORER_AT: u64 = 16;
/// Where a handler begins that only stops: int3.
const LANDING_AT: u64 = 32;
/// Seconds of the processor that it may take.
const PATIENCE: u64 = 10;

/// A process that is stopped.
pub(crate) struct Tracee {
    child: Child,
    pid: Pid,
    memory: Option<File>,
    /// Where its own pages are.
    own: u64,
}

/// Why it stopped.
pub(crate) enum Stop {
    /// It is about to make a system call, which is not made.
    Call,
    /// A signal is about to be delivered; the address of what it is told of, if the kernel raised it for something that was done.
    Signal(Signal, Option<u64>),
}

impl Tracee {
    /// Makes one whose memory is empty but for [`OWN`] bytes from `own` on.
    pub(crate) fn start(own: u64) -> io::Result<Tracee> {
        let mut command = Command::new("/proc/self/exe");
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: one system call.
        unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
        let child = command.spawn().map_err(|error| {
            io::Error::other(format!("no process can be traced here, ptrace(2): {}", reason(&error)))
        })?;
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
        let memory = OpenOptions::new().read(true).write(true).open(format!("/proc/{pid}/mem"));
        let mut tracee = Tracee { child, pid, memory: None, own };
        tracee.memory = Some(memory?);
        tracee.wait()?;
        ptrace::setoptions(pid, Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACESYSGOOD)?;
        tracee.limit(Resource::Cpu, PATIENCE)?;
        // It is to leave none, where there is one that is looked at.
        tracee.limit(Resource::Core, 0)?;
        tracee.empty()?;
        Ok(tracee)
    }

    /// Limits it, by no more than it may have already.
    fn limit(&self, resource: Resource, most: u64) -> io::Result<()> {
        let inherited = rustix::process::getrlimit(resource);
        let lower = |limit: Option<u64>, than: u64| Some(limit.map_or(than, |limit| limit.min(than)));
        // At the soft limit of the processor's time it gets SIGXCPU, at the hard one SIGKILL.
        let (current, maximum) = (lower(inherited.current, most), lower(inherited.maximum, most.saturating_add(1)));
        let child = rustix::process::Pid::from_child(&self.child);
        rustix::process::prlimit(Some(child), resource, Rlimit { current, maximum })?;
        Ok(())
    }

    /// Puts its own pages where they are to be, and takes all else away.
    fn empty(&mut self) -> io::Result<()> {
        let entry = self.registers()?.rip;
        self.write(entry, &CALL)?;
        let (own, private) = (self.own, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE);
        let mut map = |at: u64, length: u64, protection: i32| {
            let arguments = [at, length, bits(protection), bits(private), u64::MAX, 0];
            self.call_at(entry, libc::SYS_mmap, arguments).map(|_| ())
        };
        map(own, PAGE, libc::PROT_READ | libc::PROT_EXEC)?;
        map(own + PAGE, PAGE + STACK, libc::PROT_READ | libc::PROT_WRITE)?;
        self.write(own, &CALL)?;
        self.write(own + RESTORER_AT, &RESTORER)?;
        self.write(own + LANDING_AT, &[0xcc])?;
        let stack = [own + 2 * PAGE, 0, STACK];
        self.call_with(libc::SYS_sigaltstack, [0; 6], 0, &bytes_of(&stack))?;
        for line in fs::read_to_string(format!("/proc/{}/maps", self.pid))?.lines() {
            let range = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
            let number = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
            let Some((start, end)) = range.map(|(start, end)| (number(start), number(end))) else { continue };
            if start >= own + OWN || end <= own {
                // What the kernel keeps for itself stays, and is in nobody's way.
                let _ = self.call(libc::SYS_munmap, [start, end - start, 0, 0, 0, 0]);
            }
        }
        Ok(())
    }

    /// Where its own pages are.
    pub(crate) fn own(&self) -> u64 {
        self.own
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    pub(crate) fn registers(&self) -> io::Result<Registers> {
        Ok(ptrace::getregs(self.pid)?)
    }

    pub(crate) fn set_registers(&self, registers: Registers) -> io::Result<()> {
        Ok(ptrace::setregs(self.pid, registers)?)
    }

    /// Writes its memory, whatever its protection.
    pub(crate) fn write(&self, address: u64, bytes: &[u8]) -> io::Result<()> {
        self.memory.as_ref().ok_or_else(gone)?.write_all_at(bytes, address)
    }

    /// Makes it make a system call, really; the registers are afterwards as they were.
    pub(crate) fn call(&mut self, number: i64, arguments: [u64; 6]) -> io::Result<u64> {
        self.call_at(self.own, number, arguments)
    }

    /// The same with the bytes as the argument that is a pointer, at this place.
    pub(crate) fn call_with(
        &mut self,
        number: i64,
        mut arguments: [u64; 6],
        pointer: usize,
        bytes: &[u8],
    ) -> io::Result<u64> {
        if bytes.len() as u64 > PAGE {
            return Err(Errno::ENAMETOOLONG.into());
        }
        self.write(self.own + PAGE, bytes)?;
        arguments[pointer] = self.own + PAGE;
        self.call(number, arguments)
    }

    fn call_at(&mut self, code: u64, number: i64, arguments: [u64; 6]) -> io::Result<u64> {
        let before = self.registers()?;
        let [rdi, rsi, rdx, r10, r8, r9] = arguments;
        self.set_registers(Registers {
            rip: code,
            rax: number.cast_unsigned(),
            orig_rax: u64::MAX,
            rdi,
            rsi,
            rdx,
            r10,
            r8,
            r9,
            ..before
        })?;
        ptrace::cont(self.pid, None)?;
        expect_trap(self.wait()?)?;
        let answer = self.registers()?.rax.cast_signed();
        self.set_registers(Registers { orig_rax: u64::MAX, ..before })?;
        match i32::try_from(answer) {
            Ok(errno @ -4095..=-1) => Err(io::Error::from_raw_os_error(-errno)),
            _ => Ok(answer.cast_unsigned()),
        }
    }

    /// Has a handler called for a signal, where the stack pointer is; without one, [`Tracee::land`] stops where it would be called,
    /// on the process's own stack.
    pub(crate) fn handle(&mut self, signal: Signal, handler: Option<u64>) -> io::Result<()> {
        const SA_RESTORER: i32 = 0x0400_0000;
        let on_own_stack = if handler.is_none() { libc::SA_ONSTACK } else { 0 };
        let flags = bits(libc::SA_SIGINFO | libc::SA_NODEFER | SA_RESTORER | on_own_stack);
        let action = [handler.unwrap_or(self.own + LANDING_AT), flags, self.own + RESTORER_AT, 0];
        self.act(signal, &action)
    }

    /// Gives a signal its default action.
    pub(crate) fn forget(&mut self, signal: Signal) -> io::Result<()> {
        self.act(signal, &[0; 4])
    }

    /// Sets an action: handler, flags, restorer and mask, as the kernel takes them.
    fn act(&mut self, signal: Signal, action: &[u64; 4]) -> io::Result<()> {
        self.call_with(libc::SYS_rt_sigaction, [signal as u64, 0, 0, 8, 0, 0], 1, &bytes_of(action)).map(|_| ())
    }

    /// Goes on with a signal, to the handler that only stops; the registers there.
    pub(crate) fn land(&mut self, signal: Signal) -> io::Result<Registers> {
        ptrace::cont(self.pid, signal)?;
        let stopped = self.wait()?;
        // Where it had stopped at a system call the signal comes to be delivered now.
        if matches!(stopped, WaitStatus::Stopped(_, which) if which == signal) {
            ptrace::cont(self.pid, signal)?;
            expect_trap(self.wait()?)?;
        } else {
            expect_trap(stopped)?;
        }
        self.registers()
    }

    /// Executes one instruction, if it can; one that makes a system call makes none.
    pub(crate) fn step(&mut self) -> io::Result<Stop> {
        ptrace::sysemu_step(self.pid, None)?;
        self.stop()
    }

    /// Goes on, with a signal or without, until it wants a system call or is to get a signal.
    pub(crate) fn go_on(&mut self, signal: Option<Signal>) -> io::Result<Stop> {
        ptrace::sysemu(self.pid, signal)?;
        self.stop()
    }

    fn stop(&mut self) -> io::Result<Stop> {
        match self.wait()? {
            WaitStatus::PtraceSyscall(_) => Ok(Stop::Call),
            WaitStatus::Stopped(_, signal) => Ok(Stop::Signal(signal, address(&ptrace::getsiginfo(self.pid)?))),
            _ => Err(gone()),
        }
    }

    fn wait(&mut self) -> io::Result<WaitStatus> {
        loop {
            match waitpid(self.pid, Some(WaitPidFlag::__WALL)) {
                Err(Errno::EINTR) => {}
                other => return Ok(other?),
            }
        }
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address of a fault.
fn address(given: &libc::siginfo_t) -> Option<u64> {
    let is_fault = [libc::SIGSEGV, libc::SIGBUS].contains(&given.si_signo) && given.si_code > 0;
    // SAFETY: these two carry one where the kernel raised them.
    is_fault.then(|| unsafe { given.si_addr() } as u64)
}

fn expect_trap(stopped: WaitStatus) -> io::Result<()> {
    match stopped {
        WaitStatus::Stopped(_, Signal::SIGTRAP) => Ok(()),
        other => Err(io::Error::other(format!("the process that was to look at the core went astray ({other:?})"))),
    }
}

fn gone() -> io::Error {
    io::Error::other("the process that was to look at the core has ended")
}

fn bits(flags: i32) -> u64 {
    u64::from(flags.cast_unsigned())
}

fn bytes_of(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
