//! The way of the records to the command: a local socket in the abstract namespace (unix(7)).
//!
//! It needs no folder and no room on a disk, knows no `RLIMIT_FSIZE`, can be reached after chroot(2) and with other
//! rights, and is gone with the command, however that ends. Each message is a block of whole records. Of two network
//! namespaces each has sockets of its own, so what runs in another one is not heard.

use std::collections::hash_map::RandomState;
use std::ffi::c_int;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind};
use std::mem::{self, MaybeUninit};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::ExitStatus;
use std::ptr;
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
    /// Records have come, which are wanted at once.
    Come,
}

/// A message: whole records, a line each.
pub(crate) struct Block {
    /// The process that sent it, by its number here, whatever PID namespace it is in; 0 if the kernel does not tell.
    pub(crate) sender: u32,
    bytes: Vec<u8>,
}

/// The socket, seen from the side that does not read.
pub(crate) struct Channel {
    name: String,
    /// A message that no one else sends.
    word: String,
    address: SocketAddr,
    socket: UnixDatagram,
    /// Blocks of records that have come.
    blocks: Arc<Mutex<Vec<Block>>>,
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
                    tell_senders(&socket)?;
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

    /// Reads on, in a thread of its own, so that no program has to wait for what is done with its records. Tells of each that has
    /// come if they are wanted `at_once`.
    pub(crate) fn listen(&self, events: Sender<Event>, at_once: bool) -> io::Result<()> {
        let socket = self.socket.try_clone()?;
        let (word, blocks) = (self.word.clone(), Arc::clone(&self.blocks));
        let read = move || {
            let mut message = vec![0; MESSAGE];
            let mut without_park = 0;
            loop {
                let mut gathered = 0;
                while let Some((length, sender)) = receive(&socket, &mut message, gathered == 0) {
                    let message = message.get(..length).unwrap_or_default();
                    if message != word.as_bytes() {
                        locked(&blocks).push(Block { sender, bytes: message.to_vec() });
                        if at_once && events.send(Event::Come).is_err() {
                            return;
                        }
                    } else if events.send(Event::Drained).is_err() {
                        return;
                    }
                    gathered += 1;
                }
                match gathered {
                    0 => return,
                    _ if at_once => {}
                    MANY.. => without_park = AT_ONCE,
                    _ if without_park > 0 => without_park -= 1,
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
    pub(crate) fn take(&self) -> Vec<Block> {
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

/// Lets the kernel tell with each message who sent it (`SO_PASSCRED`, unix(7)).
fn tell_senders(socket: &UnixDatagram) -> io::Result<()> {
    let on: c_int = 1;
    let length = libc::socklen_t::try_from(size_of::<c_int>()).unwrap_or(4);
    let option = (&raw const on).cast();
    // SAFETY: an option that takes a number of this length.
    match unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PASSCRED, option, length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The length of the next message, which is waited for, or must be there already, and its sender; `None` if there is none.
fn receive(socket: &UnixDatagram, message: &mut [u8], waits: bool) -> Option<(usize, u32)> {
    /// Room for the sender's credentials, aligned as they have to be.
    #[repr(align(8))]
    struct Control([u8; 64]);
    let mut control = Control([0; 64]);
    let mut part = libc::iovec { iov_base: message.as_mut_ptr().cast(), iov_len: message.len() };
    let flags = if waits { 0 } else { libc::MSG_DONTWAIT };
    loop {
        // SAFETY: all zeroes are a valid structure.
        let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        (header.msg_iov, header.msg_iovlen) = (&raw mut part, 1);
        (header.msg_control, header.msg_controllen) = (control.0.as_mut_ptr().cast(), control.0.len());
        // SAFETY: room for a message and for what comes with it.
        let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
        match usize::try_from(length) {
            Err(_) if io::Error::last_os_error().kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
            Ok(length) => return Some((length, sender(&header))),
        }
    }
}

/// The process that sent a message; 0 if that did not come with it.
fn sender(header: &libc::msghdr) -> u32 {
    // SAFETY: filled in by recvmsg(2).
    let control = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: null, or a whole header inside the room for it.
    let Some(kind) = (unsafe { control.as_ref() }) else { return 0 };
    if (kind.cmsg_level, kind.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) {
        return 0;
    }
    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let place = (&raw mut credentials).cast::<u8>();
    // SAFETY: the data of this header.
    let data = unsafe { libc::CMSG_DATA(control) };
    // SAFETY: credentials, by the header's type, of which the kernel gives no part alone in so much room.
    unsafe { ptr::copy_nonoverlapping(data, place, size_of::<libc::ucred>()) };
    u32::try_from(credentials.pid).unwrap_or(0)
}

/// The blocks, also after a panic of the thread that adds to them.
fn locked(blocks: &Mutex<Vec<Block>>) -> MutexGuard<'_, Vec<Block>> {
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
                Event::Ended(_) | Event::Come => {}
            }
        }
    }
    deserted
}

impl Block {
    /// Its lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let lines = self.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| String::from_utf8_lossy(line).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn what_was_sent_is_there_when_the_rest_is_asked_for() {
        let channel = Channel::open().unwrap();
        let (sender, events) = mpsc::channel();
        channel.listen(sender, false).unwrap();
        let address = SocketAddr::from_abstract_name(channel.log_path().trim_start_matches('@')).unwrap();
        let socket = UnixDatagram::unbound().unwrap();
        socket.connect_addr(&address).unwrap();
        socket.send(b"one\ntwo\n").unwrap();
        socket.send(b"three\n").unwrap();
        wait_for_the_rest(&channel, &events);
        let blocks = channel.take();
        assert_eq!(blocks.iter().flat_map(Block::lines).collect::<Vec<_>>(), ["one", "two", "three"]);
        assert!(blocks.iter().all(|block| block.sender == std::process::id()));
    }
}
