//! Tracks between shards: a room that is spread over several has its participants on each, and what one of them publishes
//! is relayed to the shards that have subscribers.
//!
//! A relayed track is a [`Track`] like any other, but for its [`Origin`]: its layers, downtracks, allocation, blank frames and
//! everything that a subscriber asks for are its shard's own. Only packets come down from the publisher's shard, once for each
//! shard, and only what the publisher has to know goes up: keyframes asked for, at most so often as of the publisher
//! itself, and the quality that is wanted.
//!
//! Such a track comes with its first subscription, which therefore passes through the publisher's shard
//! ([`Shard::pass_on`]): what comes after on the same way finds it described. It goes with its last subscription. As the
//! next one may be under way then, subscriptions are counted, and the track is released with the last count seen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use str0m::format::PayloadParams;
use str0m::media::MediaKind;

use crate::bitstream::{Codec, PacketInfo};
use crate::command::{Command, LayerInfo, Source};
use crate::downtrack::{Incoming, Packet};
use crate::exchange::Kind;
use crate::fanout::{Arrived, Turn};
use crate::figures::Reception;
use crate::shard::Shard;
use crate::track::{Layer, Track};

/// Names a track among shards, by its slab key and how many its shard had before: it never comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Handle {
    pub key: u32,
    pub count: u32,
}

/// Where a track's publisher is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Slab key.
    Here(usize),
    There(Upstream),
}

/// The shard that a track is relayed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Upstream {
    pub shard: u16,
    /// The track's there.
    pub handle: Handle,
    /// The last subscription that came from there.
    pub number: u32,
    /// The quality that it was told to be wanted.
    pub told: Option<u8>,
}

impl Origin {
    /// The publisher's slab key, if it is of this shard.
    pub(crate) fn owner(self) -> Option<usize> {
        match self {
            Self::Here(owner) => Some(owner),
            Self::There(_) => None,
        }
    }

    pub(crate) fn upstream(self) -> Option<Upstream> {
        match self {
            Self::Here(_) => None,
            Self::There(upstream) => Some(upstream),
        }
    }
}

/// The shards that one track is relayed to, each with the number of subscriptions that were sent there.
#[derive(Debug, Default)]
pub(crate) struct Relays(Vec<(u16, u32)>);

impl Relays {
    /// One more subscription goes there: its number.
    pub(crate) fn count(&mut self, shard: u16) -> u32 {
        match self.0.iter_mut().find(|(known, _)| *known == shard) {
            Some((_, number)) => {
                *number = number.wrapping_add(1);
                *number
            }
            None => {
                self.0.push((shard, 1));
                1
            }
        }
    }

    /// A shard has no subscriber after this number; if there was another, it is about to have one.
    pub(crate) fn release(&mut self, shard: u16, number: u32) {
        self.0.retain(|relay| *relay != (shard, number));
    }

    pub(crate) fn remove(&mut self, shard: u16) {
        self.0.retain(|(known, _)| *known != shard);
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = u16> {
        self.0.iter().map(|(shard, _)| *shard)
    }
}

/// All that another shard needs to know of a track.
#[derive(Debug)]
pub(crate) struct TrackDescription {
    id: String,
    room: String,
    owner_id: String,
    source: Source,
    muted: bool,
    stereo: bool,
    stream: String,
    trailer: Vec<u8>,
    /// Of the subscription that it comes with.
    number: u32,
    /// The primary codec first.
    codecs: Vec<CodecDescription>,
}

#[derive(Debug)]
pub(crate) struct CodecDescription {
    handle: Handle,
    kind: MediaKind,
    codec: Codec,
    params: PayloadParams,
    declared: Vec<LayerInfo>,
    layers: Vec<Layer>,
    scalable: bool,
    regressed: bool,
}

impl CodecDescription {
    fn new(track: &Track) -> Self {
        Self {
            handle: track.handle,
            kind: track.kind,
            codec: track.codec,
            params: track.params,
            declared: track.declared.clone(),
            layers: track.layers.iter().map(Layer::relayed).collect(),
            scalable: track.scalable,
            regressed: track.regressed,
        }
    }
}

/// One packet on its way to another shard.
#[derive(Debug)]
pub(crate) struct RelayedPacket {
    handle: Handle,
    layer: usize,
    packet: Packet,
    codec: Codec,
    info: PacketInfo,
    arrival: Instant,
}

impl RelayedPacket {
    pub(crate) fn new(handle: Handle, incoming: &Incoming<'_>) -> Self {
        Self {
            handle,
            layer: incoming.layer,
            packet: incoming.packet.clone(),
            codec: incoming.codec,
            info: incoming.info,
            arrival: incoming.arrival,
        }
    }
}

/// Slab keys of relayed tracks by the shard they come from and their handle there.
pub(crate) type Relayed = HashMap<(u16, Handle), usize>;

// -- down: from the publisher's shard ---------------------------------------------------------------------------------

impl Shard {
    /// A command for a participant of shard `to` that names a track of this one: it gets there after what it is about.
    pub fn pass_on(&mut self, now: Instant, to: u16, command: Command) {
        let subject = self.subject(&command);
        self.guarded(now, subject, |shard| shard.pass(to, command));
    }

    fn pass(&mut self, to: u16, command: Command) {
        let message = match command {
            Command::Subscribe { participant, track } => match self.describe_track(&track, to) {
                Some(track) => Kind::Subscribe { participant, track: Box::new(track) },
                None => Kind::Pass(Box::new(Command::Subscribe { participant, track })),
            },
            Command::SubscribeDataTrack { participant, track, handle } => match self.describe_data_track(&track, to) {
                Some(track) => Kind::SubscribeData { participant, handle, track: Box::new(track) },
                None => return,
            },
            command => Kind::Pass(Box::new(command)),
        };
        self.exchange.push(to, message);
    }

    fn describe_track(&mut self, id: &str, to: u16) -> Option<TrackDescription> {
        let key = *self.track_ids.get(id)?;
        self.tracks[key].origin.owner()?;
        let number = self.tracks[key].relays.count(to);
        let codecs = self.codecs_of(key).map(|codec| CodecDescription::new(&self.tracks[codec])).collect();
        let track = &self.tracks[key];
        Some(TrackDescription {
            id: track.id.clone(),
            room: self.rooms[track.room].id.clone(),
            owner_id: track.owner_id.clone(),
            source: track.source,
            muted: track.muted,
            stereo: track.stereo,
            stream: track.stream.clone(),
            trailer: track.trailer.clone(),
            number,
            codecs,
        })
    }

    /// Tells every shard that a track is relayed to.
    fn tell_relays(&mut self, key: usize, message: impl Fn(Handle) -> Kind) {
        let track = &self.tracks[key];
        for shard in self.tracks[track.primary].relays.shards() {
            self.exchange.push(shard, message(track.handle));
        }
    }

    pub(crate) fn relay_muted(&mut self, primary: usize) {
        let muted = self.tracks[primary].muted;
        self.tell_relays(primary, |handle| Kind::Muted { handle, muted });
    }

    /// A backup codec began or ended.
    pub(crate) fn relay_renewed(&mut self, key: usize) {
        let track = &self.tracks[key];
        for shard in self.tracks[track.primary].relays.shards() {
            self.exchange.push(shard, Kind::Renewed(Box::new(CodecDescription::new(track))));
        }
    }

    pub(crate) fn relay_regress(&mut self, key: usize) {
        self.tell_relays(key, |handle| Kind::Regress { handle });
    }

    pub(crate) fn relay_end(&mut self, primary: usize) {
        self.tell_relays(primary, |handle| Kind::End { handle });
    }

    /// A subscription to a track of another shard.
    pub(crate) fn on_relayed_subscription(
        &mut self,
        from: u16,
        participant: &str,
        track: TrackDescription,
        now: Instant,
    ) {
        let (id, handle, number) = (track.id.clone(), track.codecs[0].handle, track.number);
        let subscriber = self.participant_ids.get(participant).copied();
        match self.exchange.relayed.get(&(from, handle)) {
            Some(&key) => {
                if let Origin::There(upstream) = &mut self.tracks[key].origin {
                    upstream.number = number;
                }
            }
            None if subscriber.is_some() => self.adopt_track(from, track, now),
            None => {}
        }
        match self.exchange.relayed.get(&(from, handle)) {
            Some(&key) => self.release_later(key),
            None => self.exchange.push(from, Kind::Release { handle, number }),
        }
        if let Some(subscriber) = subscriber {
            self.subscribe(subscriber, id, now);
        }
    }

    fn adopt_track(&mut self, from: u16, description: TrackDescription, now: Instant) {
        let Some(&room) = self.room_ids.get(&description.room) else { return };
        if self.track_ids.contains_key(&description.id) {
            return;
        }
        let mut primary = None;
        for codec in description.codecs {
            let key = self.tracks.vacant_key();
            let upstream = Upstream { shard: from, handle: codec.handle, number: description.number, told: None };
            self.exchange.relayed.insert((from, codec.handle), key);
            let handle = self.exchange.handle(key);
            self.tracks.insert(Track {
                id: description.id.clone(),
                handle,
                origin: Origin::There(upstream),
                owner_id: description.owner_id.clone(),
                room,
                mid: None,
                published: None,
                kind: codec.kind,
                codec: codec.codec,
                params: codec.params,
                source: description.source,
                muted: description.muted,
                stereo: description.stereo,
                stream: description.stream.clone(),
                trailer: description.trailer.clone(),
                declared: codec.declared,
                layers: codec.layers,
                former: Reception::default(),
                scalable: codec.scalable,
                structures: Default::default(),
                unread: Default::default(),
                unpacker: Default::default(),
                dynacast: Default::default(),
                primary: *primary.get_or_insert(key),
                backups: Vec::new(),
                regress: false,
                regressed: codec.regressed,
                downtracks: Vec::new(),
                relays: Relays::default(),
                wanted_by: Vec::new(),
                turn: Turn::default(),
            });
            self.rooms[room].tracks.push(key);
            match primary.filter(|primary| *primary != key) {
                Some(primary) => self.tracks[primary].backups.push(key),
                None => drop(self.track_ids.insert(description.id.clone(), key)),
            }
        }
        self.start_beat(room, now);
    }

    pub(crate) fn on_relayed_muted(&mut self, from: u16, handle: Handle, muted: bool, now: Instant) {
        if let Some(&key) = self.exchange.relayed.get(&(from, handle)) {
            let id = self.tracks[key].id.clone();
            self.set_muted(&id, muted, now);
        }
    }

    pub(crate) fn on_relayed_renewal(&mut self, from: u16, codec: CodecDescription, now: Instant) {
        let Some(&key) = self.exchange.relayed.get(&(from, codec.handle)) else { return };
        let track = &mut self.tracks[key];
        (track.params, track.declared) = (codec.params, codec.declared);
        self.renew_layers(key, (codec.layers, codec.scalable));
        self.allocate_subscribers(key, now);
    }

    pub(crate) fn on_relayed_regress(&mut self, from: u16, handle: Handle, now: Instant) {
        if let Some(&key) = self.exchange.relayed.get(&(from, handle)) {
            self.regress(key, now);
        }
    }

    pub(crate) fn on_relayed_end(&mut self, from: u16, handle: Handle, now: Instant) {
        if let Some(&key) = self.exchange.relayed.get(&(from, handle)) {
            let id = self.tracks[key].id.clone();
            self.unpublish(&id, now);
        }
    }

    pub(crate) fn on_relayed_packet(&mut self, from: u16, relayed: RelayedPacket, now: Instant) {
        let RelayedPacket { handle, layer, mut packet, codec, info, arrival } = relayed;
        let Some(&key) = self.exchange.relayed.get(&(from, handle)) else { return };
        if layer >= self.tracks[key].layers.len() {
            return; // from before the codec began anew
        }
        // Every subscriber counts up and down who holds the payload: on two cores they would take that counter from each other
        // all the time. One copy spares that.
        packet.payload = Arc::from(&packet.payload[..]);
        self.forward(key, Arrived { packet, layer, codec, info, at: arrival }, None, now);
    }
}

// -- up: to the publisher's shard -------------------------------------------------------------------------------------

impl Shard {
    /// The publisher's shard asks for keyframes of these layers.
    pub(crate) fn relay_keyframes(&mut self, upstream: Upstream, layers: &[usize]) {
        for &layer in layers {
            self.exchange.push(upstream.shard, Kind::Keyframe { handle: upstream.handle, layer });
        }
    }

    /// Tells the publisher's shard what is wanted of each codec here, if that has changed.
    pub(crate) fn tell_upstream(&mut self, primary: usize) {
        let codecs: Vec<usize> = self.codecs_of(primary).collect();
        for codec in codecs {
            let wanted = self.demand(codec).wanted;
            let Origin::There(upstream) = &mut self.tracks[codec].origin else { continue };
            if upstream.told != wanted {
                upstream.told = wanted;
                self.exchange.push(upstream.shard, Kind::Wanted { handle: upstream.handle, wanted });
            }
        }
    }

    /// At the end of this batch a relayed track is released if it has no subscriber by then.
    pub(crate) fn release_later(&mut self, key: usize) {
        let track = &self.tracks[key];
        if track.origin.upstream().is_some() {
            self.exchange.perhaps_unused.push(self.tracks[track.primary].handle);
        }
    }

    pub(crate) fn release_unused(&mut self) {
        while let Some(handle) = self.exchange.perhaps_unused.pop() {
            let key = handle.key as usize;
            if self.tracks.get(key).is_some_and(|track| track.handle == handle)
                && self.codecs_of(key).all(|codec| self.tracks[codec].downtracks.is_empty())
            {
                self.release(key);
            }
        }
    }

    /// Of a room that has ended here only relayed tracks are left, and nobody has subscribed to them any more.
    pub(crate) fn release_all(&mut self, tracks: Vec<usize>) {
        for track in tracks {
            if self.tracks.get(track).is_some_and(|one| one.primary == track) {
                self.release(track);
            }
        }
    }

    /// Forgets a relayed track.
    fn release(&mut self, primary: usize) {
        let codecs: Vec<usize> = self.codecs_of(primary).collect();
        for key in codecs {
            let track = self.tracks.remove(key);
            if let Some(room) = self.rooms.get_mut(track.room) {
                room.tracks.retain(|kept| *kept != key);
            }
            let Some(Upstream { shard, handle, number, .. }) = track.origin.upstream() else { continue };
            self.exchange.relayed.remove(&(shard, handle));
            if key == primary {
                self.track_ids.remove(&track.id);
                self.exchange.push(shard, Kind::Release { handle, number });
            }
        }
    }

    fn track_of(&self, handle: Handle) -> Option<usize> {
        let key = handle.key as usize;
        self.tracks.get(key).filter(|track| track.handle == handle).map(|_| key)
    }

    pub(crate) fn on_release(&mut self, from: u16, handle: Handle, number: u32, now: Instant) {
        let Some(primary) = self.track_of(handle) else { return };
        self.tracks[primary].relays.release(from, number);
        self.forget_wanted(primary, from, now);
    }

    fn forget_wanted(&mut self, primary: usize, shard: u16, now: Instant) {
        let codecs: Vec<usize> = self.codecs_of(primary).collect();
        for codec in codecs {
            self.tracks[codec].wanted_by.retain(|(by, _)| *by != shard);
        }
        self.tell_wanted(primary, false, now);
    }

    pub(crate) fn on_wanted(&mut self, from: u16, handle: Handle, wanted: Option<u8>, now: Instant) {
        let Some(key) = self.track_of(handle) else { return };
        let wanted_by = &mut self.tracks[key].wanted_by;
        wanted_by.retain(|(by, _)| *by != from);
        wanted_by.extend(wanted.map(|quality| (from, quality)));
        self.tell_wanted(key, false, now);
    }

    pub(crate) fn on_relayed_keyframe(&mut self, handle: Handle, layer: usize, now: Instant) {
        if let Some(key) = self.track_of(handle) {
            self.tracks[key].want_keyframe(layer);
            self.ask_keyframes(key, now);
        }
    }

    /// Another shard began anew: what it had of ours and what we had of it is gone.
    pub(crate) fn on_lost(&mut self, from: u16, now: Instant) {
        let is_relayed = |track: &Track| track.origin.upstream().is_some_and(|upstream| upstream.shard == from);
        let primaries = self.tracks.iter().filter(|(key, track)| track.primary == *key);
        let (gone, ours): (Vec<_>, Vec<_>) =
            primaries.map(|(key, track)| (key, is_relayed(track))).partition(|one| one.1);
        for (key, _) in ours {
            self.tracks[key].relays.remove(from);
            self.forget_wanted(key, from, now);
        }
        for (key, _) in gone {
            let id = self.tracks[key].id.clone();
            self.unpublish(&id, now);
        }
        self.forget_data_relays(from);
    }
}
