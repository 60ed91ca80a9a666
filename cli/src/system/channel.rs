//! The way of the records to the command: a local socket in the abstract namespace (unix(7)).
//!
//! It needs no folder and no room on a disk, knows no `RLIMIT_FSIZE`, can be reached after chroot(2) and with other
//! rights, and is gone with the command, however that ends. Each message is a block of whole records. Of two network
//! namespaces each has sockets of its own, so what runs in another one is not heard.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

/// More than the library sends at once.
const MESSAGE: usize = 128 * 1024;

/// How long the reader lets messages gather after one. A sender that finds it waiting has to wake it, which costs twice what the
/// message does; one that finds the queue full (`net.unix.max_dgram_qlen`, 10 where nobody has changed it) has to wait.
const GATHERING: Duration = Duration::from_millis(1);
/// Of so many that have gathered, some may have been waited for: the reader then takes the next ones at once.
const MANY: usize = 6;
const AT_ONCE: usize = 200;

/// How the names of commands' sockets begin.
pub(crate) const PREFIX: &str = "mapsan-";

/// What the command waits for; for records it does not, but takes them now and then: each wait costs a change of threads.
pub(crate) enum Event {
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
    /// Blocks of records that have come, a line each record.
    blocks: Arc<Mutex<Vec<Vec<u8>>>>,
    /// The thread that reads.
    reader: OnceLock<Thread>,
}

impl Channel {
    /// Makes the socket, under a name of its own.
    pub(crate) fn open() -> io::Result<Channel> {
        let random = || RandomState::new().build_hasher().finish();
        loop {
            let name = format!("{PREFIX}{}-{:016x}", std::process::id(), random());
            let address = SocketAddr::from_abstract_name(&name)?;
            match UnixDatagram::bind_addr(&address) {
                Ok(socket) => {
                    let word = format!("{:016x}{:016x}", random(), random());
                    let (blocks, reader) = (Arc::default(), OnceLock::new());
                    return Ok(Channel { name, word, address, socket, blocks, reader });
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
        let (word, blocks) = (self.word.clone(), Arc::clone(&self.blocks));
        let read = move || {
            let mut message = vec![0; MESSAGE];
            let mut at_once = 0;
            loop {
                let mut gathered = 0;
                while let Some(length) = receive(&socket, &mut message, gathered == 0) {
                    let message = message.get(..length).unwrap_or_default();
                    if message != word.as_bytes() {
                        locked(&blocks).push(message.to_vec());
                    } else if events.send(Event::Drained).is_err() {
                        return;
                    }
                    gathered += 1;
                }
                match gathered {
                    0 => return,
                    MANY.. => at_once = AT_ONCE,
                    _ if at_once > 0 => at_once -= 1,
                    // Cut short by who asks for the rest.
                    _ => thread::park_timeout(GATHERING),
                }
            }
        };
        let reader = thread::Builder::new().name("records".to_owned()).spawn(read)?;
        self.reader.get_or_init(|| reader.thread().clone());
        Ok(())
    }

    /// The blocks of records that have come since this was asked last.
    pub(crate) fn take(&self) -> Vec<Vec<u8>> {
        mem::take(&mut *locked(&self.blocks))
    }

    /// Asks for [`Event::Drained`], which comes after everything that has been sent so far.
    pub(crate) fn ask_for_the_rest(&self) -> io::Result<()> {
        // Before, too: it may be what the queue is full of.
        self.reader.get().inspect(|reader| reader.unpark());
        self.socket.send_to_addr(self.word.as_bytes(), &self.address)?;
        self.reader.get().inspect(|reader| reader.unpark());
        Ok(())
    }
}

/// The length of the next message, which is waited for, or must be there already; `None` if there is none.
fn receive(socket: &UnixDatagram, message: &mut [u8], waits: bool) -> Option<usize> {
    let flags = if waits { 0 } else { libc::MSG_DONTWAIT };
    loop {
        // SAFETY: room for so many bytes.
        let length = unsafe { libc::recv(socket.as_raw_fd(), message.as_mut_ptr().cast(), message.len(), flags) };
        match usize::try_from(length) {
            Err(_) if io::Error::last_os_error().kind() == ErrorKind::Interrupted => {}
            length => return length.ok(),
        }
    }
}

/// The blocks, also after a panic of the thread that adds to them.
fn locked(blocks: &Mutex<Vec<Vec<u8>>>) -> MutexGuard<'_, Vec<Vec<u8>>> {
    blocks.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes events until `Drained`, when all that had been sent has come, or until nothing can come any more; whether the command
/// has no children any more.
pub(crate) fn wait_for_the_rest(channel: &Channel, events: &Receiver<Event>) -> bool {
    let mut deserted = false;
    if channel.ask_for_the_rest().is_ok() {
        for event in events {
            match event {
                Event::Drained => break,
                Event::Deserted => deserted = true,
                Event::Ended(_) => {}
            }
        }
    }
    deserted
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
        wait_for_the_rest(&channel, &events);
        assert_eq!(lines(&channel.take()), ["one", "two", "three"]);
    }
}
