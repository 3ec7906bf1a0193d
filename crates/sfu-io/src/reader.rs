//! A thread that reads one UDP socket: TURN's packets for [`Turn`], all others for the workers.

use std::io::PipeReader;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use visavis_sfu::Protocol;

use crate::router::Router;
use crate::segments::Sending;
use crate::turn::{Client, Moment, Reaction, Turn, is_relayed, is_turn};
use crate::udp::{self, UdpSocket, wait};

/// How often allocations are looked at that were not refreshed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct UdpReader {
    /// Each socket with the candidate addresses that packets to it were sent to.
    pub sockets: Arc<Vec<(UdpSocket, Vec<SocketAddr>)>>,
    /// Which of them this thread reads.
    pub index: usize,
    pub router: Arc<Router>,
    pub turn: Option<Arc<Turn>>,
    pub is_stopping: Arc<AtomicBool>,
    /// Readable when it is time to stop.
    pub wake: Arc<PipeReader>,
}

impl UdpReader {
    /// Reads until told to stop.
    pub fn run(self) {
        let (socket, candidates) = &self.sockets[self.index];
        let mut receiver = udp::Receiver::new();
        let mut sorter = self.router.sorter();
        let mut answers = Vec::new();
        let mut sending = Sending::default();
        let mut swept = Instant::now();
        while !self.is_stopping.load(Ordering::Acquire) {
            let received = receiver.receive(socket, |source, payload| match self.turn.as_deref() {
                // Nobody can send from there, but forge it.
                _ if is_relayed(source) => self.router.count_dropped(1),
                Some(turn) if is_turn(payload) => {
                    let client = Client { protocol: Protocol::Udp, address: source, socket: self.index };
                    match turn.handle(Moment::current(), client, payload) {
                        Reaction::Answer(answer) => answers.push((source, answer)),
                        Reaction::Relay { relayed, peer, payload } => {
                            sorter.push(Protocol::Udp, relayed, peer, payload);
                        }
                        Reaction::Ignore => self.router.count_dropped(1),
                    }
                }
                _ => sorter.push(Protocol::Udp, source, candidates[0], payload),
            });
            sorter.deliver();
            if !answers.is_empty() {
                self.router.count_dropped(socket.send(&mut answers, &mut sending));
            }
            if self.index == 0 && swept.elapsed() >= SWEEP_INTERVAL {
                swept = Instant::now();
                self.sweep(swept);
            }
            if received == 0 {
                wait(&[socket.as_raw_fd(), self.wake.as_raw_fd()], libc::POLLIN, 1000);
            }
        }
    }

    fn sweep(&self, now: Instant) {
        for relayed in self.turn.as_ref().map(|turn| turn.expire(now)).unwrap_or_default() {
            self.router.forget_peer(Protocol::Udp, relayed);
        }
    }
}
