//! What must not come twice, and what must not be missed: sequences, nonces, and packets for those who are joining.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::data::Routed;

/// How long, and how much of it, a room keeps reliable packets for those whose channel is not open yet.
const REPLAY_TIME: Duration = Duration::from_secs(2);
const REPLAY_BYTES: usize = 100_000;
/// How many of the last nonces of a room are known.
const NONCES: usize = 100;

/// The receiving end of one sender's reliable channel: a client that resumed sends again what it is not sure of.
#[derive(Debug, Default)]
pub(crate) struct ReliableReceiver {
    highest: u32,
}

impl ReliableReceiver {
    /// True if a packet with this sequence (0: unsequenced) is new.
    pub(crate) fn accept(&mut self, sequence: u32) -> bool {
        if sequence == 0 {
            return true;
        }
        let new = sequence > self.highest;
        self.highest = self.highest.max(sequence);
        new
    }
}

/// The room's last reliable packets, for participants that are joining: `S` names a sender.
#[derive(Debug)]
pub(crate) struct Replay<S> {
    packets: VecDeque<(Instant, S, Routed)>,
    bytes: usize,
}

impl<S> Replay<S> {
    pub(crate) fn new() -> Self {
        Self { packets: VecDeque::new(), bytes: 0 }
    }

    /// Keeps a packet, and forgets what is too old or too much.
    pub(crate) fn push(&mut self, now: Instant, sender: S, packet: Routed) {
        self.bytes += packet.bytes.len();
        self.packets.push_back((now, sender, packet));
        self.expire(now);
    }

    /// All that is kept, oldest first.
    pub(crate) fn recent(&mut self, now: Instant) -> impl Iterator<Item = (Instant, &S, &Routed)> {
        self.expire(now);
        self.packets.iter().map(|(at, sender, packet)| (*at, sender, packet))
    }

    fn expire(&mut self, now: Instant) {
        while let Some((at, _, packet)) = self.packets.front() {
            if self.bytes <= REPLAY_BYTES && now.saturating_duration_since(*at) <= REPLAY_TIME {
                break;
            }
            self.bytes -= packet.bytes.len();
            self.packets.pop_front();
        }
    }

    /// What came at or after `since` (when the joining participant was added), oldest first.
    pub(crate) fn since(&mut self, now: Instant, since: Instant) -> impl Iterator<Item = (&S, &Routed)> {
        self.expire(now);
        self.packets.iter().filter(move |(at, ..)| *at >= since).map(|(_, sender, packet)| (sender, packet))
    }
}

/// Ids of a room's last user packets: SDKs send one twice, by two ways, and it must arrive once.
#[derive(Debug, Default)]
pub(crate) struct Nonces(VecDeque<[u8; 16]>);

impl Nonces {
    /// True if this id is new.
    pub(crate) fn accept(&mut self, nonce: [u8; 16]) -> bool {
        if self.0.contains(&nonce) {
            return false;
        }
        if self.0.len() == NONCES {
            self.0.pop_front();
        }
        self.0.push_back(nonce);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_dropped_and_unsequenced_packets_are_not() {
        let mut receiver = ReliableReceiver::default();
        let kept: Vec<u32> = [1, 2, 2, 1, 0, 3, 0, 3].into_iter().filter(|&s| receiver.accept(s)).collect();
        assert_eq!(kept, [1, 2, 0, 3, 0]);
    }

    #[test]
    fn replay_keeps_two_seconds_and_a_hundred_kilobytes() {
        let start = Instant::now();
        let packet = Routed { bytes: vec![0; 30_000].into(), ..Routed::default() };
        let mut replay = Replay::new();
        for i in 0..5 {
            replay.push(start + Duration::from_millis(i * 10), i, packet.clone());
        }
        let now = start + Duration::from_millis(50);
        assert_eq!(replay.since(now, start).map(|(s, _)| *s).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(replay.since(now, start + Duration::from_millis(40)).count(), 1);
        assert_eq!(replay.since(start + Duration::from_secs(3), start).count(), 0);
        assert_eq!(replay.bytes, 0);
    }

    #[test]
    fn a_nonce_is_known_until_a_hundred_others_came() {
        let mut nonces = Nonces::default();
        let nonce = |n: u8| [n; 16];
        assert!((0..=99).all(|n| nonces.accept(nonce(n))));
        assert!((0..=99).all(|n| !nonces.accept(nonce(n))));
        assert!(nonces.accept(nonce(100)) && nonces.accept(nonce(0)));
        assert!(!nonces.accept(nonce(2)));
    }
}
