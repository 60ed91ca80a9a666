//! One segment at this moment: what decides about its removal is asked here, right before.

use crate::system::undisturbed::undisturbed;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::thread;
use std::time::Duration;

/// For how long a process may be on its way from a segment's mode to its attachment, where the kernel does not tell.
const ON_THE_WAY: Duration = Duration::from_millis(2);
/// `SHM_STAT_ANY`, shmctl(2): `IPC_STAT` by place in the kernel's table, whatever the mode.
const SHM_STAT_ANY: i32 = 15;

/// A segment as the kernel had it when it was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Segment {
    id: i32,
    attributes: libc::shmid_ds,
}

/// What became of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    Done,
    /// It is attached by now, or was meanwhile; it is as it was.
    Used,
    /// A process came in between the last question and the removal: it goes with that attachment.
    Overtaken,
}

impl Segment {
    /// Asks for it, whatever its mode; an error where it is gone.
    pub(crate) fn ask(id: i32) -> io::Result<Segment> {
        // Its place in the kernel's table is the lower 15 bits of the id, or 24 with ipcmni_extend.
        for place in [id & 0x7fff, id & 0xff_ffff] {
            let mut attributes = MaybeUninit::<libc::shmid_ds>::zeroed();
            // SAFETY: a structure to be filled in.
            let found = unsafe { libc::shmctl(place, SHM_STAT_ANY, attributes.as_mut_ptr()) };
            if found == id {
                // SAFETY: zeroed, and filled in by the call.
                return Ok(Segment { id, attributes: unsafe { attributes.assume_init() } });
            }
        }
        Err(io::Error::from_raw_os_error(libc::EINVAL))
    }

    pub(crate) fn attachments(&self) -> u64 {
        self.attributes.shm_nattch
    }

    /// When it was made, or its owner or mode changed.
    pub(crate) fn changed(&self) -> i64 {
        self.attributes.shm_ctime
    }

    /// When it was last attached or detached, and by whom, and its key: while these are the same, nobody has used it.
    pub(crate) fn uses(&self) -> (u32, i64, u32) {
        let Segment { attributes, .. } = self;
        let key = u32::from_ne_bytes(attributes.shm_perm.__key.to_ne_bytes());
        let last = u32::try_from(attributes.shm_lpid).unwrap_or(0);
        (key, attributes.shm_atime.max(attributes.shm_dtime), last)
    }

    /// Shuts it, if nobody is attached; whether that was done.
    fn shut_if_unused(&self) -> io::Result<bool> {
        if self.attachments() != 0 {
            return Ok(false);
        }
        self.shut()?;
        Ok(true)
    }

    /// Removes it, which has been shut, if it is as it was then; else opens it again.
    fn remove_shut(&self) -> io::Result<Removal> {
        let now = Segment::ask(self.id)?;
        if now.attachments() != 0 || now.uses() != self.uses() {
            self.open()?;
            return Ok(Removal::Used);
        }
        if let Err(error) = remove(self.id) {
            let _ = self.open();
            return Err(error);
        }
        let is_held = Segment::ask(self.id).is_ok_and(|left| left.is_destroyed() && left.attachments() != 0);
        Ok(if is_held { Removal::Overtaken } else { Removal::Done })
    }

    /// Whether its mode says that it goes with its last attachment.
    fn is_destroyed(&self) -> bool {
        self.attributes.shm_perm.mode & 0o1000 != 0
    }

    /// Takes all permissions: then nobody attaches it any more but who may do everything (`CAP_IPC_OWNER`), not even its owner.
    fn shut(&self) -> io::Result<()> {
        let mut attributes = self.attributes;
        attributes.shm_perm.mode &= !0o777;
        self.set(&mut attributes)
    }

    /// Gives the permissions back.
    fn open(&self) -> io::Result<()> {
        self.set(&mut { self.attributes })
    }

    fn set(&self, attributes: &mut libc::shmid_ds) -> io::Result<()> {
        // SAFETY: a structure that the kernel has filled in, but for the mode.
        if unsafe { libc::shmctl(self.id, libc::IPC_SET, attributes) } == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

/// Removes those of them that nobody is attached to. The kernel has no such call: `IPC_RMID` takes the key away, whoever is
/// attached. So all are shut first, which takes effect for who comes next, and are asked again when who had come before is
/// counted: that takes a while, and is waited for once.
pub(crate) fn remove_unused(segments: &[Segment]) -> Vec<io::Result<Removal>> {
    undisturbed(|| {
        let shut: Vec<io::Result<bool>> = segments.iter().map(Segment::shut_if_unused).collect();
        if shut.iter().any(|shut| matches!(shut, Ok(true))) {
            wait_for_those_on_the_way();
        }
        let shut = segments.iter().zip(shut);
        shut.map(|(segment, shut)| if shut? { segment.remove_shut() } else { Ok(Removal::Used) }).collect()
    })
}

/// Waits until whom the kernel has let past a segment's mode is counted among its attachments, too. It does both in one section
/// of RCU (`do_shmat`), but looks at the mode before it takes the segment's lock; and this command of membarrier(2) waits for
/// all such sections that have begun.
fn wait_for_those_on_the_way() {
    // SAFETY: takes numbers alone.
    let waited = unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_GLOBAL, 0, 0) };
    // SAFETY: asks for a number.
    let processors = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    if waited != 0 || processors < 2 {
        // Where a sandbox or nohz_full forbids it, or where it has nobody to wait for: longer than most are on their way.
        thread::sleep(ON_THE_WAY);
    }
}

/// Removes a segment, whoever is attached: it goes with the last of them.
pub(crate) fn remove(id: i32) -> io::Result<()> {
    // SAFETY: IPC_RMID takes no structure.
    if unsafe { libc::shmctl(id, libc::IPC_RMID, ptr::null_mut()) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
    use std::time::Instant;

    const NOBODY: libc::c_long = 65534;
    const SCHEDULES: u32 = 1000;
    /// How many are removed at once.
    const TOGETHER: usize = 4;

    /// Takes from this thread alone what root may do, which no mode stops.
    fn become_nobody() {
        if rustix::process::geteuid().is_root() {
            // SAFETY: the system call, other than the function, changes the thread that makes it.
            assert_eq!(unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) }, 0);
        }
    }

    /// Waits until both threads are here: without sleep, from which one of the two would wake too late to meet the other.
    fn meet(arrivals: &AtomicU32) {
        let (started, turn) = (Instant::now(), arrivals.fetch_add(1, Ordering::SeqCst) / 2);
        while arrivals.load(Ordering::SeqCst) / 2 == turn {
            assert!(started.elapsed() < Duration::from_secs(20), "the other thread has failed");
            thread::yield_now();
        }
    }

    /// Waits for a random while, now and then so long that the other thread goes first wherever both run.
    fn dawdle(state: &mut u32) {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if *state >> 29 == 0 {
            thread::sleep(Duration::from_micros(100));
        }
        for _ in 0..*state >> 24 {
            std::hint::spin_loop();
        }
    }

    /// Attaches a segment; whether it is marked for removal while it is attached, `None` where it is gone.
    fn attach(id: i32) -> Option<bool> {
        // SAFETY: the kernel chooses where.
        let at = unsafe { libc::shmat(id, ptr::null(), 0) };
        if at.addr() == usize::MAX {
            return None;
        }
        let is_destroyed = || Segment::ask(id).is_ok_and(|segment| segment.is_destroyed());
        let was_destroyed = (0..20).any(|_| is_destroyed());
        // SAFETY: what the call above has attached.
        assert_eq!(unsafe { libc::shmdt(at) }, 0);
        Some(was_destroyed)
    }

    /// In each schedule one thread attaches a segment and another removes it with others, both at a random moment.
    #[test]
    fn nothing_attached_is_removed_whenever_it_is_attached() {
        if rustix::process::geteuid().is_root() {
            // SAFETY: gives this thread, and those that it starts, a namespace of their own.
            if unsafe { libc::unshare(libc::CLONE_NEWIPC) } != 0 {
                eprintln!("SKIPPED: no IPC namespace can be made");
                return;
            }
        }
        let (arrivals, current) = (AtomicU32::new(0), AtomicI32::new(0));
        thread::scope(|scope| {
            let user = scope.spawn(|| {
                become_nobody();
                let (mut random, mut attached, mut lost) = (1, 0, 0);
                for _ in 0..SCHEDULES {
                    meet(&arrivals);
                    dawdle(&mut random);
                    if let Some(was_destroyed) = attach(current.load(Ordering::SeqCst)) {
                        attached += 1;
                        lost += u32::from(was_destroyed);
                    }
                    meet(&arrivals);
                }
                (attached, lost)
            });
            let collector = scope.spawn(|| {
                become_nobody();
                let (mut random, mut removed) = (2, 0);
                for schedule in 0..SCHEDULES as usize {
                    // SAFETY: takes numbers.
                    let ids = [(); TOGETHER].map(|()| unsafe { libc::shmget(libc::IPC_PRIVATE, 4096, 0o640) });
                    current.store(ids[schedule % TOGETHER], Ordering::SeqCst);
                    meet(&arrivals);
                    dawdle(&mut random);
                    let removals = remove_unused(&ids.map(|id| Segment::ask(id).unwrap()));
                    for (index, (id, removal)) in ids.into_iter().zip(removals).enumerate() {
                        match removal.unwrap() {
                            Removal::Done => removed += u32::from(index == schedule % TOGETHER),
                            Removal::Used => assert_eq!(Segment::ask(id).unwrap().attributes.shm_perm.mode, 0o640),
                            // Counted there.
                            Removal::Overtaken => {}
                        }
                    }
                    meet(&arrivals);
                    for id in ids {
                        let _ = remove(id);
                    }
                }
                removed
            });
            let ((attached, lost), removed) = (user.join().unwrap(), collector.join().unwrap());
            assert_eq!(lost, 0, "of {attached} that were attached, so many were removed meanwhile");
            assert!(attached > 0 && removed > 0, "{attached} attached, {removed} removed");
        });
    }
}
