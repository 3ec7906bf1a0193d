//! Asks STUN servers for the address that this machine has outside.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use stun_types::attribute::XorMappedAddress;
use stun_types::message::{BINDING, Message, MessageClass, MessageWriteVec};
use stun_types::prelude::MessageWrite;

/// RFC 8489's first wait for an answer; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The address that packets from `local` come from at the first of `servers` that answers.
///
/// # Errors
/// None has answered in time, or `local` cannot be sent from.
pub fn public_address(servers: &[SocketAddr], local: IpAddr, within: Duration) -> io::Result<IpAddr> {
    let socket = UdpSocket::bind(SocketAddr::new(local, 0))?;
    let request = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
    let until = Instant::now() + within;
    let mut wait = FIRST_WAIT;
    let mut refusal = None;
    while Instant::now() < until {
        for server in servers.iter().filter(|server| server.is_ipv4() == local.is_ipv4()) {
            refusal = socket.send_to(&request, server).err().or(refusal);
        }
        let again = until.min(Instant::now() + wait);
        if let Some(address) = answer(&socket, &request, again)? {
            return Ok(address);
        }
        wait *= 2;
    }
    Err(refusal.unwrap_or_else(|| io::Error::new(ErrorKind::TimedOut, "none of them has answered")))
}

fn answer(socket: &UdpSocket, request: &[u8], until: Instant) -> io::Result<Option<IpAddr>> {
    let mut buffer = [0; 1500];
    loop {
        let rest = until.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Ok(None);
        }
        socket.set_read_timeout(Some(rest))?;
        match socket.recv(&mut buffer) {
            Ok(length) => {
                if let Some(address) = mapped_address(&buffer[..length], request) {
                    return Ok(Some(address));
                }
            }
            // Nobody there (ICMP), or nothing yet: another server may still answer.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(None),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionRefused) => {}
            Err(error) => return Err(error),
        }
    }
}

fn mapped_address(packet: &[u8], request: &[u8]) -> Option<IpAddr> {
    let message = Message::from_bytes(packet).ok()?;
    let is_answer = message.class() == MessageClass::Success && packet.get(4..20) == request.get(4..20);
    let mapped = message.attribute::<XorMappedAddress>().ok()?;
    is_answer.then(|| mapped.addr(message.transaction_id()).ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::{Client, Moment, Reaction, Turn};
    use visavis_sfu::Protocol;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn the_first_server_that_answers_is_believed() {
        let silent = UdpSocket::bind((LOOPBACK, 0)).expect("a free port");
        let server = UdpSocket::bind((LOOPBACK, 0)).expect("a free port");
        let servers = [silent.local_addr().expect("bound"), server.local_addr().expect("bound")];
        let answering = std::thread::spawn(move || {
            let turn = Turn::new(b"", vec![]);
            let mut buffer = [0; 1500];
            let (length, from) = server.recv_from(&mut buffer).expect("a request");
            let outside = Client { protocol: Protocol::Udp, address: ([203, 0, 113, 7], 4).into(), socket: 0 };
            let Reaction::Answer(good) = turn.handle(Moment::current(), outside, &buffer[..length]) else {
                panic!("a plain request is answered")
            };
            let mut foreign = good.clone();
            foreign[19] ^= 1;
            for packet in [&b"no STUN"[..], &foreign, &good] {
                server.send_to(packet, from).expect("it listens");
            }
        });
        let found = public_address(&servers, LOOPBACK, Duration::from_secs(10)).expect("an answer");
        assert_eq!(found, IpAddr::from([203, 0, 113, 7]));
        answering.join().expect("it answered");
    }

    #[test]
    fn silence_is_waited_for_only_so_long() {
        let silent = UdpSocket::bind((LOOPBACK, 0)).expect("a free port");
        let began = Instant::now();
        let servers = [silent.local_addr().expect("bound")];
        let error = public_address(&servers, LOOPBACK, Duration::from_millis(700)).expect_err("nobody answers");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(silent.recv(&mut [0; 99]).expect("the request"), 20);
        assert_eq!(silent.recv(&mut [0; 99]).expect("and once more"), 20);
    }
}
