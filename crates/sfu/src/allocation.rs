//! Who gets what: shares each subscriber's bandwidth out among its tracks.

use std::time::Instant;

use str0m::bwe::{Bitrate, BweKind};
use str0m::media::MediaKind;
use visavis_egress::Probing;

use crate::downtrack::Place;
use crate::event::Event;
use crate::layers::{self, Demand, Share};
use crate::prober::Search;
use crate::shard::{Key, Shard};

/// What one audio track is taken to need at least, bit/s, beside the video: who is silent may speak.
const AUDIO_RATE: u64 = 40_000;
/// Up to here the estimator may look for bandwidth that nobody wants at present, so that what is wanted next comes at
/// once. It does so in bursts of 40 ms every four seconds: at this rate 25 kbit/s.
const READY_RATE: u64 = 2_500_000;

impl Shard {
    pub(crate) fn on_estimate(&mut self, key: Key, kind: BweKind) {
        let (BweKind::Twcc { estimate, .. } | BweKind::Remb { estimate, .. }) = kind else { return };
        if let Some(connection) = self.connection(key) {
            connection.estimate = Some(estimate.as_u64());
            self.participants[key.0].allocate = true;
        }
    }

    /// A track began or ended to be there, or came back: it is shared out anew at once.
    pub(crate) fn allocate_subscribers(&mut self, track: usize, now: Instant) {
        let downtracks = &self.tracks[track].downtracks;
        let subscribers: Vec<usize> =
            downtracks.iter().map(|downtrack| self.downtracks[*downtrack].subscriber).collect();
        for subscriber in subscribers {
            self.allocate(subscriber, now);
        }
    }

    /// Shares a subscriber's bandwidth out among its tracks.
    pub(crate) fn allocate(&mut self, key: usize, now: Instant) {
        self.fan_out(now);
        let participant = &mut self.participants[key];
        participant.allocate = false;
        // A keyframe that comes before the transport is up is lost, and publishers give the next one only 300 ms later:
        // none is asked for until `on_connected` comes here.
        // Not by a method: its other fields are needed, too.
        let receiving = if participant.single { &mut participant.publisher } else { &mut participant.subscriber };
        let Some(connection) = receiving.as_mut().filter(|connection| connection.connected()) else { return };
        let budget = connection.estimate.unwrap_or(self.factory.config.initial_bitrate);
        // str0m's own sending, which has no `media`, probes by itself.
        let probing = connection.media.as_ref().map_or(Probing::Works, |media| media.probing());
        let (mut keys, mut demands, mut audio, mut possible) = (Vec::new(), Vec::new(), 0, 0);
        let (mut voices, mut loudest) = (0, 0);
        for &downtrack_key in participant.subscriptions.values() {
            let downtrack = &mut self.downtracks[downtrack_key];
            let track = &self.tracks[downtrack.track];
            if track.kind == MediaKind::Video {
                possible += track.largest_rate();
            }
            let ready = !track.muted && matches!(downtrack.place, Place::Ready(..));
            let wanted = layers::wanted(&downtrack.settings, &track.declared, track.layers.len());
            let Some(wanted) = wanted.filter(|_| ready) else {
                downtrack.target = None;
                downtrack.pause();
                continue;
            };
            if track.kind == MediaKind::Audio {
                downtrack.target = Some(0);
                let (lately, known) = track.sound_rates();
                audio += known.max(AUDIO_RATE);
                (voices, loudest) = (voices + lately, known.max(loudest));
            } else {
                let rates = track.rates(now);
                demands.push(Demand {
                    urgency: layers::urgency(downtrack.settings.priority, track.is_screen()),
                    // A shared screen in one layer has nothing worse to offer, and is what everybody is there for. And
                    // who cannot be probed would never be known to have room again.
                    can_pause: probing != Probing::Never && !(track.is_screen() && track.layers.len() == 1),
                    thin: layers::lowest(&rates).map_or(0, |layer| track.thinned(layer, rates[layer])),
                    rates,
                    wanted,
                    current: downtrack.current,
                    is_thin: downtrack.is_thin,
                    is_held: downtrack.paused && downtrack.hold.lasts(now),
                });
                keys.push(downtrack_key);
            }
        }
        if probing == Probing::WaitsForPictures
            && let Some(first) = demands.iter_mut().min_by_key(|demand| demand.urgency)
        {
            first.can_pause = false;
        }
        let mut chosen =
            layers::allocate(budget.saturating_sub(audio), &demands, participant.allow_pause == Some(true));
        // Who is silent may speak, but then others do not.
        let room = budget.saturating_sub(voices.max(loudest));
        let too_much = loudest > 0 && layers::total(&demands, &chosen) > room;
        let drowns = too_much && connection.media.as_ref().is_some_and(|media| media.is_overwhelmed());
        if participant.allow_pause.is_none() && participant.strain.holds_back(drowns, now) {
            chosen = layers::allocate(room, &demands, true);
            let all_fit = !chosen.iter().any(|share| matches!(share, Share::Paused | Share::Thin(_)));
            if all_fit && probing != Probing::WaitsForPictures {
                participant.strain.end();
            }
        }
        let (mut desired, mut spent, mut waits) = (audio, audio, false);
        let (mut waiting, mut paused) = (Vec::new(), Vec::new());
        for ((downtrack_key, demand), share) in keys.into_iter().zip(&demands).zip(chosen) {
            let layer = share.layer();
            desired += demand.rates[..=demand.wanted].iter().max().copied().unwrap_or(0);
            spent += demand.rate(share);
            waits |= demand.waits(share);
            let downtrack = &mut self.downtracks[downtrack_key];
            let track = &self.tracks[downtrack.track];
            if share == Share::Paused {
                downtrack.target = None;
                downtrack.pause();
                if !std::mem::replace(&mut downtrack.paused, true) {
                    downtrack.hold.begin(now);
                    paused.push(downtrack.track);
                }
                continue;
            }
            // Nothing comes yet: the lowest is what will come first. A scalable stream's layers come together, and going
            // down takes no keyframe, as going up would.
            let first = if track.scalable { demand.wanted } else { 0 };
            downtrack.target = Some(layer.unwrap_or(first));
            let gone = downtrack.current.is_some_and(|current| demand.rates.get(current) == Some(&0));
            if gone && layer.is_some() && !track.scalable {
                downtrack.pause();
            }
            downtrack.is_thin = matches!(share, Share::Thin(_));
            let slow = track.temporal_limit(layer.unwrap_or(0), downtrack.settings.fps);
            downtrack.temporal_limit = if downtrack.is_thin { 0 } else { slow };
            if downtrack.awaits().is_some() {
                waiting.push(downtrack_key);
            }
        }
        participant.enough = (!waits).then_some(budget);
        // A quarter above the media's own rate leaves room for its peaks.
        let desired = desired.max(possible.min(READY_RATE)) * 5 / 4;
        if let Some(media) = &mut connection.media {
            media.set_desired(desired);
        } else {
            let search = connection.prober.search(waits, now);
            if search == Search::BeginAnew {
                connection.rtc.bwe().reset(Bitrate::bps(budget));
            }
            // str0m probes when the desired rate rises.
            let desired = if search == Search::Stoop { spent } else { desired };
            connection.rtc.bwe().set_bitrate(Bitrate::ZERO, Bitrate::bps(desired));
        }
        let receiving = self.participants[key].receiving();
        self.touch_media((key, receiving));
        for downtrack in waiting {
            self.begin(downtrack, now);
        }
        for track in paused {
            self.tell_paused(key, track, true);
        }
    }

    pub(crate) fn tell_paused(&mut self, key: usize, track: usize, paused: bool) {
        let (participant, track) = (self.participants[key].id.clone(), self.tracks[track].id.clone());
        self.emit(Event::StreamStateChanged { participant, track, paused });
    }
}
