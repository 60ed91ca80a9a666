//! How a person names an object: `shm:5`, `sem:5`, `msg:5` by id, or `5` where that is one alone; `0x4d010203` by key;
//! `/name`, `sem:/name`, `mq:/name`.

use crate::ipc::inventory::{Entry, Object};
use crate::system::posix;
use crate::system::processes::printable;
use crate::system::sysv;

/// A name of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Designator {
    kinds: Vec<Kind>,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    SysV(sysv::Family),
    Posix(posix::Family),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Id(i32),
    Key(u32),
    Name(String),
}

impl Designator {
    /// Reads one; an error says in a line what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Designator, String> {
        use Kind::{Posix, SysV};
        let (kinds, rest) = match text.split_once(':') {
            Some(("shm", rest)) => (vec![SysV(sysv::Family::Segment), Posix(posix::Family::Object)], rest),
            Some(("sem", rest)) => (vec![SysV(sysv::Family::SemaphoreSet), Posix(posix::Family::Semaphore)], rest),
            Some(("msg", rest)) => (vec![SysV(sysv::Family::MessageQueue)], rest),
            Some(("mq", rest)) => (vec![Posix(posix::Family::Queue)], rest),
            Some((kind, _)) if !text.starts_with('/') => {
                return Err(format!(
                    "there is no kind '{}'; the kinds are shm, sem, msg and mq",
                    printable(kind.as_bytes())
                ));
            }
            _ => (Vec::new(), text),
        };
        let what = read_what(text, rest)?;
        let fits = |kind: &Kind| matches!(kind, Posix(_)) == matches!(what, What::Name(_));
        if !kinds.is_empty() && !kinds.iter().any(fits) {
            let it_takes = if matches!(what, What::Name(_)) { "msg: takes an id or a key" } else { "mq: takes a name" };
            return Err(it_takes.to_owned());
        }
        Ok(Designator { kinds, what })
    }

    /// The one object that it names.
    pub(crate) fn find<'a>(&self, entries: &'a [Entry]) -> Result<&'a Entry, String> {
        let found: Vec<&Entry> = entries.iter().filter(|entry| self.is(&entry.object)).collect();
        match found[..] {
            [one] => Ok(one),
            [] => Err(self.absent(entries)),
            _ => {
                let names: Vec<String> = found.iter().map(|entry| exact_name(&entry.object)).collect();
                Err(format!("it could be {}; write which", names.join(" or ")))
            }
        }
    }

    fn is(&self, object: &Object) -> bool {
        let kind = match object {
            Object::SysV(object) => Kind::SysV(object.family),
            Object::Posix(object) => Kind::Posix(object.family),
        };
        let is_it = match (&self.what, object) {
            (What::Id(id), Object::SysV(object)) => object.id == *id,
            (What::Key(key), Object::SysV(object)) => object.key == *key,
            (What::Name(name), Object::Posix(object)) => object.name == *name,
            _ => false,
        };
        is_it && (self.kinds.is_empty() || self.kinds.contains(&kind))
    }

    fn absent(&self, entries: &[Entry]) -> String {
        let key_of = |key: u32| entries.iter().find(|entry| entry.object.key() == Some(key));
        let id_of = |id: u32| {
            entries.iter().find(|entry| entry.object.id().is_some_and(|known| u32::try_from(known) == Ok(id)))
        };
        // Which of the two notations was meant.
        let (what, meant) = match &self.what {
            What::Id(id) => (format!("id {id}"), u32::try_from(*id).ok().and_then(key_of)),
            What::Key(key) => (format!("key {key:#010x}"), id_of(*key)),
            What::Name(name) => (format!("name '{}'", printable(name.as_bytes())), None),
        };
        let meant = match (meant, &self.what) {
            (Some(entry), What::Id(id)) => format!("; {id:#x} is the key of {}", entry.object.name()),
            (Some(entry), _) => format!("; ids are written in decimal: {}", entry.object.name()),
            (None, _) => String::new(),
        };
        format!("no object has the {what} in this IPC namespace{meant}")
    }
}

/// A name that no other object has.
fn exact_name(object: &Object) -> String {
    match object {
        Object::Posix(object) if object.family == posix::Family::Object => format!("shm:{}", object.name),
        _ => object.name(),
    }
}

/// What stands behind the kind; an error does not repeat the text.
fn read_what(text: &str, rest: &str) -> Result<What, String> {
    let name = rest.strip_prefix('/').unwrap_or(rest);
    if rest.is_empty() || name.is_empty() || name.contains('/') {
        return Err("a name is one slash and what follows, without another slash".to_owned());
    }
    if let Some(digits) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
        return match u32::from_str_radix(digits, 16) {
            Ok(0) => Err("key 0 is IPC_PRIVATE, which any number of objects have; give the id, as in shm:5".to_owned()),
            Ok(key) => Ok(What::Key(key)),
            Err(_) => Err("a key has 1 to 8 hexadecimal digits, such as 0x4d010203".to_owned()),
        };
    }
    match rest.parse::<i64>() {
        Ok(number) if number < 0 => {
            Err(format!("no id is negative; as a key it is written {:#010x}", lower_half(number)))
        }
        Ok(number) => {
            let key = lower_half(number);
            i32::try_from(number)
                .map(What::Id)
                .map_err(|_| format!("ids end at {}; as a key it is written {key:#010x}", i32::MAX))
        }
        // As shm_open takes it, too.
        Err(_) if rest == text || rest.starts_with('/') => Ok(What::Name(format!("/{name}"))),
        Err(_) => Err("what follows the kind is an id, a key such as 0x4d010203, or /NAME".to_owned()),
    }
}

/// A number as the key that a program means by it.
fn lower_half(number: i64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_or_refused_in_one_line() {
        for (text, what) in [
            ("shm:5", What::Id(5)),
            ("5", What::Id(5)),
            ("msg:0", What::Id(0)),
            ("0x4d010203", What::Key(0x4d01_0203)),
            ("sem:0xffffffff", What::Key(u32::MAX)),
            ("/name", What::Name("/name".to_owned())),
            ("name", What::Name("/name".to_owned())),
            ("mq:/name", What::Name("/name".to_owned())),
            ("/a:b", What::Name("/a:b".to_owned())),
            ("/5", What::Name("/5".to_owned())),
        ] {
            assert_eq!(Designator::read(text).unwrap().what, what, "{text}");
        }
        for (text, why) in [
            ("-1", "no id is negative; as a key it is written 0xffffffff"),
            ("shm:-7", "no id is negative"),
            ("shm:99999999999", "ids end at"),
            ("0x0", "IPC_PRIVATE"),
            ("0x123456789", "1 to 8 hexadecimal digits"),
            ("0x", "1 to 8 hexadecimal digits"),
            ("seg:5", "no kind 'seg'"),
            ("shm:name", "follows the kind"),
            ("msg:/name", "takes an id or a key"),
            ("mq:5", "takes a name"),
            ("/", "one slash"),
            ("/a/b", "one slash"),
            ("", "one slash"),
        ] {
            let said = Designator::read(text).unwrap_err();
            assert!(said.contains(why) && !said.contains('\n'), "{text}: {said}");
        }
    }
}
