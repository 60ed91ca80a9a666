//! A process with nothing in it, stopped, that ptrace(2) fills and moves: it makes system calls where it is told to, and
//! nothing else of it reaches the kernel.

use crate::failure::reason;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
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
/// syscall; int3.
const CALL: [u8; 3] = [0x0f, 0x05, 0xcc];
/// What a handler returns to, by the very bytes by which unwinders know it: mov $15,%rax; syscall.
pub(crate) const RESTORER: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];
const RESTORER_AT: u64 = 16;
/// Where a handler begins that only stops: int3.
const LANDING_AT: u64 = 32;
/// Seconds of the processor that it may take.
const PATIENCE: u64 = 20;

/// A process that is stopped.
pub(crate) struct Tracee {
    child: Child,
    pid: Pid,
    memory: File,
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
        let mut tracee = Tracee { child, pid, memory: memory?, own };
        tracee.wait()?;
        ptrace::setoptions(pid, Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACESYSGOOD)?;
        let limit = rustix::process::Rlimit { current: Some(PATIENCE), maximum: Some(PATIENCE) };
        rustix::process::prlimit(
            rustix::process::Pid::from_child(&tracee.child).into(),
            rustix::process::Resource::Cpu,
            limit,
        )?;
        tracee.empty()?;
        Ok(tracee)
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
        self.memory.write_all_at(bytes, address)
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
        self.expect_trap()?;
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
        self.expect_trap()?;
        self.registers()
    }

    /// Executes one instruction, if it can.
    pub(crate) fn step(&mut self) -> io::Result<Stop> {
        ptrace::step(self.pid, None)?;
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

    fn expect_trap(&mut self) -> io::Result<()> {
        match self.wait()? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => Ok(()),
            other => Err(io::Error::other(format!("the process that was to look at the core went astray ({other:?})"))),
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

fn gone() -> io::Error {
    io::Error::other("the process that was to look at the core has ended")
}

fn bits(flags: i32) -> u64 {
    u64::from(flags.cast_unsigned())
}

fn bytes_of(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
