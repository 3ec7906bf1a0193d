//! The bare forwarder: what of forwarding cannot be left out (header, copy, AES-128-GCM with the subscriber's key, send),
//! for 150 subscribers on loopback. What a server costs beside it is what it could still save.
//!
//!     bench-bare CORE-THAT-SENDS CORE-THAT-READS
//!
//! Prints a JSON object of nanoseconds of CPU per packet: each packet a message of `sendmmsg`, and runs of three and nine
//! packets to one subscriber as segments (UDP GSO). The subscribers' sockets are those of the load generator and are read
//! by another thread: to send to a full socket, or to one that nobody waits for, costs less than what a server does.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use visavis_bench::socket::{Buffers, Socket};

const SUBSCRIBERS: usize = 150;
const PAYLOAD: usize = 1150;
const HEADER: usize = 12;
const TAG: usize = 16;
const PACKET: usize = HEADER + PAYLOAD + TAG;
const BATCH: usize = 64;
const PACKETS: usize = 60_000;
const ROUNDS: usize = 5;
/// How long what was sent may stay unread.
const PATIENCE: Duration = Duration::from_secs(2);

struct Subscriber {
    address: libc::sockaddr_in,
    key: LessSafeKey,
    sequence: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut cores = std::env::args().skip(1).map(|core| core.parse::<usize>());
    let (Some(sending), Some(reading)) = (cores.next(), cores.next()) else {
        return Err("say the cores: bench-bare CORE-THAT-SENDS CORE-THAT-READS".into());
    };
    let (sending, reading) = (sending?, reading?);
    let sockets = (0..SUBSCRIBERS).map(|_| Socket::bind()).collect::<Result<Vec<_>, _>>()?;
    let subscribers = sockets.iter().enumerate().map(|(number, socket)| subscriber(number, socket.address));
    let mut subscribers = subscribers.collect::<Result<Vec<_>, _>>()?;
    let read = Arc::new(AtomicUsize::new(0));
    let count = read.clone();
    std::thread::spawn(move || {
        if let Err(error) = stay_on(reading).and_then(|()| read_all(sockets, &count)) {
            eprintln!("bench-bare cannot read: {error}");
        }
    });
    stay_on(sending)?;
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let mut told = serde_json::Map::new();
    for (name, run) in [("sendmmsg", 1), ("gso_3", 3), ("gso_9", 9)] {
        let rounds = (0..ROUNDS).map(|_| measure(&sender, &mut subscribers, run, &read));
        let mut rounds = rounds.collect::<Result<Vec<_>, _>>()?;
        rounds.sort_by(f64::total_cmp);
        told.insert(name.into(), rounds[ROUNDS / 2].into());
    }
    println!("{}", serde_json::Value::Object(told));
    Ok(())
}

/// Has this thread run on this core only.
fn stay_on(core: usize) -> io::Result<()> {
    // SAFETY: all-zero is an empty cpu_set_t; CPU_SET checks the core against its size; the set outlives the call.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads what comes, for ever, and counts it.
fn read_all(mut sockets: Vec<Socket>, count: &AtomicUsize) -> io::Result<()> {
    let (mut poll, mut ready, mut buffers) = (Poll::new()?, Events::with_capacity(1024), Buffers::new());
    for (number, socket) in sockets.iter().enumerate() {
        poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), Token(number), Interest::READABLE)?;
    }
    loop {
        poll.poll(&mut ready, None)?;
        for event in &ready {
            loop {
                let (came, may_be_more) = sockets[event.token().0].receive(&mut buffers);
                count.fetch_add(came, Ordering::Relaxed);
                if !may_be_more {
                    break;
                }
            }
        }
    }
}

fn subscriber(number: usize, address: SocketAddr) -> Result<Subscriber, Box<dyn Error>> {
    let SocketAddr::V4(address) = address else { return Err("loopback has no IPv4 address".into()) };
    // SAFETY: all-zero is a valid sockaddr_in.
    let mut raw: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    raw.sin_family = libc::AF_INET as libc::sa_family_t;
    raw.sin_port = address.port().to_be();
    raw.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
    let key = UnboundKey::new(&AES_128_GCM, &[number as u8; 16]).map_err(|_| "the key does not fit")?;
    Ok(Subscriber { address: raw, key: LessSafeKey::new(key), sequence: 0 })
}

/// Nanoseconds of CPU per packet, in runs of so many to one subscriber. Nothing new goes out before all has been read.
fn measure(
    sender: &UdpSocket,
    subscribers: &mut [Subscriber],
    run: usize,
    read: &AtomicUsize,
) -> Result<f64, Box<dyn Error>> {
    let payload = [0xab; PAYLOAD];
    let mut arena = vec![0u8; BATCH * run * PACKET];
    let (mut sent, mut spent) = (0, 0.0);
    read.store(0, Ordering::Relaxed);
    while sent < PACKETS {
        let before = cpu();
        for crowd in subscribers.chunks_mut(BATCH) {
            for (place, subscriber) in crowd.iter_mut().enumerate() {
                for segment in 0..run {
                    let start = (place * run + segment) * PACKET;
                    seal(subscriber, &payload, &mut arena[start..start + PACKET])?;
                }
            }
            send(sender, crowd, &mut arena, run)?;
            sent += crowd.len() * run;
        }
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

fn seal(subscriber: &mut Subscriber, payload: &[u8], packet: &mut [u8]) -> Result<(), Box<dyn Error>> {
    subscriber.sequence += 1;
    let (header, rest) = packet.split_at_mut(HEADER);
    header[..2].copy_from_slice(&[0x80, 96]);
    header[2..4].copy_from_slice(&(subscriber.sequence as u16).to_be_bytes());
    header[4..8].copy_from_slice(&(subscriber.sequence.wrapping_mul(3000)).to_be_bytes());
    header[8..12].copy_from_slice(&7u32.to_be_bytes());
    let (body, tag) = rest.split_at_mut(PAYLOAD);
    body.copy_from_slice(payload);
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&subscriber.sequence.to_be_bytes());
    let nonce = Nonce::assume_unique_for_key(nonce);
    let sealed = subscriber.key.seal_in_place_separate_tag(nonce, Aad::from(&*header), body);
    tag.copy_from_slice(sealed.map_err(|_| "a packet cannot be sealed")?.as_ref());
    Ok(())
}

/// One message for each subscriber, of `run` segments.
fn send(sender: &UdpSocket, crowd: &mut [Subscriber], arena: &mut [u8], run: usize) -> Result<(), Box<dyn Error>> {
    let mut vectors: Vec<libc::iovec> = arena
        .chunks_mut(run * PACKET)
        .map(|message| libc::iovec { iov_base: message.as_mut_ptr().cast(), iov_len: message.len() })
        .collect();
    let mut controls = [[0u64; 4]; BATCH];
    let mut headers: Vec<libc::mmsghdr> = Vec::with_capacity(crowd.len());
    for ((subscriber, vector), control) in crowd.iter_mut().zip(&mut vectors).zip(&mut controls) {
        // SAFETY: all-zero is a valid mmsghdr.
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        header.msg_hdr.msg_name = std::ptr::from_mut(&mut subscriber.address).cast();
        header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
        if run > 1 {
            header.msg_hdr.msg_control = control.as_mut_ptr().cast();
            // SAFETY: the control memory is aligned and larger than one message with a u16; the macros stay within it.
            unsafe {
                header.msg_hdr.msg_controllen = libc::CMSG_SPACE(size_of::<u16>() as libc::c_uint) as usize;
                let message = libc::CMSG_FIRSTHDR(&header.msg_hdr);
                (*message).cmsg_level = libc::SOL_UDP;
                (*message).cmsg_type = libc::UDP_SEGMENT;
                (*message).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as libc::c_uint) as usize;
                libc::CMSG_DATA(message).cast::<u16>().write_unaligned(PACKET as u16);
            }
        }
        headers.push(header);
    }
    let mut done = 0;
    while done < headers.len() {
        let rest = &mut headers[done..];
        // SAFETY: there are as many headers as told, whose addresses, vectors and control memory outlive the call.
        let result = unsafe { libc::sendmmsg(sender.as_raw_fd(), rest.as_mut_ptr(), rest.len() as libc::c_uint, 0) };
        done += usize::try_from(result).map_err(|_| std::io::Error::last_os_error())?;
    }
    Ok(())
}

/// Processor time of this thread in seconds.
fn cpu() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec that outlives the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
