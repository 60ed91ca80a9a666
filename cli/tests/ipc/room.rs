//! Actors: processes that make and use IPC objects, in an IPC namespace and with a /dev/shm of their own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use tempfile::TempDir;

/// A namespace, with the actor that holds it.
pub(crate) struct Room {
    pub(crate) actor: Actor,
    pub(crate) folder: TempDir,
}

impl Room {
    /// Makes one; `None`, said loudly, where that may not be.
    pub(crate) fn make() -> Option<Room> {
        let may = Command::new("unshare").args(["--ipc", "--mount", "true"]).stderr(Stdio::null()).status();
        if !may.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: it takes root");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("actor");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ipc/actor.c");
        assert!(
            Command::new("cc")
                .args(["-Wall", "-Wextra", "-Werror", source, "-o"])
                .arg(&program)
                .status()
                .unwrap()
                .success()
        );
        let mut command = Command::new("unshare");
        let own = "mount -t tmpfs tmpfs /dev/shm && { test ! -d /dev/mqueue || mount -t mqueue mqueue /dev/mqueue; }";
        command.args(["--ipc", "--mount", "sh", "-c", &format!("{own} && exec \"$0\"")]).arg(&program);
        let mut actor = Actor::start(command);
        // It answers when all is set up.
        actor.ask("none");
        Some(Room { actor, folder })
    }

    /// A command in the namespace.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--ipc", "--mount", "--target", &self.actor.pid().to_string(), "--", program]);
        command
    }

    /// Another actor.
    pub(crate) fn actor(&self) -> Actor {
        Actor::start(self.command(self.folder.path().join("actor").to_str().unwrap()))
    }

    /// The command there.
    pub(crate) fn mapsan(&self, arguments: &[&str]) -> Said {
        self.command(env!("CARGO_BIN_EXE_mapsan")).args(arguments).output().unwrap().into()
    }

    /// The command there, as another user.
    pub(crate) fn mapsan_as(&self, user: u32, arguments: &[&str]) -> Said {
        let mut command = self.command("setpriv");
        command.args([&format!("--reuid={user}"), "--clear-groups", env!("CARGO_BIN_EXE_mapsan")]);
        command.args(arguments).output().unwrap().into()
    }
}

/// What a command has said.
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { status: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// A process that does what it is asked for.
pub(crate) struct Actor {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Actor {
    fn start(mut command: Command) -> Actor {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Actor { child, to, from }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has it do something.
    pub(crate) fn tell(&mut self, what: &str) {
        writeln!(self.to.as_mut().unwrap(), "{what}").unwrap();
    }

    /// Has it do something, and waits for the answer.
    pub(crate) fn ask(&mut self, what: &str) -> String {
        self.tell(what);
        self.answer()
    }

    /// The answer to what it was told.
    pub(crate) fn answer(&mut self) -> String {
        let mut answer = String::new();
        self.from.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    /// Has it do something that succeeds, and gives a number.
    #[track_caller]
    pub(crate) fn get(&mut self, what: &str) -> i64 {
        let answer = self.ask(what);
        answer.parse().unwrap_or_else(|_| panic!("{what}: {answer}"))
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
