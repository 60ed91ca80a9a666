//! Failures that no rule of their own explains: the cause where a fact was read for it, else what it can be for this kind
//! of descriptor.

use crate::call::{MAP_DROPPABLE, Mmap};
use crate::facts::descriptor::{self, FileKind, Filesystem, KernelObject};
use crate::facts::limits::{self, Size};
use crate::facts::mapping;
use crate::finding::Report;
use crate::form::Draft;
use crate::plain::errno::{self, ErrnoName};
use crate::plain::page::{self, page_size};
use crate::sys::Errno;
use mapsan_model::{Rule, Severity};

/// `ENOTSUPP`, which some drivers of the kernel let through: no name in errno(3).
const ENOTSUPP: Errno = 524;

/// `BPF_MAP_TYPE_RINGBUF` and `BPF_MAP_TYPE_USER_RINGBUF`.
const RINGS: [u64; 2] = [27, 31];

impl Mmap {
    pub(super) fn unexplained(&self, errno: Errno, report: &Report<'_>) {
        report.finding(Rule::MmapFailed, Severity::Note, |draft| {
            let object = if self.is_anonymous() { None } else { KernelObject::of(self.fd) };
            if !self.tell_arguments(errno, draft) && !self.tell_object(errno, object, draft) {
                draft.message(format_args!(
                    "mmap failed with {} ({}); why is not known",
                    ErrnoName(errno),
                    errno::meaning(errno)
                ));
                self.note_meanings(errno, object, draft);
            }
        });
    }

    /// What the arguments alone explain, or a figure of the system.
    fn tell_arguments(&self, errno: Errno, draft: &mut Draft) -> bool {
        match errno {
            libc::EPERM if self.wants_address() => {
                let Some(lowest) = limits::lowest_address().filter(|lowest| (self.address as u64) < *lowest) else {
                    return self.tell_sealed_mapping(draft);
                };
                draft.message(format_args!(
                    "address {:#x} is below vm.mmap_min_addr ({lowest:#x}), the lowest that may be mapped without a \
                     privilege",
                    self.address
                ));
                draft.help(format_args!("map at {lowest:#x} or above, or leave the address to the kernel"));
            }
            libc::EINVAL if self.flags & libc::MAP_GROWSDOWN != 0 && (self.is_shared() || !self.is_anonymous()) => {
                draft.message(format_args!("MAP_GROWSDOWN is for private anonymous memory only"));
                draft.help(format_args!("map without MAP_GROWSDOWN, with the size that is needed"));
            }
            libc::EINVAL if self.sharing() == MAP_DROPPABLE && !self.is_anonymous() => {
                draft.message(format_args!("MAP_DROPPABLE is for anonymous memory only"));
                draft.help(format_args!("map the file with MAP_SHARED or MAP_PRIVATE"));
            }
            libc::EOPNOTSUPP if self.sharing() == libc::MAP_SHARED_VALIDATE => {
                if self.flags & libc::MAP_SYNC == 0 {
                    draft.message(format_args!(
                        "MAP_SHARED_VALIDATE refuses a flag that this file does not support, or that is unknown"
                    ));
                    draft.help(format_args!("map with MAP_SHARED, which ignores such flags, or without the flag"));
                } else {
                    draft.message(format_args!("MAP_SYNC needs a file on persistent memory (a filesystem with DAX)"));
                    draft.help(format_args!("map without MAP_SYNC, and make changes durable with msync"));
                }
            }
            libc::EACCES
                if self.is_shared_writable() && !self.is_anonymous() && descriptor::is_append_only(self.fd) =>
            {
                draft.message(format_args!(
                    "the file can only grow (chattr +a), and MAP_SHARED with PROT_WRITE changes it"
                ));
                draft.help(format_args!("map it with PROT_READ alone or with MAP_PRIVATE, and append with write(2)"));
            }
            _ => return false,
        }
        true
    }

    /// `MAP_FIXED` over what mseal(2) has sealed.
    fn tell_sealed_mapping(&self, draft: &mut Draft) -> bool {
        let end = self.address.saturating_add(self.length);
        if self.flags & libc::MAP_FIXED == 0 || mapping::has_flag(self.address, end, *b"sl") != Some(true) {
            return false;
        }
        draft.message(format_args!("MAP_FIXED would replace a mapping that is sealed (mseal)"));
        draft.help(format_args!("take another address; a sealed mapping stays as it is until the process ends"));
        true
    }

    /// What a perf event or a BPF map demands.
    fn tell_object(&self, errno: Errno, object: Option<KernelObject>, draft: &mut Draft) -> bool {
        match (object, errno) {
            (Some(KernelObject::Perf), libc::EPERM) => self.tell_perf_limit(draft),
            (Some(KernelObject::Perf), libc::EINVAL) => self.tell_perf_form(draft),
            (Some(KernelObject::BpfMap), libc::EPERM) => self.tell_bpf_permission(draft),
            (Some(KernelObject::BpfMap), libc::EINVAL) if !self.is_shared() => {
                draft.message(format_args!("a BPF map can only be mapped with MAP_SHARED"));
                draft.help(format_args!("map it with MAP_SHARED"));
                true
            }
            _ => false,
        }
    }

    /// The kernel's `perf_mmap`: a user's rings may take `perf_event_mlock_kb` for each processor, and what goes beyond
    /// counts as locked memory.
    fn tell_perf_limit(&self, draft: &mut Draft) -> bool {
        let (Some(each), Some(processors)) = (limits::perf_ring(), limits::processors()) else { return false };
        let wanted = page::whole_pages(self.length) as u64;
        let (limit, used) = (each.saturating_mul(processors), mapping::bytes_named(b"anon_inode:[perf_event]"));
        let beyond = used.saturating_add(wanted).saturating_sub(limit);
        let locked = limits::soft(libc::RLIMIT_MEMLOCK);
        if locked.is_none_or(|locked| limits::pinned().unwrap_or(0).saturating_add(beyond) <= locked) {
            return false;
        }
        draft.message(format_args!(
            "a perf ring of {} would exceed kernel.perf_event_mlock_kb ({} for {processors} processors, {} in use by \
             this process)",
            Size(wanted),
            Size(limit),
            Size(used)
        ));
        draft.note(format_args!(
            "rings of other processes of this user count, too; what goes beyond counts as locked memory, of which \
             RLIMIT_MEMLOCK allows {}",
            Size(locked.unwrap_or(0))
        ));
        draft.help(format_args!(
            "map a smaller ring, raise kernel.perf_event_mlock_kb (sysctl) or RLIMIT_MEMLOCK (ulimit -l), or run with \
             CAP_IPC_LOCK"
        ));
        true
    }

    fn tell_perf_form(&self, draft: &mut Draft) -> bool {
        let page = page_size();
        let pages = page::whole_pages(self.length).checked_div(page).unwrap_or(0);
        if !self.is_shared() {
            draft.message(format_args!("a perf ring can only be mapped with MAP_SHARED"));
            draft.help(format_args!("map it with MAP_SHARED"));
            return true;
        }
        let data = pages.wrapping_sub(1);
        if self.offset != 0 || data == 0 || data.is_power_of_two() {
            return false;
        }
        draft.message(format_args!("a perf ring has 1 + 2^n pages, and the length is {pages} pages (1 + {data})"));
        let below = 1_usize.checked_shl(data.ilog2()).unwrap_or(0);
        let fewer = below.saturating_add(1).saturating_mul(page);
        let more = below.saturating_mul(2).saturating_add(1).saturating_mul(page);
        draft.help(format_args!("pass {fewer} (1 + {below} pages) or {more} (1 + {} pages)", below.saturating_mul(2)));
        true
    }

    fn tell_bpf_permission(&self, draft: &mut Draft) -> bool {
        let kind = descriptor::detail(self.fd, b"map_type:");
        if self.prot & libc::PROT_WRITE == 0 {
            return false;
        }
        if descriptor::detail(self.fd, b"frozen:") == Some(1) {
            draft.message(format_args!("the BPF map is frozen (BPF_MAP_FREEZE) and can't be mapped for writing"));
            draft.help(format_args!("map it with PROT_READ, or before it is frozen"));
            return true;
        }
        let page = page_size();
        match kind {
            Some(27) => {
                draft.message(format_args!(
                    "of a BPF ring buffer only the first page (the consumer's position) may be mapped for writing"
                ));
                draft.help(format_args!(
                    "map {page} bytes from offset 0 with PROT_READ|PROT_WRITE, and what follows from offset {page} \
                     with PROT_READ"
                ));
            }
            Some(31) => {
                draft.message(format_args!("the first page of a BPF user ring buffer can't be mapped for writing"));
                draft.help(format_args!(
                    "map {page} bytes from offset 0 with PROT_READ, and what follows from offset {page} with \
                     PROT_READ|PROT_WRITE"
                ));
            }
            _ => return false,
        }
        true
    }

    /// What is left, by the kind of descriptor.
    fn note_meanings(&self, errno: Errno, object: Option<KernelObject>, draft: &mut Draft) {
        if self.is_anonymous() {
            return Self::note_anonymous(errno, draft);
        }
        let kind = descriptor::file(self.fd).map(|file| file.kind);
        let text = match (object, kind) {
            (Some(KernelObject::Perf), _) => match errno {
                libc::EPERM => {
                    "kernel.perf_event_mlock_kb and RLIMIT_MEMLOCK, which rings of all processes of this user share"
                }
                _ => {
                    "the event's attributes (an inherited event of all processors has no ring), or a second ring of \
                     another size"
                }
            },
            (Some(KernelObject::BpfMap), _) if errno == ENOTSUPP || errno == libc::EINVAL => {
                let is_ring = descriptor::detail(self.fd, b"map_type:").is_some_and(|kind| RINGS.contains(&kind));
                if is_ring {
                    "offset or length past the ring"
                } else {
                    "the map was made without BPF_F_MMAPABLE, or is shorter"
                }
            }
            (Some(KernelObject::BpfMap), _) => "the map's flags (BPF_F_RDONLY_PROG), or that it is frozen",
            (Some(KernelObject::IoUring), _) => {
                "the offset (IORING_OFF_SQ_RING and its kin), a length above that ring's, or rings in memory of the \
                 program"
            }
            (Some(_), _) => "what the driver of this object demands",
            (None, Ok(FileKind::Socket)) => {
                "a packet socket without rings (PACKET_RX_RING), or a length that is not the rings' together"
            }
            (None, Ok(FileKind::CharacterDevice | FileKind::BlockDevice)) => {
                "offset, length or sharing type that the device's driver refuses, or a privilege that it asks for"
            }
            (None, Ok(FileKind::Regular)) if descriptor::filesystem(self.fd) == Filesystem::Hugetlbfs => {
                "address, offset or length that is not a multiple of the huge page"
            }
            (None, Ok(FileKind::Regular)) => match errno {
                libc::EPERM => "a seal of a memfd, a security module, or a seccomp filter that was inherited",
                libc::EACCES => "a security module (SELinux or another), or a seccomp filter that was inherited",
                libc::ETXTBSY => "the file is in use as a swap file, or is executed",
                libc::EAGAIN => "a lock on the file, where the filesystem enforces locks",
                _ => "the file's filesystem refuses this mapping",
            },
            _ => return,
        };
        draft.note(format_args!("for such a descriptor it can be: {text}"));
    }

    fn note_anonymous(errno: Errno, draft: &mut Draft) {
        let text = match errno {
            libc::EPERM | libc::EACCES => {
                "a security module (SELinux or another), or a seccomp filter that was inherited"
            }
            libc::EINVAL => "a flag that this machine does not support",
            _ => return,
        };
        draft.note(format_args!("for anonymous memory it can be: {text}"));
    }
}
