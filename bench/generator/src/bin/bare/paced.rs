//! At the pace of a load: packets come in as that load's publishers send them, between them the thread sleeps, and what it
//! touches has grown cold. There is no feedback to read, nobody to be asked whether they are there, and no decision to make.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use visavis_bench::socket::{Buffers, Socket};

use crate::clients::Clients;
use crate::forward::{Subscriber, forward, subscribers};
use crate::{cpu, stay_on};

const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(2);
/// Clients are that much later than what comes. One that waits for each packet is woken by each, at the sender's expense;
/// those of a load have too much to do for that.
const BUSY: Duration = Duration::from_micros(500);

/// What comes in, and to how many it goes.
struct Pace {
    /// The load whose pace it is (bench/loads.py).
    load: &'static str,
    subscribers: usize,
    /// So many packets of `payload` bytes come in, one right after the other, every `interval`.
    packets: usize,
    payload: usize,
    interval: Duration,
    /// How long more is awaited, once a packet is there: as Visavis does at that pace.
    linger: Duration,
}

const PACES: [Pace; 2] = [
    Pace {
        load: "video-150",
        subscribers: 150,
        packets: 6,
        payload: 1041,
        interval: Duration::from_nanos(33_333_333),
        linger: Duration::from_micros(300),
    },
    Pace {
        load: "voice-100",
        subscribers: 100,
        packets: 1,
        payload: 80,
        interval: Duration::from_millis(20),
        linger: Duration::ZERO,
    },
];

/// Nanoseconds of CPU per packet sent, receiving included, by load.
pub fn measure(reading: usize) -> Result<Vec<(&'static str, f64)>, Box<dyn Error>> {
    PACES.iter().map(|pace| Ok((pace.load, keep(pace, reading)?))).collect()
}

fn keep(pace: &Pace, reading: usize) -> Result<f64, Box<dyn Error>> {
    let (mut subscribers, clients) = subscribers(pace.subscribers)?;
    let (mut incoming, outgoing) = (Socket::bind()?, UdpSocket::bind("127.0.0.1:0")?);
    let to = incoming.address;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients = scope.spawn(|| stay_on(reading).and_then(|()| be_clients(pace, clients, to, &is_over)));
        let cost = relay(pace, &mut subscribers, &mut incoming, &outgoing);
        is_over.store(true, Ordering::Relaxed);
        clients.join().map_err(|_| "the clients' thread panicked")??;
        cost
    })
}

/// Sends on what comes, and says what each packet cost.
fn relay(
    pace: &Pace,
    subscribers: &mut [Subscriber],
    incoming: &mut Socket,
    outgoing: &UdpSocket,
) -> Result<f64, Box<dyn Error>> {
    let (mut poll, mut ready, mut buffers) = (Poll::new()?, Events::with_capacity(8), Buffers::new());
    poll.registry().register(&mut SourceFd(&incoming.as_raw_fd()), Token(0), Interest::READABLE)?;
    let mut arena = Vec::new();
    let began = Instant::now();
    let (mut sent, mut before) = (0, None);
    while began.elapsed() < WARM_UP + MEASURED {
        poll.poll(&mut ready, Some(pace.interval * 10))?;
        if ready.is_empty() {
            return Err("nothing comes in".into());
        }
        thread::sleep(pace.linger);
        let (count, _) = incoming.receive(&mut buffers);
        let packets = forward(outgoing, subscribers, (0..count).map(|index| buffers.datagram(index).2), &mut arena)?;
        if before.is_some() {
            sent += packets;
        } else if began.elapsed() >= WARM_UP {
            before = Some(cpu());
        }
    }
    before.filter(|_| sent > 0).map(|before| (cpu() - before) * 1e9 / sent as f64).ok_or("nothing was sent".into())
}

/// Publishes, and reads what comes back.
fn be_clients(pace: &Pace, mut clients: Clients, to: SocketAddr, is_over: &AtomicBool) -> io::Result<()> {
    let source = Socket::bind()?;
    let packet = vec![0xab; pace.payload];
    let mut due = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        clients.wait(Some(due.saturating_duration_since(Instant::now())))?;
        thread::sleep(BUSY.min(due.saturating_duration_since(Instant::now())));
        clients.read();
        if Instant::now() >= due {
            due += pace.interval;
            (0..pace.packets).for_each(|_| source.send(to, &packet));
        }
    }
    Ok(())
}
