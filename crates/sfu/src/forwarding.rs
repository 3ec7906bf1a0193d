//! Media: from a publisher's packet to every subscriber that gets it. Who gets what is decided in `allocation`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use str0m::media::{MediaKind, Mid};
use str0m::rtp::Ssrc;

use crate::bitstream::Codec;
use crate::command::{LayerInfo, Source, Target, TrackSettings};
use crate::connection::Connection;
use crate::dependency_descriptor::Structures;
use crate::downtrack::Downtrack;
use crate::dynacast::Dynacast;
use crate::event::{Event, SubscriptionError};
use crate::fanout::{Arrived, Turn};
use crate::figures::Reception;
use crate::incoming::{Came, Encoding};
use crate::playout_delay::PlayoutDelay;
use crate::red::Unpacker;
use crate::relay::{Origin, Relays};
use crate::rewriter::number_in;
use crate::shard::{Key, Shard};
use crate::track::{Track, layers_of};

/// A packet of audio lasts this long when its timestamps do not tell (after a pause).
const AUDIO_PACKET: Duration = Duration::from_millis(20);

impl Shard {
    #[allow(clippy::too_many_arguments)] // the command's fields
    pub(crate) fn publish(
        &mut self,
        key: usize,
        mid: &str,
        id: String,
        source: Source,
        muted: bool,
        declared: Vec<LayerInfo>,
        stereo: bool,
        stream: String,
        trailer: Vec<u8>,
        backups: &[String],
        now: Instant,
    ) {
        let mid = Mid::from(mid);
        let participant = &mut self.participants[key];
        let Some(section) = participant.published.get_mut(&mid).filter(|section| section.track.is_none()) else {
            return;
        };
        if self.track_ids.contains_key(&id) {
            return;
        }
        let (layers, scalable) = layers_of(section.codec, &section.rids, &declared);
        let entry = self.tracks.vacant_entry();
        let track = entry.key();
        entry.insert(Track {
            id: id.clone(),
            handle: self.exchange.handle(track),
            origin: Origin::Here(key),
            owner_id: participant.id.clone(),
            room: participant.room,
            mid: Some(mid),
            published: None,
            kind: section.kind,
            codec: section.codec,
            params: section.params,
            source,
            muted,
            stereo,
            stream,
            trailer,
            declared,
            layers,
            former: Reception::default(),
            scalable,
            structures: Structures::default(),
            unread: VecDeque::new(),
            dynacast: Dynacast::default(),
            primary: track,
            backups: Vec::new(),
            regress: false,
            regressed: false,
            unpacker: Unpacker::default(),
            downtracks: Vec::new(),
            relays: Relays::default(),
            wanted_by: Vec::new(),
            turn: Turn::default(),
        });
        section.track = Some(track);
        self.track_ids.insert(id, track);
        let room = participant.room;
        self.rooms[room].tracks.push(track);
        self.await_backups(track, backups);
        self.start_beat(room, now);
    }

    pub(crate) fn unpublish(&mut self, id: &str, now: Instant) {
        let Some(key) = self.track_ids.remove(id) else { return };
        let codecs: Vec<usize> = self.codecs_of(key).collect();
        let downtracks = codecs.iter().flat_map(|codec| &self.tracks[*codec].downtracks);
        let subscribers: Vec<usize> = downtracks.map(|downtrack| self.downtracks[*downtrack].subscriber).collect();
        for subscriber in subscribers {
            self.close_downtrack(subscriber, id, now);
            self.participants[subscriber].settings.remove(id);
        }
        self.fall_silent(key);
        if self.tracks[key].origin.owner().is_some() {
            self.tell_track_totals(key);
        }
        self.relay_end(key);
        for key in codecs {
            let track = self.tracks.remove(key);
            self.rooms[track.room].tracks.retain(|kept| *kept != key);
            if let Origin::There(upstream) = track.origin {
                self.exchange.relayed.remove(&(upstream.shard, upstream.handle));
            }
            let Some(owner) = track.origin.owner() else { continue };
            let owner = &mut self.participants[owner];
            owner.streams.retain(|_, (track, _)| *track != key);
            if let Some(section) = track.mid.and_then(|mid| owner.published.get_mut(&mid)) {
                section.track = None;
            }
        }
    }

    /// A microphone that is gone or muted no longer speaks; whoever saw it speak is told at once.
    fn fall_silent(&mut self, key: usize) {
        let track = &self.tracks[key];
        let Some(owner) = track.origin.owner() else { return };
        if track.source == Source::Microphone && self.rooms[track.room].speakers.remove(owner) {
            let (room, speaker) = (self.rooms[track.room].id.clone(), track.owner_id.clone());
            self.emit(Event::Speakers { room, levels: vec![(speaker, 0.0)] });
        }
    }

    pub(crate) fn set_muted(&mut self, id: &str, muted: bool, now: Instant) {
        let Some(&key) = self.track_ids.get(id) else { return };
        if self.tracks[key].muted == muted {
            return;
        }
        let codecs: Vec<usize> = self.codecs_of(key).collect();
        let downtracks: Vec<usize> = codecs.iter().flat_map(|codec| &self.tracks[*codec].downtracks).copied().collect();
        let flowing = self.flowing(downtracks);
        for codec in codecs {
            self.tracks[codec].muted = muted;
            self.allocate_subscribers(codec, now);
        }
        self.relay_muted(key);
        self.silence(flowing, now);
        // Changes meanwhile were not told.
        self.tell_wanted(key, true, now);
        if muted {
            self.fall_silent(key);
        }
    }

    pub(crate) fn subscribe(&mut self, key: usize, id: String, now: Instant) {
        let participant = &self.participants[key];
        if participant.subscriptions.contains_key(&id) {
            return;
        }
        let track = self.track_ids.get(&id).copied().filter(|track| {
            let track = &self.tracks[*track];
            track.room == participant.room && track.origin != Origin::Here(key)
        });
        let supported = |track: usize| {
            self.codecs_of(track).any(|track| match self.tracks[track].codec {
                Codec::Red => participant.codecs.contains(&Codec::Opus),
                codec => participant.codecs.contains(&codec),
            })
        };
        let reason = match track {
            None => SubscriptionError::TrackNotFound,
            Some(track) if !supported(track) => SubscriptionError::CodecUnsupported,
            Some(track) => {
                let participant = &mut self.participants[key];
                let settings = participant.settings.remove(&id).unwrap_or_default();
                let limits = participant.playout_delay.filter(|_| self.tracks[track].kind == MediaKind::Video);
                let mut downtrack = Downtrack::new(key, track, self.tracks[track].scalable, settings, now);
                downtrack.playout_delay = limits.map(PlayoutDelay::new);
                let downtrack = self.downtracks.insert(downtrack);
                participant.subscriptions.insert(id, downtrack);
                self.tracks[track].downtracks.push(downtrack);
                self.tell_wanted(track, false, now);
                return self.request_offer(key, now);
            }
        };
        let participant = participant.id.clone();
        self.emit(Event::SubscriptionFailed { participant, track: id, reason });
    }

    pub(crate) fn unsubscribe(&mut self, key: usize, id: &str, now: Instant) {
        if self.close_downtrack(key, id, now) {
            self.allocate(key, now);
        }
    }

    pub(crate) fn set_track_settings(&mut self, key: usize, id: String, settings: TrackSettings, now: Instant) {
        let participant = &mut self.participants[key];
        match participant.subscriptions.get(&id) {
            Some(&downtrack) => {
                let flowing = self.flowing(vec![downtrack]);
                let downtrack = &mut self.downtracks[downtrack];
                downtrack.settings = settings;
                let track = downtrack.track;
                self.tell_wanted(track, false, now);
                self.allocate(key, now);
                self.silence(flowing, now);
            }
            None => {
                participant.settings.insert(id, settings);
            }
        }
    }

    // -- packets ------------------------------------------------------------------------------------------------------

    pub(crate) fn on_rtp(&mut self, key: usize, came: Came, now: Instant) {
        let Came { ssrc, begins, encoding, pt, level, mut packet } = came;
        let known = self.participants.get(key).and_then(|participant| participant.streams.get(&ssrc).copied());
        let known = known.filter(|_| !begins);
        let Some((track_key, layer_index)) = known.or_else(|| self.resolve(key, ssrc, encoding, now)) else { return };
        let track = &mut self.tracks[track_key];
        let codec = match track.codec {
            Codec::Red if pt == track.params.pt() => Codec::Opus, // not worth wrapping, or too large for it
            Codec::Red if Some(pt) == track.params.red() => Codec::Red,
            codec if codec != Codec::Red && pt == track.params.pt() => codec,
            _ => return, // not the codec that the answer named
        };
        packet.sequence = number_in(track.layers[layer_index].streams, packet.sequence);
        let Some(info) = track.inspect(codec, &mut packet) else { return track.keep_unread(packet) };
        self.forward(track_key, Arrived { packet, layer: layer_index, codec, info, at: now }, level, now);
        // A keyframe may be what those before it waited for.
        let track = &mut self.tracks[track_key];
        if info.keyframe && !track.unread.is_empty() {
            for mut packet in std::mem::take(&mut track.unread) {
                if let Some(info) = self.tracks[track_key].inspect(codec, &mut packet) {
                    self.forward(track_key, Arrived { packet, layer: layer_index, codec, info, at: now }, None, now);
                }
            }
        }
    }

    /// A packet of a track, which it names by its slab key, goes to whoever gets it at the end of the turn.
    pub(crate) fn forward(&mut self, track_key: usize, arrived: Arrived, level: Option<u8>, now: Instant) {
        if self.fanout.is_under_way() {
            self.fan_out(now);
        }
        let Arrived { packet, layer, info, at, .. } = &arrived;
        let track = &mut self.tracks[track_key];
        let clock_rate = track.params.spec().clock_rate.get();
        let duration = track.layers[*layer].duration(packet.timestamp, clock_rate).unwrap_or(AUDIO_PACKET);
        let returned = track.observe(*layer, packet, *info, now);
        if track.muted {
            // What was said meanwhile is not recovered.
            track.unpacker = Unpacker::default();
            return;
        }
        if returned {
            self.allocate_subscribers(track_key, now);
        }
        let track = &mut self.tracks[track_key];
        if track.kind == MediaKind::Video {
            track.layers[*layer].recent.push(packet, *info, *at);
        }
        if let (Source::Microphone, Some(level), Some(owner)) = (track.source, level, track.origin.owner()) {
            self.rooms[track.room].speakers.observe(owner, level.min(127), duration);
        }
        self.exchange.push_media(track, &arrived.incoming(clock_rate));
        self.fanout.push(track_key, track, arrived);
    }

    /// Finds the track and layer of a stream that is heard of for the first time.
    fn resolve(&mut self, key: usize, ssrc: Ssrc, encoding: Option<Encoding>, now: Instant) -> Option<(usize, usize)> {
        let participant = self.participants.get_mut(key)?;
        let by_str0m = |publisher: &mut Connection| {
            let mut api = publisher.rtc.direct_api();
            api.stream_rx(&ssrc).map(|stream| (stream.mid(), stream.rid()))
        };
        let (mid, rid) = encoding.or_else(|| by_str0m(participant.publisher.as_mut()?))?;
        let track_key = participant.published.get(&mid)?.track?;
        let track = &mut self.tracks[track_key];
        let layer = track.layer_of(rid)?;
        track.published.get_or_insert(now);
        let is_anew = track.layers[layer].ssrc.replace(ssrc).is_some();
        if is_anew {
            track.layers[layer].streams += 1;
        }
        participant.streams.insert(ssrc, (track_key, layer));
        // Whoever waits for this layer may have asked when there was nobody to ask.
        for downtrack in &track.downtracks {
            self.participants[self.downtracks[*downtrack].subscriber].allocate = true;
        }
        if std::mem::take(&mut self.tracks[track_key].regress) {
            self.regress(track_key, now);
        }
        if is_anew && self.tracks[track_key].kind == MediaKind::Video {
            self.tracks[track_key].want_keyframe(layer);
            self.ask_keyframes(track_key, now);
        }
        Some((track_key, layer))
    }

    /// A subscriber lost its picture.
    pub(crate) fn on_keyframe_request(&mut self, key: Key, mid: Mid, now: Instant) {
        let Some(downtrack) = self.key_of_section(key, mid) else { return };
        let downtrack = &self.downtracks[downtrack];
        if let Some(layer) = downtrack.current.or(downtrack.target) {
            let track = downtrack.track;
            self.tracks[track].want_keyframe(layer);
            self.ask_keyframes(track, now);
        }
    }

    pub(crate) fn ask_keyframes(&mut self, track: usize, now: Instant) {
        let due = self.tracks[track].due_keyframes(now);
        if due.is_empty() {
            return;
        }
        let track = &self.tracks[track];
        let owner = match track.origin {
            Origin::Here(owner) => owner,
            Origin::There(upstream) => return self.relay_keyframes(upstream, &due),
        };
        let streams: Vec<Ssrc> = due.into_iter().filter_map(|layer| track.layers[layer].ssrc).collect();
        self.request_keyframes((owner, Target::Publisher), &streams, now);
    }
}
