//! How to start an engine, and why it cannot.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use visavis_sfu::Protocol;

/// How to start.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Addresses to bind for UDP; port 0 picks one.
    pub udp: Vec<SocketAddr>,
    /// Addresses to listen on for ICE-TCP.
    pub tcp: Vec<SocketAddr>,
    /// Addresses put into candidates, with the bound ports.
    pub node_ips: Vec<IpAddr>,
    /// Worker threads; 0: one for each core.
    pub workers: usize,
    /// Participants of one room that one worker takes before others take some, too; 0: a room stays on one.
    pub room_share: usize,
    /// Bit/s assumed for a subscriber before the first estimate.
    pub initial_bitrate: u64,
    /// TURN on the media ports; `None` does without.
    pub turn: Option<TurnConfig>,
}

/// How to serve TURN.
#[derive(Debug, Clone)]
pub struct TurnConfig {
    /// What passwords are made of: the base64 of the HMAC-SHA1 of "expiry in seconds of Unix time:participant".
    pub secret: Vec<u8>,
    /// Certificate chain and key in PEM: with them TLS is spoken on the TCP ports, to who begins with it.
    pub certificate: Option<(Vec<u8>, Vec<u8>)>,
    /// More addresses to listen on for TURN over TCP and TLS, beside those for ICE-TCP.
    pub tcp: Vec<SocketAddr>,
}

/// An address that could not be bound.
#[derive(Debug)]
pub struct BindError {
    /// UDP, or TCP for ICE-TCP.
    pub protocol: Protocol,
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub error: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Udp => "UDP",
            Protocol::Tcp => "TCP",
        };
        write!(f, "cannot bind {protocol} {}: {}", self.address, self.error)
    }
}

impl std::error::Error for BindError {}

/// Why an engine cannot start.
#[derive(Debug)]
pub enum StartError {
    /// An address could not be bound.
    Bind(BindError),
    /// The certificate for TURN is none, or not the key's.
    Certificate(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Certificate(reason) => write!(f, "the certificate for TURN cannot be used: {reason}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<BindError> for StartError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}
