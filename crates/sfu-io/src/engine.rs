//! The engine: binds, starts threads, and hands commands to the worker that has the room.

use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{bounded, unbounded};
use visavis_sfu::{Command, Event, Protocol, ReliableSequence, ShardConfig, Stats, ufrag_prefix};

use crate::binding::{bind_tcp, bind_udp, candidates, ports_of};
use crate::config::{BindError, Config, StartError};
use crate::inbox::{Bell, Inbox, Post};
use crate::outbox::Outbox;
use crate::parcels::{Errand, Parcels};
use crate::placement::Placement;
use crate::reader::UdpReader;
use crate::router::Router;
use crate::tcp::{TcpSender, TcpServer, tls};
use crate::turn::Turn;
use crate::worker::{Order, Surroundings, Worker, WorkerHandle, WorkerInbox, add};

/// Batches that may wait for a worker: some 60 000 packets, a quarter of a second of what one can carry.
const WAITING_BATCHES: usize = 1024;
const MAX_WORKERS: usize = 64;

/// Sockets, threads and rooms.
pub struct Engine {
    placement: Arc<Mutex<Placement>>,
    workers: Vec<WorkerHandle>,
    outbox: Arc<Outbox>,
    router: Arc<Router>,
    udp_ports: Vec<u16>,
    tcp_ports: Vec<u16>,
    turn_ports: Vec<u16>,
    udp_candidates: Vec<SocketAddr>,
    tcp_candidates: Vec<SocketAddr>,
    turn: Option<Arc<Turn>>,
    is_stopping: Arc<AtomicBool>,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    workers: Vec<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
    tcp: Option<TcpSender>,
    /// Closing it wakes the threads that read UDP.
    awake: Option<io::PipeWriter>,
}

impl Engine {
    /// Binds everything, then starts the threads.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        let certificate = config.turn.as_ref().and_then(|turn| turn.certificate.as_ref());
        let tls = certificate.map(|(chain, key)| tls::configure(chain, key)).transpose();
        let tls = tls.map_err(StartError::Certificate)?;
        let udp = Arc::new(bind_udp(config)?);
        let mut listeners = bind_tcp(&config.tcp, config)?;
        let bind_error = |error| BindError { protocol: Protocol::Udp, address: udp[0].0.local(), error };
        let count = match config.workers {
            0 => thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        }
        .min(MAX_WORKERS);

        let outbox = Arc::new(Outbox::new().map_err(bind_error)?);
        let mut inboxes = Vec::new();
        let (mut order_posts, mut packet_posts) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let bell = Bell::new().map_err(bind_error)?;
            let ((order_post, orders), (packet_post, packets)) = (unbounded(), bounded(WAITING_BATCHES));
            order_posts.push(Post::new(order_post, bell.clone()));
            packet_posts.push(Post::new(packet_post, bell.clone()));
            inboxes.push(Inbox { orders, packets, bell });
        }
        let router = Arc::new(Router::new(packet_posts));
        let is_stopping = Arc::new(AtomicBool::new(false));
        let tcp_candidates: Vec<SocketAddr> = listeners
            .iter()
            .flat_map(|(listener, _)| candidates(listener.local_addr().ok(), &config.node_ips))
            .collect();
        let tcp_ports = ports_of(&listeners);
        let turn_listeners = bind_tcp(config.turn.as_ref().map_or(&[], |turn| &turn.tcp[..]), config)?;
        let turn_ports = ports_of(&turn_listeners);
        listeners.extend(turn_listeners);
        let udp_candidates: Vec<SocketAddr> = udp.iter().flat_map(|(_, candidates)| candidates.clone()).collect();
        let turn = config.turn.as_ref().map(|turn| Arc::new(Turn::new(&turn.secret, udp_candidates.clone())));

        let mut threads = Threads::default();
        if !listeners.is_empty() {
            let (server, sender) = TcpServer::new(listeners, router.clone(), turn.clone(), tls, is_stopping.clone())
                .map_err(bind_error)?;
            threads.readers.push(spawn("visavis-tcp", move || server.run()));
            threads.tcp = Some(sender);
        }
        let mut readers: Vec<_> =
            (0..udp.len()).map(|index| UdpReader::new(udp.clone(), index, router.clone(), turn.clone())).collect();
        let placement = Arc::new(Mutex::new(Placement::new(count, config.room_share)));
        let mut workers = Vec::new();
        for ((index, inbox), orders) in inboxes.into_iter().enumerate().zip(order_posts.clone()) {
            let shard = ShardConfig {
                index: index as u16,
                udp: udp_candidates.clone(),
                tcp: tcp_candidates.clone(),
                initial_bitrate: config.initial_bitrate,
                reference: false,
            };
            let (stats, cpu) = (Arc::new(Mutex::new(Stats::default())), Arc::new(AtomicU64::new(0)));
            let around = Surroundings {
                router: router.clone(),
                outbox: outbox.clone(),
                parcels: Parcels::new(index as u16, order_posts.clone()),
                udp: udp.clone(),
                // A single worker reads for itself: nothing is handed from thread to thread.
                readers: if count == 1 { std::mem::take(&mut readers) } else { Vec::new() },
                tcp: threads.tcp.clone(),
                turn: turn.clone(),
                stats: stats.clone(),
                cpu: cpu.clone(),
                participants: participants_of(index, placement.clone()),
            };
            threads.workers.push(start_worker(shard, around, inbox));
            workers.push(WorkerHandle { orders, stats, cpu });
        }
        let (wake, awake) = io::pipe().map_err(bind_error)?;
        threads.awake = Some(awake);
        let wake = Arc::new(wake);
        for reader in readers {
            let (is_stopping, wake) = (is_stopping.clone(), wake.clone());
            threads.readers.push(spawn("visavis-udp", move || reader.run(&is_stopping, &wake)));
        }
        let udp_ports = udp.iter().map(|(socket, _)| socket.local().port()).collect();
        // The sockets belong to the threads, so that their ports are free when these have ended.
        let threads = Mutex::new(threads);
        Ok(Self {
            placement,
            workers,
            outbox,
            router,
            udp_ports,
            tcp_ports,
            turn_ports,
            udp_candidates,
            tcp_candidates,
            turn,
            is_stopping,
            threads,
        })
    }

    /// The bound UDP ports.
    pub fn udp_ports(&self) -> Vec<u16> {
        self.udp_ports.clone()
    }

    /// The bound TCP ports.
    pub fn tcp_ports(&self) -> Vec<u16> {
        self.tcp_ports.clone()
    }

    /// The bound TCP ports that are for TURN alone.
    pub fn turn_ports(&self) -> Vec<u16> {
        self.turn_ports.clone()
    }

    /// Where clients are told to send UDP.
    pub fn udp_candidates(&self) -> &[SocketAddr] {
        &self.udp_candidates
    }

    /// Where clients are told to connect to for ICE-TCP.
    pub fn tcp_candidates(&self) -> &[SocketAddr] {
        &self.tcp_candidates
    }

    /// Readable while events wait.
    pub fn descriptor(&self) -> RawFd {
        self.outbox.descriptor()
    }

    /// All events that wait, oldest first, without those about participants that were removed meanwhile.
    pub fn drain(&self) -> Vec<Event> {
        let events = self.outbox.take();
        let placement = self.placement();
        events
            .into_iter()
            .filter(|event| participant_of(event).is_none_or(|name| placement.participants.contains_key(name)))
            .collect()
    }

    /// Queues a command for the worker that has its room, participant or track; an unknown one does nothing.
    pub fn command(&self, command: Command) {
        if let Command::ReportFigures { .. } = command {
            for worker in &self.workers {
                // It fails only after `close`.
                let _ = worker.orders.try_send(Order::Command(command.clone(), None));
            }
            return;
        }
        let mut placement = self.placement();
        if let Some(turn) = &self.turn {
            match &command {
                Command::AddParticipant { participant, .. } => turn.admit(participant),
                Command::RemoveParticipant { participant } => turn.dismiss(participant),
                _ => {}
            }
        }
        let sequence = matches!(command, Command::AddParticipant { .. }).then(ReliableSequence::default);
        for (worker, errand) in placement.follow(command, &sequence.clone().unwrap_or_default()) {
            let order = match errand {
                Errand::Do(command @ Command::AddParticipant { .. }) => Order::Command(command, sequence.clone()),
                Errand::Do(command) => Order::Command(command, None),
                Errand::PassOn(to, command) => Order::PassOn(to, command),
            };
            // Under the lock, so that two threads' commands reach the worker in the order of the bookkeeping. It fails
            // only after `close`.
            let _ = self.workers[worker].orders.try_send(order);
        }
    }

    /// The highest sequence received from a participant on the reliable channel; 0 if none.
    pub fn reliable_sequence(&self, participant: &str) -> u32 {
        self.placement().participants.get(participant).map_or(0, |member| member.sequence.load(Ordering::Relaxed))
    }

    /// Counters since start, of all workers.
    pub fn stats(&self) -> Stats {
        let mut total = Stats::default();
        for worker in &self.workers {
            total = add(total, *worker.stats.lock().expect("nothing panics while it holds the counters"));
        }
        total.packets_dropped += self.router.dropped();
        total
    }

    /// Processor time that each worker's thread has used, not older than a second.
    pub fn worker_times(&self) -> Vec<Duration> {
        self.workers.iter().map(|worker| Duration::from_micros(worker.cpu.load(Ordering::Relaxed))).collect()
    }

    /// Closes all connections and ends all threads. Twice is fine.
    pub fn close(&self) {
        let mut threads = std::mem::take(&mut *self.threads.lock().expect("nothing panics while it holds the threads"));
        for worker in &self.workers {
            // One that is gone needs no order.
            let _ = worker.orders.try_send(Order::Stop);
        }
        for worker in threads.workers.drain(..) {
            // A worker's panics were caught and told.
            let _ = worker.join();
        }
        // Only now: what the workers said last goes out through the TCP thread.
        self.is_stopping.store(true, Ordering::Release);
        drop(threads.awake.take());
        if let Some(tcp) = threads.tcp.take() {
            tcp.wake();
        }
        for reader in threads.readers.drain(..) {
            let _ = reader.join();
        }
    }

    fn placement(&self) -> MutexGuard<'_, Placement> {
        self.placement.lock().expect("nothing panics while it holds the placement")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

fn start_worker(shard: ShardConfig, around: Surroundings, inbox: WorkerInbox) -> JoinHandle<()> {
    debug_assert!(ufrag_prefix(shard.index).is_ascii());
    let name = format!("visavis-{}", shard.index);
    spawn(&name, move || Worker::new(shard, around).run(&inbox))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::Builder::new().name(name.into()).spawn(run).expect("the operating system has a thread left")
}

fn participants_of(worker: usize, placement: Arc<Mutex<Placement>>) -> Box<dyn Fn() -> Vec<String> + Send> {
    Box::new(move || {
        let placement = placement.lock().expect("nothing panics while it holds the placement");
        let here = placement.participants.iter().filter(|(_, member)| member.worker == worker);
        here.map(|(participant, _)| participant.clone()).collect()
    })
}

fn participant_of(event: &Event) -> Option<&str> {
    match event {
        Event::Answer { participant, .. }
        | Event::Offer { participant, .. }
        | Event::SectionsWanted { participant, .. }
        | Event::NegotiationFailed { participant, .. }
        | Event::MediaAdded { participant, .. }
        | Event::MediaRemoved { participant, .. }
        | Event::ConnectionChanged { participant, .. }
        | Event::DataChannelsOpen { participant }
        | Event::TrackSubscribed { participant, .. }
        | Event::SubscribedQuality { participant, .. }
        | Event::StreamStateChanged { participant, .. }
        | Event::SubscriptionFailed { participant, .. }
        | Event::RpcReply { participant, .. }
        | Event::ChatPacket { participant, .. }
        | Event::ParticipantFailed { participant, .. } => Some(participant),
        Event::Speakers { .. }
        | Event::Quality { .. }
        | Event::Figures { .. }
        // Totals are told of those who are gone.
        | Event::TrackTotals { .. }
        | Event::ParticipantTotals { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_bind_error_names_the_address() {
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("bound");
        let config = Config { udp: vec![address], node_ips: vec![address.ip()], workers: 1, ..Config::default() };
        let error = Engine::start(&config).err().expect("it is taken");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }

    #[test]
    fn feedback_is_read_alone_and_in_a_crowd_by_one_worker_and_by_several() {
        for workers in [1, 2] {
            let loopback: SocketAddr = ([127, 0, 0, 1], 0).into();
            let config = Config { udp: vec![loopback], node_ips: vec![loopback.ip()], workers, ..Config::default() };
            let engine = Engine::start(&config).expect("a free port");
            let stranger = std::net::UdpSocket::bind(loopback).expect("a free port");
            let mut sent = 0;
            // The more fill no socket's memory, however little the kernel gives.
            for lot in [1, 300] {
                for _ in 0..lot {
                    stranger.send_to(&[0x8f, 205, 0, 1], engine.udp_candidates()[0]).expect("room");
                }
                sent += lot;
                let since = Instant::now();
                // Nobody knows the sender, so each is counted as dropped.
                while engine.stats().packets_dropped < sent {
                    assert!(since.elapsed() < Duration::from_secs(5), "{:?} of {sent}", engine.stats());
                    thread::yield_now();
                }
            }
        }
    }
}
