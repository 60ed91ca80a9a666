//! Seccomp filters: a call of our own that one does not simply let through is not made.
//!
//! A sandbox is cut for what the program does, not for what this library adds to it. So the filters are noted when the
//! program installs them, by prctl(2) or seccomp(2), and are asked before each call of our own, just as the kernel asks
//! them: they are programs in classic BPF over `struct seccomp_data` (seccomp(2), Linux 6.18's `seccomp_check_filter`). A
//! call that would end the program, wake its handler of SIGSYS, reach its supervisor or tracer, or be answered with
//! whatever the filter makes up, fails with ENOSYS instead.
//!
//! A filter is its thread's; here it counts for the whole process, whose other threads lose facts by that. It counts from
//! before it is installed, since it may be put on all threads at once. What was inherited by execve(2) is not known, and
//! neither is what was installed without libc's functions.

use super::bpf::{Data, run};
use super::{Apart, Result, read_memory};
use crate::machine::{Architecture, Machine};
use core::ffi::c_long;
use core::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32,
    Ordering::{Acquire, Relaxed, Release},
};
use core::{ptr, slice};
use libc::{
    SECCOMP_RET_ACTION_FULL, SECCOMP_RET_ALLOW, SECCOMP_RET_DATA, SECCOMP_RET_ERRNO, SECCOMP_RET_LOG, sock_filter,
    sock_fprog,
};

/// What the program has installed.
struct Filters {
    /// Whether there is any filter: all that is looked at in programs that have none.
    any: AtomicBool,
    /// How many threads have read(2) and write(2) alone (`SECCOMP_MODE_STRICT`).
    strict: AtomicU32,
    /// Whether there is a filter for which there was no memory: what it lets through is not known.
    unknown: AtomicBool,
    /// The filter that was installed last; the others follow it.
    last: AtomicPtr<Filter>,
}

static FILTERS: Filters = Filters {
    any: AtomicBool::new(false),
    strict: AtomicU32::new(0),
    unknown: AtomicBool::new(false),
    last: AtomicPtr::new(ptr::null_mut()),
};

/// A filter, in memory of our own.
struct Filter {
    /// Where it lies.
    memory: Apart,
    earlier: *const Filter,
    /// How often it has been installed; 0 once the kernel has refused it.
    times: AtomicU32,
    length: usize,
    program: [sock_filter; libc::BPF_MAXINSNS as usize],
}

impl Filter {
    /// One without instructions.
    fn room() -> Option<*mut Filter> {
        let memory = Apart::zeroed(size_of::<Filter>())?;
        let room: *mut Filter = memory.start();
        // SAFETY: zeroed memory of that size, ours alone; zeroes are a filter without memory and instructions.
        let filter = unsafe { &mut *room };
        filter.memory = memory;
        Some(room)
    }

    fn program(&self) -> &[sock_filter] {
        self.program.get(..self.length).unwrap_or_default()
    }

    /// Whether it lets a call simply through.
    fn allows(&self, data: &Data) -> bool {
        matches!(run(self.program(), data) & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_ALLOW | SECCOMP_RET_LOG)
    }

    fn is_as(&self, other: &Filter) -> bool {
        let same = |(one, another): (&sock_filter, &sock_filter)| {
            (one.code, one.jt, one.jf, one.k) == (another.code, another.jt, another.jf, another.k)
        };
        self.length == other.length && self.program().iter().zip(other.program()).all(same)
    }
}

/// All filters that are noted, the last one first.
fn all() -> impl Iterator<Item = &'static Filter> {
    // SAFETY: null, or a filter that was published whole and stays for ever.
    let published = |filter: *const Filter| unsafe { filter.as_ref() };
    core::iter::successors(published(FILTERS.last.load(Acquire)), move |filter| published(filter.earlier))
}

/// What is known of a filter that is to be installed.
enum Known {
    /// It has been read.
    Read(*mut Filter),
    /// It can't be read without harm yet; here is room for it, if there is any: afterwards it may be too late to ask.
    Unread(Option<*mut Filter>),
    /// There is nothing at its address: the kernel will refuse it.
    Nowhere(*mut Filter),
    /// It counts.
    Noted(&'static Filter),
}

/// A filter that is being installed.
pub(crate) struct FilterInstall {
    /// Where the program has it.
    program: usize,
    known: Known,
}

impl FilterInstall {
    /// Reads the filter at the address of a `struct sock_fprog`, which need not be there.
    pub(crate) fn begin(program: usize) -> FilterInstall {
        let room = Filter::room();
        let known = match room {
            None => Known::Unread(None),
            Some(room) => {
                // SAFETY: zeroed memory of that size, which is a filter without instructions; ours alone until published.
                match read_guarded(program, unsafe { &mut *room }) {
                    Ok(()) => Known::Read(room),
                    Err(libc::EFAULT) => Known::Nowhere(room),
                    Err(_) => Known::Unread(Some(room)),
                }
            }
        };
        FilterInstall { program, known }
    }

    /// Whether the call can't succeed.
    pub(crate) fn is_hopeless(&self) -> bool {
        matches!(self.known, Known::Nowhere(_))
    }

    /// Whether a call of our own will be let through once the filter is there; false if that is not known.
    pub(crate) fn will_let(&self, number: c_long, arguments: [usize; 6]) -> bool {
        match self.known {
            // SAFETY: read, and not yet published.
            Known::Read(room) => allows(number, arguments) && unsafe { &*room }.allows(&data(number, &arguments)),
            Known::Noted(_) => allows(number, arguments),
            Known::Unread(_) | Known::Nowhere(_) => false,
        }
    }

    /// Lets it count from now on, if it has been read.
    pub(crate) fn note(&mut self) {
        if let Known::Read(room) = self.known {
            self.known = Known::Noted(publish(room));
        }
    }

    /// The kernel has taken the filter.
    ///
    /// # Safety
    /// The kernel must just have read it.
    pub(crate) unsafe fn succeeded(self) {
        match self.known {
            Known::Noted(_) => {}
            Known::Unread(None) => FILTERS.unknown.store(true, Relaxed),
            Known::Unread(Some(room)) | Known::Nowhere(room) | Known::Read(room) => {
                // SAFETY: zeroed memory, or a filter that has been read; ours alone.
                let filter = unsafe { &mut *room };
                // SAFETY: the caller upholds the contract.
                let program = unsafe { &*ptr::with_exposed_provenance::<sock_fprog>(self.program) };
                filter.length = usize::from(program.len).min(filter.program.len());
                // SAFETY: as many instructions as the kernel has read there.
                let instructions = unsafe { slice::from_raw_parts(program.filter, filter.length) };
                for (to, from) in filter.program.iter_mut().zip(instructions) {
                    *to = *from;
                }
                publish(room);
            }
        }
        FILTERS.any.store(true, Release);
    }

    /// The kernel has refused it: nothing was installed.
    pub(crate) fn failed(self) {
        match self.known {
            Known::Noted(filter) => {
                filter.times.fetch_sub(1, Release);
            }
            Known::Unread(Some(room)) | Known::Nowhere(room) | Known::Read(room) => forget(room),
            Known::Unread(None) => {}
        }
    }
}

/// Gives memory back.
fn forget(room: *mut Filter) {
    // SAFETY: a filter of this thread's alone.
    let memory = unsafe { (*room).memory };
    memory.give_back();
}

/// Copies a filter that need not be there; EFAULT if it is not.
fn read_guarded(program: usize, filter: &mut Filter) -> Result<()> {
    /// `struct sock_fprog`: the number of instructions, and their address.
    const HEAD: usize = size_of::<sock_fprog>();
    let whole = |read: usize, wanted: usize| if read == wanted { Ok(()) } else { Err(libc::EFAULT) };
    let mut head = [0_u8; HEAD];
    whole(read_memory(program, &mut head)?, HEAD)?;
    let [low, high, _, _, _, _, _, _, address @ ..] = head;
    let length = usize::from(u16::from_ne_bytes([low, high]));
    let instructions = filter.program.get_mut(..length).ok_or(libc::EINVAL)?;
    let bytes = size_of_val(instructions);
    // SAFETY: plain data of that size.
    let buffer = unsafe { slice::from_raw_parts_mut(instructions.as_mut_ptr().cast::<u8>(), bytes) };
    whole(read_memory(usize::from_ne_bytes(address), buffer)?, bytes)?;
    filter.length = length;
    Ok(())
}

/// Lets a filter count: one that is noted already once more, or else this one.
fn publish(room: *mut Filter) -> &'static Filter {
    // SAFETY: ours alone until the exchange below.
    let filter = unsafe { &mut *room };
    let noted = if let Some(noted) = all().find(|noted| noted.is_as(filter)) {
        forget(room); // before it counts: it need not let munmap through
        noted.times.fetch_add(1, Release);
        noted
    } else {
        filter.times = AtomicU32::new(1);
        filter.earlier = FILTERS.last.load(Relaxed);
        while let Err(last) = FILTERS.last.compare_exchange(filter.earlier.cast_mut(), room, Release, Relaxed) {
            filter.earlier = last;
        }
        filter
    };
    FILTERS.any.store(true, Release);
    noted
}

/// Notes that a thread is about to have read(2) and write(2) alone.
pub(crate) fn close() {
    FILTERS.strict.fetch_add(1, Relaxed);
    FILTERS.any.store(true, Release);
}

/// Takes the word of [`close`] back: the call has failed.
pub(crate) fn reopen() {
    FILTERS.strict.fetch_sub(1, Relaxed);
}

/// Forgets all filters: they were those of a process whose memory this was.
pub(crate) fn forget_filters() {
    FILTERS.any.store(false, Release);
}

/// Whether a call can be made without harm to the program.
#[inline]
pub(crate) fn allows(number: c_long, arguments: [usize; 6]) -> bool {
    if !FILTERS.any.load(Acquire) {
        return true;
    }
    match arguments {
        [first, second, third, fourth, fifth, 0] => all_let_five(number, first, second, third, fourth, fifth),
        _ => all_let(number, &arguments),
    }
}

/// One by one, which is most of them: in registers, and no stack of the caller's, where there is no filter.
#[cold]
#[inline(never)]
fn all_let_five(number: c_long, first: usize, second: usize, third: usize, fourth: usize, fifth: usize) -> bool {
    all_let(number, &[first, second, third, fourth, fifth, 0])
}

#[cold]
#[inline(never)]
fn all_let(number: c_long, arguments: &[usize; 6]) -> bool {
    let strict = FILTERS.strict.load(Relaxed) > 0 || FILTERS.unknown.load(Relaxed);
    if strict && number != libc::SYS_read && number != libc::SYS_write {
        return false;
    }
    let data = data(number, arguments);
    all().filter(|filter| filter.times.load(Relaxed) > 0).all(|filter| filter.allows(&data))
}

/// How many filters are noted.
pub(crate) fn noted() -> u64 {
    all().map(|filter| u64::from(filter.times.load(Relaxed))).sum()
}

/// The errno that a filter of this process answers a call with, if one does; the kernel does not see that call.
#[cold]
pub(crate) fn errno_for(number: c_long, arguments: [usize; 6]) -> Option<super::Errno> {
    if !FILTERS.any.load(Acquire) {
        return None;
    }
    let data = data(number, &arguments);
    all().filter(|filter| filter.times.load(Relaxed) > 0).find_map(|filter| {
        let answer = run(filter.program(), &data);
        (answer & SECCOMP_RET_ACTION_FULL == SECCOMP_RET_ERRNO)
            .then(|| i32::try_from(answer & SECCOMP_RET_DATA).unwrap_or(0))
    })
}

/// What a filter is told of a call. The instruction pointer is near the truth: inside this library.
fn data(number: c_long, arguments: &[usize; 6]) -> Data {
    let mut data = [0; 16];
    let here = all_let as *const () as usize;
    let numbers = [number.cast_unsigned() & 0xFFFF_FFFF | u64::from(Machine::AUDIT_ARCH) << 32, here as u64];
    let arguments = arguments.iter().map(|argument| *argument as u64);
    for (words, value) in data.chunks_exact_mut(2).zip(numbers.into_iter().chain(arguments)) {
        if let [low, high] = words {
            *low = u32::try_from(value & 0xFFFF_FFFF).unwrap_or(0);
            *high = u32::try_from(value >> 32).unwrap_or(0);
        }
    }
    data
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "numbers of system calls and errnos fit"
)]
#[allow(
    clippy::cast_sign_loss,
    clippy::multiple_unsafe_ops_per_block,
    reason = "they are positive; one child is one block"
)]
mod tests {
    use super::*;
    use libc::{
        BPF_A, BPF_ABS, BPF_ADD, BPF_ALU, BPF_AND, BPF_DIV, BPF_IMM, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP,
        BPF_JSET, BPF_LD, BPF_LDX, BPF_LEN, BPF_LSH, BPF_MAXINSNS, BPF_MEM, BPF_MISC, BPF_MUL, BPF_NEG, BPF_OR,
        BPF_RET, BPF_RSH, BPF_ST, BPF_STX, BPF_SUB, BPF_TAX, BPF_TXA, BPF_X, BPF_XOR, SECCOMP_RET_ERRNO,
        SECCOMP_RET_KILL_PROCESS,
    };
    use proptest::prelude::*;

    const fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
        sock_filter { code: code as u16, jt, jf, k }
    }

    /// An instruction that the kernel may take, with its jumps inside the `left` ones that follow.
    fn any_instruction(left: u8) -> impl Strategy<Value = sock_filter> {
        // The words of the data but those of the instruction pointer, which differs from call to call.
        let word = prop_oneof![Just(0_u32), Just(4), (4..16_u32).prop_map(|word| word * 4)];
        let number = prop_oneof![any::<u32>(), 0..40_u32];
        let alu = prop::sample::select(vec![
            BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH, BPF_RSH, BPF_NEG, BPF_XOR,
        ]);
        let jump = prop::sample::select(vec![BPF_JA, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET]);
        let slot = 0..16_u32;
        prop_oneof![
            4 => word.prop_map(|k| instruction(BPF_LD | BPF_ABS, 0, 0, k)),
            1 => (prop_oneof![Just(BPF_LD), Just(BPF_LDX)], number.clone()).prop_map(|(class, k)| instruction(class | BPF_IMM, 0, 0, k)),
            1 => prop_oneof![Just(BPF_LD), Just(BPF_LDX)].prop_map(|class| instruction(class | BPF_LEN, 0, 0, 0)),
            2 => (prop::sample::select(vec![BPF_ST, BPF_STX, BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM]), slot)
                .prop_map(|(code, k)| instruction(code, 0, 0, k)),
            6 => (alu, prop_oneof![Just(BPF_X), Just(0)], number.clone()).prop_map(|(operation, source, k)| {
                let k = if operation == BPF_LSH || operation == BPF_RSH { k & 31 } else { k };
                let source = if operation == BPF_NEG { 0 } else { source };
                instruction(BPF_ALU | operation | source, 0, 0, k)
            }),
            4 => (jump, prop_oneof![Just(BPF_X), Just(0)], 0..=left, 0..=left, number).prop_map(move |(comparison, source, jt, jf, k)| {
                let (source, k) = if comparison == BPF_JA { (0, u32::from(jt)) } else { (source, k) };
                instruction(BPF_JMP | comparison | source, jt, jf, k)
            }),
            2 => prop_oneof![Just(BPF_TAX), Just(BPF_TXA)].prop_map(|code| instruction(BPF_MISC | code, 0, 0, 0)),
        ]
    }

    /// What the kernel answers to getpid(2) with these arguments under a filter, if that fails it with an errno.
    fn by_the_kernel(filter: &[sock_filter], calls: &[[usize; 6]]) -> Option<Vec<bool>> {
        let program = sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
        // SAFETY: the child makes raw calls and nothing else.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let mut status = 0;
            // SAFETY: as above; what is installed confines the child alone.
            unsafe {
                libc::syscall(libc::SYS_prctl, libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                let mode = libc::SECCOMP_MODE_FILTER;
                if libc::syscall(libc::SYS_prctl, libc::PR_SET_SECCOMP, mode, &raw const program, 0, 0) != 0 {
                    super::super::exit_group(200);
                }
                for (number, call) in calls.iter().enumerate() {
                    let expected = run(filter, &data(libc::SYS_getpid, call));
                    if expected & SECCOMP_RET_ACTION_FULL != SECCOMP_RET_ERRNO {
                        continue; // its death
                    }
                    let answer = super::super::syscall(libc::SYS_getpid, *call);
                    if answer != -((expected & 0xFFF) as isize) {
                        status |= 1 << number;
                    }
                }
                super::super::exit_group(status);
            }
        }
        let mut status = 0;
        // SAFETY: our own child.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        assert!(libc::WIFEXITED(status), "the child ended with {status:#x}");
        match libc::WEXITSTATUS(status) {
            200 => None,
            wrong => Some((0..calls.len()).map(|number| wrong >> number & 1 == 0).collect()),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 1500 }))]
        /// The kernel is the truth: a filter that it takes answers here what it answers there.
        #[test]
        fn filters_are_asked_as_the_kernel_asks_them(
            body in (0..24_u8).prop_flat_map(|length| {
                (0..length).map(|at| any_instruction(length - at - 1)).collect::<Vec<_>>()
            }),
            calls in prop::collection::vec(prop::array::uniform6(prop_oneof![any::<usize>(), 0..64_usize]), 5),
        ) {
            let mut filter = vec![
                instruction(BPF_LD | BPF_ABS, 0, 0, 0),
                instruction(BPF_JMP | BPF_JEQ, 1, 0, libc::SYS_getpid as u32),
                instruction(BPF_RET, 0, 0, SECCOMP_RET_ALLOW),
                // What the kernel may have in doubt: every word of the memory is set.
            ];
            filter.extend((0..16).map(|slot| instruction(BPF_ST, 0, 0, slot)));
            filter.extend(&body);
            filter.extend([
                instruction(BPF_ALU | BPF_AND, 0, 0, 0xFFF),
                instruction(BPF_ALU | BPF_OR, 0, 0, SECCOMP_RET_ERRNO),
                instruction(BPF_RET | BPF_A, 0, 0, 0),
            ]);
            let answers = by_the_kernel(&filter, &calls);
            // Division by 0 as a constant is all that the kernel does not take here.
            let divides_by_0 = body.iter().any(|one| one.code == (BPF_ALU | BPF_DIV) as u16 && one.k == 0);
            prop_assert_eq!(answers.is_none(), divides_by_0);
            prop_assert!(answers.is_none_or(|answers| answers.iter().all(|same| *same)));
        }
    }

    #[test]
    fn what_the_kernel_would_not_take_kills() {
        let data = [0; 16];
        assert_eq!(run(&[], &data), SECCOMP_RET_KILL_PROCESS);
        assert_eq!(run(&[instruction(BPF_LD | BPF_ABS, 0, 0, 64)], &data), SECCOMP_RET_KILL_PROCESS);
        assert_eq!(run(&[instruction(BPF_JMP, 0, 0, BPF_MAXINSNS as u32)], &data), SECCOMP_RET_KILL_PROCESS);
        assert_eq!(run(&[instruction(0xFFFF, 0, 0, 0)], &data), SECCOMP_RET_KILL_PROCESS);
    }
}
