//! From what came in a turn to who gets it: subscriber by subscriber, each all of its packets at once. What is known of a
//! subscriber comes into the processor's cache once, and its packets lie side by side, where the kernel takes them as one.
//!
//! Whatever changes who gets what sends what came before that first.

use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use str0m::media::MediaKind;

use crate::bitstream::{Codec, PacketInfo};
use crate::downtrack::{Downtrack, Incoming, Packet, Place};
use crate::downtracks::Outline;
use crate::expected::AHEAD;
use crate::shard::Shard;
use crate::timers::Timer;
use crate::track::Track;

/// So many receivers' packets are one portion: as many messages as one system call takes.
const PORTION: usize = 64;
/// Of what a track keeps memory for; more comes only in bursts.
const USUAL: usize = 32;
/// Layers beyond share a bit; nobody has so many.
const LAST_BIT: usize = 62;

/// One packet of a track.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub packet: Packet,
    pub layer: usize,
    pub codec: Codec,
    pub info: PacketInfo,
    pub at: Instant,
}

/// What came of a track in this turn, in this order.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    arrived: Vec<Arrived>,
    /// The same for who does not take its redundant audio.
    unpacked: Vec<Arrived>,
}

/// The tracks of which something came, and to whom it goes.
#[derive(Debug, Default)]
pub(crate) struct Fanout {
    /// Slab keys.
    tracks: Vec<usize>,
    /// Once the turn is over.
    steps: Vec<Step>,
    /// Of those, the first that is not done.
    next: usize,
    /// The first that was not looked at.
    seen: usize,
}

/// What came of one track goes to one of its subscribers.
#[derive(Debug, Clone, Copy)]
struct Step {
    subscriber: usize,
    /// Tracks keep the order in which their first packets came.
    order: usize,
    track: usize,
    downtrack: usize,
}

/// A layer's bit.
pub(crate) fn bit(layer: usize) -> u64 {
    1 << layer.min(LAST_BIT)
}

impl Arrived {
    pub(crate) fn incoming(&self, clock_rate: u32) -> Incoming<'_> {
        let Self { packet, layer, codec, info, at } = self;
        Incoming { packet, layer: *layer, codec: *codec, info: *info, clock_rate, arrival: *at }
    }
}

impl Turn {
    /// A bit for each layer of which something came.
    fn layers(&self) -> u64 {
        self.arrived.iter().fold(0, |layers, one| layers | bit(one.layer))
    }

    fn for_subscriber(&self, codec: Codec, downtrack: &Downtrack) -> &[Arrived] {
        if must_unpack(codec, downtrack) { &self.unpacked } else { &self.arrived }
    }

    fn clear(&mut self) {
        for packets in [&mut self.arrived, &mut self.unpacked] {
            packets.clear();
            packets.shrink_to(USUAL);
        }
    }
}

fn must_unpack(codec: Codec, downtrack: &Downtrack) -> bool {
    codec == Codec::Red && downtrack.red.is_none()
}

impl Track {
    /// Takes the Opus out of the redundant audio that came.
    fn unpack(&mut self) {
        let pt = self.params.pt();
        for one in &self.turn.arrived {
            self.unpacker.unpack(&one.packet, one.codec, pt);
            let opus = |packet: &Packet| Arrived { packet: packet.clone(), codec: Codec::Opus, ..*one };
            self.turn.unpacked.extend(self.unpacker.unpacked().iter().map(opus));
        }
    }
}

impl Fanout {
    /// A packet of the track with this slab key goes to whoever gets it.
    pub(crate) fn push(&mut self, key: usize, track: &mut Track, arrived: Arrived) {
        debug_assert!(!self.is_under_way(), "a packet belongs to one turn");
        if track.turn.arrived.is_empty() {
            self.tracks.push(key);
        }
        track.turn.arrived.push(arrived);
    }

    fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// Some have what came in the last turn, and others do not.
    pub(crate) fn is_under_way(&self) -> bool {
        !self.steps.is_empty()
    }
}

impl Shard {
    /// Whether something that came goes to so many, and the rest of its picture has not come.
    pub fn awaits_rest(&self, receivers: usize) -> bool {
        let is_open = |track: &Track| {
            let last = track.turn.arrived.last();
            track.kind == MediaKind::Video
                && track.downtracks.len() >= receivers
                && last.is_some_and(|last| !last.packet.marker)
        };
        self.fanout.tracks.iter().filter_map(|key| self.tracks.get(*key)).any(is_open)
    }

    /// Gives what came to some of those who get it. True: more is left, and what [`Shard::take_media`] has may go out.
    pub fn fan_out_some(&mut self, now: Instant) -> bool {
        while self.batch.receivers() < PORTION && self.serve_next(now) {}
        !self.fanout.is_empty()
    }

    /// Gives what came to all who get it.
    pub(crate) fn fan_out(&mut self, now: Instant) {
        while self.serve_next(now) {}
    }

    /// Gives what came to the next subscriber; false: nobody is left.
    fn serve_next(&mut self, now: Instant) -> bool {
        if self.fanout.is_empty() {
            return false;
        }
        if self.fanout.steps.is_empty() {
            self.arrange();
        }
        let begin = self.fanout.next;
        if begin >= self.fanout.seen {
            self.look_ahead(begin);
        }
        let Fanout { steps, next, .. } = &mut self.fanout;
        if let Some(&Step { subscriber, .. }) = steps.get(begin) {
            // Done, whatever comes of it.
            *next += steps[begin..].iter().take_while(|step| step.subscriber == subscriber).count();
            let range = begin..*next;
            self.guarded(now, Some(subscriber), |shard| shard.serve(subscriber, range, now));
        }
        if self.fanout.next >= self.fanout.steps.len() {
            self.end_turn();
        }
        true
    }

    /// The turn is over: finds out who gets something.
    fn arrange(&mut self) {
        let Fanout { tracks, steps, .. } = &mut self.fanout;
        for (order, &key) in tracks.iter().enumerate() {
            let Some(track) = self.tracks.get_mut(key) else { continue };
            let (layers, mut unpacks) = (track.turn.layers(), false);
            for &downtrack in &track.downtracks {
                let Outline { subscriber, layers: concerned, .. } = self.downtracks.outline(downtrack);
                if layers & concerned != 0 {
                    unpacks |= must_unpack(track.codec, &self.downtracks[downtrack]);
                    steps.push(Step { subscriber, order, track: key, downtrack });
                }
            }
            if unpacks {
                track.unpack();
            }
        }
        if tracks.len() > 1 {
            steps.sort_unstable_by_key(|step| (step.subscriber, step.order));
        }
    }

    /// Reads what the next steps will need, one pointer further for all of them each time: so the processor waits for its
    /// memory once for all, where it would for each. Between two packets of a voice others have had its cache.
    fn look_ahead(&mut self, begin: usize) {
        self.fanout.seen = begin + AHEAD;
        let steps = &self.fanout.steps[begin..];
        if steps.len() < 2 {
            return;
        }
        for step in steps.iter().take(AHEAD) {
            self.participants.get(step.subscriber).map(|participant| black_box(participant.single));
            self.downtracks.get(step.downtrack).map(Downtrack::look);
        }
        let connections: [_; AHEAD] = std::array::from_fn(|ahead| {
            let step = steps.get(ahead)?;
            let Place::Ready(_, _, index) = self.downtracks.get(step.downtrack)?.place else { return None };
            Some((self.participants.get(step.subscriber)?.receiving_connection()?, index))
        });
        for (connection, _) in connections.iter().flatten() {
            black_box(connection.state);
            black_box(connection.media.is_some());
        }
        let senders = connections.map(|one| one.and_then(|(to, index)| Some((to.media.as_ref()?.sender()?, index))));
        for (sender, _) in senders.iter().flatten() {
            sender.look();
        }
        for (sender, index) in senders.into_iter().flatten() {
            sender.look_at(index);
        }
    }

    /// Sends one subscriber what came for it.
    fn serve(&mut self, subscriber: usize, range: Range<usize>, now: Instant) {
        let Some(participant) = self.participants.get_mut(subscriber) else { return };
        let receiving = participant.receiving();
        // Before DTLS is up it would only queue.
        let Some(connection) = participant.connection(receiving).filter(|connection| connection.connected()) else {
            return;
        };
        let (mut sent_any, mut resumed) = (false, Vec::new());
        for step in &self.fanout.steps[range] {
            let (Some(track), Some(downtrack)) = (self.tracks.get(step.track), self.downtracks.get_mut(step.downtrack))
            else {
                continue;
            };
            let clock_rate = track.params.spec().clock_rate.get();
            let mut sent = false;
            for one in track.turn.for_subscriber(track.codec, downtrack) {
                downtrack.forward(&one.incoming(clock_rate), |packet| {
                    sent |= connection.send(packet, now, &mut self.batch);
                });
            }
            if sent && std::mem::take(&mut downtrack.paused) {
                resumed.push(step.track);
            }
            sent_any |= sent;
            // While it is in the cache.
            self.downtracks.outline(step.downtrack);
        }
        if let Some(media) = &mut connection.media {
            if let Some(at) = media.due_after_sending() {
                self.timers.set(at, Timer::Media((subscriber, receiving)));
            }
        } else if sent_any && !std::mem::replace(&mut connection.dirty, true) {
            self.dirty.push((subscriber, receiving));
        }
        for track in resumed {
            self.tell_paused(subscriber, track, false);
        }
    }

    fn end_turn(&mut self) {
        let Fanout { tracks, steps, next, seen } = &mut self.fanout;
        for key in tracks.drain(..) {
            if let Some(track) = self.tracks.get_mut(key) {
                track.turn.clear();
            }
        }
        steps.clear();
        (*next, *seen) = (0, 0);
    }
}
