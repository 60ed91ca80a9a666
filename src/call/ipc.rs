//! The calls of semaphore sets and message queues: semget(2), semop(2), semctl(2), msgget(2), msgsnd(2), msgrcv(2), msgctl(2).

use super::{Address, Call, Given, Key, Octal, ipc_circumstances};
use crate::plain::bits::Bits;
use crate::plain::ipc::Kind;
use crate::plain::texts::{Texts, texts};
use crate::sys::memory;
use core::ffi::{c_int, c_long};
use core::fmt;
use mapsan_model::Circumstances;

/// semget(2) or msgget(2).
pub(crate) struct IpcGet {
    pub(crate) kind: Kind,
    pub(crate) key: c_int,
    /// Semaphores; 0 of a queue.
    pub(crate) count: c_int,
    pub(crate) flags: c_int,
    /// Whether the call is known to have made what it gave.
    pub(crate) made: bool,
}

/// semctl(2) or msgctl(2).
pub(crate) struct IpcControl {
    pub(crate) kind: Kind,
    pub(crate) id: c_int,
    /// Of a semaphore; 0 of a queue.
    pub(crate) number: c_int,
    pub(crate) command: c_int,
    /// An address or a value.
    pub(crate) argument: usize,
    /// The process that made what the call has removed, and where, if that was one that forked this one.
    pub(crate) maker: Option<(c_int, usize)>,
}

/// semop(2), semtimedop(2).
pub(crate) struct Semop {
    pub(crate) id: c_int,
    pub(crate) operations: usize,
    pub(crate) count: usize,
    /// The address of the timeout, of semtimedop.
    pub(crate) timeout: Option<usize>,
}

/// msgsnd(2).
pub(crate) struct Msgsnd {
    pub(crate) id: c_int,
    pub(crate) message: usize,
    pub(crate) size: usize,
    pub(crate) flags: c_int,
}

/// msgrcv(2).
pub(crate) struct Msgrcv {
    pub(crate) id: c_int,
    pub(crate) message: usize,
    pub(crate) size: usize,
    pub(crate) kind: c_long,
    pub(crate) flags: c_int,
}

/// What a command of semctl(2) or msgctl(2) takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    /// A value.
    Value,
    /// The address of memory that is read, or filled: of what type.
    Reads(&'static str),
    Fills(&'static str),
}

const SEMCTL: Texts = texts! {
    libc::IPC_RMID => "IPC_RMID",
    libc::IPC_SET => "IPC_SET",
    libc::IPC_STAT => "IPC_STAT",
    3 => "IPC_INFO",
    11 => "GETPID",
    12 => "GETVAL",
    13 => "GETALL",
    14 => "GETNCNT",
    15 => "GETZCNT",
    16 => "SETVAL",
    17 => "SETALL",
    18 => "SEM_STAT",
    19 => "SEM_INFO",
    20 => "SEM_STAT_ANY",
};

const MSGCTL: Texts = texts! {
    libc::IPC_RMID => "IPC_RMID",
    libc::IPC_SET => "IPC_SET",
    libc::IPC_STAT => "IPC_STAT",
    3 => "IPC_INFO",
    11 => "MSG_STAT",
    12 => "MSG_INFO",
    13 => "MSG_STAT_ANY",
};

impl IpcControl {
    /// The command's name and what it takes; `None` for one that the manual page does not list.
    pub(crate) fn known(&self) -> Option<(&'static str, Takes)> {
        let commands = if self.kind == Kind::Set { SEMCTL } else { MSGCTL };
        commands.of(self.command).map(|name| (name, self.takes()))
    }

    fn takes(&self) -> Takes {
        const VALUES: &str = "array of unsigned short";
        let (object, info) = match self.kind {
            Kind::Set => ("struct semid_ds", "struct seminfo"),
            Kind::Queue => ("struct msqid_ds", "struct msginfo"),
        };
        match (self.kind, self.command) {
            (_, libc::IPC_SET) => Takes::Reads(object),
            (_, libc::IPC_STAT) => Takes::Fills(object),
            _ if self.lists() => Takes::Fills(object),
            (_, 3) | (Kind::Set, 19) | (Kind::Queue, 12) => Takes::Fills(info),
            (Kind::Set, 13) => Takes::Fills(VALUES),
            (Kind::Set, 17) => Takes::Reads(VALUES),
            (Kind::Set, 16) => Takes::Value,
            _ => Takes::Nothing,
        }
    }

    /// Whether the command gives the id at an index.
    #[inline]
    pub(crate) fn lists(&self) -> bool {
        match self.kind {
            Kind::Set => matches!(self.command, 18 | 20),
            Kind::Queue => matches!(self.command, 11 | 13),
        }
    }

    /// Whether the command's first argument is an index into the kernel's table, or is ignored.
    pub(crate) fn takes_index(&self) -> bool {
        self.lists() || matches!(self.known(), Some(("IPC_INFO" | "SEM_INFO" | "MSG_INFO", _)))
    }
}

impl Call for IpcGet {
    fn function(&self) -> &'static str {
        self.kind.get()
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        let names = texts! {
            libc::IPC_CREAT => "IPC_CREAT",
            libc::IPC_EXCL => "IPC_EXCL",
        };
        each(format_args!("{}", Key(self.key)));
        if self.kind == Kind::Set {
            each(format_args!("{}", self.count));
        }
        let mode = self.flags & 0o777;
        match self.flags & !0o777 {
            0 => each(format_args!("{}", Octal(mode))),
            bits => each(format_args!("{}|{}", Bits { set: bits, names, empty: "" }, Octal(mode))),
        }
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        let circumstances = ipc_circumstances(self.key, self.flags);
        let failed_result = (self.key == -1).then_some("key");
        Given { circumstances, failed_result }
    }
}

impl Call for IpcControl {
    fn function(&self) -> &'static str {
        self.kind.control()
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("{}", self.id));
        if self.kind == Kind::Set {
            each(format_args!("{}", self.number));
        }
        match self.known() {
            Some((name, _)) => each(format_args!("{name}")),
            None => each(format_args!("{:#x}", self.command)),
        }
        match self.known() {
            Some((_, Takes::Value)) => each(format_args!("{}", IntArgument(self.argument).get())),
            // What was not given is not shown: the register holds something else.
            None | Some((_, Takes::Nothing)) if self.kind == Kind::Set => {}
            _ => each(format_args!("{}", Address(self.argument))),
        }
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        let circumstances = Circumstances::NONE.and(Circumstances::REMOVE, self.command == libc::IPC_RMID);
        let argument = if self.kind == Kind::Set { "semid" } else { "msqid" };
        let failed_result = (self.id == -1).then_some(argument);
        Given { circumstances, failed_result }
    }
}

/// The `val` of a `union semun` in a register.
pub(crate) struct IntArgument(pub(crate) usize);

impl IntArgument {
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "an int lies in the low half")]
    pub(crate) fn get(&self) -> c_int {
        self.0 as c_int
    }
}

impl Semop {
    /// Whether one of the first operations does not wait.
    fn waits_not(&self) -> bool {
        let operation = |index: usize| {
            let place = index.checked_mul(size_of::<libc::sembuf>())?.checked_add(self.operations)?;
            memory::value::<libc::sembuf>(place)
        };
        (0..self.count.min(16)).filter_map(operation).any(|one| c_int::from(one.sem_flg) & libc::IPC_NOWAIT != 0)
    }
}

impl Call for Semop {
    fn function(&self) -> &'static str {
        if self.timeout.is_some() { "semtimedop" } else { "semop" }
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("{}", self.id));
        each(format_args!("{}", Address(self.operations)));
        each(format_args!("{}", self.count));
        if let Some(timeout) = self.timeout {
            each(format_args!("{}", Address(timeout)));
        }
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        let circumstances = Circumstances::NONE
            .and(Circumstances::NOWAIT, self.timeout.is_some_and(|timeout| timeout != 0) || self.waits_not());
        let failed_result = (self.id == -1).then_some("semid");
        Given { circumstances, failed_result }
    }
}

/// The flags of msgsnd(2) and msgrcv(2).
struct MessageFlags(c_int);

impl fmt::Display for MessageFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = texts! {
            libc::IPC_NOWAIT => "IPC_NOWAIT",
            libc::MSG_NOERROR => "MSG_NOERROR",
            libc::MSG_EXCEPT => "MSG_EXCEPT",
            libc::MSG_COPY => "MSG_COPY",
        };
        Bits { set: self.0, names, empty: "0" }.fmt(f)
    }
}

impl Call for Msgsnd {
    fn function(&self) -> &'static str {
        "msgsnd"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("{}", self.id));
        each(format_args!("{}", Address(self.message)));
        each(format_args!("{}", self.size));
        each(format_args!("{}", MessageFlags(self.flags)));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        let circumstances = Circumstances::NONE.and(Circumstances::NOWAIT, self.flags & libc::IPC_NOWAIT != 0);
        let failed_result = (self.id == -1).then_some("msqid");
        Given { circumstances, failed_result }
    }
}

impl Call for Msgrcv {
    fn function(&self) -> &'static str {
        "msgrcv"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("{}", self.id));
        each(format_args!("{}", Address(self.message)));
        each(format_args!("{}", self.size));
        each(format_args!("{}", self.kind));
        each(format_args!("{}", MessageFlags(self.flags)));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }

    fn given(&self) -> Given {
        let circumstances = Circumstances::NONE.and(Circumstances::NOWAIT, self.flags & libc::IPC_NOWAIT != 0);
        let failed_result = (self.id == -1).then_some("msqid");
        Given { circumstances, failed_result }
    }
}
