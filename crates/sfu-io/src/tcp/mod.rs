//! ICE-TCP's passive candidates, and TURN on streams. One thread accepts, reads, and writes what workers hand over.

mod connection;
#[cfg(test)]
mod tests;
pub(crate) mod tls;

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use visavis_sfu::Protocol;

use crate::framing::frame;
use crate::router::{Router, Sorter};
use crate::turn::{Client, Moment, Reaction, Turn};
use connection::{Connection, Incoming, Offer};

/// A client may have a handful: two peer connections, each with ICE-TCP and TURN, over a few interfaces.
const MAX_CONNECTIONS: usize = 4096;
const MAX_CONNECTIONS_OF_ADDRESS: usize = 256;
/// Until then a connection must have sent a STUN request …
const FIRST_FRAME: Duration = Duration::from_secs(10);
/// … and until then one that was right.
const AUTHENTICATED: Duration = Duration::from_secs(20);
/// About a second of video; who is further behind is better served by a new start.
const MAX_UNSENT_BYTES: usize = 1 << 20;
const MAX_QUEUED_FRAMES: usize = 8192;
const READ_BYTES: usize = 64 << 10;
/// How often it is looked who has been silent for too long.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
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
    /// Queues a packet for an ICE-TCP peer; false if there is no room.
    pub fn send(&self, to: SocketAddr, packet: &[u8]) -> bool {
        frame(packet).is_some_and(|framed| self.send_bytes(to, framed))
    }

    /// Queues bytes as they are; false if there is no room.
    pub fn send_bytes(&self, to: SocketAddr, bytes: Vec<u8>) -> bool {
        let was_empty = self.frames.is_empty();
        let is_queued = self.frames.try_send((to, bytes)).is_ok();
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
    turn: Option<Arc<Turn>>,
    offer: Offer,
    swept: Instant,
    is_stopping: Arc<AtomicBool>,
}

impl TcpServer {
    /// Serves listeners that are bound already: ICE-TCP, and TURN if it is given, within TLS too if that is given.
    pub fn new(
        listeners: Vec<(std::net::TcpListener, SocketAddr)>,
        router: Arc<Router>,
        turn: Option<Arc<Turn>>,
        tls: Option<Arc<rustls::ServerConfig>>,
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
            offer: Offer { turn: turn.is_some(), tls },
            turn,
            swept: Instant::now(),
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
        self.connections.insert(token, Connection::new(stream, peer, local, Instant::now()));
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
                    let turn = self.turn.as_deref();
                    is_open = connection.receive(&buffer[..length], &self.offer, |connection, packet| {
                        handle(connection, packet, turn, &mut sorter);
                    });
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
        // Answers of TURN and of TLS.
        if !connection.flush() || !is_open {
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
            if connection.unsent() + framed.len() > MAX_UNSENT_BYTES {
                tracing::info!("an ICE-TCP peer does not read and is dropped");
                self.close(token);
                continue;
            }
            connection.queue(&framed);
            self.write(token);
        }
    }

    fn write(&mut self, token: Token) {
        if self.connections.get_mut(&token).is_some_and(|connection| !connection.flush()) {
            self.close(token);
        }
    }

    fn close_overdue(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.swept) < SWEEP_INTERVAL {
            return;
        }
        self.swept = now;
        let mut overdue = Vec::new();
        for (token, connection) in &mut self.connections {
            if connection.speaks_turn() {
                // For as long as it has an allocation, and a while longer to make one.
                if self.turn.as_ref().is_some_and(|turn| turn.knows(&client_of(connection))) {
                    connection.since = now;
                }
            } else if connection.is_authenticated {
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
        if let Some(turn) = self.turn.as_ref().filter(|_| connection.speaks_turn()) {
            turn.forget(&client_of(&connection));
        }
    }
}

fn handle(connection: &mut Connection, packet: Incoming<'_>, turn: Option<&Turn>, sorter: &mut Sorter<'_>) {
    match packet {
        Incoming::Ice(packet) => sorter.push(Protocol::Tcp, connection.peer, connection.local, packet),
        Incoming::Turn(packet) => {
            let Some(turn) = turn else { return };
            match turn.handle(Moment::current(), client_of(connection), packet) {
                Reaction::Answer(answer) if connection.unsent() + answer.len() <= MAX_UNSENT_BYTES => {
                    connection.queue(&answer);
                }
                Reaction::Relay { relayed, peer, payload } => sorter.push(Protocol::Udp, relayed, peer, payload),
                Reaction::Answer(_) | Reaction::Ignore => {}
            }
        }
    }
}

fn client_of(connection: &Connection) -> Client {
    Client { protocol: Protocol::Tcp, address: connection.peer, socket: 0 }
}

/// Whether one more connection fits. Loopback is a reverse proxy or a test, with many behind one address.
fn has_room(connections: usize, of_address: usize, address: IpAddr) -> bool {
    connections < MAX_CONNECTIONS && (address.is_loopback() || of_address < MAX_CONNECTIONS_OF_ADDRESS)
}
