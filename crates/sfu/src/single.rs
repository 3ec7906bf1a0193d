//! Clients with one peer connection: they make all offers, so what they receive is put into their offers' free sections.
//!
//! The server cannot offer. When a track is to begin or to end for such a client, it is asked for an offer, with as many
//! more receiving sections as tracks lack (LiveKit's `MediaSectionsRequirement`); the answer then says which section
//! carries what. A section whose track went away is answered as inactive once before it carries another track: clients
//! notice the end of the one and the beginning of the other.

use std::collections::HashMap;
use std::time::Instant;

use str0m::media::{Direction, Mid};

use crate::command::Target;
use crate::downtrack::Place;
use crate::event::Event;
use crate::offers::ANSWER_WITHIN;
use crate::participant::{Lacking, Section, Use};
use crate::sdp::{self, Carried, Msid};
use crate::shard::Shard;

impl Shard {
    /// The time has come to ask the client for an offer, or it was asked long ago.
    pub(crate) fn on_single_timer(&mut self, key: usize, now: Instant) {
        let offers = &mut self.participants[key].offers;
        let asked_since = offers.asked_since;
        if asked_since.is_some_and(|since| now.saturating_duration_since(since) >= ANSWER_WITHIN) {
            let reason = format!("the client was asked for an offer and made none within {ANSWER_WITHIN:?}");
            return self.refuse(key, Target::Publisher, reason);
        }
        if std::mem::take(&mut offers.wanted) {
            self.ask_for_offer(key, now);
        }
        if let Some(since) = self.participants[key].offers.asked_since {
            self.set_offer_timer(key, since + ANSWER_WITHIN);
        }
    }

    /// Asks the client for an offer, with as many more sections as are lacking and were not asked for.
    fn ask_for_offer(&mut self, key: usize, now: Instant) {
        let more = self.lacking(key).beyond(self.participants[key].offers.asked);
        let participant = &mut self.participants[key];
        let offers = &mut participant.offers;
        // The offer that was asked for, or the client's first one, serves this, too.
        if participant.publisher.is_none() || offers.asked_since.is_some() && more == Lacking::default() {
            return;
        }
        offers.asked.audios += more.audios;
        offers.asked.videos += more.videos;
        offers.asked_since = Some(now);
        offers.last = Some(now);
        let Lacking { audios, videos } = more;
        let event = Event::SectionsWanted { participant: participant.id.clone(), audios, videos };
        self.emit(event);
    }

    /// Tracks that wait for a section.
    fn waiting(&self, key: usize) -> Lacking {
        let mut waiting = Lacking::default();
        for downtrack in self.participants[key].subscriptions.values() {
            let downtrack = &self.downtracks[*downtrack];
            if downtrack.place == Place::Waiting {
                *waiting.of(self.tracks[downtrack.track].kind) += 1;
            }
        }
        waiting
    }

    /// The same, less the sections that are free or will be after the next answer.
    fn lacking(&self, key: usize) -> Lacking {
        let mut free = Lacking::default();
        for section in &self.participants[key].sections {
            if !matches!(section.used, Use::Track(_)) {
                *free.of(section.kind) += 1;
            }
        }
        self.waiting(key).beyond(free)
    }

    /// Puts waiting tracks into the sections that the client offered to receive with; the answer tells where.
    ///
    /// Returns the answer and the track of each section that sends.
    pub(crate) fn fill_sections(
        &mut self,
        key: usize,
        answer: &str,
        restarted: bool,
        now: Instant,
    ) -> (String, Vec<(String, String)>) {
        self.end_flushes(key);
        let offered = self.take_in_sections(key, answer);
        let offers = &mut self.participants[key].offers;
        (offers.asked_since, offers.wanted) = (None, false);
        // What was asked for on a socket that is gone was perhaps never heard.
        let asked = if restarted { Lacking::default() } else { offers.asked };
        offers.asked = asked.beyond(offered);
        self.place_waiting(key, now);
        let described = self.describe(key, answer);
        self.free_sections(key);
        let lacking = self.lacking(key);
        // A client that adds fewer sections than it was asked for is not asked again and again.
        let asks = lacking.beyond(self.participants[key].offers.asked) != Lacking::default();
        if asks || self.waiting(key) != lacking {
            self.request_offer(key, now);
        }
        self.announce_subscriptions(key);
        self.allocate(key, now);
        described
    }

    /// Sections that were answered as inactive can serve again. As a new stream: libwebrtc's audio receiver stays silent
    /// when the stream that it knew comes back.
    fn free_sections(&mut self, key: usize) {
        let participant = &mut self.participants[key];
        let Some(connection) = participant.publisher.as_mut() else { return };
        for section in participant.sections.iter_mut().filter(|section| section.used == Use::Leaving) {
            let mut api = connection.rtc.direct_api();
            if let Some(ssrc) = api.stream_tx_by_mid(section.mid, None).map(|stream| stream.ssrc()) {
                api.remove_stream_tx(ssrc); // the next answer has another one
            }
            section.used = Use::Free;
        }
    }

    /// Follows the offer: sections that can send to the client come and go. Returns how many are new.
    fn take_in_sections(&mut self, key: usize, answer: &str) -> Lacking {
        let participant = &mut self.participants[key];
        let mut new = Lacking::default();
        let Some(connection) = participant.publisher.as_mut() else { return new };
        for mid in sdp::mids(answer) {
            let mid = Mid::from(mid.as_str());
            let Some(media) = connection.rtc.media(mid) else { continue };
            let index = participant.sections.iter().position(|section| section.mid == mid);
            let used = index.is_some_and(|index| matches!(participant.sections[index].used, Use::Track(_)));
            // Where the client sends, too, the section is narrowed to the codec that it sends: nothing new goes there.
            let fits = media.direction() == Direction::SendOnly || used && media.direction().is_sending();
            let usable = fits && !media.disabled() && !media.stopped();
            match index {
                None if usable => {
                    let kind = media.kind();
                    *new.of(kind) += 1;
                    participant.sections.push(Section::new(mid, kind));
                }
                Some(index) if !usable => {
                    if let Use::Track(downtrack) = participant.sections.remove(index).used {
                        let downtrack = &mut self.downtracks[downtrack];
                        downtrack.place = Place::Waiting;
                        downtrack.target = None;
                        if let Some(delay) = &mut downtrack.playout_delay {
                            delay.restart();
                        }
                        downtrack.pause();
                    }
                }
                _ => {}
            }
        }
        new
    }

    fn place_waiting(&mut self, key: usize, now: Instant) {
        let subscriptions = self.participants[key].subscriptions.iter();
        let waiting = subscriptions.filter(|(_, downtrack)| self.downtracks[**downtrack].place == Place::Waiting);
        let waiting: Vec<(String, usize)> = waiting.map(|(id, downtrack)| (id.clone(), *downtrack)).collect();
        let mut refused = Vec::new();
        for (id, downtrack) in waiting {
            let kind = self.tracks[self.downtracks[downtrack].track].kind;
            let free = |section: &Section| section.is_free(kind);
            let Some(index) = self.participants[key].sections.iter().position(free) else { continue };
            if self.place(downtrack, self.participants[key].sections[index].mid, now) {
                self.participants[key].sections[index].carry(downtrack, &id);
            } else {
                // Its sections are all alike.
                refused.push(id);
            }
        }
        self.refuse_subscriptions(key, refused);
    }

    /// The answer with what each section carries.
    fn describe(&mut self, key: usize, answer: &str) -> (String, Vec<(String, String)>) {
        let participant = &mut self.participants[key];
        let Some(connection) = participant.publisher.as_mut() else { return (answer.to_owned(), Vec::new()) };
        let (mut mid_to_track, mut carried) = (Vec::new(), HashMap::new());
        for mid in sdp::mids(answer) {
            let id = Mid::from(mid.as_str());
            let Some(media) = connection.rtc.media(id) else { continue };
            let section = participant.sections.iter().find(|section| section.mid == id);
            let mut msid = None;
            if let Some(&Section { used: Use::Track(downtrack), .. }) = section {
                let track = &self.tracks[self.downtracks[downtrack].track];
                mid_to_track.push((mid.clone(), track.id.clone()));
                let stream = track.msid_stream(participant.sync_streams);
                msid = Some(Msid { stream, track: &track.id, stereo: track.stereo });
            }
            let direction = match (msid.is_some(), media.direction().is_receiving()) {
                (true, true) => "sendrecv",
                (true, false) => "sendonly",
                (false, true) => "recvonly",
                (false, false) => "inactive",
            };
            carried.insert(mid, Carried { direction, msid });
        }
        (sdp::with_carried(answer, &carried), mid_to_track)
    }
}
