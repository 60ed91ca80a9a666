//! When rules are asked, and which are on together.

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

/// When a rule is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum When {
    /// A call has failed.
    Failure,
    /// A call takes memory away: it is looked at before the call, and told after it.
    Release,
    /// A call has succeeded; with `mode=enforce`, it is about to be made.
    Success,
    /// The process ends, or the program asks what is left.
    Exit,
    /// An access has raised SIGSEGV or SIGBUS.
    Fault,
    /// Accesses are watched, by `mapsan race`; the library never asks it.
    Race,
    /// A run is over in which `mapsan sweep` has made a call fail: the command asks it.
    Sweep,
}

impl When {
    /// Every moment at which rules are asked.
    pub const ALL: [When; 7] =
        [When::Failure, When::Release, When::Success, When::Exit, When::Fault, When::Race, When::Sweep];

    pub(crate) const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The moments at which a rule is asked: at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked(pub(crate) u8);

impl Asked {
    /// Whether this is one of them.
    #[must_use]
    pub const fn at(self, when: When) -> bool {
        self.0 & when.bit() != 0
    }
}
