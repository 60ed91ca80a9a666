//! The memory that processes of a run share: which objects, and where each process has them.

use crate::system::processes::{self, How, Identity, Mapped, Wanted};
use std::collections::BTreeMap;
use std::ops::Range;

/// Part of an object in a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its addresses.
    pub(crate) at: Range<u64>,
    /// Where it starts in the object.
    pub(crate) offset: u64,
    pub(crate) is_writable: bool,
}

impl Part {
    /// The bytes of the object.
    pub(crate) fn bytes(&self) -> Range<u64> {
        self.offset..self.offset + (self.at.end - self.at.start)
    }

    /// Where bytes of the object are, if all of them are here.
    fn address_of(&self, bytes: &Range<u64>) -> Option<Range<u64>> {
        let here = self.bytes();
        let is_here = here.start <= bytes.start && bytes.end <= here.end;
        is_here.then(|| self.at.start + (bytes.start - here.start)..self.at.start + (bytes.end - here.start))
    }
}

/// An object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    /// As `mapsan who` and /proc/PID/maps call it.
    pub(crate) name: String,
    pub(crate) parts: BTreeMap<i32, Vec<Part>>,
}

impl Object {
    /// How large it is, as far as it is mapped.
    fn size(&self) -> u64 {
        self.parts.values().flatten().map(|part| part.bytes().end).max().unwrap_or_default()
    }
}

/// Which objects are looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// Only those of these names; all if there are none.
    pub(crate) names: Vec<String>,
    /// Those, too, that one process alone has.
    pub(crate) alone: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    choice: Choice,
    all: BTreeMap<Identity, Object>,
    /// What they were called that were ever shared, and how large they were.
    seen: BTreeMap<Identity, (String, u64)>,
}

impl Objects {
    pub(crate) fn new(choice: Choice) -> Objects {
        Objects { choice, ..Objects::default() }
    }

    /// Looks at what a process has mapped; whether that changed.
    pub(crate) fn look(&mut self, pid: i32) -> bool {
        let wanted = Wanted { segments: true, mapped: Mapped::Shared, ..Wanted::default() };
        let uses = u32::try_from(pid).ok().and_then(|pid| processes::mapped_by(pid, &wanted).ok()).unwrap_or_default();
        let mut parts: BTreeMap<Identity, (String, Vec<Part>)> = BTreeMap::new();
        for used in uses {
            let How::Mapped { start, end, protection, offset, path } = used.how else { continue };
            if !is_memory(&path) || !self.is_chosen(used.of, &path) {
                continue;
            }
            let part = Part { at: start..end, offset, is_writable: protection.contains('w') };
            parts.entry(used.of).or_insert_with(|| (name_of(used.of, &path), Vec::new())).1.push(part);
        }
        let mut changed = false;
        for (identity, object) in &mut self.all {
            if !parts.contains_key(identity) {
                changed |= object.parts.remove(&pid).is_some();
            }
        }
        for (identity, (name, parts)) in parts {
            let object = self.all.entry(identity).or_insert_with(|| Object { name, parts: BTreeMap::new() });
            if object.parts.get(&pid) != Some(&parts) {
                object.parts.insert(pid, parts);
                changed = true;
            }
        }
        self.all.retain(|_, object| !object.parts.is_empty());
        self.note_seen();
        changed
    }

    fn note_seen(&mut self) {
        let shared: Vec<_> = self.shared().map(|(of, object)| (of, (object.name.clone(), object.size()))).collect();
        self.seen.extend(shared);
    }

    /// A process was forked, and has what the other has, wherever that has it.
    pub(crate) fn inherit(&mut self, parent: i32, child: i32) {
        for object in self.all.values_mut() {
            if let Some(parts) = object.parts.get(&parent).cloned() {
                object.parts.insert(child, parts);
            }
        }
        self.note_seen();
    }

    /// A process has ended, or has other memory now.
    pub(crate) fn forget(&mut self, pid: i32) {
        for object in self.all.values_mut() {
            object.parts.remove(&pid);
        }
        self.all.retain(|_, object| !object.parts.is_empty());
    }

    /// Those that are looked at: that several processes have, and somebody may write.
    pub(crate) fn shared(&self) -> impl Iterator<Item = (Identity, &Object)> {
        let alone = self.choice.alone;
        let is_written = |object: &Object| object.parts.values().flatten().any(|part| part.is_writable);
        let all = self.all.iter().map(|(identity, object)| (*identity, object));
        all.filter(move |(_, object)| (alone || object.parts.len() > 1) && is_written(object))
    }

    /// Where processes have some bytes of an object: each process with their addresses there.
    pub(crate) fn places(&self, of: Identity, bytes: &Range<u64>) -> Vec<(i32, Range<u64>)> {
        self.all_places(of, bytes).collect()
    }

    /// One of those places.
    pub(crate) fn place(&self, of: Identity, bytes: &Range<u64>) -> Option<(i32, Range<u64>)> {
        self.all_places(of, bytes).next()
    }

    fn all_places(&self, of: Identity, bytes: &Range<u64>) -> impl Iterator<Item = (i32, Range<u64>)> {
        let parts = self.all.get(&of).into_iter().flat_map(|object| &object.parts);
        parts.filter_map(move |(pid, parts)| Some((*pid, parts.iter().find_map(|part| part.address_of(bytes))?)))
    }

    /// Whether there are any.
    pub(crate) fn are_there(&self) -> bool {
        !self.all.is_empty()
    }

    /// What an object is called.
    pub(crate) fn name(&self, of: Identity) -> String {
        self.all.get(&of).map_or_else(String::new, |object| object.name.clone())
    }

    /// The names of all that were ever looked at, and the bytes that they have in all.
    pub(crate) fn seen(&self) -> (Vec<String>, u64) {
        (self.seen.values().map(|(name, _)| name.clone()).collect(), self.seen.values().map(|(_, size)| size).sum())
    }

    fn is_chosen(&self, of: Identity, path: &str) -> bool {
        let name = name_of(of, path);
        let short = name.strip_prefix("/dev/shm").unwrap_or(&name);
        let short = short.strip_prefix("/memfd:").unwrap_or(short);
        let is_named = |wanted: &String| {
            *wanted == name
                || wanted.trim_start_matches('/') == short.trim_start_matches('/')
                || path.trim_end_matches(" (deleted)") == wanted
        };
        self.choice.names.is_empty() || self.choice.names.iter().any(is_named)
    }
}

/// Whether a mapping is memory, and not a device or something that the kernel writes.
fn is_memory(path: &str) -> bool {
    let is_device = path.starts_with("/dev/")
        && !["/dev/shm/", "/dev/zero", "/dev/hugepages/"].iter().any(|memory| path.starts_with(memory));
    let is_of_kernel = ["anon_inode:", "/[aio]", "/proc/", "/sys/"].iter().any(|other| path.starts_with(other));
    !is_device && !is_of_kernel
}

fn name_of(of: Identity, path: &str) -> String {
    let path = path.trim_end_matches(" (deleted)");
    match of {
        Identity::Segment(id) => format!("shm:{id}"),
        Identity::File { .. } if path == "/dev/zero" => "anonymous shared memory".to_owned(),
        Identity::File { .. } => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_in_each_process() {
        let of = Identity::Segment(3);
        let part = |at: Range<u64>, offset| Part { at, offset, is_writable: true };
        let parts = BTreeMap::from([(1, vec![part(0x1000..0x3000, 0)]), (2, vec![part(0x9000..0xa000, 0x1000)])]);
        let mut objects = Objects::default();
        objects.all.insert(of, Object { name: "shm:3".to_owned(), parts });
        assert_eq!(objects.places(of, &(0x1008..0x1010)), [(1, 0x2008..0x2010), (2, 0x9008..0x9010)]);
        assert_eq!(objects.places(of, &(8..16)), [(1, 0x1008..0x1010)]);
        assert_eq!(objects.places(of, &(0xff8..0x1008)), [(1, 0x1ff8..0x2008)]);
        assert_eq!(objects.shared().count(), 1);
        objects.forget(2);
        assert_eq!(objects.shared().count(), 0);
        objects.inherit(1, 4);
        objects.inherit(3, 5);
        assert_eq!(objects.places(of, &(8..16)), [(1, 0x1008..0x1010), (4, 0x1008..0x1010)]);
        assert_eq!(objects.shared().count(), 1);
    }

    #[test]
    fn devices_are_no_memory() {
        for (path, memory) in [
            ("/dev/shm/x", true),
            ("/dev/zero (deleted)", true),
            ("/memfd:x (deleted)", true),
            ("/SYSV00000000 (deleted)", true),
            ("/home/me/data", true),
            ("/dev/dri/card0", false),
            ("anon_inode:[io_uring]", false),
        ] {
            assert_eq!(is_memory(path), memory, "{path}");
        }
    }
}
