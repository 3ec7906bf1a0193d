//! A thread with its participants: waits for sockets, for timers of connections and for what is to be sent.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use prost::Message as _;
use str0m::Event;
use tungstenite::WebSocket;

use crate::connection::Connection;
use crate::meeting::Seats;
use crate::participant::Participant;
use crate::plan::ParticipantPlan;
use crate::signal::{DataPacket, UserPacket};
use crate::source::{Content, Source};
use crate::stamp::{MEASURED, Stamp};
use visavis_bench::socket::{Buffers, wall_nanoseconds};

/// Before, during (`MEASURED`) and after the measured time.
pub static PHASE: AtomicU8 = AtomicU8::new(0);
const WAKER: Token = Token(usize::MAX);
/// Sockets of a participant: its WebSocket, publisher, subscriber.
const SOCKETS: usize = 3;
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// Who is later than this sends no more what it missed.
const LATEST: Duration = Duration::from_secs(1);

pub enum Command {
    Join(Box<Joining>),
    /// All are there: the meeting begins.
    Begin,
    Finish,
    Leave,
}

pub struct Joining {
    pub index: usize,
    pub plan: ParticipantPlan,
    pub websocket: WebSocket<TcpStream>,
    pub sources: Vec<Source>,
    pub connections: (Connection, Connection),
    pub dialled: Instant,
}

pub enum Report {
    /// Both connections are up, after so many milliseconds.
    Joined(f64),
    /// All that was expected has come, the first of it after so many milliseconds.
    Ready(Option<f64>),
    Failed(usize, String),
    Finished(Box<Outcome>),
}

/// What a worker saw in the measured time.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Packets that were sent, by source and layer.
    pub sent: HashMap<u32, Vec<u64>>,
    pub subscriptions: Vec<Subscription>,
    /// Microseconds from the client's sending to the arrival at the other's socket.
    pub delays: Vec<u32>,
    /// RTP packets that arrived, of whatever kind.
    pub arrived: u64,
    pub dropped: u64,
    /// Datagrams that the kernel had no room for.
    pub overflow: u64,
    /// Microseconds that what was to be sent waited for this thread.
    pub lateness: Vec<u32>,
    /// Share of a core that this thread had.
    pub cpu: f64,
    pub keyframes: u64,
    pub errors: Vec<String>,
}

#[derive(Debug)]
pub struct Subscription {
    pub source: u32,
    pub received: u64,
    pub repeated: u64,
    pub missing: u64,
}

pub struct Worker {
    poll: Poll,
    commands: Receiver<Command>,
    reports: Sender<Report>,
    participants: Vec<Option<Participant>>,
    seats: Seats,
    seed: u64,
    loss: f64,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    sending: BinaryHeap<Reverse<(Instant, usize, usize)>>,
    outcome: Outcome,
    next_turn: Option<Instant>,
    buffers: Buffers,
    events: Vec<Event>,
    measured_since: Option<(Instant, f64)>,
    overflow_before: u64,
}

/// The other end of a worker.
pub struct Handle {
    pub commands: Sender<Command>,
    pub waker: Arc<Waker>,
}

impl Handle {
    pub fn send(&self, command: Command) {
        // A worker that is gone has said why.
        let _ = self.commands.send(command);
        let _ = self.waker.wake();
    }
}

impl Worker {
    pub fn spawn(
        participants: usize,
        seats: Seats,
        seed: u64,
        loss: f64,
        reports: Sender<Report>,
    ) -> io::Result<Handle> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (sender, commands) = std::sync::mpsc::channel();
        let worker = Self {
            poll,
            commands,
            reports,
            participants: std::iter::repeat_with(|| None).take(participants).collect(),
            seats,
            seed: seed.wrapping_mul(2) | 1,
            loss,
            timers: BinaryHeap::new(),
            sending: BinaryHeap::new(),
            outcome: Outcome::default(),
            next_turn: None,
            buffers: Buffers::new(),
            events: Vec::new(),
            measured_since: None,
            overflow_before: 0,
        };
        std::thread::Builder::new().name("load".into()).spawn(move || worker.run())?;
        Ok(Handle { commands: sender, waker })
    }

    fn run(mut self) {
        let mut ready = Events::with_capacity(1024);
        let mut look_at = Instant::now();
        loop {
            let now = Instant::now();
            let next = [
                self.timers.peek().map(|Reverse((at, _))| *at),
                self.sending.peek().map(|Reverse((at, ..))| *at),
                self.next_turn,
            ];
            let wait = next.into_iter().flatten().min().map_or(LONGEST_WAIT, |at| at.saturating_duration_since(now));
            if let Err(error) = self.poll.poll(&mut ready, Some(wait.min(LONGEST_WAIT)))
                && error.kind() != io::ErrorKind::Interrupted
            {
                self.outcome.errors.push(format!("the generator cannot wait: {error}"));
            }
            self.measure();
            for event in &ready {
                if event.token() == WAKER {
                    while let Ok(command) = self.commands.try_recv() {
                        if self.command(command) {
                            return;
                        }
                    }
                } else {
                    self.socket_is_ready(event.token().0);
                }
                self.send_due();
            }
            self.send_due();
            self.tick_due();
            let now = Instant::now();
            if now >= look_at {
                look_at = now + LONGEST_WAIT;
                for participant in self.participants.iter_mut().flatten() {
                    participant.tick(now);
                }
            }
            if self.next_turn.is_some_and(|at| now >= at) {
                self.seats.turn += 1;
                self.take_seats(now);
            }
        }
    }

    /// Notes the thread's own work when the measured time begins and ends.
    fn measure(&mut self) {
        match (PHASE.load(Ordering::Relaxed), self.measured_since) {
            (MEASURED, None) => {
                self.measured_since = Some((Instant::now(), thread_cpu()));
                self.overflow_before = self.overflow();
            }
            (phase, Some((since, cpu))) if phase > MEASURED && self.outcome.cpu == 0.0 => {
                self.outcome.cpu = (thread_cpu() - cpu) / since.elapsed().as_secs_f64();
                self.outcome.overflow = self.overflow() - self.overflow_before;
            }
            _ => {}
        }
    }

    fn overflow(&self) -> u64 {
        let of = |participant: &Participant| {
            u64::from(participant.publisher.socket.overflow) + u64::from(participant.subscriber.socket.overflow)
        };
        self.participants.iter().flatten().map(of).sum()
    }

    /// True if it was the last.
    fn command(&mut self, command: Command) -> bool {
        match command {
            Command::Join(joining) => {
                let index = joining.index;
                if let Err(error) = self.join(*joining) {
                    let _ = self.reports.send(Report::Failed(index, error.to_string()));
                }
            }
            Command::Begin => self.take_seats(Instant::now()),
            Command::Finish => {
                let outcome = self.finish();
                let _ = self.reports.send(Report::Finished(Box::new(outcome)));
            }
            Command::Leave => {
                self.participants.iter_mut().flatten().for_each(Participant::leave);
                return true;
            }
        }
        false
    }

    fn join(&mut self, joining: Joining) -> io::Result<()> {
        let Joining { index, plan, websocket, sources, connections, dialled } = joining;
        websocket.get_ref().set_nonblocking(true)?;
        let descriptors =
            [websocket.get_ref().as_raw_fd(), connections.0.socket.as_raw_fd(), connections.1.socket.as_raw_fd()];
        for (kind, descriptor) in descriptors.into_iter().enumerate() {
            let token = Token(index * SOCKETS + kind);
            self.poll.registry().register(&mut SourceFd(&descriptor), token, Interest::READABLE)?;
        }
        for (place, source) in sources.iter().enumerate() {
            self.sending.push(Reverse((source.next, index, place)));
        }
        self.participants[index] = Some(Participant::new(index, plan, websocket, sources, connections, dialled));
        // What came before it was registered is there, but nobody tells.
        self.socket_is_ready(index * SOCKETS);
        Ok(())
    }

    fn socket_is_ready(&mut self, token: usize) {
        let (index, kind) = (token / SOCKETS, token % SOCKETS);
        let Some(participant) = self.participants[index].as_mut() else { return };
        if kind == 0 {
            participant.read(&self.seats);
            // str0m acts on what was negotiated when it next gets time.
            let now = Instant::now();
            participant.publisher.tick(now);
            participant.subscriber.tick(now);
            self.drain(index, 1);
            self.drain(index, 2);
            self.judge(index);
            return;
        }
        loop {
            let Some(participant) = self.participants[index].as_mut() else { return };
            let connection = if kind == 1 { &mut participant.publisher } else { &mut participant.subscriber };
            let (count, may_be_more) = connection.socket.receive(&mut self.buffers);
            let now = Instant::now();
            for datagram in 0..count {
                let (_, arrival, contents) = self.buffers.datagram(datagram);
                let is_media = matches!(contents, [128..192, second, ..] if !(192..224).contains(second));
                if is_media && PHASE.load(Ordering::Relaxed) == MEASURED {
                    self.outcome.arrived += 1;
                }
                let is_rtp = matches!(contents, [128..192, ..]);
                if is_rtp && self.loss > 0.0 && chance(&mut self.seed) < self.loss {
                    self.outcome.dropped += u64::from(is_media && PHASE.load(Ordering::Relaxed) == MEASURED);
                    continue;
                }
                let Some(participant) = self.participants[index].as_mut() else { return };
                let connection = if kind == 1 { &mut participant.publisher } else { &mut participant.subscriber };
                connection.receive(now, &self.buffers, datagram);
                self.drain_at(index, kind, arrival);
            }
            self.judge(index);
            if !may_be_more {
                return;
            }
        }
    }

    fn drain(&mut self, index: usize, kind: usize) {
        self.drain_at(index, kind, wall_nanoseconds());
    }

    /// Takes everything out of a connection; `arrival` is that of the packet that it was given last.
    fn drain_at(&mut self, index: usize, kind: usize, arrival: u64) {
        let Some(participant) = self.participants[index].as_mut() else { return };
        let now = Instant::now();
        let connection = if kind == 1 { &mut participant.publisher } else { &mut participant.subscriber };
        connection.drain(now, &mut self.events);
        if connection.armed.is_none_or(|armed| connection.deadline < armed) {
            connection.armed = Some(connection.deadline);
            self.timers.push(Reverse((connection.deadline, index * SOCKETS + kind)));
        }
        if let Some(error) = connection.error.take() {
            participant.error.get_or_insert(error);
        }
        for event in self.events.drain(..) {
            match event {
                Event::RtpPacket(packet) => {
                    if let Some(stamp) = Stamp::read(&packet.payload) {
                        take(participant, &mut self.outcome, &stamp, arrival, now);
                    }
                }
                Event::ChannelData(message) => {
                    let packet = DataPacket::decode(message.data.as_slice()).ok();
                    if let Some(stamp) =
                        packet.and_then(|packet| packet.user).and_then(|user| Stamp::read(&user.payload))
                    {
                        take(participant, &mut self.outcome, &stamp, arrival, now);
                    }
                }
                Event::KeyframeRequest(request) if kind == 1 => {
                    self.outcome.keyframes += u64::from(PHASE.load(Ordering::Relaxed) == MEASURED);
                    let of_track = participant.sources.iter_mut().filter(|source| source.mid == Some(request.mid));
                    of_track.for_each(|source| source.request_keyframe(request.rid));
                }
                _ => {}
            }
        }
    }

    /// Reports what the participant has reached.
    fn judge(&mut self, index: usize) {
        let Some(participant) = self.participants[index].as_mut() else { return };
        let since = |then: Instant| then.duration_since(participant.dialled).as_secs_f64() * 1e3;
        if let Some(error) = participant.error.take() {
            if PHASE.load(Ordering::Relaxed) <= MEASURED {
                self.outcome.errors.push(error.clone());
                let _ = self.reports.send(Report::Failed(index, error));
            }
            self.participants[index] = None;
            return;
        }
        if !participant.is_joined && participant.publisher.is_connected && participant.subscriber.is_connected {
            participant.is_joined = true;
            let _ = self.reports.send(Report::Joined(since(Instant::now())));
        }
        let has_all = participant.tallies.len() >= participant.plan.expects;
        if !participant.is_ready && participant.is_joined && has_all && participant.is_published() {
            participant.is_ready = true;
            let _ = self.reports.send(Report::Ready(participant.first_media.map(since)));
        }
    }

    fn send_due(&mut self) {
        let phase = PHASE.load(Ordering::Relaxed);
        loop {
            let now = Instant::now();
            match self.sending.peek() {
                Some(Reverse((at, ..))) if *at <= now => {}
                _ => return,
            }
            let Some(Reverse((at, index, place))) = self.sending.pop() else { return };
            let Some(participant) = self.participants[index].as_mut() else { continue };
            let source = &mut participant.sources[place];
            if source.next != at {
                continue; // it was put off or ahead
            }
            let interval = source.interval();
            source.next = if now - at > LATEST { now + interval } else { at + interval };
            self.sending.push(Reverse((source.next, index, place)));
            if phase == MEASURED {
                self.outcome.lateness.push((now - at).as_micros() as u32);
            }
            if !participant.publisher.is_connected {
                continue;
            }
            if let Content::Data(data) = source.content {
                let label = if data.reliable { "_reliable" } else { "_lossy" };
                let Some(id) = participant.publisher.channel(label) else { continue };
                let user = UserPacket { payload: source.message(data.bytes, phase) };
                let packet = DataPacket { kind: i32::from(!data.reliable), user: Some(user) }.encode_to_vec();
                if let Some(mut channel) = participant.publisher.rtc.channel(id)
                    && let Err(error) = channel.write(true, &packet)
                {
                    participant.error.get_or_insert(error.to_string());
                }
                participant.publisher.tick(now);
                self.drain(index, 1);
            } else {
                let Participant { publisher, sources, .. } = participant;
                let socket = &publisher.socket;
                let events = &mut self.events;
                let (mut error, mut deadline) = (None, publisher.deadline);
                sources[place].write(&mut publisher.rtc, now, phase, |rtc| {
                    if let Err(told) = Connection::flush(rtc, socket, now, events).map(|at| deadline = at) {
                        error.get_or_insert(told.to_string());
                    }
                });
                publisher.deadline = deadline;
                publisher.error = error;
                self.drain(index, 1);
            }
        }
    }

    fn tick_due(&mut self) {
        loop {
            let now = Instant::now();
            match self.timers.peek() {
                Some(Reverse((at, _))) if *at <= now => {}
                _ => return,
            }
            let Some(Reverse((at, token))) = self.timers.pop() else { return };
            let (index, kind) = (token / SOCKETS, token % SOCKETS);
            let Some(participant) = self.participants[index].as_mut() else { continue };
            let connection = if kind == 1 { &mut participant.publisher } else { &mut participant.subscriber };
            if connection.armed == Some(at) {
                connection.armed = None;
            }
            if connection.deadline <= now {
                connection.tick(now);
            }
            self.drain(index, kind);
            self.judge(index);
            self.send_due();
        }
    }

    /// Others speak; everybody looks at them.
    fn take_seats(&mut self, now: Instant) {
        self.next_turn = Some(now + Duration::from_secs_f64(self.seats.period()));
        for index in 0..self.participants.len() {
            let Some(participant) = self.participants[index].as_mut().filter(|participant| participant.plan.adaptive)
            else {
                continue;
            };
            participant.look(&self.seats);
            let speaks = self.seats.speaks(index);
            for (place, source) in participant.sources.iter_mut().enumerate() {
                if matches!(source.content, Content::Voice(_))
                    && source.speaks.replace(speaks) != Some(speaks)
                    && speaks
                {
                    source.next = now;
                    self.sending.push(Reverse((now, index, place)));
                }
            }
            self.send_due();
        }
    }

    fn finish(&mut self) -> Outcome {
        self.measure();
        let mut outcome = std::mem::take(&mut self.outcome);
        for participant in self.participants.iter().flatten() {
            for source in &participant.sources {
                outcome.sent.insert(source.id, source.encodings.iter().map(|encoding| encoding.sent).collect());
            }
            for (source, tally) in &participant.tallies {
                outcome.subscriptions.push(Subscription {
                    source: *source,
                    received: tally.received,
                    repeated: tally.repeated,
                    missing: tally.missing(),
                });
            }
        }
        outcome
    }
}

fn take(participant: &mut Participant, outcome: &mut Outcome, stamp: &Stamp, arrival: u64, now: Instant) {
    participant.first_media.get_or_insert(now);
    let tally = participant.tallies.entry(stamp.source).or_default();
    if stamp.phase == MEASURED && tally.take(stamp) {
        outcome.delays.push((arrival.saturating_sub(stamp.time) / 1000) as u32);
    }
}

/// Processor time of this thread in seconds.
fn thread_cpu() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec that outlives the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// From 0 to 1, of a seed (xorshift64).
fn chance(seed: &mut u64) -> f64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    (*seed >> 11) as f64 / (1u64 << 53) as f64
}
