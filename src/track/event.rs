//! What happens to what is tracked, as it is left in the queue.

use super::Tracker;
use super::advices::Advice;
use super::announced::ReleaseId;
use super::origin::NewMapping;
use super::pool::Memory;
use super::protections::Protection;
use super::regions::Releaser;
use super::segments::ShmgetSuccess;
use super::shared::Content;
use crate::plain::Range;
use crate::plain::errno::Errno;
use crate::plain::hidden::{Addresses, Hidden};
use core::ffi::c_int;

/// What happened. A release, or detachment, that is about to happen has been announced under a number; if it says so, it is
/// kept until it is told what came of it.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    Mapped { range: Range, made: NewMapping },
    Releases { range: Range, releaser: Releaser, announcement: u32, keep: bool },
    Detaches { base: usize, releaser: Releaser, announcement: u32 },
    Failed { release: ReleaseId },
    Passed { release: ReleaseId },
    Protected(Protection),
    Advised(Advice),
    Moved { release: ReleaseId, old: Range, new: Range, made: NewMapping },
    Duplicated { old: Range, new: Range, made: NewMapping },
    Shrunk { start: usize, length: usize },
    WatchesRelease { address: usize },
    TailUnreliable { address: usize },
    Requested { range: Range, address: usize, base: Option<usize> },
    Forgotten { range: Range },
    ShmgetSucceeded(ShmgetSuccess),
    SizeLearned { id: c_int, size: usize },
    Removed { id: c_int, site: Hidden },
    RemovalRefused { id: c_int, site: Hidden, errno: Errno },
}

impl Addresses for Event {
    fn complemented(mut self) -> Event {
        match &mut self {
            Event::Mapped { range, made } => (*range, *made) = (range.complemented(), made.complemented()),
            Event::Releases { range, releaser, .. } => {
                (*range, *releaser) = (range.complemented(), releaser.complemented());
            }
            Event::Detaches { base, releaser, .. } => (*base, *releaser) = (!*base, releaser.complemented()),
            Event::Protected(protection) => *protection = protection.complemented(),
            Event::Advised(advice) => *advice = advice.complemented(),
            Event::Moved { old, new, made, .. } | Event::Duplicated { old, new, made } => {
                (*old, *new, *made) = (old.complemented(), new.complemented(), made.complemented());
            }
            Event::Requested { range, address, base } => {
                (*range, *address, *base) = (range.complemented(), !*address, base.map(|base| !base));
            }
            Event::Shrunk { start: address, .. }
            | Event::WatchesRelease { address }
            | Event::TailUnreliable { address } => *address = !*address,
            Event::Forgotten { range } => *range = range.complemented(),
            // Their addresses are hidden already, or they have none.
            Event::Failed { .. }
            | Event::Passed { .. }
            | Event::ShmgetSucceeded(_)
            | Event::Removed { .. }
            | Event::RemovalRefused { .. }
            | Event::SizeLearned { .. } => {}
        }
        self
    }
}

impl<M: Memory> Content for Tracker<M> {
    type Event = Event;

    fn apply(&mut self, event: &Event) {
        match *event {
            Event::Mapped { range, made } => self.mapped(range, made, None),
            Event::Releases { range, releaser, announcement, keep } => {
                let taken = if keep {
                    self.release_and_keep(range, releaser, None)
                } else {
                    self.release(range, releaser, None)
                };
                self.announced.enter(announcement, taken.release);
            }
            Event::Detaches { base, releaser, announcement } => {
                let taken = self.detach(base, releaser, None);
                self.announced.enter(announcement, taken.release);
            }
            Event::Failed { release } => self.regions.put_back(self.announced.number(release)),
            Event::Passed { release } => self.regions.close(self.announced.number(release)),
            Event::Protected(protection) => {
                self.protect(protection);
            }
            Event::Advised(advice) => self.advised(advice),
            Event::Moved { release, old, new, ref made } => self.moved(release, old, new, made, None),
            Event::Duplicated { old, new, ref made } => self.duplicated(old, new, made, None),
            Event::Shrunk { start, length } => self.shrunk(start, length),
            Event::WatchesRelease { address } => self.watch_release(address),
            Event::TailUnreliable { address } => self.mark_tail_unreliable(address),
            Event::Requested { range, address, base } => self.regions.requested_at(range, address, base),
            Event::Forgotten { range } => self.regions.forget(range),
            Event::ShmgetSucceeded(got) => self.shmget_succeeded(&got),
            Event::SizeLearned { id, size } => self.change_segment(id, |segment| segment.size = size),
            Event::Removed { id, site } => self.change_segment(id, |segment| segment.remove(site)),
            Event::RemovalRefused { id, site, errno } => {
                self.change_segment(id, |segment| segment.refuse(site, errno));
            }
        }
    }
}
