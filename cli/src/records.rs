//! The library's records.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One record, as far as the command looks at it.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    #[serde(default)]
    pub(crate) schema: String,
    #[serde(default)]
    pub(crate) time: String,
    pub(crate) pid: u32,
    #[serde(default)]
    pub(crate) tid: u32,
    #[serde(default)]
    pub(crate) exe: String,
    #[serde(flatten)]
    pub(crate) kind: Kind,
}

/// What a record tells.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Kind {
    Start {},
    Finding(Box<Finding>),
    Segment(Segment),
    #[serde(rename = "segment-use")]
    SegmentUse(SegmentUse),
    Object(Object),
    End {
        repeated: u64,
        /// Findings that could not be written.
        #[serde(default)]
        lost: u64,
    },
    #[serde(other)]
    Other,
}

/// A System V segment that a process has made.
#[derive(Clone, Debug, Deserialize)]
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
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SegmentUse {
    pub(crate) id: i32,
    #[serde(rename = "use")]
    pub(crate) kind: String,
    pub(crate) uid: u32,
    pub(crate) call: Call,
}

/// A shared memory object that a process has made.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) device: String,
    pub(crate) inode: u64,
    /// The call that made it.
    pub(crate) call: Call,
    pub(crate) stack: Vec<Frame>,
}

/// A finding.
#[derive(Debug, Deserialize)]
pub(crate) struct Finding {
    pub(crate) rule: String,
    pub(crate) severity: String,
    pub(crate) call: Call,
    pub(crate) message: String,
    pub(crate) notes: Vec<String>,
    pub(crate) help: Vec<String>,
    pub(crate) stack: Vec<Frame>,
    pub(crate) related: Vec<Related>,
}

/// The call of a finding.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Call {
    pub(crate) function: String,
    pub(crate) args: Vec<String>,
    pub(crate) result: String,
    pub(crate) errno: Option<String>,
}

impl Call {
    /// Whether it is a signal that ended the process.
    pub(crate) fn is_signal(&self) -> bool {
        self.function.starts_with("SIG")
    }
}

impl fmt::Display for Call {
    /// As strace(1) shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { function, result, .. } = self;
        let arguments = self.args.join(", ");
        if self.is_signal() {
            return write!(f, "--- {function} {{{arguments}}} ---");
        }
        write!(f, "{function}({arguments}) = {result}")?;
        match &self.errno {
            Some(errno) => write!(f, " ({errno})"),
            None => Ok(()),
        }
    }
}

/// One frame.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Frame {
    pub(crate) address: String,
    pub(crate) module: Option<String>,
    pub(crate) offset: Option<String>,
    pub(crate) build_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) symbol: Option<String>,
}

impl Frame {
    /// The offset as a number.
    pub(crate) fn offset(&self) -> Option<u64> {
        u64::from_str_radix(self.offset.as_deref()?.strip_prefix("0x")?, 16).ok()
    }
}

/// A place that belongs to the finding.
#[derive(Debug, Deserialize)]
pub(crate) struct Related {
    pub(crate) label: String,
    pub(crate) stack: Vec<Frame>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let read = |text: &str| serde_json::from_str::<Record>(text).unwrap().kind;
        assert!(matches!(read(r#"{"pid":1,"kind":"start","version":"0"}"#), Kind::Start {}));
        assert!(matches!(
            read(r#"{"pid":1,"kind":"end","errors":0,"repeated":3}"#),
            Kind::End { repeated: 3, lost: 0 }
        ));
        assert!(matches!(read(r#"{"pid":1,"kind":"new"}"#), Kind::Other));
    }
}
