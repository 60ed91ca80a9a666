//! Ground: what differs by architecture, behind one contract.
//!
//! [`Architecture`] and the macros below it are the contract: what each architecture's file gives, and why. Nothing else in
//! the runtime asks which architecture it is built for, but the doors (src/doors), which are assembly themselves. All
//! architectures have 64 bits, the lowest byte first, and a stack that grows downwards.
//!
//! Nothing here makes a system call: what has to be read of memory that may not be there is read by a function that is
//! handed in.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod registers;
#[cfg(target_arch = "riscv64")]
mod riscv64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
use aarch64 as chosen;
#[cfg(target_arch = "riscv64")]
use riscv64 as chosen;
#[cfg(target_arch = "x86_64")]
use x86_64 as chosen;

pub(crate) use registers::{Access, Registers};

use core::ffi::{c_int, c_long, c_void};
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// The architecture that this is built for.
pub(crate) struct Machine;

/// What an architecture gives.
pub(crate) trait Architecture {
    // ---- what the kernel has for it ----

    /// `AUDIT_ARCH_…` of `<linux/audit.h>`, which seccomp filters are told.
    const AUDIT_ARCH: u32;
    /// unlink(2), where it is not unlinkat(2) alone.
    const SYS_UNLINK: Option<c_long>;
    /// How many words of the kernel's `struct sigaction` hold what a handler returns to: 1, or 0 where there is no such field.
    const RESTORER_WORDS: usize;
    /// The page size, where there is but one.
    const PAGE_SIZE: Option<usize>;
    /// The fewest addresses that a process has; how many it has is asked ([`user_space`]).
    const LEAST_USER_SPACE: u64;
    /// The flag of mmap(2) that asks for addresses below 2 GiB; 0 where there is none.
    const LOW_ADDRESSES: c_int;

    /// Makes system call `number` with six arguments and returns the kernel's raw answer: from -4095 to -1 it is a negated
    /// errno.
    ///
    /// # Safety
    /// As the system call itself: every pointer among the arguments must be valid for what the kernel does with it.
    unsafe fn syscall(number: c_long, arguments: [usize; 6]) -> isize;

    /// clone(2): the child calls `function(argument)` further down on this stack, which is nobody else's until it has ended,
    /// and ends with status 0. The kernel's raw answer.
    ///
    /// # Safety
    /// As the system call. The function must not unwind, and the parent must not run while the child does (`CLONE_VFORK`).
    unsafe extern "C" fn spawn(function: extern "C" fn(*mut c_void), argument: *mut c_void, flags: usize) -> isize;

    /// The address that a signal handler returns to, where the kernel has to be told of one (`SA_RESTORER`); 0 where it
    /// returns to the vDSO. Unwinders and debuggers know it by its very bytes.
    fn signal_restorer() -> usize;

    // ---- the processor ----

    /// Finds out, at start, what the functions below have to know.
    fn prepare() {}

    /// The thread's own address, which tells threads apart without a system call. Where an instruction tells it, this holds
    /// in a thread whose control block is gone, too.
    fn thread_pointer() -> usize;

    /// Where [`Architecture::thread_pointer`] reads the thread's control block: the system call, and its first argument, that
    /// leaves the thread pointer where the second one says.
    fn thread_pointer_call() -> Option<(c_long, usize)> {
        None
    }

    /// Whether code begins with an instruction by which a function finds out, page by page, whether there is room for its frame
    /// (`-fstack-clash-protection`). Where none is known, none is.
    fn is_stack_probe(_code: [u8; 8]) -> bool {
        false
    }

    /// Asks the processor for a line of memory that will be read soon; any address will do.
    fn prefetch(address: *const u8);

    /// The processor's counter, which goes evenly, for all threads alike, whatever they do.
    fn ticks() -> u64;

    /// How many of the counter's lowest bits are left out of a time: so many that the 32 bits above come round after days,
    /// and so few that it is known to some milliseconds.
    const TICKS_SHIFT: u32;

    // ---- where the code is ----

    /// The addresses at which the object that this is in begins, and at which its code ends, by the linker.
    fn own_code() -> (usize, usize);

    /// Calls `function(argument)` with the stack pointer at `top`, which is 16-byte aligned. An unwinder finds its way back:
    /// the frame keeps the old stack pointer where the call frame information says.
    ///
    /// # Safety
    /// The memory below `top` must be a stack that nobody else uses. The function must not unwind.
    unsafe extern "C" fn call_on_stack(function: extern "C" fn(*mut c_void), argument: *mut c_void, top: *mut u8);

    /// Calls `function(argument)`, having left in `point` how to get out of it: whoever goes on there, on that stack, returns
    /// from this call with all registers that a call preserves.
    ///
    /// # Safety
    /// The function must not unwind; `point` must not be used when the call has returned.
    unsafe extern "C" fn call_recoverably(
        function: extern "C" fn(*mut c_void),
        argument: *mut c_void,
        point: *const RecoveryPoint,
    );

    /// How many bytes one of the functions of `starters!` has.
    const STARTER_LENGTH: usize;

    // ---- the state that a signal handler is given ----

    /// How many bytes the instruction that returns takes off the stack.
    const RETURN_POPS: usize;

    /// Where the address of the next instruction is saved.
    fn instruction(context: *mut libc::ucontext_t) -> *mut usize;

    /// Where the stack pointer is saved.
    fn stack(context: *mut libc::ucontext_t) -> *mut usize;

    /// Where the general registers are saved, side by side, and how many.
    fn general(context: *mut libc::ucontext_t) -> (*const usize, usize);

    /// What an instruction that has faulted wanted of the memory.
    fn access(registers: Registers) -> Access;

    /// Where a jump was to go that the processor refused without telling, and whether it was a return. The registers are
    /// those before it.
    fn refused_jump(_registers: Registers) -> Option<(usize, bool)> {
        None
    }

    /// Where the call that led to the instruction returns to, if it was a call.
    fn return_address(registers: Registers) -> Option<usize>;

    // ---- instructions ----

    /// The most bytes of an instruction.
    const LONGEST_INSTRUCTION: usize;

    /// How many bytes of memory an instruction that begins with `code` wants, if that can be told.
    fn operand_size(code: &[u8]) -> Option<usize>;
}

// What can only be given as assembly in the place where it is used:
//
// symbol_address!([DIRECTIVES] SYMBOL)   the address of a symbol by the object's own offset table, after directives about it
// jump!()                                a jump to the function `{}`, wherever in the object it is
// trap!()                                an instruction that no processor has
// starters!(COUNT, BEGINS)                the body of a row of functions at which threads start
// memory_functions!(MACRO)               hands the code of memcpy(3) and its kin to a macro: after each name, the body
pub(crate) use chosen::starters;
#[cfg(not(test))]
pub(crate) use chosen::{jump, trap};
pub(crate) use chosen::{memory_functions, symbol_address};

/// Where the stack pointer of a call that may fault is ([`Architecture::call_recoverably`]), and where it goes on.
#[repr(C)]
pub(crate) struct RecoveryPoint {
    pub(crate) stack: AtomicUsize,
    pub(crate) instruction: AtomicUsize,
}

/// What is found out at start.
struct Found {
    /// Whether the library is part of the program itself (libmapsan.a).
    is_the_program: AtomicBool,
    /// The addresses that this process has, as far as the kernel has told; 0 before that.
    user_space: AtomicU64,
}

static FOUND: Found = Found { is_the_program: AtomicBool::new(false), user_space: AtomicU64::new(0) };

/// More addresses than any process can have: 5 levels of page tables leave 56 bits on each architecture.
pub(crate) const WIDEST_USER_SPACE: u64 = 1 << 56;

/// Finds out, at start, what differs from one machine or process to another.
pub(crate) fn prepare() {
    // SAFETY: getauxval(3) reads what the kernel left on the stack.
    let entry = usize::try_from(unsafe { libc::getauxval(libc::AT_ENTRY) }).unwrap_or(0);
    FOUND.is_the_program.store(is_in_this_object(entry), Relaxed);
    // SAFETY: getauxval(3), as above.
    let name = unsafe { libc::getauxval(libc::AT_EXECFN) };
    FOUND.user_space.store(name.checked_next_power_of_two().unwrap_or(0), Relaxed);
    Machine::prepare();
}

/// The addresses that a process has without asking for more by a hint: the kernel puts the first stack below their end, not
/// deeper than half of them, and on top of that stack the name of the program.
pub(crate) fn user_space() -> u64 {
    FOUND.user_space.load(Relaxed).max(Machine::LEAST_USER_SPACE)
}

/// What tells this thread apart, in memory that a collector may scan: the complement of the thread's own address.
#[inline]
pub(crate) fn this_thread() -> usize {
    !Machine::thread_pointer()
}

/// Whether an instruction is one of this library's own. In a static program none is told from the program's.
#[cold]
pub(crate) fn is_own(instruction: usize) -> bool {
    is_in_this_object(instruction) && !FOUND.is_the_program.load(Relaxed)
}

/// Whether an address is in the code of the object that this is in.
fn is_in_this_object(instruction: usize) -> bool {
    let (start, end) = Machine::own_code();
    (start..end).contains(&instruction)
}
