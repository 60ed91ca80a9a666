//! The rule catalogue: every diagnostic that mapsan gives, declared once.
//!
//! From this one list come the identifier, the severity, `enable=` and `disable=`, `mapsan rules`, `mapsan explain`,
//! and the test that a text, a bad and a good program exist for each rule. To add a rule see CONTRIBUTING.md.

/// Hands the list of rules to the macro named, so that other tables can be made from the same list without a copy.
///
/// Each row is `Variant "name" "call" When|When [severities] group enforce "summary";`, with `harden(Word)` after the
/// moments if it takes that word of `harden=` for the rule to be asked.
#[macro_export]
macro_rules! for_each_rule {
    ($callback:ident) => { $callback! {
    MmapZeroLength "mmap-zero-length" "mmap" Failure [Error, Warning] Correctness None
        "the length is 0";
    MmapLengthTooLarge "mmap-length-too-large" "mmap" Failure [Error] Correctness None
        "the length is negative as a signed number, or wraps when it is rounded up to a page";
    MmapUnalignedOffset "mmap-unaligned-offset" "mmap" Failure [Error, Warning] Correctness None
        "the offset is not a multiple of the page size";
    MmapOffsetOverflow "mmap-offset-overflow" "mmap" Failure [Error] Correctness None
        "the offset is negative, or offset + length passes the largest file offset";
    MmapUnalignedAddress "mmap-unaligned-address" "mmap" Failure [Error] Correctness None
        "MAP_FIXED or MAP_FIXED_NOREPLACE with an address that is not page-aligned";
    MmapNoSharing "mmap-no-sharing" "mmap" Failure [Error] Correctness None
        "the flags hold none of MAP_SHARED, MAP_PRIVATE and MAP_SHARED_VALIDATE";
    MmapBothSharing "mmap-both-sharing" "mmap" Success|Failure [Warning, Error] Correctness Some("EINVAL")
        "MAP_SHARED|MAP_PRIVATE, which is MAP_SHARED_VALIDATE: the mapping is shared";
    MmapBadFd "mmap-bad-fd" "mmap" Failure [Error] Correctness None
        "the descriptor is not open, or is O_PATH";
    MmapNotMappable "mmap-not-mappable" "mmap" Failure [Warning] Correctness None
        "the descriptor is of a kind that can't be mapped: a directory, pipe, socket, terminal or the like";
    MmapFdNotReadable "mmap-fd-not-readable" "mmap" Failure [Warning] Correctness None
        "the descriptor is write-only, and every file mapping reads";
    MmapFdNotWritable "mmap-fd-not-writable" "mmap" Failure [Warning] Correctness None
        "a shared writable mapping of a read-only descriptor";
    MmapSealed "mmap-sealed" "mmap" Failure [Warning] Correctness None
        "a shared writable mapping of a memfd that is sealed against writing";
    MmapExecDenied "mmap-exec-denied" "mmap" Failure [Note] Correctness None
        "PROT_EXEC is refused by a noexec mount, a seccomp filter or by policy";
    MmapAddressInUse "mmap-address-in-use" "mmap" Failure [Note] Correctness None
        "MAP_FIXED_NOREPLACE over something that is mapped";
    MmapOutOfMemory "mmap-out-of-memory" "mmap" Failure [Note] Correctness None
        "the kernel has no room: a limit, no hole of that size, or overcommit";
    MmapHugePages "mmap-huge-pages" "mmap" Failure [Note] Correctness None
        "a mapping of huge pages is refused";
    MmapLockLimit "mmap-lock-limit" "mmap" Failure [Note] Correctness None
        "locked memory is refused";
    MmapFailed "mmap-failed" "mmap" Failure [Note] Correctness None
        "mmap failed for a reason that no other rule explains";
    MmapEmptyFile "mmap-empty-file" "mmap" Release|Exit [Note] Correctness None
        "a mapping that starts at or past the end of its file, and still does when it is unmapped or at exit";
    MmapFixedClobber "mmap-fixed-clobber" "mmap" Release [Error, Warning] Correctness Some("EEXIST")
        "MAP_FIXED replaces memory that is in use for something else";
    MmapPastEof "mmap-past-eof" "mmap" Success [Note] Pedantic None
        "the mapping covers at least one whole page past the end of the file";
    MmapAnonymousFd "mmap-anonymous-fd" "mmap" Success [Warning] Portability Some("EINVAL")
        "MAP_ANONYMOUS with a descriptor other than -1";
    MmapWritableExecutable "mmap-writable-executable" "mmap" Success [Warning] Security Some("EACCES")
        "PROT_WRITE together with PROT_EXEC";

    MmapViewReplaced "mmap-view-replaced" "mmap" Release [Note] Pedantic None
        "an anonymous mapping with MAP_FIXED replaces part of a shared, writable file mapping";
    MappingCount "mapping-count" "mmap" Success [Note] Correctness None
        "the number of mappings has passed 80 % of vm.max_map_count";

    MunmapZeroLength "munmap-zero-length" "munmap" Failure [Error] Correctness None
        "the length is 0";
    MunmapMapFailed "munmap-map-failed" "munmap" Failure [Error] Correctness None
        "the address is MAP_FAILED";
    MunmapUnalignedAddress "munmap-unaligned-address" "munmap" Failure [Error] Correctness None
        "the address is not page-aligned";
    MunmapBadRange "munmap-bad-range" "munmap" Failure [Error] Correctness None
        "the range wraps or leaves the user address space";
    MunmapNotMapped "munmap-not-mapped" "munmap" Release [Warning, Error] Correctness Some("EINVAL")
        "nothing is mapped there, and nothing of the program ever was";
    MunmapDouble "munmap-double" "munmap" Release [Error] Correctness Some("EINVAL")
        "the mapping is unmapped already";
    MunmapForeign "munmap-foreign" "munmap" Release [Error, Warning] Correctness Some("EINVAL")
        "the range holds the heap, a stack in use, a loaded object, a thread's control block or an attached segment";
    MunmapOverrun "munmap-overrun" "munmap" Release [Error, Warning] Correctness Some("EINVAL")
        "the range covers one mapping and part of the next one";
    MunmapFailed "munmap-failed" "munmap" Failure [Note] Correctness None
        "munmap failed for a reason that no other rule explains";

    MremapBadAddress "mremap-bad-address" "mremap" Failure [Error] Correctness None
        "the old range is unaligned, unmapped, or spans mappings where that is not allowed";
    MremapClobber "mremap-clobber" "mremap" Release [Error, Warning] Correctness Some("EINVAL")
        "MREMAP_FIXED replaces memory that is in use for something else";
    MremapFailed "mremap-failed" "mremap" Failure [Note] Correctness None
        "mremap failed for a reason that no other rule explains";

    MprotectUnalignedAddress "mprotect-unaligned-address" "mprotect" Failure [Error] Correctness None
        "the address is not page-aligned";
    MprotectNotMapped "mprotect-not-mapped" "mprotect" Failure [Error] Correctness None
        "there is a hole in the range";
    MprotectDenied "mprotect-denied" "mprotect" Failure [Warning] Correctness None
        "PROT_WRITE on memory that may not be written: a read-only descriptor, a sealed memfd or an SHM_RDONLY segment";
    MprotectFailed "mprotect-failed" "mprotect" Failure [Note] Correctness None
        "mprotect failed for a reason that no other rule explains";
    MprotectOverrun "mprotect-overrun" "mprotect" Success [Warning] Correctness Some("EINVAL")
        "access is taken away from one mapping and part of the next one";

    MsyncBadFlags "msync-bad-flags" "msync" Failure [Error] Correctness None
        "MS_SYNC together with MS_ASYNC, or unknown bits";
    MsyncUnalignedAddress "msync-unaligned-address" "msync" Failure [Error] Correctness None
        "the address is not page-aligned";
    MsyncNotMapped "msync-not-mapped" "msync" Failure [Error] Correctness None
        "there is a hole in the range";
    MsyncFailed "msync-failed" "msync" Failure [Note] Correctness None
        "msync failed for a reason that no other rule explains";

    MadviseUnalignedAddress "madvise-unaligned-address" "madvise" Failure [Error] Correctness None
        "the address is not page-aligned";
    MadviseRounded "madvise-rounded" "madvise" Success [Warning] Correctness Some("EINVAL")
        "an advice that destroys or hides contents ends inside a page, and takes what lies in the rest of it";
    MadviseFailed "madvise-failed" "madvise" Failure [Note] Correctness None
        "madvise failed for a reason that no other rule explains";

    FtokPath "ftok-path" "ftok" Failure [Note] Correctness None
        "the path can't be looked up";
    FtokZeroId "ftok-zero-id" "ftok" Success [Warning] Correctness Some("EINVAL")
        "the id is 0, which POSIX leaves unspecified";
    FtokIdTruncated "ftok-id-truncated" "ftok" Success [Warning] Correctness Some("EINVAL")
        "the id is outside 0..255, and only its low 8 bits count";
    FtokCollision "ftok-collision" "ftok" Success [Error] Correctness Some("EEXIST")
        "two different files or ids gave one key in this process";
    FtokRecreated "ftok-recreated" "ftok" Success [Warning] Correctness Some("ESTALE")
        "the same path and id gave another key before";
    FtokNegativeKey "ftok-negative-key" "ftok" Success [Note] Correctness None
        "the key is negative and valid";

    ShmgetFailedKey "shmget-failed-key" "shmget" Success|Failure [Error] Correctness Some("EINVAL")
        "the key is -1, which is ftok's failure";
    ShmgetZeroSize "shmget-zero-size" "shmget" Failure [Error] Correctness None
        "a new segment of size 0";
    ShmgetSizeMismatch "shmget-size-mismatch" "shmget" Failure [Warning] Correctness None
        "the existing segment is smaller than asked";
    ShmgetSizeLimit "shmget-size-limit" "shmget" Failure [Note] Correctness None
        "the size is over SHMMAX, SHMALL or memory";
    ShmgetExists "shmget-exists" "shmget" Failure [Note] Correctness None
        "IPC_CREAT|IPC_EXCL, and the segment exists";
    ShmgetMissing "shmget-missing" "shmget" Failure [Note] Correctness None
        "no segment has the key, and IPC_CREAT is not given";
    ShmgetDenied "shmget-denied" "shmget" Failure [Note] Correctness None
        "the segment's mode bits refuse";
    ShmgetSegmentLimit "shmget-segment-limit" "shmget" Failure [Note] Correctness None
        "the number of segments has reached SHMMNI";
    ShmgetFailed "shmget-failed" "shmget" Failure [Note] Correctness None
        "shmget failed for a reason that no other rule explains";
    ShmgetNoPermissions "shmget-no-permissions" "shmget" Success|Exit [Warning] Correctness Some("EINVAL")
        "a new segment whose mode gives its owner no read";
    ShmgetDecimalMode "shmget-decimal-mode" "shmget" Success [Warning] Correctness Some("EINVAL")
        "the mode was written in decimal";
    ShmgetStaleSegment "shmget-stale-segment" "shmget" Success [Note] Correctness None
        "the segment existed, nobody is attached, and its creator is dead";
    ShmgetWorldWritable "shmget-world-writable" "shmget" Success [Warning] Security Some("EACCES")
        "a new segment that everybody may write";

    ShmatBadId "shmat-bad-id" "shmat" Failure [Note, Warning, Error] Correctness None
        "no segment has the id";
    ShmatUnalignedAddress "shmat-unaligned-address" "shmat" Failure [Error] Correctness None
        "the address is not a multiple of SHMLBA, without SHM_RND";
    ShmatRemapNull "shmat-remap-null" "shmat" Failure [Error] Correctness None
        "SHM_REMAP with NULL";
    ShmatAddressInUse "shmat-address-in-use" "shmat" Failure [Note] Correctness None
        "something is mapped at the address";
    ShmatDenied "shmat-denied" "shmat" Failure [Note] Correctness None
        "the segment's mode bits refuse";
    ShmatFailed "shmat-failed" "shmat" Failure [Note] Correctness None
        "shmat failed for a reason that no other rule explains";
    ShmatClobber "shmat-clobber" "shmat" Release [Error, Warning] Correctness Some("EINVAL")
        "SHM_REMAP replaces memory that is in use for something else";
    ShmatRemovedSegment "shmat-removed-segment" "shmat" Success [Warning] Portability Some("EIDRM")
        "attach to a segment that is already marked for removal";

    ShmdtNotAttached "shmdt-not-attached" "shmdt" Failure [Error] Correctness None
        "no segment is attached at the address";
    ShmdtInterior "shmdt-interior" "shmdt" Failure [Error] Correctness None
        "the address is inside an attached segment";
    ShmdtDouble "shmdt-double" "shmdt" Failure [Error] Correctness None
        "the segment is detached already";
    ShmdtNotASegment "shmdt-not-a-segment" "shmdt" Failure [Error] Correctness None
        "the address belongs to an mmap mapping";

    ShmctlBadId "shmctl-bad-id" "shmctl" Failure [Note, Warning, Error] Correctness None
        "no segment has the id";
    ShmctlNullBuffer "shmctl-null-buffer" "shmctl" Failure [Error] Correctness None
        "a command that needs a buffer got NULL or unmapped memory";
    ShmctlBadCommand "shmctl-bad-command" "shmctl" Failure [Error] Correctness None
        "the command is unknown";
    ShmctlDenied "shmctl-denied" "shmctl" Failure [Note] Correctness None
        "the caller may not do this to the segment";
    ShmctlRemoveAttached "shmctl-remove-attached" "shmctl" Success [Note] Correctness None
        "IPC_RMID of a segment with a key while a process is attached";
    ShmctlRemoveInherited "shmctl-remove-inherited" "shmctl" Success [Note] Correctness None
        "a forked child removes a segment that a living ancestor made";
    ShmctlFailed "shmctl-failed" "shmctl" Failure [Note] Correctness None
        "shmctl failed for a reason that no other rule explains";

    ShmOpenName "shm-open-name" "shm_open" Failure [Error] Correctness None
        "the name can be none of an object: empty, with a slash inside, or too long";
    ShmOpenMissing "shm-open-missing" "shm_open" Failure [Note] Correctness None
        "no object has the name, and O_CREAT is not given";
    ShmOpenExists "shm-open-exists" "shm_open" Failure [Note] Correctness None
        "O_CREAT|O_EXCL, and the object exists";
    ShmOpenDenied "shm-open-denied" "shm_open" Failure [Note] Correctness None
        "the object's mode bits, or fs.protected_regular, refuse";
    ShmOpenFailed "shm-open-failed" "shm_open" Failure [Note] Correctness None
        "shm_open failed for a reason that no other rule explains";
    ShmOpenNoPermissions "shm-open-no-permissions" "shm_open" Failure|Exit [Warning] Correctness None
        "a new object whose mode gives its owner no read or no write";
    ShmOpenDecimalMode "shm-open-decimal-mode" "shm_open" Success [Warning] Correctness Some("EINVAL")
        "the mode was written in decimal";
    ShmOpenNoSlash "shm-open-no-slash" "shm_open" Success [Warning] Portability Some("EINVAL")
        "the name does not begin with a slash";
    ShmUnlinkFailed "shm-unlink-failed" "shm_unlink" Failure [Note] Correctness None
        "shm_unlink failed for another reason than that there is no such object";
    ShmUnlinkInherited "shm-unlink-inherited" "shm_unlink" Success [Note] Correctness None
        "a forked child removes an object that a living ancestor made";

    SemgetFailedKey "semget-failed-key" "semget" Success|Failure [Error] Correctness Some("EINVAL")
        "the key is -1, which is ftok's failure";
    SemgetZeroCount "semget-zero-count" "semget" Failure [Error] Correctness None
        "a new set of no semaphores";
    SemgetCountMismatch "semget-count-mismatch" "semget" Failure [Warning] Correctness None
        "the existing set has fewer semaphores than asked";
    SemgetMissing "semget-missing" "semget" Failure [Note] Correctness None
        "no set has the key, and IPC_CREAT is not given";
    SemgetExists "semget-exists" "semget" Failure [Note] Correctness None
        "IPC_CREAT|IPC_EXCL, and the set exists";
    SemgetDenied "semget-denied" "semget" Failure [Note] Correctness None
        "the set's mode bits refuse";
    SemgetLimit "semget-limit" "semget" Failure [Note] Correctness None
        "as many sets or semaphores exist as there may be, or too many in one set";
    SemgetFailed "semget-failed" "semget" Failure [Note] Correctness None
        "semget failed for a reason that no other rule explains";
    SemgetNoPermissions "semget-no-permissions" "semget" Success [Warning] Correctness Some("EINVAL")
        "a new set whose mode gives its owner no read";
    SemgetDecimalMode "semget-decimal-mode" "semget" Success [Warning] Correctness Some("EINVAL")
        "the mode was written in decimal";
    SemctlBadId "semctl-bad-id" "semctl" Failure [Note, Warning, Error] Correctness None
        "no set has the id";
    SemctlNullBuffer "semctl-null-buffer" "semctl" Failure [Error] Correctness None
        "a command that needs memory got NULL or unmapped memory";
    SemctlBadCommand "semctl-bad-command" "semctl" Failure [Error] Correctness None
        "the command is unknown";
    SemctlBadNumber "semctl-bad-number" "semctl" Failure [Error] Correctness None
        "a semaphore number outside the set";
    SemctlBadValue "semctl-bad-value" "semctl" Failure [Error] Correctness None
        "a value outside 0..SEMVMX";
    SemctlDenied "semctl-denied" "semctl" Failure [Note] Correctness None
        "the caller may not do this to the set";
    SemctlRemoveInherited "semctl-remove-inherited" "semctl" Success [Note] Correctness None
        "a forked child removes a set that a living ancestor made";
    SemctlFailed "semctl-failed" "semctl" Failure [Note] Correctness None
        "semctl failed for a reason that no other rule explains";
    SemopBadId "semop-bad-id" "semop" Failure [Note, Warning, Error] Correctness None
        "no set has the id";
    SemopRemoved "semop-removed" "semop" Failure [Note] Correctness None
        "the set was removed while the call waited, or by another thread";
    SemopNullBuffer "semop-null-buffer" "semop" Failure [Error] Correctness None
        "NULL or unmapped memory where the call needs some";
    SemopBadNumber "semop-bad-number" "semop" Failure [Error] Correctness None
        "a semaphore number outside the set";
    SemopTooMany "semop-too-many" "semop" Failure [Warning] Correctness None
        "more operations than SEMOPM allows";
    SemopFailed "semop-failed" "semop" Failure [Note] Correctness None
        "semop failed for a reason that no other rule explains";

    MsggetFailedKey "msgget-failed-key" "msgget" Success|Failure [Error] Correctness Some("EINVAL")
        "the key is -1, which is ftok's failure";
    MsggetMissing "msgget-missing" "msgget" Failure [Note] Correctness None
        "no queue has the key, and IPC_CREAT is not given";
    MsggetExists "msgget-exists" "msgget" Failure [Note] Correctness None
        "IPC_CREAT|IPC_EXCL, and the queue exists";
    MsggetDenied "msgget-denied" "msgget" Failure [Note] Correctness None
        "the queue's mode bits refuse";
    MsggetLimit "msgget-limit" "msgget" Failure [Note] Correctness None
        "as many queues exist as there may be";
    MsggetFailed "msgget-failed" "msgget" Failure [Note] Correctness None
        "msgget failed for a reason that no other rule explains";
    MsggetNoPermissions "msgget-no-permissions" "msgget" Success [Warning] Correctness Some("EINVAL")
        "a new queue whose mode gives its owner no read";
    MsggetDecimalMode "msgget-decimal-mode" "msgget" Success [Warning] Correctness Some("EINVAL")
        "the mode was written in decimal";
    MsgctlBadId "msgctl-bad-id" "msgctl" Failure [Note, Warning, Error] Correctness None
        "no queue has the id";
    MsgctlNullBuffer "msgctl-null-buffer" "msgctl" Failure [Error] Correctness None
        "a command that needs memory got NULL or unmapped memory";
    MsgctlBadCommand "msgctl-bad-command" "msgctl" Failure [Error] Correctness None
        "the command is unknown";
    MsgctlDenied "msgctl-denied" "msgctl" Failure [Note] Correctness None
        "the caller may not do this to the queue";
    MsgctlRemoveInherited "msgctl-remove-inherited" "msgctl" Success [Note] Correctness None
        "a forked child removes a queue that a living ancestor made";
    MsgctlFailed "msgctl-failed" "msgctl" Failure [Note] Correctness None
        "msgctl failed for a reason that no other rule explains";
    MsgsndBadId "msgsnd-bad-id" "msgsnd" Failure [Note, Warning, Error] Correctness None
        "no queue has the id";
    MsgsndRemoved "msgsnd-removed" "msgsnd" Failure [Note] Correctness None
        "the queue was removed while the call waited, or by another thread";
    MsgsndNullBuffer "msgsnd-null-buffer" "msgsnd" Failure [Error] Correctness None
        "NULL or unmapped memory where the call needs some";
    MsgsndBadType "msgsnd-bad-type" "msgsnd" Failure [Error] Correctness None
        "the type of the message is below 1";
    MsgsndTooLong "msgsnd-too-long" "msgsnd" Failure [Warning] Correctness None
        "the message is longer than kernel.msgmax allows";
    MsgsndFailed "msgsnd-failed" "msgsnd" Failure [Note] Correctness None
        "msgsnd failed for a reason that no other rule explains";
    MsgrcvBadId "msgrcv-bad-id" "msgrcv" Failure [Note, Warning, Error] Correctness None
        "no queue has the id";
    MsgrcvRemoved "msgrcv-removed" "msgrcv" Failure [Note] Correctness None
        "the queue was removed while the call waited, or by another thread";
    MsgrcvNullBuffer "msgrcv-null-buffer" "msgrcv" Failure [Error] Correctness None
        "NULL or unmapped memory where the call needs some";
    MsgrcvTooLong "msgrcv-too-long" "msgrcv" Failure [Note] Correctness None
        "the message is longer than the room, and MSG_NOERROR is not given";
    MsgrcvFailed "msgrcv-failed" "msgrcv" Failure [Note] Correctness None
        "msgrcv failed for a reason that no other rule explains";

    LockNotShared "lock-not-shared" "pthread_mutex_init" Success|Exit [Warning] Correctness None
        "a lock in memory that processes share is made without PTHREAD_PROCESS_SHARED";
    LockMadeTwice "lock-made-twice" "pthread_mutex_init" Success [Warning] Correctness None
        "a lock in shared memory is made anew while another process holds it";
    LockOwnerDied "lock-owner-died" "pthread_mutex_init" Exit [Warning] Correctness None
        "a process ends while it holds a lock that others wait for, and that is not robust";

    SemNotShared "sem-not-shared" "sem_init" Success|Exit [Warning] Correctness None
        "a semaphore in memory that processes share is made with pshared 0";
    SemOpenName "sem-open-name" "sem_open" Failure [Error] Correctness None
        "the name can be none of a semaphore: empty, with a slash inside, or too long";
    SemOpenMissing "sem-open-missing" "sem_open" Failure [Note] Correctness None
        "no semaphore has the name, and O_CREAT is not given";
    SemOpenExists "sem-open-exists" "sem_open" Failure [Note] Correctness None
        "O_CREAT|O_EXCL, and the semaphore exists";
    SemOpenDenied "sem-open-denied" "sem_open" Failure [Note] Correctness None
        "the semaphore's mode bits refuse";
    SemOpenFailed "sem-open-failed" "sem_open" Failure [Note] Correctness None
        "sem_open failed for a reason that no other rule explains";
    SemOpenNoPermissions "sem-open-no-permissions" "sem_open" Failure|Exit [Warning] Correctness None
        "a new semaphore whose mode does not let its owner read and write it";
    SemOpenDecimalMode "sem-open-decimal-mode" "sem_open" Success [Warning] Correctness Some("EINVAL")
        "the mode was written in decimal";
    SemOpenLeftover "sem-open-leftover" "sem_open" Success [Note] Correctness None
        "the semaphore existed with another value than the one given, and nobody has it open";
    SemBadValue "sem-bad-value" "sem_open" Failure [Error] Correctness None
        "an initial value over SEM_VALUE_MAX";
    SemUnlinkFailed "sem-unlink-failed" "sem_unlink" Failure [Note] Correctness None
        "sem_unlink failed for another reason than that there is no such semaphore";

    FaultBadJump "fault-bad-jump" "SIGSEGV" Fault [Error] Correctness None
        "a jump to where nothing is mapped, or nothing that can be executed";
    FaultPastEof "fault-past-eof" "SIGBUS" Fault [Error] Correctness None
        "an access past the end of a mapped file that was never seen to reach there";
    FaultTruncated "fault-truncated" "SIGBUS" Fault [Error] Correctness None
        "an access past the end of a mapped file that was shortened";
    FaultNoSpace "fault-no-space" "SIGBUS" Fault [Error] Correctness None
        "an access to a page that can't be allocated: the filesystem or the pool of huge pages is full";
    FaultMemory "fault-memory" "SIGBUS" Fault [Note] Correctness None
        "a page of a mapping is not available: an I/O error, or memory that the hardware has lost";
    FaultProtection "fault-protection" "SIGSEGV" Fault [Error] Correctness None
        "an access that the protection of the mapping forbids";
    FaultAfterUnmap "fault-after-unmap" "SIGSEGV" Fault [Error] Correctness None
        "an access where a mapping used to be";
    FaultAfterDetach "fault-after-detach" "SIGSEGV" Fault [Error] Correctness None
        "an access where a segment used to be attached";
    FaultNotInherited "fault-not-inherited" "SIGSEGV" Fault [Error] Correctness None
        "an access in a forked child to memory that MADV_DONTFORK has kept back from it";
    FaultMapFailed "fault-map-failed" "SIGSEGV" Fault [Error] Correctness None
        "an access through the result of a call that failed: MAP_FAILED, or a negated errno";
    FaultSemFailed "fault-sem-failed" "SIGSEGV" Fault [Error] Correctness None
        "an access of sem_wait or the like through SEM_FAILED, the result of a sem_open that failed";
    FaultOverrun "fault-overrun" "SIGSEGV" Fault [Error] Correctness None
        "an access just before or past a mapping, or in a guard that borders it";
    FaultStackOverflow "fault-stack-overflow" "SIGSEGV" Fault [Error] Correctness None
        "an access below the end of the stack that the thread is on: the stack is used up";

    OverflowTail "overflow-tail" "munmap" Release|Exit harden(Tail) [Error] Correctness None
        "bytes between the requested length of a mapping and the end of its last page were written";
    LostWrite "lost-write" "munmap" Release|Exit harden(Tail) [Error] Correctness None
        "bytes past the end of a file were written through a shared mapping, and never reach the file";
    PrivateWriteDiscarded "private-write-discarded" "munmap" Release|Exit harden(Private) [Note] Pedantic None
        "pages of a private file mapping were modified, and are dropped with it";

    LeakSegment "leak-segment" "shmget" Exit [Note, Warning] Correctness None
        "a segment that this process created still exists at its end";
    LeakMapping "leak-mapping" "mmap" Exit [Note] Correctness None
        "mappings, or parts of them, that are still there at exit";
    LeakAttach "leak-attach" "shmat" Exit [Note] Correctness None
        "a segment that is still attached at exit";
    LeakSemaphore "leak-semaphore" "semget" Exit [Note, Warning] Correctness None
        "a semaphore set that this process created still exists at its end";
    LeakQueue "leak-queue" "msgget" Exit [Note, Warning] Correctness None
        "a message queue that this process created still exists at its end";
    LeakShmObject "leak-shm-object" "shm_open" Exit [Note] Correctness None
        "a POSIX shared memory object that this process created and nobody unlinked";

    RaceSharedMemory "race-shared-memory" "access" Race [Warning] Correctness None
        "two threads access the same bytes of shared memory at the same time, one of them writes, and nothing keeps them apart";
    RaceFlag "race-flag" "access" Race [Note] Correctness None
        "a word of shared memory is polled while it is written, by instructions that are no atomic's";

    SweepUncheckedReturn "sweep-unchecked-return" "mmap" Sweep [Error] Correctness None
        "a call was made to fail, and a process of the program died, or gave its result to another call";
    SweepHang "sweep-hang" "shmat" Sweep [Warning] Correctness None
        "a call was made to fail, and the program no longer ended";
    SweepSilent "sweep-silent" "mmap" Sweep [Warning] Correctness None
        "a call was made to fail, and the program ended with success and other output, and said nothing";
    SweepLeak "sweep-leak" "shmat" Sweep [Note] Correctness None
        "a call was made to fail, and objects outlive the run that do not otherwise";
    SweepFault "sweep-fault" "mmap" Sweep [Note] Correctness None
        "the memory of a mapping was made to fail, and the program died of the signal";
    } };
}
