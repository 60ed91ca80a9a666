//! The rule catalogue: every diagnostic that mapsan gives, declared once.
//!
//! From this one list come the identifier, the severity, `enable=` and `disable=`, `mapsan rules`, `mapsan explain`,
//! and the test that a text, a bad and a good program exist for each rule. To add a rule see CONTRIBUTING.md.

use crate::Severity;
use crate::call_line::is_signal;
use core::fmt;

/// Which rules an option turns on or off together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// On by default: what is wrong, or explains a failure.
    Correctness,
    /// Works on Linux, or on this machine, and not elsewhere.
    Portability,
    /// Works, and opens a door.
    Security,
    /// Works, and is worth a look once.
    Pedantic,
}

impl Group {
    /// All groups.
    pub const ALL: [Group; 4] = [Group::Correctness, Group::Portability, Group::Security, Group::Pedantic];

    /// The name that `enable=` and `disable=` take.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Group::Correctness => "correctness",
            Group::Portability => "portability",
            Group::Security => "security",
            Group::Pedantic => "pedantic",
        }
    }

    /// The group of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Group> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// Whether the rules of the group are on without `enable=`.
    #[must_use]
    pub const fn on_by_default(self) -> bool {
        matches!(self, Group::Correctness)
    }
}

/// What is declared of a rule.
#[derive(Clone, Copy, Debug)]
pub struct RuleInfo {
    /// The public name: lower-case words joined by hyphens.
    pub name: &'static str,
    /// The function that the rule is about.
    pub call: &'static str,
    /// The severities that its findings can have, the usual one first.
    pub severities: &'static [Severity],
    /// The group that turns it on and off.
    pub group: Group,
    /// The name of the errno with which `mode=enforce` fails a call that the kernel lets pass; `None` for a rule
    /// about a call that fails anyway, and for a note.
    pub enforce: Option<&'static str>,
    /// One line: what the program did.
    pub summary: &'static str,
}

/// Hands the list of rules to the macro named, so that other tables can be made from the same list without a copy.
///
/// Each row is `Variant "name" call "call" [severities] group enforce "summary";`.
#[macro_export]
macro_rules! for_each_rule {
    ($callback:ident) => { $callback! {
    MmapZeroLength "mmap-zero-length" "mmap" [Error, Warning] Correctness None
        "the length is 0";
    MmapLengthTooLarge "mmap-length-too-large" "mmap" [Error] Correctness None
        "the length is negative as a signed number, or wraps when it is rounded up to a page";
    MmapUnalignedOffset "mmap-unaligned-offset" "mmap" [Error, Warning] Correctness None
        "the offset is not a multiple of the page size";
    MmapOffsetOverflow "mmap-offset-overflow" "mmap" [Error] Correctness None
        "the offset is negative, or offset + length passes the largest file offset";
    MmapUnalignedAddress "mmap-unaligned-address" "mmap" [Error] Correctness None
        "MAP_FIXED or MAP_FIXED_NOREPLACE with an address that is not page-aligned";
    MmapNoSharing "mmap-no-sharing" "mmap" [Error] Correctness None
        "the flags hold none of MAP_SHARED, MAP_PRIVATE and MAP_SHARED_VALIDATE";
    MmapBothSharing "mmap-both-sharing" "mmap" [Warning, Error] Correctness Some("EINVAL")
        "MAP_SHARED|MAP_PRIVATE, which is MAP_SHARED_VALIDATE: the mapping is shared";
    MmapBadFd "mmap-bad-fd" "mmap" [Error] Correctness None
        "the descriptor is not open, or is O_PATH";
    MmapNotMappable "mmap-not-mappable" "mmap" [Warning] Correctness None
        "the descriptor is of a kind that can't be mapped: a directory, pipe, socket, terminal or the like";
    MmapFdNotReadable "mmap-fd-not-readable" "mmap" [Warning] Correctness None
        "the descriptor is write-only, and every file mapping reads";
    MmapFdNotWritable "mmap-fd-not-writable" "mmap" [Warning] Correctness None
        "a shared writable mapping of a read-only descriptor";
    MmapSealed "mmap-sealed" "mmap" [Warning] Correctness None
        "a shared writable mapping of a memfd that is sealed against writing";
    MmapExecDenied "mmap-exec-denied" "mmap" [Note] Correctness None
        "PROT_EXEC is refused by a noexec mount, a seccomp filter or by policy";
    MmapAddressInUse "mmap-address-in-use" "mmap" [Note] Correctness None
        "MAP_FIXED_NOREPLACE over something that is mapped";
    MmapOutOfMemory "mmap-out-of-memory" "mmap" [Note] Correctness None
        "the kernel has no room: a limit, no hole of that size, or overcommit";
    MmapHugePages "mmap-huge-pages" "mmap" [Note] Correctness None
        "a mapping of huge pages is refused";
    MmapLockLimit "mmap-lock-limit" "mmap" [Note] Correctness None
        "locked memory is refused";
    MmapFailed "mmap-failed" "mmap" [Note] Correctness None
        "mmap failed for a reason that no other rule explains";
    MmapEmptyFile "mmap-empty-file" "mmap" [Note] Correctness None
        "a mapping that starts at or past the end of its file, and still does when it is unmapped or at exit";
    MmapFixedClobber "mmap-fixed-clobber" "mmap" [Error, Warning] Correctness Some("EEXIST")
        "MAP_FIXED replaces memory that is in use for something else";
    MmapPastEof "mmap-past-eof" "mmap" [Note] Pedantic None
        "the mapping covers at least one whole page past the end of the file";
    MmapAnonymousFd "mmap-anonymous-fd" "mmap" [Warning] Portability Some("EINVAL")
        "MAP_ANONYMOUS with a descriptor other than -1";
    MmapWritableExecutable "mmap-writable-executable" "mmap" [Warning] Security Some("EACCES")
        "PROT_WRITE together with PROT_EXEC";

    MunmapZeroLength "munmap-zero-length" "munmap" [Error] Correctness None
        "the length is 0";
    MunmapMapFailed "munmap-map-failed" "munmap" [Error] Correctness None
        "the address is MAP_FAILED";
    MunmapUnalignedAddress "munmap-unaligned-address" "munmap" [Error] Correctness None
        "the address is not page-aligned";
    MunmapBadRange "munmap-bad-range" "munmap" [Error] Correctness None
        "the range wraps or leaves the user address space";
    MunmapNotMapped "munmap-not-mapped" "munmap" [Warning, Error] Correctness Some("EINVAL")
        "nothing is mapped there, and nothing of the program ever was";
    MunmapDouble "munmap-double" "munmap" [Error] Correctness Some("EINVAL")
        "the mapping is unmapped already";
    MunmapForeign "munmap-foreign" "munmap" [Error, Warning] Correctness Some("EINVAL")
        "the range holds the heap, a stack in use, a loaded object, a thread's control block or an attached segment";
    MunmapOverrun "munmap-overrun" "munmap" [Error, Warning] Correctness Some("EINVAL")
        "the range covers one mapping and part of the next one";
    MunmapFailed "munmap-failed" "munmap" [Note] Correctness None
        "munmap failed for a reason that no other rule explains";

    MremapBadAddress "mremap-bad-address" "mremap" [Error] Correctness None
        "the old range is unaligned, unmapped, or spans mappings where that is not allowed";
    MremapClobber "mremap-clobber" "mremap" [Error, Warning] Correctness Some("EINVAL")
        "MREMAP_FIXED replaces memory that is in use for something else";
    MremapFailed "mremap-failed" "mremap" [Note] Correctness None
        "mremap failed for a reason that no other rule explains";

    MprotectUnalignedAddress "mprotect-unaligned-address" "mprotect" [Error] Correctness None
        "the address is not page-aligned";
    MprotectNotMapped "mprotect-not-mapped" "mprotect" [Error] Correctness None
        "there is a hole in the range";
    MprotectDenied "mprotect-denied" "mprotect" [Warning] Correctness None
        "PROT_WRITE on memory that may not be written: a read-only descriptor, a sealed memfd or an SHM_RDONLY segment";
    MprotectFailed "mprotect-failed" "mprotect" [Note] Correctness None
        "mprotect failed for a reason that no other rule explains";

    MsyncBadFlags "msync-bad-flags" "msync" [Error] Correctness None
        "MS_SYNC together with MS_ASYNC, or unknown bits";
    MsyncUnalignedAddress "msync-unaligned-address" "msync" [Error] Correctness None
        "the address is not page-aligned";
    MsyncNotMapped "msync-not-mapped" "msync" [Error] Correctness None
        "there is a hole in the range";
    MsyncFailed "msync-failed" "msync" [Note] Correctness None
        "msync failed for a reason that no other rule explains";

    FtokPath "ftok-path" "ftok" [Note] Correctness None
        "the path can't be looked up";
    FtokZeroId "ftok-zero-id" "ftok" [Warning] Correctness Some("EINVAL")
        "the id is 0, which POSIX leaves unspecified";
    FtokIdTruncated "ftok-id-truncated" "ftok" [Warning] Correctness Some("EINVAL")
        "the id is outside 0..255, and only its low 8 bits count";
    FtokCollision "ftok-collision" "ftok" [Error] Correctness Some("EEXIST")
        "two different files or ids gave one key in this process";
    FtokRecreated "ftok-recreated" "ftok" [Warning] Correctness Some("ESTALE")
        "the same path and id gave another key before";
    FtokNegativeKey "ftok-negative-key" "ftok" [Note] Correctness None
        "the key is negative and valid";

    ShmgetFailedKey "shmget-failed-key" "shmget" [Error] Correctness Some("EINVAL")
        "the key is -1, which is ftok's failure";
    ShmgetZeroSize "shmget-zero-size" "shmget" [Error] Correctness None
        "a new segment of size 0";
    ShmgetSizeMismatch "shmget-size-mismatch" "shmget" [Warning] Correctness None
        "the existing segment is smaller than asked";
    ShmgetSizeLimit "shmget-size-limit" "shmget" [Note] Correctness None
        "the size is over SHMMAX, SHMALL or memory";
    ShmgetExists "shmget-exists" "shmget" [Note] Correctness None
        "IPC_CREAT|IPC_EXCL, and the segment exists";
    ShmgetMissing "shmget-missing" "shmget" [Note] Correctness None
        "no segment has the key, and IPC_CREAT is not given";
    ShmgetDenied "shmget-denied" "shmget" [Note] Correctness None
        "the segment's mode bits refuse";
    ShmgetSegmentLimit "shmget-segment-limit" "shmget" [Note] Correctness None
        "the number of segments has reached SHMMNI";
    ShmgetFailed "shmget-failed" "shmget" [Note] Correctness None
        "shmget failed for a reason that no other rule explains";
    ShmgetNoPermissions "shmget-no-permissions" "shmget" [Warning] Correctness Some("EINVAL")
        "a new segment whose mode gives its owner no read";
    ShmgetDecimalMode "shmget-decimal-mode" "shmget" [Warning] Correctness Some("EINVAL")
        "the mode was written in decimal";
    ShmgetStaleSegment "shmget-stale-segment" "shmget" [Note] Correctness None
        "the segment existed, nobody is attached, and its creator is dead";
    ShmgetWorldWritable "shmget-world-writable" "shmget" [Warning] Security Some("EACCES")
        "a new segment that everybody may write";

    ShmatBadId "shmat-bad-id" "shmat" [Note, Warning, Error] Correctness None
        "no segment has the id";
    ShmatUnalignedAddress "shmat-unaligned-address" "shmat" [Error] Correctness None
        "the address is not a multiple of SHMLBA, without SHM_RND";
    ShmatRemapNull "shmat-remap-null" "shmat" [Error] Correctness None
        "SHM_REMAP with NULL";
    ShmatAddressInUse "shmat-address-in-use" "shmat" [Note] Correctness None
        "something is mapped at the address";
    ShmatDenied "shmat-denied" "shmat" [Note] Correctness None
        "the segment's mode bits refuse";
    ShmatFailed "shmat-failed" "shmat" [Note] Correctness None
        "shmat failed for a reason that no other rule explains";
    ShmatClobber "shmat-clobber" "shmat" [Error, Warning] Correctness Some("EINVAL")
        "SHM_REMAP replaces memory that is in use for something else";
    ShmatRemovedSegment "shmat-removed-segment" "shmat" [Warning] Portability Some("EIDRM")
        "attach to a segment that is already marked for removal";

    ShmdtNotAttached "shmdt-not-attached" "shmdt" [Error] Correctness None
        "no segment is attached at the address";
    ShmdtInterior "shmdt-interior" "shmdt" [Error] Correctness None
        "the address is inside an attached segment";
    ShmdtDouble "shmdt-double" "shmdt" [Error] Correctness None
        "the segment is detached already";
    ShmdtNotASegment "shmdt-not-a-segment" "shmdt" [Error] Correctness None
        "the address belongs to an mmap mapping";

    ShmctlBadId "shmctl-bad-id" "shmctl" [Note, Warning, Error] Correctness None
        "no segment has the id";
    ShmctlNullBuffer "shmctl-null-buffer" "shmctl" [Error] Correctness None
        "a command that needs a buffer got NULL or unmapped memory";
    ShmctlBadCommand "shmctl-bad-command" "shmctl" [Error] Correctness None
        "the command is unknown";
    ShmctlDenied "shmctl-denied" "shmctl" [Note] Correctness None
        "the caller may not do this to the segment";
    ShmctlRemoveAttached "shmctl-remove-attached" "shmctl" [Note] Correctness None
        "IPC_RMID of a segment with a key while a process is attached";
    ShmctlFailed "shmctl-failed" "shmctl" [Note] Correctness None
        "shmctl failed for a reason that no other rule explains";

    FaultBadJump "fault-bad-jump" "SIGSEGV" [Error] Correctness None
        "a jump to where nothing is mapped, or nothing that can be executed";
    FaultPastEof "fault-past-eof" "SIGBUS" [Error] Correctness None
        "an access past the end of a mapped file that was never seen to reach there";
    FaultTruncated "fault-truncated" "SIGBUS" [Error] Correctness None
        "an access past the end of a mapped file that was shortened";
    FaultNoSpace "fault-no-space" "SIGBUS" [Error] Correctness None
        "an access to a page that can't be allocated: the filesystem or the pool of huge pages is full";
    FaultMemory "fault-memory" "SIGBUS" [Note] Correctness None
        "a page of a mapping is not available: an I/O error, or memory that the hardware has lost";
    FaultProtection "fault-protection" "SIGSEGV" [Error] Correctness None
        "an access that the protection of the mapping forbids";
    FaultAfterUnmap "fault-after-unmap" "SIGSEGV" [Error] Correctness None
        "an access where a mapping used to be";
    FaultAfterDetach "fault-after-detach" "SIGSEGV" [Error] Correctness None
        "an access where a segment used to be attached";
    FaultMapFailed "fault-map-failed" "SIGSEGV" [Error] Correctness None
        "an access through the result of a call that failed: MAP_FAILED, or a negated errno";
    FaultOverrun "fault-overrun" "SIGSEGV" [Error] Correctness None
        "an access just before or past a mapping, or in a guard that borders it";

    OverflowTail "overflow-tail" "munmap" [Error] Correctness None
        "bytes between the requested length of a mapping and the end of its last page were written";
    LostWrite "lost-write" "munmap" [Error] Correctness None
        "bytes past the end of a file were written through a shared mapping, and never reach the file";
    PrivateWriteDiscarded "private-write-discarded" "munmap" [Note] Pedantic None
        "pages of a private file mapping were modified, and are dropped with it";

    LeakSegment "leak-segment" "shmget" [Note, Warning] Correctness None
        "a segment that this process created still exists at its end";
    LeakMapping "leak-mapping" "mmap" [Note] Correctness None
        "mappings, or parts of them, that are still there at exit";
    LeakAttach "leak-attach" "shmat" [Note] Correctness None
        "a segment that is still attached at exit";
    LeakShmObject "leak-shm-object" "shm_open" [Note] Correctness None
        "a POSIX shared memory object that this process created and nobody unlinked";
    } };
}

macro_rules! declare {
    ($($variant:ident $name:literal $call:literal [$($severity:ident),+] $group:ident $enforce:ident $(($errno:literal))?
        $summary:literal;)+) => {
        /// A rule of the catalogue.
        #[allow(clippy::doc_markdown, reason = "the summaries are shown on terminals, without backticks")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Rule {
            $(#[doc = $summary] $variant,)+
        }

        impl Rule {
            /// Every rule, in the order of the catalogue; the index of each is its discriminant.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant),+];

            /// What is declared of the rule.
            #[must_use]
            pub const fn info(self) -> &'static RuleInfo {
                match self {
                    $(Rule::$variant => &RuleInfo {
                        name: $name,
                        call: $call,
                        severities: &[$(Severity::$severity),+],
                        group: Group::$group,
                        enforce: $enforce $(($errno))?,
                        summary: $summary,
                    },)+
                }
            }

            /// The rule's page: what it means, why, and what to do, in Markdown.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Rule::$variant => include_str!(concat!("../rules/", $name, ".md")),)+
                }
            }
        }
    };
}
for_each_rule!(declare);

impl Rule {
    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.info().name
    }

    /// The rule of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Rule> {
        Self::ALL.iter().copied().find(|rule| rule.name() == name)
    }

    /// Whether it is about an access that ended the process, not about a call.
    #[must_use]
    pub fn is_of_fault(self) -> bool {
        is_signal(self.info().call)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
