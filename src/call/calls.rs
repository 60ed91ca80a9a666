//! The table of calls: each call that this library stands in for, once.
//!
//! Doors, slots, the next definitions, the comparison with libc's declarations, the twins of the header and the list of
//! exported symbols are made of these rows. Each of the two macros hands its rows to the macro that it is given. A row:
//!
//! ```text
//! /// mmap(2).                              the manual page
//! mmap(addr: *mut c_void, …) -> …  {        names as in the manual page; after `; ...` what variable arguments are passed on
//!     door: plain,                          the shape of the door (src/doors), and what it has to know
//!     declared: libc::mmap,                 libc's declaration, with which the row is compared, where the crate has one
//!     cancellation_point: true,             if libc's function is one
//!     twin: mapsan_mmap checked,            the same call under another name, and what the header says of it
//!     raw: raw_mmap,                        what is called where there is no next definition: a function of src/next with the
//! }                                         row's signature, or else `system_call: SYS_…`, with the arguments as they are
//! ```
//!
//! Doors: `plain` leads to the hook of the same name; `visiting` concerns hardened mode alone, which takes the named way
//! (src/hooks/ranges.rs); `narrow` leads to the hook for the named first arguments alone; `opening` is the door of a call
//! that gives a descriptor, with the place of the file's name among the arguments; `listing` makes an array of variable
//! arguments that are pointers, as execl(3) takes them, and such a row has the array in their place.

mod locks;

/// The calls whose next definitions are found at start; those that make and destroy locks follow from `locks`.
macro_rules! for_each_call {
    ($make:ident) => {
        $crate::call::calls::with_calls_of_locks! { $make {
            /// mmap(2).
            mmap(addr: *mut c_void, length: usize, prot: c_int, flags: c_int, fd: c_int, offset: off_t) -> *mut c_void {
                door: plain,
                declared: libc::mmap,
                twin: mapsan_mmap checked,
                raw: raw_mmap,
            }
            /// mmap64(3).
            mmap64(addr: *mut c_void, length: usize, prot: c_int, flags: c_int, fd: c_int, offset: i64) -> *mut c_void {
                door: plain,
                declared: libc::mmap64,
                twin: mapsan_mmap64 checked,
                raw: raw_mmap,
            }
            /// munmap(2).
            munmap(addr: *mut c_void, length: usize) -> c_int {
                door: plain,
                declared: libc::munmap,
                twin: mapsan_munmap checked,
                system_call: SYS_munmap,
            }
            // libc reads the fifth argument whatever the flags are.
            /// mremap(2).
            mremap(
                old_address: *mut c_void, old_size: usize, new_size: usize, flags: c_int; ... new_address: *mut c_void
            ) -> *mut c_void {
                door: plain,
                declared: libc::mremap,
                twin: mapsan_mremap checked,
                system_call: SYS_mremap,
            }
            /// mprotect(2).
            mprotect(addr: *mut c_void, length: usize, prot: c_int) -> c_int {
                door: plain,
                declared: libc::mprotect,
                twin: mapsan_mprotect checked,
                system_call: SYS_mprotect,
            }
            /// msync(2).
            msync(addr: *mut c_void, length: usize, flags: c_int) -> c_int {
                door: plain,
                declared: libc::msync,
                cancellation_point: true,
                twin: mapsan_msync checked,
                system_call: SYS_msync,
            }
            /// ftok(3).
            ftok(pathname: *const c_char, proj_id: c_int) -> key_t {
                door: plain,
                declared: libc::ftok,
                twin: mapsan_ftok checked,
                raw: raw_ftok,
            }
            /// shmget(2).
            shmget(key: key_t, size: usize, shmflg: c_int) -> c_int {
                door: plain,
                declared: libc::shmget,
                twin: mapsan_shmget checked,
                system_call: SYS_shmget,
            }
            /// shmat(2).
            shmat(shmid: c_int, shmaddr: *const c_void, shmflg: c_int) -> *mut c_void {
                door: plain,
                declared: libc::shmat,
                twin: mapsan_shmat checked,
                system_call: SYS_shmat,
            }
            /// shmdt(2).
            shmdt(shmaddr: *const c_void) -> c_int {
                door: plain,
                declared: libc::shmdt,
                twin: mapsan_shmdt checked,
                system_call: SYS_shmdt,
            }
            /// shmctl(2).
            shmctl(shmid: c_int, cmd: c_int, buf: *mut shmid_ds) -> c_int {
                door: plain,
                declared: libc::shmctl,
                twin: mapsan_shmctl checked,
                system_call: SYS_shmctl,
            }
            /// `shm_open(3)`.
            shm_open(name: *const c_char, oflag: c_int, mode: mode_t) -> c_int {
                door: plain,
                declared: libc::shm_open,
                twin: mapsan_shm_open followed,
                raw: raw_shm_open,
            }
            /// `shm_unlink(3)`.
            shm_unlink(name: *const c_char) -> c_int {
                door: plain,
                declared: libc::shm_unlink,
                twin: mapsan_shm_unlink followed,
                raw: raw_shm_unlink,
            }
            /// `sem_open(3)`.
            sem_open(name: *const c_char, oflag: c_int; ... mode: mode_t, value: c_uint) -> *mut sem_t {
                door: plain,
                declared: libc::sem_open,
                raw: own_sem_open,
            }
            /// `sem_unlink(3)`.
            sem_unlink(name: *const c_char) -> c_int {
                door: plain,
                declared: libc::sem_unlink,
                raw: own_sem_unlink,
            }
            /// semget(2).
            semget(key: key_t, nsems: c_int, semflg: c_int) -> c_int {
                door: plain,
                declared: libc::semget,
                system_call: SYS_semget,
            }
            /// semop(2).
            semop(semid: c_int, sops: *mut sembuf, nsops: usize) -> c_int {
                door: plain,
                declared: libc::semop,
                raw: raw_semop,
            }
            /// semtimedop(2).
            semtimedop(semid: c_int, sops: *mut sembuf, nsops: usize, timeout: *const timespec) -> c_int {
                door: plain,
                system_call: SYS_semtimedop,
            }
            // The fourth argument is a union of a number and addresses; it is handed on as it is, given or not.
            /// semctl(2).
            semctl(semid: c_int, semnum: c_int, cmd: c_int; ... argument: usize) -> c_int {
                door: plain,
                declared: libc::semctl,
                system_call: SYS_semctl,
            }
            /// msgget(2).
            msgget(key: key_t, msgflg: c_int) -> c_int {
                door: plain,
                declared: libc::msgget,
                system_call: SYS_msgget,
            }
            /// msgsnd(2).
            msgsnd(msqid: c_int, msgp: *const c_void, msgsz: usize, msgflg: c_int) -> c_int {
                door: plain,
                declared: libc::msgsnd,
                cancellation_point: true,
                system_call: SYS_msgsnd,
            }
            /// msgrcv(2).
            msgrcv(msqid: c_int, msgp: *mut c_void, msgsz: usize, msgtyp: c_long, msgflg: c_int) -> isize {
                door: plain,
                declared: libc::msgrcv,
                cancellation_point: true,
                system_call: SYS_msgrcv,
            }
            /// msgctl(2).
            msgctl(msqid: c_int, cmd: c_int, buf: *mut msqid_ds) -> c_int {
                door: plain,
                declared: libc::msgctl,
                system_call: SYS_msgctl,
            }
            /// mlockall(2).
            mlockall(flags: c_int) -> c_int {
                door: plain,
                declared: libc::mlockall,
                system_call: SYS_mlockall,
            }
            /// munlockall(2).
            munlockall() -> c_int {
                door: plain,
                declared: libc::munlockall,
                system_call: SYS_munlockall,
            }
            /// madvise(2).
            madvise(addr: *mut c_void, length: usize, advice: c_int) -> c_int {
                door: plain,
                declared: libc::madvise,
                system_call: SYS_madvise,
            }
            /// `posix_madvise(3)`.
            posix_madvise(addr: *mut c_void, length: usize, advice: c_int) -> c_int {
                door: plain,
                declared: libc::posix_madvise,
                raw: raw_posix_madvise,
            }
            /// mincore(2).
            mincore(addr: *mut c_void, length: usize, vec: *mut c_uchar) -> c_int {
                door: visiting(harden::visit),
                declared: libc::mincore,
                system_call: SYS_mincore,
            }
            /// mlock(2).
            mlock(addr: *const c_void, length: usize) -> c_int {
                door: visiting(harden::lock),
                declared: libc::mlock,
                system_call: SYS_mlock,
            }
            /// mlock2(2).
            mlock2(addr: *const c_void, length: usize, flags: c_uint) -> c_int {
                door: visiting(harden::lock),
                declared: libc::mlock2,
                system_call: SYS_mlock2,
            }
            /// munlock(2).
            munlock(addr: *const c_void, length: usize) -> c_int {
                door: visiting(harden::visit),
                declared: libc::munlock,
                system_call: SYS_munlock,
            }
            /// `pkey_mprotect(2)`.
            pkey_mprotect(addr: *mut c_void, length: usize, prot: c_int, pkey: c_int) -> c_int {
                door: plain,
                system_call: SYS_pkey_mprotect,
            }
            /// brk(2).
            brk(addr: *mut c_void) -> c_int {
                door: plain,
                declared: libc::brk,
                raw: own_brk,
            }
            /// sbrk(2).
            sbrk(increment: isize) -> *mut c_void {
                door: plain,
                declared: libc::sbrk,
                raw: own_sbrk,
            }
            /// dlclose(3).
            dlclose(handle: *mut c_void) -> c_int {
                door: plain,
                declared: libc::dlclose,
                raw: raw_dlclose,
            }
            /// _exit(2).
            _exit(status: c_int) -> ! {
                door: plain,
                declared: libc::_exit,
                raw: raw_exit,
            }
            /// _Exit(3).
            _Exit(status: c_int) -> ! {
                door: plain,
                raw: raw_exit,
            }
            /// `quick_exit(3)`.
            quick_exit(status: c_int) -> ! {
                door: plain,
                raw: raw_exit,
            }
            /// execve(2).
            execve(pathname: *const c_char, argv: *const *const c_char, envp: *const *const c_char) -> c_int {
                door: plain,
                declared: libc::execve,
                system_call: SYS_execve,
            }
            /// execv(3).
            execv(pathname: *const c_char, argv: *const *const c_char) -> c_int {
                door: plain,
                declared: libc::execv,
                raw: raw_execv,
            }
            /// execvp(3).
            execvp(file: *const c_char, argv: *const *const c_char) -> c_int {
                door: plain,
                declared: libc::execvp,
                raw: own_execvp,
            }
            /// execvpe(3).
            execvpe(file: *const c_char, argv: *const *const c_char, envp: *const *const c_char) -> c_int {
                door: plain,
                declared: libc::execvpe,
                raw: own_execvpe,
            }
            /// execl(3).
            execl(pathname: *const c_char, argv: *const *const c_char) -> c_int {
                door: listing,
                raw: raw_execv,
            }
            /// execlp(3).
            execlp(file: *const c_char, argv: *const *const c_char) -> c_int {
                door: listing,
                raw: own_execvp,
            }
            /// execle(3).
            execle(pathname: *const c_char, argv: *const *const c_char) -> c_int {
                door: listing,
                raw: raw_execv,
            }
            /// fexecve(3).
            fexecve(fd: c_int, argv: *const *const c_char, envp: *const *const c_char) -> c_int {
                door: plain,
                declared: libc::fexecve,
                raw: raw_fexecve,
            }
            /// execveat(2).
            execveat(dirfd: c_int, pathname: *const c_char,
                argv: *const *const c_char, envp: *const *const c_char, flags: c_int) -> c_int {
                door: plain,
                system_call: SYS_execveat,
            }
            // The structures are handed on as they are.
            /// `posix_spawn(3)`.
            posix_spawn(
                pid: *mut pid_t, path: *const c_char, file_actions: *const c_void, attrp: *const c_void,
                argv: *const *const c_char, envp: *const *const c_char
            ) -> c_int {
                door: plain,
                raw: own_posix_spawn,
            }
            /// `posix_spawnp(3)`.
            posix_spawnp(
                pid: *mut pid_t, file: *const c_char, file_actions: *const c_void, attrp: *const c_void,
                argv: *const *const c_char, envp: *const *const c_char
            ) -> c_int {
                door: plain,
                raw: own_posix_spawnp,
            }
            /// system(3).
            system(command: *const c_char) -> c_int {
                door: plain,
                declared: libc::system,
                cancellation_point: true,
                raw: own_system,
            }
            /// popen(3).
            popen(command: *const c_char, type_: *const c_char) -> *mut c_void {
                door: plain,
                cancellation_point: true,
                raw: own_popen,
            }
            /// sigaction(2).
            sigaction(signum: c_int, act: *const libc::sigaction, oldact: *mut libc::sigaction) -> c_int {
                door: plain,
                declared: libc::sigaction,
                raw: raw_sigaction,
            }
            /// signal(2).
            signal(signum: c_int, handler: sighandler_t) -> sighandler_t {
                door: plain,
                declared: libc::signal,
                raw: raw_signal,
            }
            /// `bsd_signal(3)`.
            bsd_signal(signum: c_int, handler: sighandler_t) -> sighandler_t {
                door: plain,
                raw: raw_signal,
            }
            /// ssignal(3).
            ssignal(signum: c_int, handler: sighandler_t) -> sighandler_t {
                door: plain,
                raw: raw_signal,
            }
            /// `sysv_signal(3)`.
            sysv_signal(signum: c_int, handler: sighandler_t) -> sighandler_t {
                door: plain,
                raw: raw_sysv_signal,
            }
            /// `sysv_signal(3)` by its other name.
            __sysv_signal(signum: c_int, handler: sighandler_t) -> sighandler_t {
                door: plain,
                raw: raw_sysv_signal,
            }
            /// sigset(3).
            sigset(sig: c_int, disp: sighandler_t) -> sighandler_t {
                door: plain,
                raw: raw_sigset,
            }
            /// sigaltstack(2).
            sigaltstack(ss: *const stack_t, old_ss: *mut stack_t) -> c_int {
                door: plain,
                declared: libc::sigaltstack,
                system_call: SYS_sigaltstack,
            }
            /// `pthread_create(3)`.
            pthread_create(thread: *mut c_void, attr: *const c_void, start_routine: *const c_void, arg: *mut c_void) -> c_int {
                door: plain,
                raw: own_pthread_create,
            }
            /// `thrd_create(3)`.
            thrd_create(thr: *mut c_void, func: *const c_void, arg: *mut c_void) -> c_int {
                door: plain,
                raw: own_thrd_create,
            }
            // It and the next always with all of their arguments, as the kernel gets them.
            /// prctl(2).
            prctl(op: c_int; ... arg2: usize, arg3: usize, arg4: usize, arg5: usize) -> c_int {
                door: narrow(set_seccomp = libc::PR_SET_SECCOMP, set_counter = libc::PR_SET_TSC),
                declared: libc::prctl,
                system_call: SYS_prctl,
            }
            /// syscall(2).
            syscall(
                number: c_long; ... arg1: usize, arg2: usize, arg3: usize, arg4: usize, arg5: usize, arg6: usize
            ) -> c_long {
                door: narrow(seccomp = libc::SYS_seccomp, prctl = libc::SYS_prctl,
                             landlock = libc::SYS_landlock_restrict_self, root = libc::SYS_pivot_root,
                             execve = libc::SYS_execve, execveat = libc::SYS_execveat),
                declared: libc::syscall,
                cancellation_point: true,
                raw: raw_syscall,
            }
            /// open(2).
            open(path: *const c_char, flags: c_int; ... mode: mode_t) -> c_int {
                door: opening(Open, first),
                declared: libc::open,
                cancellation_point: true,
                raw: raw_open,
            }
            /// open(2) for large files.
            open64(path: *const c_char, flags: c_int; ... mode: mode_t) -> c_int {
                door: opening(Open, first),
                declared: libc::open64,
                cancellation_point: true,
                raw: raw_open,
            }
            /// open(2) without a mode, with `_FORTIFY_SOURCE`.
            __open_2(path: *const c_char, flags: c_int) -> c_int {
                door: opening(Open, first),
                cancellation_point: true,
                raw: raw_open_2,
            }
            /// open(2) without a mode, with `_FORTIFY_SOURCE`, for large files.
            __open64_2(path: *const c_char, flags: c_int) -> c_int {
                door: opening(Open, first),
                cancellation_point: true,
                raw: raw_open_2,
            }
            /// openat(2).
            openat(dirfd: c_int, path: *const c_char, flags: c_int; ... mode: mode_t) -> c_int {
                door: opening(Openat, second),
                declared: libc::openat,
                cancellation_point: true,
                raw: raw_openat,
            }
            /// openat(2) for large files.
            openat64(dirfd: c_int, path: *const c_char, flags: c_int; ... mode: mode_t) -> c_int {
                door: opening(Openat, second),
                declared: libc::openat64,
                cancellation_point: true,
                raw: raw_openat,
            }
            /// openat(2) without a mode, with `_FORTIFY_SOURCE`.
            __openat_2(dirfd: c_int, path: *const c_char, flags: c_int) -> c_int {
                door: opening(Openat, second),
                cancellation_point: true,
                raw: raw_openat_2,
            }
            /// openat(2) without a mode, with `_FORTIFY_SOURCE`, for large files.
            __openat64_2(dirfd: c_int, path: *const c_char, flags: c_int) -> c_int {
                door: opening(Openat, second),
                cancellation_point: true,
                raw: raw_openat_2,
            }
            /// creat(2).
            creat(path: *const c_char, mode: mode_t) -> c_int {
                door: opening(Creat, first),
                declared: libc::creat,
                cancellation_point: true,
                raw: raw_creat,
            }
            /// creat(2) for large files.
            creat64(path: *const c_char, mode: mode_t) -> c_int {
                door: opening(Creat, first),
                declared: libc::creat64,
                cancellation_point: true,
                raw: raw_creat,
            }
            /// `memfd_create(2)`.
            memfd_create(name: *const c_char, flags: c_uint) -> c_int {
                door: opening(MemfdCreate, first),
                declared: libc::memfd_create,
                raw: raw_memfd_create,
            }
        } }
    };
}
pub(crate) use for_each_call;
pub(crate) use locks::with_calls_of_locks;
