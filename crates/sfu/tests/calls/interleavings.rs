//! Whatever people do, in whatever order, while the network loses and reorders: once things settle, everyone who should
//! hear and see someone does, and nobody else; and when all have left, nothing is left of them.
//!
//! `SEEDS` runs (24 unless told; `make conformance` does 1000), each of forty random deeds. A failure names its seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use str0m::media::MediaKind::{self, Audio, Video};
use visavis_sfu::{Command, ConnectionState, Event, Target, TrackSettings};

use crate::simulation::Call;
use crate::simulation::network::{Link, Random};

const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };
const ROUGH: Link =
    Link { loss: 0.03, delay: Duration::from_millis(10), jitter: Duration::from_millis(15), bitrate: 0 };
const DEEDS: usize = 40;
const PEOPLE: usize = 4;
const TRACKS: usize = 3;
/// DTLS repeats a lost flight after 1 s, 2 s, 4 s…
const HANDSHAKE: Duration = Duration::from_secs(15);

struct Own {
    cid: String,
    kind: MediaKind,
    muted: bool,
}

impl Own {
    fn track(&self) -> String {
        format!("TR_{}", self.cid)
    }
}

#[derive(Default)]
struct Person {
    own: Vec<Own>,
    /// Tracks that it does not want at all, or not now.
    unsubscribed: BTreeSet<String>,
    disabled: BTreeSet<String>,
}

/// The call, and what should be so in it.
struct Story {
    call: Call,
    people: BTreeMap<String, Person>,
    random: Random,
    names: usize,
    told: Vec<String>,
}

impl Story {
    fn new(seed: u64) -> Self {
        let random = Random(seed.wrapping_mul(0x9e37_79b9) ^ 0x5eed);
        // Half of them in a room that is spread over two shards.
        let call = if seed % 2 == 1 { Call::spread(ROUGH, seed) } else { Call::new(ROUGH, seed) };
        Self { call, people: BTreeMap::new(), random, names: 0, told: Vec::new() }
    }

    fn somebody(&mut self) -> Option<String> {
        let index = self.random.below(self.people.len());
        self.people.keys().nth(index).cloned()
    }

    /// Somebody, and a track of somebody else.
    fn pair(&mut self) -> Option<(String, String)> {
        let name = self.somebody()?;
        let others = self.people.iter().filter(|(other, _)| **other != name);
        let tracks: Vec<String> = others.flat_map(|(_, person)| person.own.iter().map(Own::track)).collect();
        let track = tracks.get(self.random.below(tracks.len()))?.clone();
        Some((name, track))
    }

    fn deed(&mut self) -> Option<()> {
        match self.random.below(20) {
            0..=3 if self.people.len() < PEOPLE => self.join(),
            4 => {
                let name = self.somebody()?;
                self.people.remove(&name);
                self.told.push(format!("{name} leaves"));
                self.call.leave(&name);
            }
            5 => {
                let name = self.somebody()?;
                self.people.remove(&name);
                self.told.push(format!("{name} vanishes"));
                self.call.vanish(&name);
                self.wait(400);
                self.call.leave(&name);
            }
            6..=10 => self.publish()?,
            11 => self.unpublish()?,
            12 | 13 => self.mute()?,
            14 | 15 => {
                let (participant, track) = self.pair()?;
                let unsubscribed = &mut self.people.get_mut(&participant)?.unsubscribed;
                let wanted = unsubscribed.remove(&track) || !unsubscribed.insert(track.clone());
                self.told.push(format!("{participant} wants {track}: {wanted}"));
                self.call.command(if wanted {
                    Command::Subscribe { participant, track }
                } else {
                    Command::Unsubscribe { participant, track }
                });
            }
            16 | 17 => {
                let (participant, track) = self.pair()?;
                let paused = &mut self.people.get_mut(&participant)?.disabled;
                let disabled = !paused.remove(&track) && paused.insert(track.clone());
                let quality = Some(self.random.below(3) as u8);
                self.told.push(format!("{participant} pauses {track}: {disabled}, quality {quality:?}"));
                let settings = TrackSettings { disabled, quality, ..TrackSettings::default() };
                self.call.command(Command::SetTrackSettings { participant, track, settings });
            }
            18 => {
                let participant = self.somebody()?;
                self.told.push(format!("{participant} comes back on a new socket"));
                // A client with two connections has its offer restarted by the server, and restarts its own.
                self.call.command(Command::RestartIce { participant: participant.clone() });
                let sdp = self.call.client(&participant).offer_restart();
                self.call.offer(&participant, sdp);
            }
            _ => self.wait(300),
        }
        Some(())
    }

    fn join(&mut self) {
        self.names += 1;
        let name = format!("p{}", self.names);
        let single = self.random.below(2) == 0;
        self.told.push(format!("{name} joins, single: {single}"));
        self.call.join_with(&name, single);
        self.people.insert(name, Person::default());
    }

    fn publish(&mut self) -> Option<()> {
        let name = self.somebody()?;
        let count = self.people[&name].own.len();
        if count >= TRACKS {
            return None;
        }
        let (kind, layers) = [(Audio, 1), (Video, 1), (Video, 3)][self.random.below(3)];
        self.names += 1;
        let own = Own { cid: format!("{name}_{}", self.names), kind, muted: false };
        self.told.push(format!("{name} publishes {} with {layers} layers", own.cid));
        self.call.publish(&name, kind, &own.cid, layers);
        self.people.get_mut(&name)?.own.push(own);
        Some(())
    }

    fn unpublish(&mut self) -> Option<()> {
        let name = self.somebody()?;
        let index = self.random.below(self.people[&name].own.len());
        let own = &mut self.people.get_mut(&name)?.own;
        if own.is_empty() {
            return None;
        }
        let gone = own.remove(index).track();
        self.told.push(format!("{name} unpublishes {gone}"));
        self.call.tracks.remove(&gone);
        let sdp = self.call.client(&name).offer_removal(index);
        self.call.offer(&name, sdp);
        Some(())
    }

    fn mute(&mut self) -> Option<()> {
        let name = self.somebody()?;
        let index = self.random.below(self.people[&name].own.len());
        let own = self.people.get_mut(&name)?.own.get_mut(index)?;
        own.muted = !own.muted;
        let (track, muted) = (own.track(), own.muted);
        self.told.push(format!("{name} mutes {track}: {muted}"));
        self.call.client(&name).pause(index, muted);
        self.call.command(Command::SetMuted { track, muted });
        Some(())
    }

    fn wait(&mut self, at_most: usize) {
        let time = self.random.below(at_most) as u64;
        self.call.run(Duration::from_millis(time));
    }

    /// What each receives of each track now: decoded frames, or packets of sound.
    fn received(&self) -> BTreeMap<(String, String), u32> {
        let mut received = BTreeMap::new();
        for ((name, _), track) in &self.call.sections {
            if self.call.clients.contains_key(name) && self.call.tracks.contains_key(track) {
                let what = self.call.received(name, track);
                received.insert((name.clone(), track.clone()), what.audio + what.video.total());
            }
        }
        received
    }

    /// Waits until everyone is connected. Handshakes that lost two flights in a row come back to it in seconds only.
    fn connect(&mut self, seed: u64) {
        let told = self.told.join("\n  ");
        for name in self.people.keys() {
            for wanted in [Target::Publisher, Target::Subscriber] {
                if wanted == Target::Subscriber && self.call.clients[name].single {
                    continue;
                }
                let is_it = |event: &Event| {
                    let Event::ConnectionChanged { participant, target, state, .. } = event else { return false };
                    participant == name && *target == wanted && *state == ConnectionState::Connected
                };
                let what = format!("{wanted:?} connection of {name}: seed {seed}\n  {told}\n");
                self.call.run_until(HANDSHAKE, &what, |call| call.events.iter().any(|(_, event)| is_it(event)));
            }
        }
    }

    /// Returns how many were to get a track, and how many not.
    fn check(&mut self, seed: u64) -> [u32; 2] {
        let mut checked = [0, 0];
        self.call.network.link = LAN;
        self.connect(seed);
        self.call.run(Duration::from_secs(4));
        let before = self.received();
        self.call.run(Duration::from_secs(1));
        let after = self.received();
        for (name, person) in &self.people {
            for (owner, other) in self.people.iter().filter(|(owner, _)| *owner != name) {
                for own in &other.own {
                    let (track, pair) = (own.track(), (name.clone(), own.track()));
                    let should =
                        !own.muted && !person.unsubscribed.contains(&track) && !person.disabled.contains(&track);
                    checked[usize::from(!should)] += 1;
                    let count =
                        |counts: &BTreeMap<(String, String), u32>| i64::from(counts.get(&pair).copied().unwrap_or(0));
                    let more = count(&after) - count(&before);
                    let fits = if should { more >= if own.kind == Video { 20 } else { 45 } } else { more == 0 };
                    let story = self.told.join("\n  ");
                    assert!(fits, "seed {seed}: {name} got {more} of {owner}'s {track} in a second:\n  {story}");
                }
            }
        }
        let failures = self.call.events_of(|event| match event {
            Event::NegotiationFailed { reason, .. } | Event::ParticipantFailed { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        assert!(failures.is_empty(), "seed {seed}: {failures:?}\n  {}", self.told.join("\n  "));
        for shard in 0..self.call.shards() {
            assert_eq!(self.call.shard_at(shard).stats().panics, 0, "seed {seed}, shard {shard}");
        }
        checked
    }

    /// Everyone leaves, and takes along all that they brought.
    fn end(mut self, seed: u64) {
        for name in self.people.keys() {
            self.call.leave(name);
        }
        self.call.run(Duration::from_millis(100));
        for shard in 0..self.call.shards() {
            let story = self.told.join("\n  ");
            assert!(
                self.call.shard_at(shard).is_empty(),
                "seed {seed}: something is left in shard {shard}:\n  {story}"
            );
        }
    }
}

#[test]
fn once_things_settle_everyone_gets_what_they_should_and_nothing_else() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let (first, seeds) = (number("FIRST_SEED", 0), number("SEEDS", 24));
    let next = AtomicU64::new(first);
    let tell = || {
        let mut checked = [0, 0];
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return checked;
            }
            let mut story = Story::new(seed);
            story.join();
            for _ in 0..DEEDS {
                story.deed();
                if story.random.below(3) == 0 {
                    story.wait(200);
                }
            }
            let more = story.check(seed);
            checked = [checked[0] + more[0], checked[1] + more[1]];
            story.end(seed);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut checked = [0, 0];
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(tell)).collect();
        for worker in workers {
            let more: [u32; 2] = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            checked = [checked[0] + more[0], checked[1] + more[1]];
        }
    });
    // Else the stories were too dull to tell anything. A single one may be, as when a failure is told again.
    assert!(seeds == 1 || checked.iter().all(|count| u64::from(*count) > seeds), "{checked:?} of {seeds} stories");
}
