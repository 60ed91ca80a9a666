//! Releases that were announced in the queue: by which number the tracker knows each, for who tells what came of its call.

/// Announced releases that are remembered; the call of an older one that fails has lost what it would have released.
const REMEMBERED: usize = 256;

/// A release as the tracker is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReleaseId {
    /// By the number that the tracker has given it; 0 is no release.
    Given(u32),
    /// By the number under which it was announced.
    Announced(u32),
}

/// The last ones that came out of the queue, each in the place of its announcement.
pub(super) struct Announced {
    /// The number of the announcement, and that of the release.
    releases: [(u32, u32); REMEMBERED],
}

impl Announced {
    pub(super) const fn new() -> Announced {
        Announced { releases: [(0, 0); REMEMBERED] }
    }

    pub(super) fn enter(&mut self, announcement: u32, release: u32) {
        if let Some(place) = self.releases.get_mut(announcement as usize % REMEMBERED) {
            *place = (announcement, release);
        }
    }

    /// The number of a release; 0 if it is not remembered.
    pub(super) fn number(&self, release: ReleaseId) -> u32 {
        match release {
            ReleaseId::Given(release) => release,
            ReleaseId::Announced(number) => match self.releases.get(number as usize % REMEMBERED) {
                Some((announcement, release)) if *announcement == number => *release,
                _ => 0,
            },
        }
    }
}
