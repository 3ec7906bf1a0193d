//! Tracks in several codecs: a primary one, and backup codecs for those who cannot decode it.
//!
//! Each codec is a [`Track`] of its own, under the primary's id. A backup codec is there from the beginning, without media:
//! who can decode nothing before it is given it and waits, dynacast tells the publisher that it is wanted, and the
//! client begins to send it. Either each subscriber then has the first codec that it can decode, or all go over to the
//! backup codec (they regress), so that the publisher need encode only one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use str0m::media::{MediaKind, Mid, Pt};

use crate::bitstream::Codec;
use crate::command::LayerInfo;
use crate::dependency_descriptor::Structures;
use crate::downtrack::Place;
use crate::dynacast::Dynacast;
use crate::fanout::Turn;
use crate::figures::Reception;
use crate::negotiation::best;
use crate::participant::{Participant, Use};
use crate::recent::SETTLING;
use crate::red::{self, Unpacker};
use crate::relay::{Origin, Relays};
use crate::shard::Shard;
use crate::track::{Layer, Track, layers_of};

impl Shard {
    /// The codecs of a track by the slab key of any of them: the primary's first.
    pub(crate) fn codecs_of(&self, key: usize) -> impl Iterator<Item = usize> {
        let primary = self.tracks[key].primary;
        std::iter::once(primary).chain(self.tracks[primary].backups.iter().copied())
    }

    /// The client may be asked for these codecs, too.
    pub(crate) fn await_backups(&mut self, primary: usize, mime_types: &[String]) {
        for codec in mime_types.iter().filter_map(|mime| Codec::from_mime(mime)) {
            let track = &self.tracks[primary];
            let Some(owner) = track.origin.owner().map(|owner| &self.participants[owner]) else { return };
            let known = self.codecs_of(primary).any(|known| self.tracks[known].codec == codec);
            let Some(connection) = owner.publisher.as_ref().filter(|_| !known && track.kind == MediaKind::Video) else {
                continue;
            };
            // What the client does not even offer for the primary codec's section it will not send in another.
            let Some(media) = track.mid.and_then(|mid| connection.rtc.media(mid)) else { continue };
            let Some(params) = best(connection.rtc.codec_config().params(), codec, media.remote_pts()) else {
                continue;
            };
            let backup_track = Track {
                id: track.id.clone(),
                owner_id: track.owner_id.clone(),
                stream: track.stream.clone(),
                trailer: track.trailer.clone(),
                mid: None,
                published: None,
                codec,
                params,
                // Which qualities there will be; most clients have the same layers in all codecs.
                declared: track.declared.clone(),
                layers: awaited_layers(&track.declared),
                former: Reception::default(),
                scalable: false,
                structures: Structures::default(),
                unread: VecDeque::new(),
                unpacker: Unpacker::default(),
                dynacast: Dynacast::default(),
                primary,
                backups: Vec::new(),
                regress: false,
                regressed: false,
                downtracks: Vec::new(),
                relays: Relays::default(),
                wanted_by: Vec::new(),
                turn: Turn::default(),
                ..*track
            };
            let room = track.room;
            let entry = self.tracks.vacant_entry();
            let handle = self.exchange.handle(entry.key());
            let backup = entry.key();
            entry.insert(Track { handle, ..backup_track });
            self.tracks[primary].backups.push(backup);
            self.rooms[room].tracks.push(backup);
        }
    }

    /// The section `mid` carries one more codec of a track; `regress`: the only one from now on.
    pub(crate) fn publish_backup(
        &mut self,
        key: usize,
        mid: &str,
        id: &str,
        declared: Vec<LayerInfo>,
        regress: bool,
        now: Instant,
    ) {
        let mid = Mid::from(mid);
        let Some(&primary) = self.track_ids.get(id).filter(|track| self.tracks[**track].origin == Origin::Here(key))
        else {
            return;
        };
        let Some(section) = self.participants[key].published.get_mut(&mid).filter(|section| section.track.is_none())
        else {
            return;
        };
        let waits =
            |backup: &&usize| self.tracks[**backup].codec == section.codec && self.tracks[**backup].mid.is_none();
        let Some(&backup) = self.tracks[primary].backups.iter().find(waits) else { return };
        section.track = Some(backup);
        let layers = layers_of(section.codec, &section.rids, &declared);
        let track = &mut self.tracks[backup];
        track.mid = Some(mid);
        (track.params, track.declared, track.regress) = (section.params, declared, regress);
        self.renew_layers(backup, layers);
        self.allocate_subscribers(backup, now);
    }

    /// The client stopped a backup codec, and may be asked for it again.
    pub(crate) fn end_backup(&mut self, key: usize) {
        let track = &mut self.tracks[key];
        (track.mid, track.published, track.regress) = (None, None, false);
        if let Some(owner) = track.origin.owner() {
            self.participants[owner].streams.retain(|_, (track, _)| *track != key);
        }
        let layers = awaited_layers(&track.declared);
        self.renew_layers(key, (layers, false));
    }

    pub(crate) fn renew_layers(&mut self, key: usize, (layers, scalable): (Vec<Layer>, bool)) {
        let track = &mut self.tracks[key];
        let former = &mut track.former;
        track.layers.iter().for_each(|layer| former.add(&layer.total));
        (track.layers, track.scalable) = (layers, scalable);
        (track.structures, track.unread) = (Structures::default(), VecDeque::new());
        for downtrack in &track.downtracks {
            self.downtracks[*downtrack].follow(key, scalable);
        }
        self.relay_renewed(key);
    }

    /// Gives a downtrack its section, with the first codec of its track that the client takes there; false: there is none.
    pub(crate) fn place(&mut self, key: usize, mid: Mid, now: Instant) -> bool {
        let Some((track, pt, red)) = self.choose(key, mid) else { return false };
        let downtrack = &self.downtracks[key];
        let (before, subscriber) = (downtrack.track, downtrack.subscriber);
        let Some(connection) = self.participants[subscriber].receiving_connection_mut() else { return false };
        let index = connection.open(mid);
        let listens_from = now + if connection.connected() { SETTLING } else { Duration::ZERO };
        let downtrack = &mut self.downtracks[key];
        (downtrack.place, downtrack.red, downtrack.listens_from) = (Place::Ready(mid, pt, index), red, listens_from);
        if before != track {
            downtrack.follow(track, self.tracks[track].scalable);
            self.tracks[before].downtracks.retain(|kept| *kept != key);
            self.tracks[track].downtracks.push(key);
        }
        if self.codecs_of(track).count() > 1 {
            self.tell_wanted(track, false, now);
        }
        true
    }

    /// The codec that a downtrack gets in a section, as its track's key, and the payload types there: its own, and that of
    /// redundant audio, if it is taken as it is.
    fn choose(&self, downtrack: usize, mid: Mid) -> Option<(usize, Pt, Option<Pt>)> {
        let downtrack = &self.downtracks[downtrack];
        let participant: &Participant = &self.participants[downtrack.subscriber];
        let connection = if participant.single { &participant.publisher } else { &participant.subscriber }.as_ref()?;
        let media = connection.rtc.media(mid).filter(|media| media.direction().is_sending())?;
        self.codecs_of(downtrack.track).filter(|codec| !self.tracks[*codec].regressed).find_map(|codec| {
            let published = self.tracks[codec].params;
            let params = connection.rtc.codec_config().match_params(published)?;
            let red = red::taken_as_is(&published, params);
            media.remote_pts().contains(&params.pt()).then_some((codec, params.pt(), red))
        })
    }

    /// All subscribers of a track go over to its codec `key`, now and for good.
    pub(crate) fn regress(&mut self, key: usize, now: Instant) {
        self.fan_out(now);
        let others: Vec<usize> = self.codecs_of(key).filter(|codec| *codec != key).collect();
        let mut moved = Vec::new();
        for other in others {
            self.tracks[other].regressed = true;
            moved.append(&mut self.tracks[other].downtracks);
        }
        tracing::debug!(track = self.tracks[key].id, codec = ?self.tracks[key].codec, "regresses");
        self.tracks[key].downtracks.extend(&moved);
        self.relay_regress(key);
        for downtrack_key in moved {
            let downtrack = &mut self.downtracks[downtrack_key];
            downtrack.follow(key, self.tracks[key].scalable);
            let (subscriber, place) = (downtrack.subscriber, downtrack.place);
            // Whoever has no section yet is given this codec when it gets one.
            let Place::Ready(mid, _, index) = place else { continue };
            match self.choose(downtrack_key, mid) {
                None => {
                    let track = self.tracks[key].id.clone();
                    self.refuse_subscriptions(subscriber, vec![track]);
                    self.request_offer(subscriber, now);
                }
                Some((_, pt, _)) if self.participants[subscriber].codec_change => {
                    self.downtracks[downtrack_key].place = Place::Ready(mid, pt, index);
                }
                Some(_) => {
                    self.downtracks[downtrack_key].place = Place::Waiting;
                    if let Some(section) = self.participants[subscriber].section_of(mid) {
                        section.used = Use::Leaving;
                    }
                    self.request_offer(subscriber, now);
                }
            }
        }
        self.allocate_subscribers(key, now);
        self.tell_wanted(key, false, now);
    }
}

/// The layers of a codec that does not come yet.
fn awaited_layers(declared: &[LayerInfo]) -> Vec<Layer> {
    (0..declared.len().max(1)).map(|_| Layer::new(None)).collect()
}
