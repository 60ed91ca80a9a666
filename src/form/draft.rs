//! What a check says about a finding, before it is given a form.

use crate::facts::mapping::Mapping;
use crate::plain::{Line, Outer};
use core::fmt::{self, Write as _};

/// The room for all texts of one finding, in bytes.
const TEXT: usize = 16 * 1024;
/// The most notes, helps and related places of one finding.
const PARTS: usize = 24;

/// The role of a text. As wide as what it stands beside: a static without gaps that is all zeroes takes no room in
/// the library's file, and no memory until it is used.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Role {
    Message,
    Note,
    Help,
    /// The label of a related call.
    Related,
}

/// One text of the finding.
#[derive(Clone, Copy)]
struct Text {
    role: Role,
    from: usize,
    to: usize,
    related: RelatedCall,
}

impl Text {
    const NONE: Text = Text { role: Role::Message, from: 0, to: 0, related: RelatedCall::NONE };
}

/// A call that matters to a finding besides the one that it is about.
#[derive(Clone, Copy)]
pub(crate) struct RelatedCall {
    /// The function, if it is one that this library stands in for.
    pub(crate) function: Option<&'static str>,
    /// The return address of the call.
    pub(crate) site: usize,
    /// The calls around it, where they are remembered.
    pub(crate) outer: Outer,
    /// What it was made for: start and length in bytes; 0 if there is none.
    pub(crate) start: usize,
    pub(crate) length: usize,
}

impl RelatedCall {
    /// A call of a function, of which no more than the site is remembered.
    pub(crate) fn at(function: &'static str, site: usize) -> RelatedCall {
        RelatedCall { function: Some(function), site, ..RelatedCall::NONE }
    }

    /// A place in the program that is no call of a function that is known.
    pub(crate) fn of_site(site: usize) -> RelatedCall {
        RelatedCall { site, ..RelatedCall::NONE }
    }

    const NONE: RelatedCall = RelatedCall { function: None, site: 0, outer: Outer::NONE, start: 0, length: 0 };
}

/// The texts of a finding. All are printable: what comes from outside is escaped before it gets here.
pub(crate) struct Draft {
    text: Line<TEXT>,
    parts: [Text; PARTS],
    used: usize,
    mapping: Option<Mapping>,
}

impl Draft {
    pub(crate) const fn new() -> Draft {
        Draft { text: Line::new(), parts: [Text::NONE; PARTS], used: 0, mapping: None }
    }

    /// Empties it, and leaves no address in it, which a collector would take for a reference (see `hidden.rs`).
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        if let Some(used) = self.parts.get_mut(..self.used) {
            used.fill(Text::NONE);
        }
        self.used = 0;
        if let Some(mapping) = &mut self.mapping {
            (mapping.start, mapping.end) = (0, 0);
        }
        self.mapping = None;
    }

    // What says something is called in some 700 places, each of which would have all that `add` takes.

    /// What is wrong: one line, lower case, no final period.
    #[inline(never)]
    pub(crate) fn message(&mut self, text: fmt::Arguments<'_>) {
        self.add(Role::Message, RelatedCall::NONE, text);
    }

    /// A fact.
    #[inline(never)]
    pub(crate) fn note(&mut self, text: fmt::Arguments<'_>) {
        self.add(Role::Note, RelatedCall::NONE, text);
    }

    /// What the user can do.
    #[inline(never)]
    pub(crate) fn help(&mut self, text: fmt::Arguments<'_>) {
        self.add(Role::Help, RelatedCall::NONE, text);
    }

    /// The mapping that the finding is about, as the kernel has it: for records.
    pub(crate) fn mapping(&mut self, mapping: &Mapping) {
        self.mapping = Some(*mapping);
    }

    /// That mapping, if there is one.
    pub(super) fn about(&self) -> Option<&Mapping> {
        self.mapping.as_ref()
    }

    /// Another call that matters: its function and return address, and what it did, as a label.
    #[inline(never)]
    pub(crate) fn related(&mut self, function: &'static str, site: usize, label: fmt::Arguments<'_>) {
        self.related_call(RelatedCall::at(function, site), label);
    }

    /// Another call that matters, with all that is known of it.
    pub(crate) fn related_call(&mut self, call: RelatedCall, label: fmt::Arguments<'_>) {
        self.add(Role::Related, call, label);
    }

    fn add(&mut self, role: Role, related: RelatedCall, text: fmt::Arguments<'_>) {
        let from = self.text.len();
        let _ = self.text.write_fmt(text);
        if let Some(part) = self.parts.get_mut(self.used) {
            *part = Text { role, from, to: self.text.len(), related };
            self.used = self.used.wrapping_add(1);
        }
    }

    /// The texts of one role, in the order in which they were given.
    pub(super) fn texts(&self, role: Role) -> impl Iterator<Item = &str> {
        self.with(role).map(|(text, _)| text)
    }

    /// The related calls, each with its label.
    pub(super) fn related_calls(&self) -> impl Iterator<Item = (&str, &RelatedCall)> {
        self.with(Role::Related)
    }

    fn with(&self, role: Role) -> impl Iterator<Item = (&str, &RelatedCall)> {
        let used = self.parts.get(..self.used).unwrap_or_default();
        used.iter()
            .filter(move |part| part.role == role)
            .map(|part| (self.text.as_str().get(part.from..part.to).unwrap_or_default(), &part.related))
    }

    /// The message.
    pub(crate) fn headline(&self) -> &str {
        self.texts(Role::Message).next().unwrap_or_default()
    }
}
