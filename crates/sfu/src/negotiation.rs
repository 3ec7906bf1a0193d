//! Clients' offers, on the publisher connection: what began and ended to be sent, and the answer.

use std::collections::HashMap;
use std::time::Instant;

use str0m::change::SdpOffer;
use str0m::format::PayloadParams;
use str0m::media::{MediaKind, Mid};

use crate::bitstream::Codec;
use crate::command::Target;
use crate::connection::State;
use crate::dependency_descriptor;
use crate::event::{Event, Kind};
use crate::participant::Published;
use crate::sdp;
use crate::shard::{Key, Shard};

/// What the client announced of the tracks that it offers; all by the SDP's name.
pub(crate) struct Announced<'a> {
    codecs: HashMap<&'a str, &'a str>,
    stereo: &'a [String],
    no_dtx: &'a [String],
}

impl<'a> Announced<'a> {
    pub(crate) fn new(codecs: &'a [(String, String)], stereo: &'a [String], no_dtx: &'a [String]) -> Self {
        let codecs = codecs.iter().map(|(cid, mime)| (cid.as_str(), mime.as_str())).collect();
        Self { codecs, stereo, no_dtx }
    }

    /// What the answer adds to the format of Opus: silence need not be sent, two channels may. Nothing for who
    /// announces nothing, as by WHIP.
    fn format(&self, cid: &str) -> Option<&'static str> {
        if self.codecs.is_empty() {
            return None;
        }
        let named = |list: &[String]| list.iter().any(|name| name == cid);
        match (named(self.no_dtx), named(self.stereo)) {
            (false, false) => Some("usedtx=1"),
            (false, true) => Some("usedtx=1;stereo=1;maxaveragebitrate=510000"),
            (true, true) => Some("stereo=1;maxaveragebitrate=510000"),
            (true, false) => None,
        }
    }
}

impl Shard {
    /// Answers a client's offer, or says why not.
    pub(crate) fn publisher_offer(
        &mut self,
        key: usize,
        offer_id: u32,
        sdp: &str,
        announced: &Announced<'_>,
        now: Instant,
    ) {
        match self.answer(key, sdp, announced, now) {
            Ok((answer, mid_to_track)) => {
                let participant = self.participants[key].id.clone();
                self.emit(Event::Answer { participant, offer_id, sdp: answer, mid_to_track });
            }
            Err(reason) => self.refuse(key, Target::Publisher, reason),
        }
    }

    pub(crate) fn refuse(&mut self, key: usize, target: Target, reason: String) {
        let participant = self.participants[key].id.clone();
        self.emit(Event::NegotiationFailed { participant, target, reason });
    }

    /// The answer, and the track of each section that sends to the client.
    fn answer(
        &mut self,
        key: usize,
        sdp: &str,
        announced: &Announced<'_>,
        now: Instant,
    ) -> Result<(String, Vec<(String, String)>), String> {
        sdp::check(sdp)?;
        let offer = SdpOffer::from_sdp_string(sdp).map_err(|error| format!("the offer is not SDP: {error}"))?;
        let connection_key = (key, Target::Publisher);
        let participant = &self.participants[key];
        let fresh = participant.publisher.is_none();
        if fresh {
            let connection = self.factory.connection(participant, participant.single, now);
            self.adopt(connection_key, connection, now);
        }
        let credentials = self.factory.credentials();
        let Some(connection) = self.connection(connection_key) else { return Err("the connection is gone".into()) };
        let before = connection.rtc.direct_api().local_ice_credentials();
        let accepted = connection.rtc.sdp_api().accept_offer(offer);
        let restarted = connection.rtc.direct_api().local_ice_credentials() != before;
        if restarted {
            connection.forget_checks();
        }
        let answer = match accepted {
            Ok(answer) => answer.to_sdp_string(),
            Err(error) => {
                let unused = connection.state == State::Connecting && self.participants[key].published.is_empty();
                if unused {
                    // str0m may have taken in half of it: the next offer meets a connection like new.
                    let participant = &self.participants[key];
                    let connection = self.factory.connection(participant, participant.single, now);
                    self.adopt(connection_key, connection, now);
                }
                return Err(format!("the offer cannot be answered: {error}"));
            }
        };
        connection.due_since.get_or_insert(now);
        connection.expect_checks(sdp);
        let connects = restarted || !connection.connected();
        let mut answer = answer;
        if restarted {
            // str0m made credentials of its own for the restart; ours name the shard.
            connection.rtc.direct_api().set_local_ice_credentials(credentials.clone());
            connection.ufrags.push(credentials.ufrag.clone());
            // The old ones serve until the client's checks have moved; more than two are of no use.
            let old = (connection.ufrags.len() > 2).then(|| connection.ufrags.remove(0));
            self.ufrags.insert(credentials.ufrag.clone(), connection_key);
            if let Some(old) = old {
                self.ufrags.remove(&old);
            }
            answer = sdp::with_credentials(&answer, &credentials);
        }
        if connects {
            self.calm.expect_newcomer(now);
        }
        self.touch(connection_key);
        let answer = self.compare_sections(key, sdp, answer, announced, now);
        self.participants[key].renegotiate_incoming();
        if !self.participants[key].single {
            return Ok((answer, Vec::new()));
        }
        Ok(self.fill_sections(key, &answer, restarted, now))
    }

    /// Tells what began and ended to be sent, and makes the answer name one codec for each section.
    fn compare_sections(
        &mut self,
        key: usize,
        offer: &str,
        mut answer: String,
        announced: &Announced<'_>,
        now: Instant,
    ) -> String {
        for mid in sdp::mids(offer) {
            let id = Mid::from(mid.as_str());
            let sending = self.sending_section(key, offer, &mid, announced);
            let known = self.participants[key].published.get(&id);
            let same = known.map(|known| known.cid.clone()) == sending.as_ref().map(|new| new.cid.clone());
            if known.is_some() && !same {
                self.end_section(key, id, now);
            }
            let Some(section) = sending else { continue };
            let redundant = section.params.red().filter(|_| section.codec == Codec::Red);
            let pts: Vec<u8> = [Some(section.params.pt()), section.params.resend(), redundant]
                .into_iter()
                .flatten()
                .map(|pt| *pt)
                .collect();
            answer = sdp::with_only(&answer, &mid, &pts);
            let mut left_out = Vec::new();
            if section.codec != Codec::Av1 {
                // With it, libwebrtc leaves out of VP8's payload what temporal layers are told by.
                left_out.push(dependency_descriptor::URI);
            }
            if section.codec.is_audio() && self.only_receives((key, Target::Publisher), id) {
                // The client sends as much sound as it ever does, and we would tell it 20 times a second what came of it.
                left_out.push(sdp::TRANSPORT_WIDE);
            }
            answer = sdp::without_extensions(&answer, &mid, &left_out);
            let pt = *section.params.pt();
            let is_opus = matches!(section.codec, Codec::Opus | Codec::Red);
            let format = announced.format(&section.cid).filter(|_| is_opus);
            let asked = sdp::asked_of_itself(offer, &mid, pt);
            for parameters in format.into_iter().chain(asked.as_deref()) {
                answer = sdp::with_format(&answer, &mid, pt, parameters);
            }
            if !same {
                let participant = &mut self.participants[key];
                let event = Event::MediaAdded {
                    participant: participant.id.clone(),
                    mid,
                    kind: if section.kind == MediaKind::Audio { Kind::Audio } else { Kind::Video },
                    cid: section.cid.clone(),
                    mime_type: section.codec.mime().into(),
                    rids: section.rids.clone(),
                };
                participant.published.insert(id, section);
                self.emit(event);
            }
        }
        answer
    }

    /// What the client sends in a section, if it does and with a codec we may take.
    fn sending_section(&mut self, key: usize, offer: &str, mid: &str, announced: &Announced<'_>) -> Option<Published> {
        let participant = &mut self.participants[key];
        let connection = participant.publisher.as_mut()?;
        let media = connection.rtc.media(Mid::from(mid))?;
        if !media.direction().is_receiving() || media.disabled() || media.stopped() {
            return None;
        }
        let (kind, offered) = (media.kind(), media.remote_pts().to_vec());
        let cid = sdp::track_id(offer, mid).unwrap_or_default();
        let preferred = announced.codecs.get(cid.as_str()).and_then(|mime| Codec::from_mime(mime));
        let order = preferred.into_iter().chain(participant.codecs.iter().copied());
        let params = connection.rtc.codec_config().params();
        // The connection has negotiated redundancy, this section perhaps not.
        let fits = |codec: Codec, params: &PayloadParams| {
            codec != Codec::Red || params.red().is_some_and(|pt| sdp::has_payload(offer, mid, *pt))
        };
        let (codec, params) = order.into_iter().find_map(|codec| {
            let params = best(params, codec, &offered).filter(|params| fits(codec, params))?;
            Some((codec, params))
        })?;
        if codec.is_audio() != (kind == MediaKind::Audio) {
            return None;
        }
        Some(Published { kind, cid, params, codec, rids: sdp::send_rids(offer, mid), track: None })
    }

    fn only_receives(&mut self, key: Key, mid: Mid) -> bool {
        let media = self.connection(key).and_then(|connection| connection.rtc.media(mid));
        media.is_some_and(|media| !media.direction().is_sending())
    }

    fn end_section(&mut self, key: usize, mid: Mid, now: Instant) {
        let participant = &mut self.participants[key];
        let Some(section) = participant.published.remove(&mid) else { return };
        let event = Event::MediaRemoved { participant: participant.id.clone(), mid: mid.to_string() };
        if let Some(key) = section.track.filter(|track| self.tracks.contains(*track)) {
            if self.tracks[key].primary == key {
                let track = self.tracks[key].id.clone();
                self.unpublish(&track, now);
            } else {
                self.end_backup(key);
            }
        }
        self.emit(event);
    }
}

/// The codec's parameters that suit most receivers, of those the client offered.
pub(crate) fn best(params: &[PayloadParams], codec: Codec, offered: &[str0m::media::Pt]) -> Option<PayloadParams> {
    let fits = |params: &&PayloadParams| {
        let name = params.spec().codec;
        let same = match codec {
            Codec::Opus => name == str0m::format::Codec::Opus,
            Codec::Red => name == str0m::format::Codec::Opus && params.red().is_some(),
            Codec::Pcmu => name == str0m::format::Codec::PCMU,
            Codec::Pcma => name == str0m::format::Codec::PCMA,
            Codec::Vp8 => name == str0m::format::Codec::Vp8,
            Codec::Vp9 => name == str0m::format::Codec::Vp9,
            Codec::H264 => name == str0m::format::Codec::H264,
            Codec::Av1 => name == str0m::format::Codec::Av1,
            Codec::H265 => name == str0m::format::Codec::H265,
        };
        same && offered.contains(&params.pt())
    };
    // Constrained baseline in packetization mode 1 is what every browser can decode.
    let common = |params: &&PayloadParams| {
        let format = params.spec().format;
        codec != Codec::H264 || format.profile_level_id == Some(0x42e01f) && format.packetization_mode == Some(1)
    };
    params.iter().filter(fits).find(common).or_else(|| params.iter().find(fits)).copied()
}
