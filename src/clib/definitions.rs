//! Where the next definitions are, as dlsym(3) with `RTLD_NEXT` would say.

use super::objects::{HashTable, Name, Object, others};
use core::ffi::c_void;
use core::ptr;

/// How many objects beside libc are looked at.
const MOST: usize = 64;

/// The tables of all objects but this one. Nearly always libc alone defines a call, and then its own table says where, for a tenth
/// of what dlsym takes: that was half of what this library added to the start of a process.
pub(crate) struct Definitions {
    libc: Object,
    others: [Option<HashTable>; MOST],
}

impl Definitions {
    /// `None` where dlsym has to be asked: libc does not come after this object, there are many objects, or one of them has its
    /// names in another form.
    pub(crate) fn find() -> Option<Definitions> {
        let mut tables = [None; MOST];
        let mut free = tables.iter_mut();
        let mut libc = None;
        let (after, before) = others()?;
        for map in after {
            if map.is_libc() {
                libc = Object::tables(map);
            } else {
                *free.next()? = Some(map.hash_table()?);
            }
        }
        for map in before {
            *free.next()? = Some(map.hash_table()?);
        }
        Some(Definitions { libc: libc?, others: tables })
    }

    /// libc's function of that name; null if it has none, or if another object has one, too, and dlsym has to be asked whose is
    /// next.
    pub(crate) fn of_libc(&self, name: &Name) -> *mut c_void {
        if self.others.iter().map_while(|table| *table).any(|table| table.has(name)) {
            return ptr::null_mut();
        }
        self.libc.function(name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash;
    use super::*;

    #[test]
    fn they_are_those_that_dlsym_finds() {
        let definitions = Definitions::find().unwrap();
        for text in [
            "mmap\0",
            "shmget\0",
            "pthread_create\0",
            "pthread_cond_init\0",
            "posix_spawn\0",
            "sigaction\0",
            "no_such_function\0",
        ] {
            let name = Name { text, hash: hash(text.trim_end_matches('\0')) };
            // SAFETY: a string; what is found is only compared.
            let next = unsafe { libc::dlsym(libc::RTLD_NEXT, text.as_ptr().cast()) };
            assert_eq!(definitions.of_libc(&name), next, "{text}");
        }
    }
}
