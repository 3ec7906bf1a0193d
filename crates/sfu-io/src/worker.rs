//! A worker thread: one shard of rooms, fed from its inboxes, sending by itself.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::TryRecvError;
use visavis_egress::Path;
use visavis_sfu::{Command, Event, Parcel, Protocol, ReliableSequence, Shard, ShardConfig, Stats, Transmit};

use crate::cpu::thread_time;
use crate::inbox::{Inbox, Post, Waited};
use crate::outbox::Outbox;
use crate::pace::{IDLE, Pace};
use crate::parcels::Parcels;
use crate::reader::{Taker, UdpReader};
use crate::router::{Arrivals, Router};
use crate::segments::Sending;
use crate::tcp::TcpSender;
use crate::turn::{Client, Turn, is_relayed};
use crate::udp::UdpSocket;

/// Batches handled before what they caused is sent: more makes larger sends, fewer makes them sooner.
const BATCHES_A_TURN: usize = 16;
const COMMANDS_A_TURN: usize = 256;
/// How old the counters that others read may be.
const STATS_INTERVAL: Duration = Duration::from_millis(100);

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum Order {
    Command(Command, Option<ReliableSequence>),
    /// For a participant of that worker.
    PassOn(u16, Command),
    /// From that worker.
    Relayed(u16, Parcel),
    Stop,
}

pub(crate) type WorkerInbox = Inbox<Order, Arrivals>;

/// What a worker shares with the rest of the process.
pub(crate) struct Surroundings {
    pub router: Arc<Router>,
    pub outbox: Arc<Outbox>,
    pub parcels: Parcels,
    /// Each UDP socket with the candidate addresses that packets to it were sent to.
    pub udp: Arc<Vec<(UdpSocket, Vec<SocketAddr>)>>,
    /// Those that this worker reads itself.
    pub readers: Vec<UdpReader>,
    pub tcp: Option<TcpSender>,
    pub turn: Option<Arc<Turn>>,
    pub stats: Arc<Mutex<Stats>>,
    /// Processor time of the thread, in microseconds.
    pub cpu: Arc<AtomicU64>,
    /// The participants that this worker has.
    pub participants: Box<dyn Fn() -> Vec<String> + Send>,
}

impl Surroundings {
    /// The index of the socket that sends from a candidate's address.
    fn socket_of(&self, source: SocketAddr) -> usize {
        self.udp.iter().position(|(_, candidates)| candidates.contains(&source)).unwrap_or_default()
    }

    fn send_by_tcp(&self, destination: SocketAddr, packet: &[u8]) {
        if let Some(tcp) = &self.tcp
            && !tcp.send(destination, packet)
        {
            self.router.count_dropped(1);
        }
    }
}

pub(crate) struct Worker {
    config: ShardConfig,
    shard: Shard,
    around: Surroundings,
    waited: Waited,
    /// Waits for nothing but the bell.
    deaf: Waited,
    pace: Pace,
    outgoing: Vec<Vec<(SocketAddr, Vec<u8>)>>,
    sending: Sending,
    stats_told: Instant,
    /// Of the shards that panicked before this one.
    former: Stats,
}

/// What is read in a turn.
struct Arriving<'a> {
    shard: &'a mut Shard,
    now: Instant,
}

impl Taker for Arriving<'_> {
    fn expect(&mut self, sources: &[SocketAddr]) {
        self.shard.expect(Protocol::Udp, sources);
    }

    fn take(&mut self, source: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        self.shard.handle_datagram(self.now, Protocol::Udp, source, destination, payload);
    }
}

impl Worker {
    pub fn new(config: ShardConfig, around: Surroundings) -> Self {
        let now = Instant::now();
        let outgoing = around.udp.iter().map(|_| Vec::new()).collect();
        let shard = Shard::new(config.clone(), now);
        let sending = Sending::default();
        let capacity = around.readers.iter().map(UdpReader::patient_capacity).min().unwrap_or(usize::MAX);
        let patient = around.readers.iter().filter_map(UdpReader::patient_descriptor);
        let waited = Waited::new(around.readers.iter().map(AsRawFd::as_raw_fd), patient);
        Self {
            config,
            shard,
            around,
            waited,
            deaf: Waited::new([], []),
            pace: Pace::new(now, capacity),
            outgoing,
            sending,
            stats_told: now,
            former: Stats::default(),
        }
    }

    /// Works until told to stop.
    pub fn run(mut self, inbox: &WorkerInbox) {
        loop {
            let step = catch_unwind(AssertUnwindSafe(|| self.turn(inbox)));
            match step {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => self.start_anew(),
            }
        }
        // At the end nobody is left to be told of a panic.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let now = Instant::now();
            self.shard.close(now);
            self.shard.flush(now);
            self.send();
            // Whoever asked in the last moment, and what came of those who were here.
            self.around.outbox.push(std::iter::from_fn(|| self.shard.poll_event()));
        }));
    }

    /// One turn of the loop; false: stop.
    fn turn(&mut self, inbox: &WorkerInbox) -> bool {
        let deadline = self.shard.poll_timeout();
        let left = || deadline.map_or(IDLE, |deadline| deadline.saturating_duration_since(Instant::now()).min(IDLE));
        let now = Instant::now();
        let is_calm = self.shard.is_calm(now);
        if is_calm {
            // Timers wait as well: none is that precise now.
            let rest = self.pace.calm_rest(now);
            if !rest.is_zero() {
                inbox.wait(&mut self.deaf, rest);
            }
        } else {
            thread::sleep(self.pace.rest(now).min(left()));
        }
        let now = Instant::now();
        // Where all is calm, it has waited already.
        let patience = self.pace.patience(now).filter(|_| !is_calm && now >= self.shard.newcomers_until());
        self.waited.set_patient(patience.is_some());
        inbox.wait(&mut self.waited, left().min(patience.unwrap_or(IDLE)));
        if self.waited.has_readable() || !inbox.packets.is_empty() {
            thread::sleep(self.pace.linger().min(left()));
        }
        let now = Instant::now();
        let mut had_orders = false;
        for _ in 0..COMMANDS_A_TURN {
            match inbox.orders.try_recv() {
                Ok(Order::Command(command, sequence)) => self.shard.handle_command(now, command, sequence),
                Ok(Order::PassOn(worker, command)) => self.shard.pass_on(now, worker, command),
                Ok(Order::Relayed(worker, parcel)) => self.shard.handle_relay(now, worker, parcel),
                // Or the engine is gone without saying so.
                Ok(Order::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => break,
            }
            had_orders = true;
        }
        let mut packets = self.take_packets(inbox, now);
        if let Some((moment, receivers)) = self.pace.rest_of_frame()
            && self.shard.awaits_rest(receivers)
        {
            thread::sleep(moment.min(left()));
            packets += self.take_packets(inbox, Instant::now());
        }
        self.pace.turn(now, packets);
        // In portions, so that the first need not wait for the last, and what is sealed is sent from the cache.
        let (mut sent, mut receivers) = (0, 0);
        while self.shard.fan_out_some(now) {
            self.tell_others();
            let (packets, to) = self.send_media();
            (sent, receivers) = (sent + packets, receivers + to);
        }
        self.read_patient(patience.is_some());
        if self.shard.poll_timeout().is_some_and(|timeout| timeout <= now) {
            self.shard.handle_timeout(now);
        }
        self.shard.flush(now);
        self.tell_others();
        self.around.router.expect_newcomers(self.shard.newcomers_until());
        let (packets, to) = self.send();
        self.pace.sent(Instant::now(), sent + packets, receivers + to);
        self.around.outbox.push(std::iter::from_fn(|| self.shard.poll_event()));
        if had_orders || now.duration_since(self.stats_told) >= STATS_INTERVAL {
            self.stats_told = now;
            self.tell_stats();
        }
        true
    }

    /// Tells others what concerns them.
    fn tell_others(&mut self) {
        // Before our own packets, so that the others can send theirs meanwhile.
        while let Some((worker, parcel)) = self.shard.poll_relay() {
            self.around.parcels.send(&self.around.router, worker, parcel);
        }
        // Routes before packets: the answer to the packet that we send now may arrive at once.
        while let Some(route) = self.shard.poll_route() {
            self.around.router.apply(self.config.index, route);
        }
    }

    /// Gives the shard what has come; returns how many packets that was.
    fn take_packets(&mut self, inbox: &WorkerInbox, now: Instant) -> usize {
        let mut packets = self.read(now);
        for arrivals in inbox.packets.try_iter().take(BATCHES_A_TURN) {
            match arrivals {
                Arrivals::Read(batch) => {
                    packets += batch.len();
                    for (protocol, source, destination, payload) in batch.iter() {
                        self.shard.handle_datagram(now, protocol, source, destination, payload);
                    }
                }
                Arrivals::Relayed(worker, media) => {
                    packets += media.len();
                    self.shard.handle_relay(now, worker, Parcel::Media(media));
                }
            }
        }
        packets
    }

    /// Reads from the sockets that are this worker's; returns how many packets there were.
    fn read(&mut self, now: Instant) -> usize {
        let mut packets = 0;
        for (index, reader) in self.around.readers.iter_mut().enumerate() {
            reader.sweep();
            if self.waited.is_readable(index) {
                packets += reader.read(&mut Arriving { shard: &mut self.shard, now });
            }
        }
        packets
    }

    /// Reads what may wait, once it has if it does.
    fn read_patient(&mut self, waits: bool) {
        if !self.waited.may_have_patient() {
            return;
        }
        // Media has been sent meanwhile, which this may be about.
        let now = Instant::now();
        if waits && !self.pace.is_patient_due(now) {
            return;
        }
        let mut arriving = Arriving { shard: &mut self.shard, now };
        let packets = self.around.readers.iter_mut().map(|reader| reader.read_patient(&mut arriving)).sum();
        self.pace.fetched_patient(now, packets);
    }

    /// Sends all that waits. Returns how many packets of media to how many receivers.
    fn send(&mut self) -> (usize, usize) {
        while let Some(transmit) = self.shard.poll_transmit() {
            self.send_copied(transmit);
        }
        let media = self.send_media();
        for ((socket, _), packets) in self.around.udp.iter().zip(&mut self.outgoing) {
            if !packets.is_empty() {
                let lost = socket.send(packets, &mut self.sending);
                self.around.router.count_dropped(lost);
            }
        }
        media
    }

    fn send_copied(&mut self, transmit: Transmit) {
        if is_relayed(transmit.destination) {
            return self.send_relayed(transmit.source, transmit.destination, &transmit.payload);
        }
        match transmit.protocol {
            Protocol::Udp => {
                let socket = self.around.socket_of(transmit.source);
                self.outgoing[socket].push((transmit.destination, transmit.payload));
            }
            Protocol::Tcp => self.around.send_by_tcp(transmit.destination, &transmit.payload),
        }
    }

    /// What the shard has sealed goes out from where it is; only what is wrapped once more is copied.
    /// Returns how many packets to how many receivers.
    fn send_media(&mut self) -> (usize, usize) {
        let media = self.shard.take_media();
        let (packets, receivers) = (media.len(), media.receivers());
        let is_direct = |path: &Path| !path.is_tcp && !is_relayed(path.destination);
        for (index, (socket, _)) in self.around.udp.iter().enumerate() {
            let runs = media.runs().filter(|(path, _)| is_direct(path) && self.around.socket_of(path.source) == index);
            let lost = socket.send_runs(runs.map(|(path, packets)| (path.destination, packets)), &mut self.sending);
            self.around.router.count_dropped(lost);
        }
        for (path, packets) in media.runs().filter(|(path, _)| !is_direct(path)) {
            for packet in packets {
                if is_relayed(path.destination) {
                    self.send_relayed(path.source, path.destination, packet);
                } else {
                    self.around.send_by_tcp(path.destination, packet);
                }
            }
        }
        self.shard.give_back_media(media);
        (packets, receivers)
    }

    /// What goes to an address that TURN has given away goes to the client that has it.
    fn send_relayed(&mut self, source: SocketAddr, relayed: SocketAddr, payload: &[u8]) {
        let Some(turn) = &self.around.turn else { return };
        let wrapped = turn.wrap(Instant::now(), source, relayed, payload);
        let is_sent = match wrapped {
            Some((Client { protocol: Protocol::Udp, socket, address }, packet)) => {
                self.outgoing[socket].push((address, packet));
                true
            }
            Some((client, bytes)) => self.around.tcp.as_ref().is_some_and(|tcp| tcp.send_bytes(client.address, bytes)),
            None => false,
        };
        if !is_sent {
            self.around.router.count_dropped(1);
        }
    }

    fn tell_stats(&self) {
        let mut stats = add(self.former, self.shard.stats());
        (stats.participants, stats.rooms) = (self.shard.stats().participants, self.shard.stats().rooms);
        *self.around.stats.lock().expect("nothing panics while it holds the counters") = stats;
        let micros = u64::try_from(thread_time().as_micros()).unwrap_or(u64::MAX);
        self.around.cpu.store(micros, Ordering::Relaxed);
    }

    /// The shard has panicked and is not to be trusted: its rooms are lost, those of other workers are not.
    fn start_anew(&mut self) {
        let failed = (self.around.participants)();
        tracing::error!(worker = self.config.index, participants = failed.len(), "a worker panicked and starts anew");
        // What it counted may itself be what panics.
        let counted = catch_unwind(AssertUnwindSafe(|| self.shard.stats())).unwrap_or_default();
        self.former = add(self.former, counted);
        self.former.panics += 1;
        let fresh = Shard::new(self.config.clone(), Instant::now());
        let broken = std::mem::replace(&mut self.shard, fresh);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(broken)));
        self.outgoing.iter_mut().for_each(Vec::clear);
        self.around.router.forget_worker(self.config.index);
        self.around.parcels.tell_lost(&self.around.router);
        let reason = "the media worker of this room failed and was started anew";
        self.around.outbox.push(
            failed.into_iter().map(|participant| Event::ParticipantFailed { participant, reason: reason.into() }),
        );
        self.tell_stats();
    }
}

/// The sum of two workers' counters.
pub(crate) fn add(one: Stats, other: Stats) -> Stats {
    Stats {
        packets_in: one.packets_in + other.packets_in,
        packets_out: one.packets_out + other.packets_out,
        bytes_in: one.bytes_in + other.bytes_in,
        bytes_out: one.bytes_out + other.bytes_out,
        packets_dropped: one.packets_dropped + other.packets_dropped,
        participants: one.participants + other.participants,
        rooms: one.rooms + other.rooms,
        panics: one.panics + other.panics,
    }
}

/// The way to a worker's thread.
#[derive(Debug, Clone)]
pub(crate) struct WorkerHandle {
    pub orders: Post<Order>,
    pub stats: Arc<Mutex<Stats>>,
    pub cpu: Arc<AtomicU64>,
}
