//! A call whose room is spread over two shards: participants join them in turn, and what the shards have for each other takes
//! a while. It overtakes nothing of the same direction.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use visavis_sfu::{Command, Parcel, Shard};

use super::network::Random;

/// A way from one shard to the other.
#[derive(Default)]
struct Way {
    flying: VecDeque<(Instant, Parcel)>,
    latest: Option<Instant>,
}

/// The second shard, and what the engine knows of both.
pub struct Second {
    pub shard: Shard,
    ways: [Way; 2],
    random: Random,
    /// Of what passes between the shards, at most.
    pub delay: Duration,
    /// By participant.
    pub places: BTreeMap<String, u16>,
    /// By track, of media or data.
    tracks: BTreeMap<String, u16>,
    /// Where who joins next goes; `None`: in turn.
    pub next: Option<u16>,
    joins: u16,
    /// Packets of media that went from one shard to the other.
    pub relayed: usize,
}

impl Second {
    pub fn new(shard: Shard, seed: u64) -> Self {
        Self {
            shard,
            ways: Default::default(),
            random: Random(seed),
            delay: Duration::from_millis(2),
            places: BTreeMap::new(),
            tracks: BTreeMap::new(),
            next: None,
            joins: 0,
            relayed: 0,
        }
    }

    /// Of the shard `from`, for the other.
    pub fn send(&mut self, from: u16, parcel: Parcel, now: Instant) {
        if let Parcel::Media(media) = &parcel {
            self.relayed += media.len();
        }
        let way = &mut self.ways[usize::from(from)];
        let at = (now + self.delay.mul_f64(self.random.share())).max(way.latest.unwrap_or(now));
        way.latest = Some(at);
        way.flying.push_back((at, parcel));
    }

    pub fn next_arrival(&self) -> Option<Instant> {
        self.ways.iter().filter_map(|way| way.flying.front().map(|(at, _)| *at)).min()
    }

    /// What has arrived by `now`, and which shard it comes from.
    pub fn receive(&mut self, now: Instant) -> Option<(u16, Parcel)> {
        for (from, way) in self.ways.iter_mut().enumerate() {
            if way.flying.front().is_some_and(|(at, _)| *at <= now) {
                return way.flying.pop_front().map(|(_, parcel)| (from as u16, parcel));
            }
        }
        None
    }

    fn count(&self, place: u16) -> usize {
        self.places.values().filter(|other| **other == place).count()
    }

    fn parts(&self) -> Vec<u16> {
        [0, 1].into_iter().filter(|place| self.count(*place) > 0).collect()
    }

    /// Which shard gets the command, to which one it is passed on, and what is told to whom after it, as the engine does.
    pub fn route(&mut self, command: &Command) -> Routed {
        let (mut pass_to, mut tell) = (None, Vec::new());
        let to = match command {
            Command::AddParticipant { participant, .. } => {
                let to = self.next.unwrap_or(self.joins % 2);
                self.joins += 1;
                self.places.insert(participant.clone(), to);
                tell = if self.parts().len() > 1 { self.parts() } else { vec![] };
                to
            }
            Command::RemoveParticipant { participant } => {
                let to = self.places.remove(participant).unwrap_or_default();
                tell = self.parts();
                to
            }
            Command::Publish { participant, track, .. } | Command::PublishDataTrack { participant, track, .. } => {
                let to = self.places.get(participant).copied().unwrap_or_default();
                self.tracks.insert(track.clone(), to);
                to
            }
            Command::Unpublish { track } | Command::UnpublishDataTrack { track, .. } => {
                self.tracks.remove(track).unwrap_or_default()
            }
            Command::SetMuted { track, .. } => self.tracks.get(track).copied().unwrap_or_default(),
            Command::SendData { .. } => self.parts().first().copied().unwrap_or_default(),
            Command::Subscribe { participant, track }
            | Command::Unsubscribe { participant, track }
            | Command::SetTrackSettings { participant, track, .. }
            | Command::SubscribeDataTrack { participant, track, .. }
            | Command::UnsubscribeDataTrack { participant, track } => {
                let place = self.places.get(participant).copied().unwrap_or_default();
                let to = self.tracks.get(track).copied().unwrap_or(place);
                pass_to = Some(place).filter(|place| *place != to);
                to
            }
            command => command.participant().and_then(|name| self.places.get(name).copied()).unwrap_or_default(),
        };
        Routed { to, pass_to, tell, parts: self.parts() }
    }
}

/// What becomes of a command.
pub struct Routed {
    pub to: u16,
    pub pass_to: Option<u16>,
    /// The shards that are told of the room's parts.
    pub tell: Vec<u16>,
    pub parts: Vec<u16>,
}
