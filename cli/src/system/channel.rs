//! The way of the records to the command: a local socket in the abstract namespace (unix(7)).
//!
//! It needs no folder and no room on a disk, knows no `RLIMIT_FSIZE`, can be reached after chroot(2) and with other
//! rights, and is gone with the command, however that ends. Each message is a block of whole records. Of two network
//! namespaces each has sockets of its own, so what runs in another one is not heard.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;

/// More than the library sends at once.
const MESSAGE: usize = 128 * 1024;

/// What the command waits for.
pub(crate) enum Event {
    /// Records, a line each.
    Records(Vec<u8>),
    /// The program has ended.
    Ended(io::Result<ExitStatus>),
    /// The command has no children any more.
    Deserted,
    /// All that had been sent when it was asked for is here.
    Drained,
}

/// The socket, seen from the side that does not read.
pub(crate) struct Channel {
    name: String,
    /// A message that no one else sends.
    word: String,
    address: SocketAddr,
    socket: UnixDatagram,
}

impl Channel {
    /// Makes the socket, under a name of its own.
    pub(crate) fn open() -> io::Result<Channel> {
        let random = || RandomState::new().build_hasher().finish();
        loop {
            let name = format!("mapsan-{}-{:016x}", std::process::id(), random());
            let address = SocketAddr::from_abstract_name(&name)?;
            match UnixDatagram::bind_addr(&address) {
                Ok(socket) => {
                    return Ok(Channel { name, word: format!("{:016x}{:016x}", random(), random()), address, socket });
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What the library gets as its `log_path`.
    pub(crate) fn log_path(&self) -> String {
        format!("@{}", self.name)
    }

    /// Reads on, in a thread of its own, so that no program has to wait for what is done with its records.
    pub(crate) fn listen(&self, events: Sender<Event>) -> io::Result<()> {
        let socket = self.socket.try_clone()?;
        let word = self.word.clone();
        thread::Builder::new().name("records".to_owned()).spawn(move || {
            let mut message = vec![0; MESSAGE];
            loop {
                let event = match socket.recv(&mut message) {
                    Ok(length) if message.get(..length) == Some(word.as_bytes()) => Event::Drained,
                    Ok(length) => Event::Records(message.get(..length).unwrap_or_default().to_vec()),
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(_) => return,
                };
                if events.send(event).is_err() {
                    return;
                }
            }
        })?;
        Ok(())
    }

    /// Asks for [`Event::Drained`], which comes after everything that has been sent so far.
    pub(crate) fn ask_for_the_rest(&self) -> io::Result<()> {
        self.socket.send_to_addr(self.word.as_bytes(), &self.address).map(|_| ())
    }
}

/// What came until all that had been sent was here.
#[derive(Default)]
pub(crate) struct Rest {
    /// The blocks of records.
    pub(crate) blocks: Vec<Vec<u8>>,
    /// Whether the command has no children any more.
    pub(crate) deserted: bool,
}

/// Takes events until `Drained`, or until nothing can come any more.
pub(crate) fn rest(channel: &Channel, events: &Receiver<Event>) -> Rest {
    let mut rest = Rest::default();
    if channel.ask_for_the_rest().is_ok() {
        for event in events {
            match event {
                Event::Records(block) => rest.blocks.push(block),
                Event::Drained => break,
                Event::Deserted => rest.deserted = true,
                Event::Ended(_) => {}
            }
        }
    }
    rest
}

/// The lines of some blocks.
pub(crate) fn lines(blocks: &[Vec<u8>]) -> Vec<String> {
    let whole = blocks.iter().flat_map(|block| block.split(|byte| *byte == b'\n')).filter(|line| !line.is_empty());
    whole.map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn what_was_sent_is_there_when_the_rest_is_asked_for() {
        let channel = Channel::open().unwrap();
        let (sender, events) = mpsc::channel();
        channel.listen(sender).unwrap();
        let address = SocketAddr::from_abstract_name(channel.log_path().trim_start_matches('@')).unwrap();
        let socket = UnixDatagram::unbound().unwrap();
        socket.connect_addr(&address).unwrap();
        socket.send(b"one\ntwo\n").unwrap();
        socket.send(b"three\n").unwrap();
        let rest = rest(&channel, &events);
        assert_eq!(lines(&rest.blocks), ["one", "two", "three"]);
    }
}
