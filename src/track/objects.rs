//! The POSIX shared memory objects and named semaphores that this process has made.

use crate::plain::hidden::Hidden;
use crate::plain::shm::{NAME, Named};
use core::ffi::c_int;
use core::mem::offset_of;
use mapsan_model::layout;

/// Objects that are remembered at a time.
const OBJECTS: usize = 128;

/// How an object was made.
#[derive(Clone, Copy)]
pub(crate) struct ObjectCreation {
    /// In which process of a line of forks it was made, and that process's number.
    pub(crate) generation: u8,
    pub(crate) pid: c_int,
    /// Of the file that it is.
    pub(crate) device: (u32, u32),
    pub(crate) inode: u64,
    /// The return address of the call that made it.
    site: Hidden,
    /// What it is, which tells the call.
    pub(crate) named: Named,
    /// The flags and mode of that call, and the initial value of a semaphore.
    pub(crate) flags: c_int,
    pub(crate) mode: u32,
    pub(crate) initial: u32,
    /// The descriptor or the address that it gave.
    pub(crate) result: Hidden,
}

impl ObjectCreation {
    const NONE: ObjectCreation = ObjectCreation {
        generation: 0,
        pid: 0,
        device: (0, 0),
        inode: 0,
        site: Hidden::unused(0),
        named: Named::Object,
        flags: 0,
        mode: 0,
        initial: 0,
        result: Hidden::unused(0),
    };

    /// The return address of the call that made it.
    pub(crate) fn site(&self) -> usize {
        self.site.get()
    }
}

/// An object.
#[derive(Clone, Copy)]
pub(crate) struct Object {
    name: [u8; NAME],
    /// 0 if the place is free.
    length: u8,
    /// Whether it exists when this process ends.
    left: bool,
    pub(crate) creation: ObjectCreation,
}

impl Object {
    const NONE: Object = Object { name: [0; NAME], length: 0, left: false, creation: ObjectCreation::NONE };

    /// An object with this name in its folder, and nothing else yet.
    pub(crate) fn named(name: &[u8]) -> Option<Object> {
        let mut object = Object { length: u8::try_from(name.len()).ok()?, ..Object::NONE };
        object.name.get_mut(..name.len())?.copy_from_slice(name);
        Some(object)
    }

    /// Notes the return address of the call that made it.
    pub(crate) fn made_by(&mut self, site: usize) {
        self.creation.site = Hidden::new(site);
    }

    /// The return address of the call that made it.
    pub(crate) fn site(&self) -> usize {
        self.creation.site()
    }

    /// The name of its file.
    pub(crate) fn name(&self) -> &[u8] {
        self.name.get(..self.length as usize).unwrap_or_default()
    }

    /// The name as the call takes it, without its slash.
    pub(crate) fn bare(&self) -> &[u8] {
        let prefix = self.creation.named.prefix().as_bytes();
        self.name().strip_prefix(prefix).unwrap_or_default()
    }
}

/// The objects.
pub(crate) struct Objects {
    table: [Object; OBJECTS],
    /// All lie below this place: nobody is to touch the rest of the table's ten pages when each of many processes ends.
    last: usize,
}

impl Objects {
    /// Where what lies in objects that themselves lie `at` bytes from the beginning.
    pub(super) const fn layout(at: usize) -> layout::Objects {
        layout::Objects {
            table: at.wrapping_add(offset_of!(Objects, table)),
            places: OBJECTS,
            stride: size_of::<Object>(),
            name: offset_of!(Object, name),
            length: offset_of!(Object, length),
            named: offset_of!(Object, creation.named),
            site: offset_of!(Object, creation.site),
        }
    }

    #[allow(clippy::large_stack_arrays, reason = "the value of a static")]
    pub(crate) const fn new() -> Objects {
        Objects { table: [Object::NONE; OBJECTS], last: 0 }
    }

    /// The part of the table in which all objects lie.
    fn taken(&mut self) -> &mut [Object] {
        self.table.get_mut(..self.last).unwrap_or_default()
    }

    /// An object has been made; `false` if there is no room for it.
    pub(crate) fn made(&mut self, object: &Object) -> bool {
        self.unlinked(object.name());
        match self.table.iter_mut().enumerate().find(|(_, place)| place.length == 0) {
            Some((index, place)) => {
                *place = *object;
                self.last = self.last.max(index.wrapping_add(1));
                true
            }
            None => false,
        }
    }

    /// The object of this name is gone: how it was made, if that is known.
    pub(crate) fn unlinked(&mut self, name: &[u8]) -> Option<ObjectCreation> {
        let mut creation = None;
        for place in self.taken().iter_mut().filter(|object| object.length > 0 && object.name() == name) {
            creation = Some(place.creation);
            *place = Object::NONE;
        }
        creation
    }

    /// How the object of this name was made, if that is known.
    pub(crate) fn creation(&self, name: &[u8]) -> Option<ObjectCreation> {
        let taken = self.table.get(..self.last)?;
        taken.iter().find(|object| object.length > 0 && object.name() == name).map(|object| object.creation)
    }

    /// An object exists when this process ends.
    pub(crate) fn leave(&mut self, name: &[u8]) {
        for place in self.taken().iter_mut().filter(|object| object.length > 0 && object.name() == name) {
            place.left = true;
        }
    }

    /// Begins to look for those that are left.
    pub(crate) fn leave_none(&mut self) {
        for object in self.taken().iter_mut().filter(|object| object.left) {
            object.left = false;
        }
    }

    /// How many of those that are left were made at a call site.
    pub(crate) fn count_left(&self, site: usize) -> usize {
        self.table.iter().take(self.last).filter(|object| object.left && object.site() == site).count()
    }

    /// The next object that is left, of all or of one call site, from place `from` on, and the place after it.
    pub(crate) fn next_left(&self, from: usize, site: Option<usize>) -> Option<(Object, usize)> {
        let mut from = from;
        while let Some((object, next)) = self.next(from) {
            if object.left && site.is_none_or(|site| object.site() == site) {
                return Some((object, next));
            }
            from = next;
        }
        None
    }

    /// The next object in the table from place `from` on, and the place after it.
    pub(crate) fn next(&self, from: usize) -> Option<(Object, usize)> {
        let rest = self.table.get(from..self.last)?;
        let index = rest.iter().position(|object| object.length > 0)?;
        Some((*rest.get(index)?, from.wrapping_add(index).wrapping_add(1)))
    }
}
