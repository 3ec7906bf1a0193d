//! Reads one UDP socket: TURN's packets for [`Turn`], all others for the workers.

use std::io::PipeReader;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use visavis_sfu::{AHEAD, Protocol};

use crate::pace::{IDLE, Pace};
use crate::router::{Router, Sorter};
use crate::segments::Sending;
use crate::turn::{Client, Moment, Reaction, Turn, is_relayed, is_turn};
use crate::udp::{self, BATCH, UdpSocket, wait};

/// How often allocations are looked at that were not refreshed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Batches before what they caused is sent: more makes larger sends, fewer makes them sooner.
const READS_A_TURN: usize = 8;

/// Takes what is read.
pub(crate) trait Taker {
    /// The next come from there.
    fn expect(&mut self, _sources: &[SocketAddr]) {}

    /// A datagram's source, destination and payload.
    fn take(&mut self, source: SocketAddr, destination: SocketAddr, payload: &[u8]);
}

impl Taker for Sorter<'_> {
    fn take(&mut self, source: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        self.push(Protocol::Udp, source, destination, payload);
    }
}

pub(crate) struct UdpReader {
    /// Each socket with the candidate addresses that packets to it were sent to.
    sockets: Arc<Vec<(UdpSocket, Vec<SocketAddr>)>>,
    /// Which of them this reads.
    index: usize,
    router: Arc<Router>,
    turn: Option<Arc<Turn>>,
    receiver: udp::Receiver,
    answers: Vec<(SocketAddr, Vec<u8>)>,
    sending: Sending,
    swept: Instant,
}

impl UdpReader {
    pub fn new(
        sockets: Arc<Vec<(UdpSocket, Vec<SocketAddr>)>>,
        index: usize,
        router: Arc<Router>,
        turn: Option<Arc<Turn>>,
    ) -> Self {
        let (receiver, answers, sending) = (udp::Receiver::new(), Vec::new(), Sending::default());
        Self { sockets, index, router, turn, receiver, answers, sending, swept: Instant::now() }
    }

    /// Reads what waits and gives away what is not TURN's. Returns how many datagrams there were.
    pub fn read(&mut self, taker: &mut impl Taker) -> usize {
        let sockets = self.sockets.clone();
        self.read_from(&sockets[self.index].0, taker)
    }

    /// The same for what may wait, where that comes by itself.
    pub fn read_patient(&mut self, taker: &mut impl Taker) -> usize {
        let sockets = self.sockets.clone();
        sockets[self.index].0.patient().map_or(0, |socket| self.read_from(socket, taker))
    }

    fn read_from(&mut self, from: &impl AsRawFd, taker: &mut impl Taker) -> usize {
        let mut count = 0;
        for _ in 0..READS_A_TURN {
            let received = self.read_batch(from, taker);
            count += received;
            if received < BATCH {
                break;
            }
        }
        count
    }

    fn read_batch(&mut self, from: &impl AsRawFd, taker: &mut impl Taker) -> usize {
        let Self { sockets, index, router, turn, receiver, answers, sending, .. } = self;
        let (socket, candidates) = &sockets[*index];
        let received = receiver.receive(from);
        let mut lots = receiver.sources().chunks(AHEAD);
        for (number, (source, payload)) in receiver.datagrams().enumerate() {
            if number % AHEAD == 0 {
                lots.next().into_iter().for_each(|sources| taker.expect(sources));
            }
            match turn.as_deref() {
                // Nobody can send from there, but forge it.
                _ if is_relayed(source) => router.count_dropped(1),
                Some(turn) if is_turn(payload) => {
                    let client = Client { protocol: Protocol::Udp, address: source, socket: *index };
                    match turn.handle(Moment::current(), client, payload) {
                        Reaction::Answer(answer) => answers.push((source, answer)),
                        Reaction::Relay { relayed, peer, payload } => taker.take(relayed, peer, payload),
                        Reaction::Ignore => router.count_dropped(1),
                    }
                }
                _ => taker.take(source, candidates[0], payload),
            }
        }
        if !answers.is_empty() {
            router.count_dropped(socket.send(answers, sending));
        }
        received
    }

    /// What to wait for where that comes.
    pub fn patient_descriptor(&self) -> Option<RawFd> {
        self.sockets[self.index].0.patient().map(AsRawFd::as_raw_fd)
    }

    /// Forgets the allocations that were not refreshed; to be called about once a second.
    pub fn sweep(&mut self) {
        if self.index != 0 || self.swept.elapsed() < SWEEP_INTERVAL {
            return;
        }
        self.swept = Instant::now();
        for relayed in self.turn.as_ref().map(|turn| turn.expire(self.swept)).unwrap_or_default() {
            self.router.forget_peer(Protocol::Udp, relayed);
        }
    }

    /// How many packets that may wait have room, however large the kernel thinks of them.
    pub fn patient_capacity(&self) -> usize {
        self.sockets[self.index].0.patient().map_or(usize::MAX, udp::capacity)
    }

    /// Reads for the workers until told to stop, on a thread of its own; `wake` is readable when it is time to look.
    pub fn run(mut self, is_stopping: &AtomicBool, wake: &PipeReader) {
        let router = self.router.clone();
        let mut sorter = router.sorter();
        let mut pace = Pace::new(Instant::now(), self.patient_capacity());
        while !is_stopping.load(Ordering::Acquire) {
            thread::sleep(pace.rest(Instant::now()));
            let began = Instant::now();
            let received = self.read(&mut sorter);
            let mut patient = 0;
            if router.has_newcomers(began) || pace.is_patient_due(began) {
                patient = self.read_patient(&mut sorter);
                pace.fetched_patient(began, patient);
            }
            sorter.deliver();
            self.sweep();
            if received > 0 {
                pace.turn(began, received);
            } else if patient == 0 {
                let now = Instant::now();
                let rest = pace.patience(now).filter(|_| !router.has_newcomers(now));
                // The kernel passes over what is negative.
                let patient = self.patient_descriptor().filter(|_| rest.is_none()).unwrap_or(-1);
                let milliseconds = rest.unwrap_or(IDLE).as_millis() as i32 + 1;
                wait(&[self.as_raw_fd(), wake.as_raw_fd(), patient], libc::POLLIN, milliseconds);
            }
        }
    }
}

impl AsRawFd for UdpReader {
    fn as_raw_fd(&self) -> RawFd {
        self.sockets[self.index].0.as_raw_fd()
    }
}
