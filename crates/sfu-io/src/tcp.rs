//! ICE-TCP: passive candidates. One thread accepts, reads, takes frames apart, and writes what workers hand over.

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use visavis_sfu::{Protocol, is_request};

use crate::framing::{FrameReader, frame};
use crate::router::Router;

const MAX_CONNECTIONS: usize = 1000;
const MAX_CONNECTIONS_OF_ADDRESS: usize = 64;
/// Until then a connection must have sent a STUN request …
const FIRST_FRAME: Duration = Duration::from_secs(10);
/// … and until then one that was right.
const AUTHENTICATED: Duration = Duration::from_secs(20);
/// About a second of video; who is further behind is better served by a new start.
const MAX_UNSENT_BYTES: usize = 1 << 20;
const MAX_QUEUED_FRAMES: usize = 8192;
const READ_BYTES: usize = 64 << 10;
/// Reads from one connection before the others have their turn.
const READS_A_TURN: usize = 8;

const WAKER: Token = Token(usize::MAX);

/// How workers send over TCP connections.
#[derive(Debug, Clone)]
pub(crate) struct TcpSender {
    frames: Sender<(SocketAddr, Vec<u8>)>,
    waker: Arc<Waker>,
}

impl TcpSender {
    /// Queues a packet; false if there is no room.
    pub fn send(&self, to: SocketAddr, packet: &[u8]) -> bool {
        let Some(framed) = frame(packet) else { return false };
        let was_empty = self.frames.is_empty();
        let is_queued = self.frames.try_send((to, framed)).is_ok();
        if was_empty && is_queued {
            // Without the wake the packet waits for the next turn.
            let _ = self.waker.wake();
        }
        is_queued
    }

    /// Has the thread look whether it shall stop.
    pub fn wake(&self) {
        let _ = self.waker.wake();
    }
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    /// Our candidate address that the peer connected to.
    local: SocketAddr,
    reader: FrameReader,
    unsent: VecDeque<u8>,
    since: Instant,
    has_spoken: bool,
    is_authenticated: bool,
}

/// The thread's state.
pub(crate) struct TcpServer {
    poll: Poll,
    /// Each listener with the candidate address that stands for it.
    listeners: Vec<(TcpListener, SocketAddr)>,
    connections: HashMap<Token, Connection>,
    by_peer: HashMap<SocketAddr, Token>,
    /// Edge-triggered readiness that a turn did not use up.
    unread: VecDeque<Token>,
    next_token: usize,
    frames: Receiver<(SocketAddr, Vec<u8>)>,
    /// Kept, as with the last of its owners a wake that was not noticed yet would go too.
    _waker: Arc<Waker>,
    router: Arc<Router>,
    is_stopping: Arc<AtomicBool>,
}

impl TcpServer {
    /// Serves listeners that are bound already.
    pub fn new(
        listeners: Vec<(std::net::TcpListener, SocketAddr)>,
        router: Arc<Router>,
        is_stopping: Arc<AtomicBool>,
    ) -> io::Result<(Self, TcpSender)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (sender, frames) = crossbeam_channel::bounded(MAX_QUEUED_FRAMES);
        let mut registered = Vec::new();
        for (index, (listener, candidate)) in listeners.into_iter().enumerate() {
            listener.set_nonblocking(true)?;
            let mut listener = TcpListener::from_std(listener);
            poll.registry().register(&mut listener, Token(index), Interest::READABLE)?;
            registered.push((listener, candidate));
        }
        let server = Self {
            next_token: registered.len(),
            poll,
            listeners: registered,
            connections: HashMap::new(),
            by_peer: HashMap::new(),
            unread: VecDeque::new(),
            frames,
            _waker: waker.clone(),
            router,
            is_stopping,
        };
        Ok((server, TcpSender { frames: sender, waker }))
    }

    /// Serves until told to stop.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(256);
        while !self.is_stopping.load(Ordering::Acquire) {
            let wait = if self.unread.is_empty() { Duration::from_secs(1) } else { Duration::ZERO };
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != ErrorKind::Interrupted
            {
                tracing::error!(%error, "ICE-TCP stops: its poll failed");
                return;
            }
            let ready: Vec<_> = events.iter().map(|event| (event.token(), event.is_writable())).collect();
            for (token, is_writable) in ready {
                if token.0 < self.listeners.len() {
                    self.accept(token.0);
                } else if token != WAKER {
                    if is_writable {
                        self.write(token);
                    }
                    self.unread.push_back(token);
                }
            }
            for _ in 0..self.unread.len() {
                if let Some(token) = self.unread.pop_front() {
                    self.read(token);
                }
            }
            self.send_queued();
            self.close_overdue();
        }
        // What workers said last (their goodbyes) still goes out, as far as the kernel takes it.
        self.send_queued();
    }

    fn accept(&mut self, index: usize) {
        // Edge-triggered: until there are none left.
        loop {
            let (listener, candidate) = &self.listeners[index];
            let candidate = *candidate;
            match listener.accept() {
                Ok((stream, peer)) => self.admit(stream, peer, candidate),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(error) => {
                    // Out of descriptors: those that wait stay in the backlog until something is closed.
                    tracing::warn!(%error, "an ICE-TCP connection could not be accepted");
                    return;
                }
            }
        }
    }

    fn admit(&mut self, mut stream: TcpStream, peer: SocketAddr, local: SocketAddr) {
        let of_address = self.by_peer.keys().filter(|other| other.ip() == peer.ip()).count();
        if !has_room(self.connections.len(), of_address, peer.ip()) {
            return; // dropping the stream closes it
        }
        let token = Token(self.next_token);
        self.next_token += 1;
        // Packets, not a stream: waiting to fill segments would only add delay.
        let _ = stream.set_nodelay(true);
        if self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE).is_err() {
            return;
        }
        self.by_peer.insert(peer, token);
        self.connections.insert(
            token,
            Connection {
                stream,
                peer,
                local,
                reader: FrameReader::default(),
                unsent: VecDeque::new(),
                since: Instant::now(),
                has_spoken: false,
                is_authenticated: false,
            },
        );
    }

    fn read(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let mut sorter = self.router.sorter();
        let mut buffer = [0; READ_BYTES];
        let mut is_open = true;
        for turn in 0..=READS_A_TURN {
            if turn == READS_A_TURN {
                self.unread.push_back(token);
                break;
            }
            match connection.stream.read(&mut buffer) {
                Ok(0) => is_open = false,
                Ok(length) => {
                    connection.reader.push(&buffer[..length]);
                    while let Some(packet) = connection.reader.next_frame() {
                        if !connection.has_spoken && !is_request(packet) {
                            is_open = false; // no ICE client: whatever it is, it is not for us
                            break;
                        }
                        connection.has_spoken = true;
                        sorter.push(Protocol::Tcp, connection.peer, connection.local, packet);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => is_open = false,
            }
            if !is_open {
                break;
            }
        }
        sorter.deliver();
        if !is_open {
            self.close(token);
        }
    }

    fn send_queued(&mut self) {
        for _ in 0..MAX_QUEUED_FRAMES {
            let Ok((peer, framed)) = self.frames.try_recv() else { return };
            let Some(token) = self.by_peer.get(&peer).copied() else {
                self.router.count_dropped(1);
                continue;
            };
            let Some(connection) = self.connections.get_mut(&token) else { continue };
            if connection.unsent.len() + framed.len() > MAX_UNSENT_BYTES {
                tracing::info!("an ICE-TCP peer does not read and is dropped");
                self.close(token);
                continue;
            }
            connection.unsent.extend(framed);
            self.write(token);
        }
    }

    fn write(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        while !connection.unsent.is_empty() {
            let (front, _) = connection.unsent.as_slices();
            match connection.stream.write(front) {
                Ok(written) => drop(connection.unsent.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.close(token);
                    return;
                }
            }
        }
    }

    fn close_overdue(&mut self) {
        let now = Instant::now();
        let mut overdue = Vec::new();
        for (token, connection) in &mut self.connections {
            if connection.is_authenticated {
                continue;
            }
            let age = now.duration_since(connection.since);
            if age >= AUTHENTICATED {
                connection.is_authenticated = self.router.knows(Protocol::Tcp, connection.peer);
            }
            if (age >= FIRST_FRAME && !connection.has_spoken) || (age >= AUTHENTICATED && !connection.is_authenticated)
            {
                overdue.push(*token);
            }
        }
        for token in overdue {
            self.close(token);
        }
    }

    fn close(&mut self, token: Token) {
        let Some(mut connection) = self.connections.remove(&token) else { return };
        let _ = self.poll.registry().deregister(&mut connection.stream);
        if self.by_peer.get(&connection.peer) == Some(&token) {
            self.by_peer.remove(&connection.peer);
        }
        self.router.forget_peer(Protocol::Tcp, connection.peer);
    }
}

/// Whether one more connection fits. Loopback is a reverse proxy or a test, with many behind one address.
fn has_room(connections: usize, of_address: usize, address: IpAddr) -> bool {
    connections < MAX_CONNECTIONS && (address.is_loopback() || of_address < MAX_CONNECTIONS_OF_ADDRESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::Batch;
    use crate::router::tests::request;

    struct Served {
        address: SocketAddr,
        sender: TcpSender,
        inbox: Receiver<Batch>,
        is_stopping: Arc<AtomicBool>,
        thread: Option<std::thread::JoinHandle<()>>,
    }

    impl Drop for Served {
        fn drop(&mut self) {
            self.is_stopping.store(true, Ordering::Release);
            self.sender.wake();
            self.thread.take().map(std::thread::JoinHandle::join);
        }
    }

    fn serve() -> Served {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (channel, inbox) = crossbeam_channel::bounded(64);
        let router = Arc::new(Router::new(vec![channel]));
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (server, sender) = TcpServer::new(vec![(listener, address)], router, is_stopping.clone()).expect("a poll");
        let thread = Some(std::thread::spawn(|| server.run()));
        Served { address, sender, inbox, is_stopping, thread }
    }

    fn connect(served: &Served) -> std::net::TcpStream {
        let stream = std::net::TcpStream::connect(served.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("not zero");
        stream
    }

    #[test]
    fn frames_go_both_ways() {
        let served = serve();
        let mut client = connect(&served);
        let packet = request(b"00ab:cd");
        client.write_all(&frame(&packet).expect("short")).expect("connected");
        let batch = served.inbox.recv_timeout(Duration::from_secs(5)).expect("a packet");
        let (protocol, source, destination, payload) = batch.iter().next().expect("a packet");
        assert_eq!(
            (protocol, source, destination, payload),
            (Protocol::Tcp, client.local_addr().expect("connected"), served.address, &packet[..])
        );
        assert!(served.sender.send(source, b"hello"));
        let mut answer = [0; 7];
        client.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"\0\x05hello");
    }

    #[test]
    fn who_does_not_begin_with_a_request_is_closed() {
        let served = serve();
        let mut client = connect(&served);
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("connected");
        // 0x4745 bytes are announced by "GE": nothing comes of it until as much is there
        client.write_all(&[b'x'; 0x4745]).expect("connected");
        let end = client.read(&mut [0; 8]);
        assert!(!matches!(end, Ok(1..)), "closed or reset, not {end:?}");
    }

    #[test]
    fn who_does_not_read_is_dropped() {
        let served = serve();
        let mut client = connect(&served);
        client.write_all(&frame(&request(b"00ab:cd")).expect("short")).expect("connected");
        served.inbox.recv_timeout(Duration::from_secs(5)).expect("a packet");
        let peer = client.local_addr().expect("connected");
        let deadline = Instant::now() + Duration::from_secs(10);
        // The kernel's buffers take some megabytes before ours begins to fill.
        let packet = [7; 60_000];
        let mut is_closed = false;
        while !is_closed && Instant::now() < deadline {
            for _ in 0..64 {
                served.sender.send(peer, &packet);
            }
            client.set_nonblocking(true).expect("a socket");
            is_closed = client.write(&[0, 1, 9]).is_err_and(|error| error.kind() != ErrorKind::WouldBlock);
        }
        assert!(is_closed, "a peer that never read was kept");
    }

    #[test]
    fn one_address_gets_so_many_connections_unless_it_is_loopback() {
        let far = IpAddr::from([192, 0, 2, 1]);
        assert!(has_room(0, MAX_CONNECTIONS_OF_ADDRESS - 1, far));
        assert!(!has_room(0, MAX_CONNECTIONS_OF_ADDRESS, far));
        assert!(has_room(0, MAX_CONNECTIONS_OF_ADDRESS, IpAddr::from([127, 0, 0, 1])));
        assert!(!has_room(MAX_CONNECTIONS, 0, IpAddr::from([127, 0, 0, 1])));
    }
}
