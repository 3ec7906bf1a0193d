//! What each command does, and how a participant begins.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use crate::ReliableSequence;
use crate::chat::Chat;
use crate::command::{Command, Target};
use crate::data_tracks::DataTracks;
use crate::figures::Traffic;
use crate::negotiation::Announced;
use crate::participant::{Offers, Participant};
use crate::quality::Scorer;
use crate::reliability::{Nonces, ReliableReceiver, Replay};
use crate::shard::{Room, Shard};
use crate::speakers::SpeakerDetector;
use crate::strain::Strain;

impl Shard {
    /// The participant on whose behalf a command is.
    pub(crate) fn subject(&self, command: &Command) -> Option<usize> {
        match command {
            Command::Unpublish { track } | Command::SetMuted { track, .. } => {
                self.track_ids.get(track).and_then(|track| self.tracks[*track].origin.owner())
            }
            _ => self.participant_ids.get(command.participant()?).copied(),
        }
    }

    pub(crate) fn apply(&mut self, now: Instant, command: Command, sequence: Option<ReliableSequence>) {
        if let Command::SendData { room, packet, reliable, destinations } = command {
            if let Some(&room) = self.room_ids.get(&room) {
                self.send_from_server(room, packet, reliable, &destinations, now);
            }
            return;
        }
        if let Command::SpreadRoom { room, parts } = command {
            return self.spread_room(&room, &parts, now);
        }
        if let Command::ReportFigures { request } = command {
            return self.report_figures(request);
        }
        if let Command::AddParticipant { .. } = command {
            return self.add_participant(now, command, sequence);
        }
        let Some(key) = self.subject(&command) else { return };
        match command {
            Command::UpdateParticipant { can_publish_data, hidden, agent, can_subscribe_metrics, .. } => {
                let participant = &mut self.participants[key];
                (participant.can_publish_data, participant.hidden) = (can_publish_data, hidden);
                (participant.agent, participant.can_subscribe_metrics) = (agent, can_subscribe_metrics);
            }
            Command::RemoveParticipant { .. } => self.remove_participant(key, now),
            Command::PublisherOffer { offer_id, sdp, codecs, stereo, no_dtx, .. } => {
                let announced = Announced::new(&codecs, &stereo, &no_dtx);
                self.publisher_offer(key, offer_id, &sdp, &announced, now);
            }
            Command::SubscriberAnswer { answer_id, sdp, .. } => self.subscriber_answer(key, answer_id, &sdp, now),
            // With one connection, the client restarts it: it is the one who offers.
            Command::RestartIce { .. } if self.participants[key].single => {}
            Command::RestartIce { .. } => {
                self.participants[key].offers.restart_ice = true;
                self.request_offer(key, now);
            }
            Command::Publish { mid, track, source, muted, layers, stereo, stream, trailer, backups, .. } => {
                self.publish(key, &mid, track, source, muted, layers, stereo, stream, trailer, &backups, now);
            }
            Command::PublishBackup { mid, track, layers, regress, .. } => {
                self.publish_backup(key, &mid, &track, layers, regress, now);
            }
            Command::Unpublish { track } => self.unpublish(&track, now),
            Command::SetMuted { track, muted } => self.set_muted(&track, muted, now),
            Command::Subscribe { track, .. } => self.subscribe(key, track, now),
            Command::Unsubscribe { track, .. } => self.unsubscribe(key, &track, now),
            Command::SetTrackSettings { track, settings, .. } => self.set_track_settings(key, track, settings, now),
            Command::PerformRpc { request, packet, .. } => self.perform_rpc(key, request, packet, now),
            Command::PublishDataTrack { handle, track, .. } => self.publish_data_track(key, handle, track),
            Command::UnpublishDataTrack { track, .. } => self.unpublish_data_track(key, &track),
            Command::SubscribeDataTrack { track, handle, .. } => self.subscribe_data_track(key, &track, handle),
            Command::UnsubscribeDataTrack { track, .. } => self.unsubscribe_data_track(key, &track),
            Command::EndRpc { request, .. } => {
                self.participants[key].rpcs.remove(&request);
            }
            Command::AddParticipant { .. }
            | Command::SendData { .. }
            | Command::SpreadRoom { .. }
            | Command::ReportFigures { .. } => {}
        }
    }

    fn add_participant(&mut self, now: Instant, command: Command, sequence: Option<ReliableSequence>) {
        let Command::AddParticipant {
            room,
            participant,
            identity,
            primary,
            single,
            can_publish_data,
            hidden,
            agent,
            can_subscribe_metrics,
            codec_change,
            allow_pause,
            mime_types,
            playout_delay,
            sync_streams,
        } = command
        else {
            return;
        };
        if self.participant_ids.contains_key(&participant) {
            return;
        }
        let room = *self.room_ids.entry(room.clone()).or_insert_with(|| {
            self.rooms.insert(Room {
                id: room,
                peers: Vec::new(),
                members: Vec::new(),
                tracks: Vec::new(),
                speakers: SpeakerDetector::new(),
                replay: Replay::new(),
                nonces: Nonces::default(),
                beat: None,
                measured: now,
                speakers_due: now,
                quality_due: now + crate::quality::INTERVAL,
            })
        });
        let codecs = mime_types.iter().filter_map(|mime| crate::bitstream::Codec::from_mime(mime)).collect();
        let key = self.participants.insert(Participant {
            id: participant.clone(),
            identity,
            room,
            primary: if single { Target::Publisher } else { primary },
            single,
            can_publish_data,
            hidden,
            agent,
            can_subscribe_metrics,
            codec_change,
            allow_pause,
            codecs,
            playout_delay,
            sync_streams,
            joined: now,
            publisher: None,
            subscriber: None,
            published: Default::default(),
            streams: HashMap::new(),
            offers: Offers { next_id: 1, ..Offers::default() },
            sections: Vec::new(),
            subscriptions: Default::default(),
            settings: HashMap::new(),
            allocate: false,
            enough: None,
            strain: Strain::default(),
            reliable: ReliableReceiver::default(),
            sequence,
            data_tracks: DataTracks::default(),
            rpcs: HashMap::new(),
            chat: Chat::default(),
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            traffic: Traffic::default(),
            rtt: None,
            scorer: Scorer::new(),
            reception: Vec::new(),
        });
        self.participant_ids.insert(participant, key);
        self.rooms[room].members.push(key);
        self.start_beat(room, now);
        if primary == Target::Subscriber && !single {
            self.request_offer(key, now);
        }
    }
}
