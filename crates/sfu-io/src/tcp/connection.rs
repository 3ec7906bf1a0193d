//! One TCP connection: finds out by its first bytes what the peer speaks, and takes that apart into packets.
//!
//! ICE-TCP (RFC 4571's frames), TURN, or TURN within TLS may come to the same port: in TURN the magic cookie stands at the
//! fifth byte, where an ICE-TCP peer's first check has its length and only the cookie's beginning; TLS begins with the
//! type and version of a handshake, which as a frame's length no first check has.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};
use visavis_sfu::is_request;

use crate::framing::FrameReader;
use crate::turn::is_turn;
use crate::turn::stream::{MessageReader, Next};

/// Enough of a stream to tell what it is.
const FIRST_BYTES: usize = 8;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// What a peer may speak.
#[derive(Debug, Clone, Default)]
pub(super) struct Offer {
    pub turn: bool,
    pub tls: Option<Arc<ServerConfig>>,
}

#[derive(Debug)]
enum Speech {
    /// The first bytes, until there are enough.
    Unknown(Vec<u8>),
    Ice(FrameReader),
    Turn(MessageReader),
}

/// A packet of what the peer speaks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    Ice(&'a [u8]),
    Turn(&'a [u8]),
}

#[derive(Debug)]
pub(super) struct Connection {
    pub stream: TcpStream,
    pub peer: SocketAddr,
    /// Our candidate address that the peer connected to.
    pub local: SocketAddr,
    pub since: Instant,
    /// A packet that makes sense has come.
    pub has_spoken: bool,
    pub is_authenticated: bool,
    speech: Speech,
    is_first_read: bool,
    tls: Option<Box<ServerConnection>>,
    /// As it goes over the wire.
    unsent: VecDeque<u8>,
}

impl Connection {
    pub fn new(stream: TcpStream, peer: SocketAddr, local: SocketAddr, now: Instant) -> Self {
        Self {
            stream,
            peer,
            local,
            since: now,
            has_spoken: false,
            is_authenticated: false,
            speech: Speech::Unknown(Vec::new()),
            is_first_read: true,
            tls: None,
            unsent: VecDeque::new(),
        }
    }

    pub fn speaks_turn(&self) -> bool {
        matches!(self.speech, Speech::Turn(_))
    }

    /// Bytes that wait for the peer to read.
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Takes in what has arrived and hands over the packets in it; false: the peer is none of ours, or broke the rules.
    pub fn receive(&mut self, bytes: &[u8], offer: &Offer, mut take: impl FnMut(&mut Self, Incoming<'_>)) -> bool {
        if std::mem::take(&mut self.is_first_read)
            && let Some(config) = offer.tls.clone()
            && bytes.starts_with(&TLS_HANDSHAKE)
        {
            let Ok(tls) = ServerConnection::new(config) else { return false };
            self.tls = Some(Box::new(tls));
        }
        if self.tls.is_none() {
            return self.receive_plain(bytes, offer, &mut take);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(tls) = &mut self.tls else { return false };
            let is_read = tls.read_tls(&mut rest).is_ok_and(|read| read > 0);
            let is_valid = tls.process_new_packets().is_ok();
            let mut plain = Vec::new();
            // "Would block" is its end of what there is.
            let _ = tls.reader().read_to_end(&mut plain);
            // Also an alert, which says why it ends here.
            self.encrypt();
            if !is_read || !is_valid || !self.receive_plain(&plain, offer, &mut take) {
                return false;
            }
        }
        true
    }

    fn receive_plain(&mut self, bytes: &[u8], offer: &Offer, take: &mut impl FnMut(&mut Self, Incoming<'_>)) -> bool {
        let start;
        let mut bytes = bytes;
        if let Speech::Unknown(first) = &mut self.speech {
            first.extend_from_slice(bytes);
            let Some(cookie) = first.get(4..FIRST_BYTES) else { return true };
            let is_turn = cookie == MAGIC_COOKIE;
            if is_turn && !offer.turn || !is_turn && self.tls.is_some() {
                return false;
            }
            start = std::mem::take(first);
            bytes = &start;
            self.speech =
                if is_turn { Speech::Turn(MessageReader::default()) } else { Speech::Ice(FrameReader::default()) };
        }
        // The reader is taken out meanwhile, as its packets are handed over together with the rest.
        let mut speech = std::mem::replace(&mut self.speech, Speech::Unknown(Vec::new()));
        let is_fine = match &mut speech {
            Speech::Ice(reader) => {
                reader.push(bytes);
                self.take_frames(reader, take)
            }
            Speech::Turn(reader) => {
                reader.push(bytes);
                self.take_messages(reader, take)
            }
            Speech::Unknown(_) => false,
        };
        self.speech = speech;
        is_fine
    }

    fn take_frames(&mut self, reader: &mut FrameReader, take: &mut impl FnMut(&mut Self, Incoming<'_>)) -> bool {
        while let Some(packet) = reader.next_frame() {
            if !self.has_spoken && !is_request(packet) {
                return false; // no ICE client: whatever it is, it is not for us
            }
            self.has_spoken = true;
            take(self, Incoming::Ice(packet));
        }
        true
    }

    fn take_messages(&mut self, reader: &mut MessageReader, take: &mut impl FnMut(&mut Self, Incoming<'_>)) -> bool {
        loop {
            match reader.next_packet() {
                Next::Packet(packet) if is_turn(packet) => {
                    self.has_spoken = true;
                    take(self, Incoming::Turn(packet));
                }
                Next::Wait => return true,
                Next::Packet(_) | Next::Broken => return false,
            }
        }
    }

    /// Queues bytes for the peer.
    pub fn queue(&mut self, bytes: &[u8]) {
        if let Some(tls) = &mut self.tls {
            // Into memory: it fails only for who has closed, and then nothing is missed.
            let _ = tls.writer().write_all(bytes);
            self.encrypt();
        } else {
            self.unsent.extend(bytes);
        }
    }

    /// Sends what the peer takes now; false: it takes nothing any more.
    pub fn flush(&mut self) -> bool {
        while !self.unsent.is_empty() {
            let (front, _) = self.unsent.as_slices();
            match self.stream.write(front) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn encrypt(&mut self) {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                let written: io::Result<usize> = tls.write_tls(&mut self.unsent);
                if !written.is_ok_and(|written| written > 0) {
                    return;
                }
            }
        }
    }
}
