//! The thread on real sockets of loopback.

use std::io::Write;

use super::*;
use crate::inbox::tests::queue;
use crate::router::tests::request;
use crate::router::{Arrivals, Batch};

struct Served {
    address: SocketAddr,
    sender: TcpSender,
    inbox: Receiver<Arrivals>,
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

impl Served {
    /// The next packets that came in.
    fn batch(&self) -> Batch {
        match self.inbox.recv_timeout(Duration::from_secs(5)) {
            Ok(Arrivals::Read(batch)) => batch,
            other => panic!("{other:?} is no packet of a client"),
        }
    }
}

fn serve() -> Served {
    serve_with(None)
}

fn serve_with(turn: Option<Arc<Turn>>) -> Served {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (channel, inbox) = queue(64);
    let router = Arc::new(Router::new(vec![channel]));
    let is_stopping = Arc::new(AtomicBool::new(false));
    let (server, sender) =
        TcpServer::new(vec![(listener, address)], router, turn, None, is_stopping.clone()).expect("a poll");
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
    let batch = served.batch();
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
    served.batch();
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

/// What a TURN client that has no credentials yet begins with.
fn allocate() -> Vec<u8> {
    let mut request = vec![0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42];
    request.extend([9; 12]);
    request.extend([0, 0x19, 0, 4, 17, 0, 0, 0]);
    request
}

#[test]
fn turn_on_the_same_port_is_answered_in_its_own_framing() {
    let served = serve_with(Some(Arc::new(Turn::new(b"secret", vec![]))));
    let mut client = connect(&served);
    // In pieces, as a stream may come.
    for piece in allocate().chunks(5) {
        client.write_all(piece).expect("connected");
    }
    let mut answer = [0; 28];
    client.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer[..2], [1, 0x13], "an error to Allocate");
    assert_eq!(answer[20..28], [0, 9, 0, 4, 0, 0, 4, 1], "401, without words");
}

#[test]
fn turn_is_closed_where_it_is_not_served_and_where_it_is_no_turn() {
    let turn = Some(Arc::new(Turn::new(b"secret", vec![])));
    let nonsense = [&allocate()[..], &[0xff; 8]].concat();
    for (served, sent) in [(serve(), allocate()), (serve_with(turn), nonsense)] {
        let mut client = connect(&served);
        client.write_all(&sent).expect("connected");
        let mut rest = Vec::new();
        let end = client.read_to_end(&mut rest);
        assert!(end.is_ok() || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset), "it was kept");
    }
}
