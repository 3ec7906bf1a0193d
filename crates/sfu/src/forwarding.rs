//! Media: from a publisher's packet to every subscriber that gets it, and the slower loop that decides who gets what.

use std::time::{Duration, Instant};

use str0m::bwe::{Bitrate, BweKind};
use str0m::media::{KeyframeRequestKind, MediaKind, Mid};
use str0m::rtp::{RtpPacket, Ssrc};
use str0m::stats::MediaEgressStats;

use crate::bitstream::inspect;
use crate::command::{LayerInfo, Source, Target, TrackSettings};
use crate::connection::State;
use crate::downtrack::{Downtrack, Incoming, Place};
use crate::egress::Egress;
use crate::event::{Event, SubscriptionError};
use crate::layers::{self, Demand};
use crate::quality::{self, Sample};
use crate::shard::{Key, Shard, Timer};
use crate::speakers;
use crate::track::{Layer, Track};

/// A room's beat while it has tracks, and while it has none.
const BEAT: Duration = Duration::from_millis(100);
const IDLE_BEAT: Duration = Duration::from_millis(400);
/// A packet of audio lasts this long when its timestamps do not tell (after a pause).
const AUDIO_PACKET: Duration = Duration::from_millis(20);
/// What one audio track is taken to need, bit/s, beside the video.
const AUDIO_RATE: u64 = 40_000;

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
        let rids: Vec<_> = section.rids.iter().map(|rid| Some(rid.as_str().into())).collect();
        let rids = if rids.is_empty() { vec![None] } else { rids };
        let track = self.tracks.insert(Track {
            id: id.clone(),
            owner: key,
            owner_id: participant.id.clone(),
            room: participant.room,
            mid,
            kind: section.kind,
            codec: section.codec,
            params: section.params,
            source,
            muted,
            stereo,
            declared,
            layers: rids.into_iter().map(Layer::new).collect(),
            downtracks: Vec::new(),
        });
        section.track = Some(track);
        self.track_ids.insert(id, track);
        let room = participant.room;
        self.rooms[room].tracks.push(track);
        self.start_beat(room, now);
    }

    pub(crate) fn unpublish(&mut self, id: &str, now: Instant) {
        let Some(key) = self.track_ids.remove(id) else { return };
        let subscribers: Vec<usize> =
            self.tracks[key].downtracks.iter().map(|downtrack| self.downtracks[*downtrack].subscriber).collect();
        for subscriber in subscribers {
            self.detach(subscriber, id);
            self.participants[subscriber].settings.remove(id);
            self.request_offer(subscriber, now);
        }
        let track = self.tracks.remove(key);
        self.rooms[track.room].tracks.retain(|kept| *kept != key);
        let owner = &mut self.participants[track.owner];
        owner.streams.retain(|_, (track, _)| *track != key);
        if let Some(section) = owner.published.get_mut(&track.mid) {
            section.track = None;
        }
        self.fall_silent(&track);
    }

    /// A microphone that is gone or muted no longer speaks; whoever saw it speak is told at once.
    fn fall_silent(&mut self, track: &Track) {
        if track.source == Source::Microphone && self.rooms[track.room].speakers.remove(track.owner) {
            let room = self.rooms[track.room].id.clone();
            self.emit(Event::Speakers { room, levels: vec![(track.owner_id.clone(), 0.0)] });
        }
    }

    pub(crate) fn set_muted(&mut self, id: &str, muted: bool, now: Instant) {
        let Some(&key) = self.track_ids.get(id) else { return };
        if std::mem::replace(&mut self.tracks[key].muted, muted) == muted {
            return;
        }
        let subscribers: Vec<usize> =
            self.tracks[key].downtracks.iter().map(|downtrack| self.downtracks[*downtrack].subscriber).collect();
        for subscriber in subscribers {
            self.allocate(subscriber, now);
        }
        if muted {
            let track = &self.tracks[key];
            if track.source == Source::Microphone && self.rooms[track.room].speakers.remove(track.owner) {
                let (room, speaker) = (self.rooms[track.room].id.clone(), track.owner_id.clone());
                self.emit(Event::Speakers { room, levels: vec![(speaker, 0.0)] });
            }
        }
    }

    pub(crate) fn subscribe(&mut self, key: usize, id: String, now: Instant) {
        let participant = &self.participants[key];
        if participant.subscriptions.contains_key(&id) {
            return;
        }
        let track = self.track_ids.get(&id).copied().filter(|track| {
            let track = &self.tracks[*track];
            track.room == participant.room && track.owner != key
        });
        let supported = |track: usize| participant.codecs.contains(&self.tracks[track].codec);
        let reason = match track {
            None => SubscriptionError::TrackNotFound,
            Some(track) if !supported(track) => SubscriptionError::CodecUnsupported,
            Some(track) => {
                let participant = &mut self.participants[key];
                let settings = participant.settings.remove(&id).unwrap_or_default();
                let downtrack = self.downtracks.insert(Downtrack::new(key, track, settings));
                participant.subscriptions.insert(id, downtrack);
                self.tracks[track].downtracks.push(downtrack);
                return self.request_offer(key, now);
            }
        };
        let participant = participant.id.clone();
        self.emit(Event::SubscriptionFailed { participant, track: id, reason });
    }

    pub(crate) fn unsubscribe(&mut self, key: usize, id: &str, now: Instant) {
        if self.detach(key, id) {
            self.request_offer(key, now);
            self.allocate(key, now);
        }
    }

    pub(crate) fn set_track_settings(&mut self, key: usize, id: String, settings: TrackSettings, now: Instant) {
        let participant = &mut self.participants[key];
        match participant.subscriptions.get(&id) {
            Some(downtrack) => {
                self.downtracks[*downtrack].settings = settings;
                self.allocate(key, now);
            }
            None => {
                participant.settings.insert(id, settings);
            }
        }
    }

    // -- packets ------------------------------------------------------------------------------------------------------

    pub(crate) fn on_rtp(&mut self, key: usize, packet: RtpPacket, now: Instant) {
        let ssrc = packet.header.ssrc;
        let known = self.participants.get(key).and_then(|participant| participant.streams.get(&ssrc).copied());
        let Some((track_key, layer_index)) = known.or_else(|| self.resolve(key, ssrc)) else { return };
        let track = &mut self.tracks[track_key];
        if packet.header.payload_type != track.params.pt() {
            return; // not the codec that the answer named
        }
        let info = inspect(track.codec, &packet.payload);
        let clock_rate = track.params.spec().clock_rate.get();
        let layer = &mut track.layers[layer_index];
        let duration = layer.duration(packet.header.timestamp, clock_rate).unwrap_or(AUDIO_PACKET);
        layer.observe(now, *packet.seq_no, packet.header.timestamp, packet.payload.len(), info);
        if track.muted {
            return;
        }
        if let (Source::Microphone, Some(level)) = (track.source, packet.header.ext_vals.audio_level) {
            self.rooms[track.room].speakers.observe(track.owner, level.unsigned_abs().min(127), duration);
        }
        let packet = packet.into();
        let incoming =
            Incoming { packet: &packet, layer: layer_index, codec: track.codec, info, clock_rate, arrival: now };
        for downtrack in &track.downtracks {
            let downtrack = &mut self.downtracks[*downtrack];
            let subscriber = downtrack.subscriber;
            let Some(connection) = self.participants[subscriber].subscriber.as_mut() else { continue };
            // Before DTLS is up it would only queue.
            if !connection.connected() {
                continue;
            }
            let mut sent = false;
            downtrack.forward(&incoming, |packet| sent |= connection.rtc.send(packet));
            if sent && !std::mem::replace(&mut connection.dirty, true) {
                self.dirty.push((subscriber, Target::Subscriber));
            }
        }
    }

    /// Finds the track and layer of a stream that is heard of for the first time.
    fn resolve(&mut self, key: usize, ssrc: Ssrc) -> Option<(usize, usize)> {
        let participant = self.participants.get_mut(key)?;
        let connection = participant.publisher.as_mut()?;
        let mut api = connection.rtc.direct_api();
        let stream = api.stream_rx(&ssrc)?;
        let (mid, rid) = (stream.mid(), stream.rid());
        let track_key = participant.published.get(&mid)?.track?;
        let track = &mut self.tracks[track_key];
        let layer = track.layer_of(rid)?;
        track.layers[layer].ssrc = Some(ssrc);
        participant.streams.insert(ssrc, (track_key, layer));
        // Whoever waits for this layer may have asked when there was nobody to ask.
        for downtrack in &track.downtracks {
            self.participants[self.downtracks[*downtrack].subscriber].allocate = true;
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

    fn ask_keyframes(&mut self, track: usize, now: Instant) {
        let due = self.tracks[track].due_keyframes(now);
        if due.is_empty() {
            return;
        }
        let key = (self.tracks[track].owner, Target::Publisher);
        let Some(connection) = self.connection(key) else { return };
        let mut api = connection.rtc.direct_api();
        for ssrc in due {
            if let Some(stream) = api.stream_rx(&ssrc) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
        self.touch(key);
    }

    // -- who gets what ------------------------------------------------------------------------------------------------

    pub(crate) fn on_estimate(&mut self, key: Key, kind: BweKind) {
        let (BweKind::Twcc { estimate, .. } | BweKind::Remb { estimate, .. }) = kind else { return };
        if let Some(connection) = self.connection(key) {
            connection.estimate = Some(estimate.as_u64());
            self.participants[key.0].allocate = true;
        }
    }

    /// Shares a subscriber's bandwidth out among its tracks.
    pub(crate) fn allocate(&mut self, key: usize, now: Instant) {
        let participant = &mut self.participants[key];
        participant.allocate = false;
        // A keyframe that comes before the transport is up is lost, and publishers give the next one only 300 ms later:
        // none is asked for until `on_connected` comes here.
        let Some(connection) = participant.subscriber.as_mut().filter(|connection| connection.connected()) else {
            return;
        };
        let budget = connection.estimate.unwrap_or(self.factory.config.initial_bitrate);
        let (mut keys, mut demands, mut audio) = (Vec::new(), Vec::new(), 0);
        for &downtrack_key in participant.subscriptions.values() {
            let downtrack = &mut self.downtracks[downtrack_key];
            let track = &self.tracks[downtrack.track];
            if downtrack.settings.disabled || track.muted || !matches!(downtrack.place, Place::Ready(..)) {
                downtrack.target = None;
                downtrack.pause();
            } else if track.kind == MediaKind::Audio {
                downtrack.target = Some(0);
                audio += AUDIO_RATE;
            } else {
                let wanted = layers::wanted(&downtrack.settings, &track.declared, track.layers.len());
                let rates = track.rates(now);
                demands.push(Demand { screen: track.is_screen(), rates, wanted, current: downtrack.current });
                keys.push(downtrack_key);
            }
        }
        let chosen = layers::allocate(budget.saturating_sub(audio), &demands);
        let (mut desired, mut spent, mut next_step) = (audio, audio, None);
        let mut waiting = Vec::new();
        for ((downtrack_key, demand), layer) in keys.into_iter().zip(&demands).zip(chosen) {
            desired += demand.rates[..=demand.wanted].iter().max().copied().unwrap_or(0);
            let rate = layer.map_or(0, |layer| demand.rates[layer]);
            spent += rate;
            let above = layer.map_or(0, |layer| layer + 1)..=demand.wanted;
            let step = above.filter_map(|above| demand.rates[above].checked_sub(rate)).filter(|step| *step > 0).min();
            next_step = next_step.into_iter().chain(step).min();
            let downtrack = &mut self.downtracks[downtrack_key];
            let track = &mut self.tracks[downtrack.track];
            // Nothing comes yet: the lowest is what will come first.
            downtrack.target = Some(layer.unwrap_or(0));
            if downtrack.current.is_some_and(|current| demand.rates[current] == 0) && layer.is_some() {
                downtrack.pause();
            }
            downtrack.temporal_limit = track.temporal_limit(layer.unwrap_or(0), downtrack.settings.fps);
            if let Some(layer) = downtrack.awaits() {
                track.want_keyframe(layer);
                waiting.push(downtrack.track);
            }
        }
        // A quarter above the media's own rate leaves room for its peaks. While someone waits for a better layer, padding
        // up to what it needs (never beyond the estimate) finds out whether it would fit; else nothing is padded.
        let minimum = next_step.map_or(0, |step| (spent + step) * 5 / 4);
        connection.rtc.bwe().set_bitrate(Bitrate::bps(minimum), Bitrate::bps(desired + desired / 4));
        self.touch((key, Target::Subscriber));
        for track in waiting {
            self.ask_keyframes(track, now);
        }
    }

    pub(crate) fn start_beat(&mut self, room: usize, now: Instant) {
        let interval = if self.rooms[room].tracks.is_empty() { IDLE_BEAT } else { BEAT };
        let at = now + interval;
        if self.rooms[room].beat.is_none_or(|beat| at < beat) {
            self.rooms[room].beat = Some(at);
            self.set_timer(at, Timer::Room(room));
        }
    }

    pub(crate) fn on_beat(&mut self, key: usize, at: Instant, now: Instant) {
        let Some(room) = self.rooms.get_mut(key).filter(|room| room.beat == Some(at)) else { return };
        room.beat = None;
        let elapsed = now.saturating_duration_since(std::mem::replace(&mut room.measured, now));
        let (tracks, members) = (room.tracks.clone(), room.members.clone());
        if !elapsed.is_zero() {
            for track in &tracks {
                self.tracks[*track].layers.iter_mut().for_each(|layer| layer.measure(elapsed));
            }
        }
        self.tell_speakers(key, now);
        let quality_due = self.rooms[key].quality_due <= now;
        // Rates drift without an event; twice a second is soon enough to notice.
        let all = self.rooms[key].speakers_due == now + speakers::INTERVAL;
        for member in &members {
            if self.participants[*member].allocate || all && !self.participants[*member].subscriptions.is_empty() {
                self.allocate(*member, now);
            }
        }
        for track in tracks {
            let awaited: Vec<usize> =
                self.tracks[track].downtracks.iter().filter_map(|key| self.downtracks[*key].awaits()).collect();
            for layer in awaited {
                self.tracks[track].want_keyframe(layer);
            }
            self.ask_keyframes(track, now);
        }
        if quality_due {
            self.tell_quality(key, now);
        }
        self.start_beat(key, now);
    }

    // -- what people are told -----------------------------------------------------------------------------------------

    fn tell_speakers(&mut self, key: usize, now: Instant) {
        let room = &mut self.rooms[key];
        if room.speakers_due > now {
            return;
        }
        room.speakers_due = now + speakers::INTERVAL;
        let changes = room.speakers.tick();
        if changes.is_empty() {
            return;
        }
        let room = room.id.clone();
        let levels = changes.into_iter().map(|(speaker, level)| (self.participants[speaker].id.clone(), level));
        let event = Event::Speakers { room, levels: levels.collect() };
        self.emit(event);
    }

    /// What a client reported of a stream it receives.
    pub(crate) fn on_reception(&mut self, key: usize, stats: &MediaEgressStats) {
        let Some(loss) = stats.loss else { return };
        let participant = &mut self.participants[key];
        let audio = participant.section_of(stats.mid).is_some_and(|section| section.kind == MediaKind::Audio);
        let lost = (f64::from(loss) * 1000.0) as u64;
        let rtt = stats.rtt.unwrap_or_default();
        participant.reception.push(Sample { expected: 1000, lost, rtt, layers_missing: 0.0, audio });
    }

    fn tell_quality(&mut self, key: usize, now: Instant) {
        let room = &mut self.rooms[key];
        room.quality_due = now + quality::INTERVAL;
        let members = room.members.clone();
        let mut qualities = Vec::new();
        for member in members {
            let participant = &mut self.participants[member];
            let mut samples = std::mem::take(&mut participant.reception);
            for track in participant.published.values().filter_map(|section| section.track) {
                let track = &mut self.tracks[track];
                let audio = track.kind == MediaKind::Audio;
                for layer in &mut track.layers {
                    let (expected, lost) = layer.take_loss();
                    samples.push(Sample { expected, lost, audio, ..Sample::default() });
                }
            }
            let primary = participant.primary;
            let Some(connection) = participant.connection(primary) else { continue };
            let state = connection.state;
            if state == State::Connecting {
                continue;
            }
            if let Some((quality, score)) = participant.scorer.update(samples, state == State::Connected) {
                qualities.push((participant.id.clone(), quality, score));
            }
        }
        if !qualities.is_empty() {
            let room = self.rooms[key].id.clone();
            self.emit(Event::Quality { room, qualities });
        }
    }
}
