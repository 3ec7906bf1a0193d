//! Offers to clients, on the subscriber connection, in LiveKit's manner: one outstanding, changes meanwhile are put
//! together; sections of tracks that went away become inactive and serve the next track of their kind, under its own msid.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::change::SdpAnswer;
use str0m::channel::{ChannelConfig, Reliability};
use str0m::media::{Direction, MediaKind, Mid};

use crate::command::Target;
use crate::connection::State;
use crate::downtrack::Place;
use crate::event::{Event, SubscriptionError};
use crate::participant::{Outstanding, Section, Use};
use crate::sdp::{self, Msid};
use crate::shard::{Key, Shard};
use crate::timers::Timer;

/// Changes that come together go into one offer: a short wait if the last offer is long ago, else a longer one.
const DEBOUNCE_IDLE: Duration = Duration::from_millis(5);
const DEBOUNCE_BUSY: Duration = Duration::from_millis(150);
/// More sections than these are not kept free of a kind, for the sake of a track that comes again and again.
const MAX_SPARE_SECTIONS: usize = 8;
/// A client that does not answer for so long will not.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(15);

impl Shard {
    /// An offer follows, as soon as none is outstanding and no more changes come.
    pub(crate) fn request_offer(&mut self, key: usize, now: Instant) {
        let single = self.participants[key].single;
        let offers = &mut self.participants[key].offers;
        let already = std::mem::replace(&mut offers.wanted, true);
        if single && already {
            return;
        }
        // With one connection the timer may be the one that watches for an offer, and an earlier one may be set.
        if !single && (offers.outstanding.is_some() || offers.timer.is_some()) {
            return;
        }
        let busy = offers.last.is_some_and(|last| now.saturating_duration_since(last) < DEBOUNCE_BUSY);
        self.set_offer_timer(key, now + if busy { DEBOUNCE_BUSY } else { DEBOUNCE_IDLE });
    }

    pub(crate) fn set_offer_timer(&mut self, key: usize, at: Instant) {
        self.participants[key].offers.timer = Some(at);
        self.timers.set(at, Timer::Offer(key));
    }

    pub(crate) fn on_offer_timer(&mut self, key: usize, at: Instant, now: Instant) {
        let Some(participant) = self.participants.get_mut(key).filter(|p| p.offers.timer == Some(at)) else { return };
        participant.offers.timer = None;
        if participant.single {
            return self.on_single_timer(key, now);
        }
        match &participant.offers.outstanding {
            None => self.offer(key, now),
            Some(outstanding) if now.saturating_duration_since(outstanding.sent) >= ANSWER_WITHIN => {
                let reason = format!("offer {} was not answered within {ANSWER_WITHIN:?}", outstanding.id);
                self.refuse(key, Target::Subscriber, reason);
                self.change_state((key, Target::Subscriber), State::Failed);
            }
            Some(_) => {}
        }
    }

    fn offer(&mut self, key: usize, now: Instant) {
        let connection_key = (key, Target::Subscriber);
        let first = self.participants[key].subscriber.is_none();
        if first {
            let connection = self.factory.connection(&self.participants[key], true, now);
            self.adopt(connection_key, connection, now);
        }
        self.end_flushes(key);
        let credentials = self.factory.credentials();
        let participant = &mut self.participants[key];
        participant.offers.wanted = false;
        let restart = std::mem::take(&mut participant.offers.restart_ice) && !first;
        let Some(connection) = participant.subscriber.as_mut() else { return };
        let mut changes = connection.rtc.sdp_api();
        if first {
            for config in channels() {
                changes.add_channel_with_config(config);
            }
        }
        if restart {
            changes.ice_restart(true);
        }
        for section in &mut participant.sections {
            if section.used == Use::Leaving {
                changes.set_direction(section.mid, Direction::Inactive);
                section.used = Use::Stopping;
            }
        }
        let synchronized = participant.sync_streams;
        for (id, downtrack) in &participant.subscriptions {
            let place = &mut self.downtracks[*downtrack].place;
            if *place != Place::Waiting {
                continue;
            }
            let kind = self.tracks[self.downtracks[*downtrack].track].kind;
            let sections = &mut participant.sections;
            // Synchronized receivers take a section that carries another stream for the old one, so LiveKit makes new ones.
            let index = free_section(sections, kind, id).filter(|_| !synchronized).inspect(|index| {
                changes.set_direction(sections[*index].mid, Direction::SendOnly);
            });
            let index = index.unwrap_or_else(|| {
                let mid = changes.add_media(kind, Direction::SendOnly, None, None, None);
                sections.push(Section::new(mid, kind));
                sections.len() - 1
            });
            sections[index].carry(*downtrack, id);
            self.downtracks[*downtrack].place = Place::Offered(sections[index].mid);
        }
        let Some((offer, change)) = changes.apply() else { return };
        let mut sdp = offer.to_sdp_string();
        if restart {
            sdp = sdp::with_credentials(&sdp, &credentials);
            connection.ufrags.push(credentials.ufrag.clone());
            self.ufrags.insert(credentials.ufrag.clone(), connection_key);
        }
        let (mut mid_to_track, mut msids) = (Vec::new(), HashMap::new());
        for section in &participant.sections {
            let Use::Track(downtrack) = section.used else { continue };
            let track = &self.tracks[self.downtracks[downtrack].track];
            let mid = section.mid.to_string();
            let stream = track.msid_stream(participant.sync_streams);
            msids.insert(mid.clone(), Msid { stream, track: &track.id, stereo: track.stereo });
            mid_to_track.push((mid, track.id.clone()));
        }
        sdp = sdp::with_msids(&sdp, &msids);
        let offers = &mut participant.offers;
        let id = offers.next_id;
        // Ids stay positive; 0 means "not told".
        offers.next_id = offers.next_id % (u32::MAX / 2) + 1;
        offers.last = Some(now);
        offers.outstanding = Some(Outstanding { id, change, sent: now, credentials: restart.then_some(credentials) });
        let event = Event::Offer { participant: participant.id.clone(), offer_id: id, sdp, mid_to_track };
        self.set_offer_timer(key, now + ANSWER_WITHIN);
        self.touch(connection_key);
        self.emit(event);
    }

    /// Takes the client's answer to the outstanding offer.
    pub(crate) fn subscriber_answer(&mut self, key: usize, answer_id: u32, sdp: &str, now: Instant) {
        let offers = &mut self.participants[key].offers;
        let fits = |outstanding: &Outstanding| answer_id == 0 || answer_id == outstanding.id;
        let Some(outstanding) = offers.outstanding.take_if(|outstanding| fits(outstanding)) else {
            let expected = offers.outstanding.as_ref().map(|outstanding| outstanding.id);
            let reason = match expected {
                Some(id) => format!("answer {answer_id} does not belong to offer {id}, the one outstanding"),
                None => format!("answer {answer_id} came while no offer was outstanding"),
            };
            return self.refuse(key, Target::Subscriber, reason);
        };
        let parsed = sdp::check(sdp)
            .and_then(|()| SdpAnswer::from_sdp_string(sdp).map_err(|error| format!("the answer is not SDP: {error}")));
        let answer = match parsed {
            Ok(answer) => answer,
            Err(reason) => {
                // The offer still stands: a right answer to it would still be taken.
                self.participants[key].offers.outstanding = Some(outstanding);
                return self.refuse(key, Target::Subscriber, reason);
            }
        };
        self.participants[key].offers.timer = None;
        let connection_key = (key, Target::Subscriber);
        let Some(connection) = self.connection(connection_key) else { return };
        if let Err(error) = connection.rtc.sdp_api().accept_answer(outstanding.change, answer) {
            // What was offered is half negotiated now: only a new session can mend that.
            let reason = format!("the answer does not fit the offer: {error}");
            self.refuse(key, Target::Subscriber, reason);
            return self.change_state(connection_key, State::Failed);
        }
        connection.due_since.get_or_insert(now);
        let (mut old, restarted) = (Vec::new(), outstanding.credentials.is_some());
        if let Some(credentials) = outstanding.credentials {
            connection.rtc.direct_api().set_local_ice_credentials(credentials.clone());
            connection.forget_checks();
            old.extend(connection.ufrags.extract_if(.., |ufrag| *ufrag != credentials.ufrag));
        }
        connection.expect_checks(sdp);
        if restarted || !connection.connected() {
            self.calm.expect_newcomer(now);
        }
        for ufrag in old {
            self.ufrags.remove(&ufrag);
        }
        self.touch(connection_key);
        self.settle_sections(key, now);
        if self.participants[key].offers.wanted {
            self.request_offer(key, now);
        }
    }

    /// After an answer: what was offered is ready or refused, what was stopped is free.
    fn settle_sections(&mut self, key: usize, now: Instant) {
        let participant = &mut self.participants[key];
        if let Some(connection) = participant.subscriber.as_mut() {
            for section in participant.sections.iter_mut().filter(|section| section.used == Use::Stopping) {
                renew_stream(&mut connection.rtc, section.mid);
                section.used = Use::Free;
            }
        }
        let offered = participant.subscriptions.iter().filter_map(|(id, downtrack)| {
            let Place::Offered(mid) = self.downtracks[*downtrack].place else { return None };
            Some((id.clone(), *downtrack, mid))
        });
        let mut offered: Vec<_> = offered.collect();
        offered.retain(|&(_, downtrack, mid)| !self.place(downtrack, mid, now));
        self.refuse_subscriptions(key, offered.into_iter().map(|(id, ..)| id).collect());
        self.announce_subscriptions(key);
        self.allocate(key, now);
    }

    /// Ends subscriptions to tracks whose codec the client does not take.
    pub(crate) fn refuse_subscriptions(&mut self, key: usize, tracks: Vec<String>) {
        for track in tracks {
            self.detach(key, &track);
            let participant = self.participants[key].id.clone();
            self.emit(Event::SubscriptionFailed { participant, track, reason: SubscriptionError::CodecUnsupported });
        }
    }

    /// Tells which subscriptions are negotiated and connected and were not told yet.
    pub(crate) fn announce_subscriptions(&mut self, key: usize) {
        let participant = &mut self.participants[key];
        if !participant.receiving_connection().is_some_and(|connection| connection.connected()) {
            return;
        }
        let mut told = Vec::new();
        for (track, downtrack) in &participant.subscriptions {
            let downtrack = &mut self.downtracks[*downtrack];
            if matches!(downtrack.place, Place::Ready(..)) && !std::mem::replace(&mut downtrack.told, true) {
                told.push(Event::TrackSubscribed { participant: participant.id.clone(), track: track.clone() });
            }
        }
        for event in told {
            self.emit(event);
        }
    }

    /// Forgets a subscription; its section serves another track after the next offer.
    pub(crate) fn detach(&mut self, key: usize, track: &str) -> bool {
        let Some(downtrack) = self.end_subscription(key, track) else { return false };
        let removed = self.downtracks.remove(downtrack);
        if let Some(section) = removed.mid().and_then(|mid| self.participants[key].section_of(mid)) {
            section.used = Use::Leaving;
        }
        true
    }

    /// Takes a downtrack out of all but its section; returns its slab key.
    pub(crate) fn end_subscription(&mut self, key: usize, track: &str) -> Option<usize> {
        let participant = &mut self.participants[key];
        let downtrack = participant.subscriptions.remove(track)?;
        participant.settings.insert(track.into(), self.downtracks[downtrack].settings);
        let track = self.downtracks[downtrack].track;
        self.tracks[track].downtracks.retain(|kept| *kept != downtrack);
        self.release_later(track);
        Some(downtrack)
    }

    pub(crate) fn key_of_section(&mut self, key: Key, mid: Mid) -> Option<usize> {
        let participant = self.participants.get_mut(key.0).filter(|participant| participant.receiving() == key.1)?;
        match participant.section_of(mid)?.used {
            Use::Track(downtrack) => Some(downtrack),
            _ => None,
        }
    }
}

/// The section to serve a track next, if there is one.
///
/// One that has not carried it before: LiveKit's Rust SDK, under most of the others, takes a track's second coming in the
/// same section for the first and tells its application nothing.
fn free_section(sections: &[Section], kind: MediaKind, track: &str) -> Option<usize> {
    let free = || (0..sections.len()).filter(|index| sections[*index].is_free(kind));
    let other = free().find(|index| !sections[*index].has_carried(track));
    other.or_else(|| free().nth(MAX_SPARE_SECTIONS - 1))
}

/// The data channels that the server opens, in LiveKit's order.
fn channels() -> [ChannelConfig; 3] {
    let unreliable = |label: &str| ChannelConfig {
        label: label.into(),
        ordered: false,
        reliability: Reliability::MaxRetransmits { retransmits: 0 },
        ..ChannelConfig::default()
    };
    let reliable = ChannelConfig { label: "_reliable".into(), ..ChannelConfig::default() };
    [reliable, unreliable("_lossy"), unreliable("_data_track")]
}

/// What a section carries next is a stream of its own: in the one that it knows, libwebrtc plays what it still has of the
/// track before, and somebody is heard in another's name.
fn renew_stream(rtc: &mut Rtc, mid: Mid) {
    let mut api = rtc.direct_api();
    let Some((ssrc, rtx)) = api.stream_tx_by_mid(mid, None).map(|stream| (stream.ssrc(), stream.rtx())) else { return };
    api.remove_stream_tx(ssrc);
    let (ssrc, rtx) = (api.new_ssrc(), rtx.map(|_| api.new_ssrc()));
    api.declare_stream_tx(ssrc, rtx, mid, None);
}
