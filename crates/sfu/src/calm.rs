//! Whether anything goes on, or people are only there: then what comes in can wait a moment, to be handled together.

use std::time::{Duration, Instant};

use crate::shard::Shard;

/// A join or media may go on for so long after a sign of it …
const STIRRED_FOR: Duration = Duration::from_secs(1);
/// … and what is said over data channels for so long: SCTP's own questions come all the time where many are.
const STIRRED_BY_DATA_FOR: Duration = Duration::from_millis(20);
/// Whoever is to connect, or does, has so long to send the next packet before its checks may have to wait.
const CONNECTS_FOR: Duration = Duration::from_secs(1);

/// Until when what came lately may be followed by more.
#[derive(Debug)]
pub(crate) struct Calm {
    /// From when on nothing goes on …
    at: Instant,
    /// … and from when on nobody connects.
    joined: Instant,
}

impl Calm {
    pub(crate) fn new(now: Instant) -> Self {
        Self { at: now, joined: now }
    }

    /// Something happened that more may follow.
    pub(crate) fn stir(&mut self, now: Instant) {
        self.at = now + STIRRED_FOR;
    }

    /// Checks are expected of a connection.
    pub(crate) fn expect_newcomer(&mut self, now: Instant) {
        self.joined = now + CONNECTS_FOR;
    }

    /// A packet came that is no check of a connection that stands.
    pub(crate) fn stir_by(&mut self, packet: &[u8], is_connected: bool, now: Instant) {
        if is_connected && is_dtls(packet) {
            self.at = self.at.max(now + STIRRED_BY_DATA_FOR);
        } else {
            self.stir(now);
        }
    }
}

/// By its first byte (RFC 7983).
fn is_dtls(packet: &[u8]) -> bool {
    matches!(packet, [20..=63, ..])
}

impl Shard {
    /// Whether nothing goes on but that people are there: no packets have come but checks of connections that stand.
    pub fn is_calm(&self, now: Instant) -> bool {
        now >= self.calm.at
    }

    /// Until when somebody connects, or is about to: checks shall not wait.
    pub fn newcomers_until(&self) -> Instant {
        self.calm.joined
    }
}
