//! The library's records, read as the model's schema describes them.

pub(crate) use crate::findings::call::Call;
pub(crate) use crate::findings::frame::Frame;
use crate::findings::time;
use mapsan_model::record::SCHEMA_NAME;
use serde::{Deserialize, Serialize};

/// One record, as far as the command looks at it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Record {
    #[serde(default)]
    pub(crate) schema: String,
    #[serde(default)]
    pub(crate) time: String,
    pub(crate) pid: u32,
    /// The process that sent it, by its number in the command's PID namespace; 0 if that is not known.
    #[serde(skip)]
    pub(crate) sender: u32,
    #[serde(default)]
    pub(crate) tid: u32,
    #[serde(default)]
    pub(crate) exe: String,
    #[serde(flatten)]
    pub(crate) kind: Kind,
}

impl Record {
    /// A record of now, by the command.
    pub(crate) fn now(pid: u32, exe: &str, kind: Kind) -> Record {
        let schema = SCHEMA_NAME.to_owned();
        Record { schema, time: time::now(), pid, sender: 0, tid: pid, exe: exe.to_owned(), kind }
    }

    /// Reads a line; an error says why it is no record, without showing all of it.
    pub(crate) fn read(line: &str) -> Result<Record, String> {
        let record: Record = serde_json::from_str(line).map_err(|error| unreadable(line, &error))?;
        if record.schema != SCHEMA_NAME {
            return Err(format!(
                "it has schema '{}', and this mapsan reads '{SCHEMA_NAME}': read it with the mapsan that wrote it",
                record.schema
            ));
        }
        Ok(record)
    }

    /// Takes the rank of its process in a parallel job into it, and into the line that it was read from.
    pub(crate) fn take_rank(&mut self, rank: u32, line: &mut String) {
        match &mut self.kind {
            Kind::Start(start) => start.rank = Some(rank),
            Kind::Finding(finding) => finding.rank = Some(rank),
            Kind::Exec(exec) => exec.rank = Some(rank),
            _ => {}
        }
        if let Some(open) = line.find('{') {
            let schema = line.get(open..).and_then(|rest| rest.find(',')).unwrap_or_default();
            line.insert_str(open + schema + 1, &format!("\"rank\":{rank},"));
        }
    }

    /// The record as a line.
    pub(crate) fn line(&self) -> String {
        serde_json::to_value(self).map(|record| record.to_string()).unwrap_or_default()
    }
}

fn unreadable(line: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        "it ends in the middle".to_owned()
    } else {
        let start: String = line.chars().take(40).collect();
        format!("it is no record of mapsan ({error}): '{}'", start.escape_debug())
    }
}

/// What a record tells.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Kind {
    Start(Start),
    Finding(Box<Finding>),
    Segment(Segment),
    SegmentUse(SegmentUse),
    IpcObject(IpcObject),
    Object(Object),
    Lock(SharedLock),
    Exec(Exec),
    ExecFailed,
    Degraded(Degraded),
    Point(Box<Point>),
    Injected(Box<Injected>),
    Coverage(Coverage),
    End(End),
    #[serde(other)]
    Other,
}

/// A process that begins, or a program that is not covered.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Start {
    #[serde(default)]
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) ppid: u32,
    /// That of a program that is not covered says so, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) covered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Why it can be checked in part alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) degraded: Option<String>,
    /// Of a process of a parallel job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rank: Option<u32>,
}

/// A process that is checked less from here on.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Degraded {
    pub(crate) reason: String,
}

/// A process that ends in order.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct End {
    #[serde(default)]
    pub(crate) errors: u64,
    #[serde(default)]
    pub(crate) warnings: u64,
    #[serde(default)]
    pub(crate) notes: u64,
    pub(crate) repeated: u64,
    /// Mappings that it has made and released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changes: Option<u64>,
    /// Findings that could not be written.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(crate) lost: u64,
    /// Why it was checked in part alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) degraded: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde hands over")]
fn is_none(number: &u64) -> bool {
    *number == 0
}

/// A program that a process starts: in its own place, or as a child.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Exec {
    pub(crate) path: String,
    /// Whether its environment has the library, and options with the same log.
    pub(crate) preload: bool,
    pub(crate) options: bool,
    /// The child; 0 of one whose pid is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) child: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rank: Option<u32>,
}

/// A System V segment that a process has made.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Segment {
    pub(crate) id: i32,
    /// The user who made it, and the IPC namespace.
    pub(crate) uid: Option<u32>,
    pub(crate) ipc_namespace: Option<u64>,
    /// The call that made it.
    pub(crate) call: Call,
    pub(crate) stack: Vec<Frame>,
}

/// What a process has done with a segment.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SegmentUse {
    pub(crate) id: i32,
    #[serde(rename = "use")]
    pub(crate) kind: UseKind,
    /// The user as whom it did so.
    pub(crate) uid: u32,
    pub(crate) call: Call,
    #[serde(default)]
    pub(crate) stack: Vec<Frame>,
}

/// How a process has used a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UseKind {
    Attached,
    Removed,
    RemovalRefused,
    Left,
    #[serde(other)]
    Other,
}

/// A System V semaphore set or message queue that a process has made.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct IpcObject {
    /// Which of the two.
    pub(crate) object: IpcKind,
    pub(crate) id: i32,
    /// In hex, or `IPC_PRIVATE`.
    pub(crate) key: String,
    pub(crate) ipc_namespace: Option<u64>,
    /// The call that made it.
    pub(crate) call: Call,
    pub(crate) stack: Vec<Frame>,
}

/// The System V objects that are no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum IpcKind {
    #[serde(rename = "semaphore set")]
    Set,
    #[serde(rename = "message queue")]
    Queue,
}

/// A shared memory object that a process has made.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) device: String,
    pub(crate) inode: u64,
    /// The call that made it.
    pub(crate) call: Call,
    pub(crate) stack: Vec<Frame>,
}

/// A lock that a process has made in shared memory, for processes to share.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SharedLock {
    /// What it is.
    pub(crate) lock: String,
    /// In the process that made it.
    pub(crate) address: String,
    /// Where it lies: the memory as the kernel lists it, and the place in it.
    pub(crate) path: String,
    pub(crate) inode: u64,
    pub(crate) offset: u64,
    /// The call that made it.
    pub(crate) call: Call,
    pub(crate) stack: Vec<Frame>,
}

/// A call that can be made to fail, by its place: one that a process has reached, or a run in which it failed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Point {
    pub(crate) call: Call,
    /// The module's name and the offset in it.
    pub(crate) site: String,
    /// What tells its stack from others, the same in all runs.
    pub(crate) stack_hash: String,
    /// What decides which failures matter.
    #[serde(default)]
    pub(crate) flags: Vec<String>,
    pub(crate) stack: Vec<Frame>,
    /// The argument that holds the result of a call that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed_result: Option<String>,
    /// Of a run: what became of the call, and which of the calls it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) what: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) when: Option<String>,
    /// What became of the run, if it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<String>,
    /// The rules of what was found in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rules: Option<Vec<String>>,
}

/// A call that was made to fail.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Injected {
    pub(crate) call: Call,
    pub(crate) site: String,
    pub(crate) stack_hash: String,
    pub(crate) what: String,
    #[serde(default)]
    pub(crate) number: u32,
    pub(crate) stack: Vec<Frame>,
}

impl Injected {
    /// The order that is about this call alone.
    pub(crate) fn order(&self) -> String {
        format!("{}@{}#{}:{}", self.call.function, self.site, self.stack_hash, self.what)
    }
}

/// How much of the memory that processes share was watched for races.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Coverage {
    pub(crate) objects: usize,
    pub(crate) names: Vec<String>,
    pub(crate) words: usize,
    /// How often somebody came who was held for it, and of whom it could not be known what he accessed.
    pub(crate) windows: u64,
    pub(crate) unplaced: u64,
    pub(crate) unwatched: u64,
    #[serde(default)]
    pub(crate) unfollowed_ms: u64,
}

/// A finding.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Finding {
    pub(crate) rule: String,
    pub(crate) severity: String,
    pub(crate) call: Call,
    pub(crate) message: String,
    pub(crate) notes: Vec<String>,
    pub(crate) help: Vec<String>,
    pub(crate) stack: Vec<Frame>,
    pub(crate) related: Vec<Related>,
    #[serde(default)]
    pub(crate) repeated: u64,
    /// Of a race: the first of the two accesses, to these bytes, and what they were before and after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
    /// Of a race: the memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object: Option<Place>,
    /// The command that shows it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replay: Option<String>,
    /// Of a process of a parallel job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rank: Option<u32>,
}

/// A place in an object that processes share.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) offset: u64,
}

/// A place that belongs to the finding.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Related {
    pub(crate) label: String,
    /// The call that was made there, if the record tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<RelatedCall>,
    pub(crate) stack: Vec<Frame>,
    /// Where the memory starts, if it is a place that is about memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) length: Option<u64>,
    /// Of a race: who made the other access, which it is, and what the bytes were before and after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
}

impl Related {
    /// A place without more.
    pub(crate) fn new(label: impl Into<String>, call: Option<RelatedCall>, stack: Vec<Frame>) -> Related {
        Related { label: label.into(), call, stack, ..Related::default() }
    }
}

/// The call of a place, as far as it is remembered.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct RelatedCall {
    pub(crate) function: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let read = |text: &str| serde_json::from_str::<Record>(text).unwrap().kind;
        assert!(matches!(read(r#"{"pid":1,"kind":"start","version":"0"}"#), Kind::Start(_)));
        assert!(matches!(
            read(r#"{"pid":1,"kind":"end","errors":0,"repeated":3}"#),
            Kind::End(End { repeated: 3, lost: 0, degraded: None, changes: None, .. })
        ));
        assert!(matches!(read(r#"{"pid":1,"kind":"new"}"#), Kind::Other));
        assert_eq!(serde_json::from_str::<UseKind>(r#""removal-refused""#).unwrap(), UseKind::RemovalRefused);
        assert_eq!(serde_json::from_str::<UseKind>(r#""locked""#).unwrap(), UseKind::Other);
    }

    /// The fields that a structure reads, by their names in records: what its deserializer asks for.
    fn fields_of<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
        let mut fields = Fields(&[]);
        assert!(T::deserialize(&mut fields).is_err());
        fields.0
    }

    struct Fields(&'static [&'static str]);

    impl<'de> serde::Deserializer<'de> for &mut Fields {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: serde::de::Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
            Err(serde::de::Error::custom("it is asked for its fields alone"))
        }

        fn deserialize_struct<V: serde::de::Visitor<'de>>(
            self,
            _name: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.0 = fields;
            self.deserialize_any(visitor)
        }

        fn deserialize_enum<V: serde::de::Visitor<'de>>(
            self,
            _name: &'static str,
            variants: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.0 = variants;
            self.deserialize_any(visitor)
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
            seq tuple tuple_struct map identifier ignored_any
        }
    }

    #[test]
    fn what_is_read_is_what_the_schema_describes() {
        let schema: serde_json::Value = serde_json::from_str(mapsan_model::record::JSON_SCHEMA).unwrap();
        let kinds = schema["oneOf"].as_array().unwrap();
        let of_kind = |kind: &str| {
            let found = kinds.iter().find(|one| one["properties"]["kind"]["const"] == kind);
            found.unwrap_or_else(|| panic!("the schema has no {kind}"))["properties"].clone()
        };
        let definition = |name: &str| schema["$defs"][name]["properties"].clone();
        let related = definition("related");
        for (properties, fields) in [
            (of_kind("start"), fields_of::<Start>()),
            (of_kind("end"), fields_of::<End>()),
            (of_kind("finding"), fields_of::<Finding>()),
            (of_kind("finding")["object"]["properties"].clone(), fields_of::<Place>()),
            (of_kind("coverage"), fields_of::<Coverage>()),
            (of_kind("segment"), fields_of::<Segment>()),
            (of_kind("segment-use"), fields_of::<SegmentUse>()),
            (of_kind("ipc-object"), fields_of::<IpcObject>()),
            (of_kind("object"), fields_of::<Object>()),
            (of_kind("lock"), fields_of::<SharedLock>()),
            (of_kind("point"), fields_of::<Point>()),
            (of_kind("injected"), fields_of::<Injected>()),
            (definition("call"), fields_of::<Call>()),
            (definition("frame"), fields_of::<Frame>()),
            (related["call"]["properties"].clone(), fields_of::<RelatedCall>()),
            (related, fields_of::<Related>()),
        ] {
            assert!(!fields.is_empty());
            assert!(fields.iter().all(|field| properties.get(field).is_some()), "{fields:?} of {properties}");
        }
        let objects = &of_kind("ipc-object")["object"]["enum"];
        assert_eq!(*objects, fields_of::<IpcKind>().iter().copied().collect::<serde_json::Value>());
        let uses = &of_kind("segment-use")["use"]["enum"];
        let read = fields_of::<UseKind>().iter().filter(|name| **name != "other");
        assert_eq!(*uses, read.copied().collect::<serde_json::Value>());
    }

    #[test]
    fn what_is_no_record_is_named() {
        let why = |line: &str| Record::read(line).unwrap_err();
        assert_eq!(why(r#"{"schema":"mapsan/1","ki"#), "it ends in the middle");
        assert!(why("hello\u{1b}[31m").contains("no record of mapsan"));
        assert!(!why("hello\u{1b}[31m").contains('\u{1b}'));
        let newer = r#"{"schema":"mapsan/2","kind":"start","pid":1,"tid":1,"exe":"x","time":""}"#;
        assert!(why(newer).contains("'mapsan/2'"));
    }
}
