//! As fast as it goes, for 150 subscribers: everything is warm, and nothing is waited for but the reader.

use std::error::Error;
use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::clients::Clients;
use crate::forward::{Subscriber, forward, subscribers};
use crate::{cpu, stay_on};

const SUBSCRIBERS: usize = 150;
const PAYLOAD: [u8; 1150] = [0xab; 1150];
const PACKETS: usize = 60_000;
const ROUNDS: usize = 5;
/// How long what was sent may stay unread.
const PATIENCE: Duration = Duration::from_secs(2);

/// Nanoseconds of CPU per packet: each packet a message of `sendmmsg`, and runs of three and nine packets to one subscriber
/// as segments (UDP GSO).
pub fn measure(reading: usize) -> Result<Vec<(&'static str, f64)>, Box<dyn Error>> {
    let (mut subscribers, clients) = subscribers(SUBSCRIBERS)?;
    let read = Arc::new(AtomicUsize::new(0));
    let count = read.clone();
    std::thread::spawn(move || {
        if let Err(error) = stay_on(reading).and_then(|()| read_all(clients, &count)) {
            eprintln!("bench-bare cannot read: {error}");
        }
    });
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let mut told = Vec::new();
    for (name, run) in [("sendmmsg", 1), ("gso_3", 3), ("gso_9", 9)] {
        let rounds = (0..ROUNDS).map(|_| in_runs(&sender, &mut subscribers, run, &read));
        let mut rounds = rounds.collect::<Result<Vec<_>, _>>()?;
        rounds.sort_by(f64::total_cmp);
        told.push((name, rounds[ROUNDS / 2]));
    }
    Ok(told)
}

/// Reads what comes, for ever, and counts it.
fn read_all(mut clients: Clients, count: &AtomicUsize) -> io::Result<()> {
    loop {
        clients.wait(None)?;
        count.fetch_add(clients.read(), Ordering::Relaxed);
    }
}

/// Nanoseconds of CPU per packet, in runs of so many to one subscriber. Nothing new goes out before all has been read.
fn in_runs(
    sender: &UdpSocket,
    subscribers: &mut [Subscriber],
    run: usize,
    read: &AtomicUsize,
) -> Result<f64, Box<dyn Error>> {
    let payloads = vec![&PAYLOAD[..]; run];
    let (mut arena, mut sent, mut spent) = (Vec::new(), 0, 0.0);
    read.store(0, Ordering::Relaxed);
    while sent < PACKETS {
        let before = cpu();
        sent += forward(sender, subscribers, payloads.iter().copied(), &mut arena)?;
        spent += cpu() - before;
        let since = Instant::now();
        while read.load(Ordering::Relaxed) < sent {
            if since.elapsed() > PATIENCE {
                return Err(format!("{} of {sent} packets were read", read.load(Ordering::Relaxed)).into());
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    }
    Ok(spent * 1e9 / sent as f64)
}
