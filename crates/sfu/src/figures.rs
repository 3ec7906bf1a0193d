//! What flows, in figures: for each participant and each of its tracks, counted since it came.
//!
//! Nothing here runs unless somebody asks ([`Shard::report_figures`]) or something ends: packets only count up. Rates are
//! the asker's to compute, from two reports.

use std::time::Duration;

use crate::Stats;
use crate::event::Event;
use crate::shard::Shard;

/// One participant: its datagrams of all kinds, and what is known of its path.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct ParticipantFigures {
    pub participant: String,
    pub packets_in: u64,
    pub bytes_in: u64,
    pub packets_out: u64,
    pub bytes_out: u64,
    /// As its reports of what it receives tell; `None`: it receives nothing.
    pub rtt: Option<Duration>,
    /// Bit/s that the way to it is taken to hold.
    pub estimate: Option<u64>,
    pub published: Vec<PublishedFigures>,
    pub received: Vec<ReceivedFigures>,
}

/// One track as it comes from its publisher: all its layers and codecs, payload alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PublishedFigures {
    pub track: String,
    pub packets: u64,
    pub bytes: u64,
    /// Packets that never came, not even when they were asked for again.
    pub lost: u64,
}

/// One track as it goes to a subscriber, payload alone, without retransmissions.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct ReceivedFigures {
    pub track: String,
    pub packets: u64,
    pub bytes: u64,
    /// Share of the packets that the subscriber missed, in its latest reports; `None`: it told nothing of late.
    pub loss: Option<f32>,
    /// The layer that flows; `None`: none does.
    pub layer: Option<u8>,
}

/// Datagrams of one participant.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Traffic {
    pub packets_in: u64,
    pub bytes_in: u64,
    pub packets_out: u64,
    pub bytes_out: u64,
}

/// One incoming stream since its beginning, or the sum of several.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reception {
    pub packets: u64,
    pub bytes: u64,
    /// Of streams that ended.
    lost: u64,
    /// Of the one that flows: packets of it, its first and its highest sequence number.
    current: Option<(u64, u64, u64)>,
}

impl Reception {
    pub(crate) fn count(&mut self, sequence: u64, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
        let (packets, first, highest) = self.current.get_or_insert((0, sequence, sequence));
        *packets += 1;
        // One that overtook the others may have been heard of first.
        *first = sequence.min(*first);
        *highest = sequence.max(*highest);
    }

    /// Another stream follows, with numbers of its own.
    pub(crate) fn restart(&mut self) {
        self.lost = self.lost();
        self.current = None;
    }

    pub(crate) fn lost(&self) -> u64 {
        let missing = self.current.map_or(0, |(packets, first, highest)| (highest - first + 1).saturating_sub(packets));
        self.lost + missing
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.lost += other.lost();
    }
}

impl Shard {
    /// Counters.
    pub fn stats(&self) -> Stats {
        // A room that is spread is counted where its first part is.
        let own = self.factory.config.index;
        let rooms = self.rooms.iter().filter(|(_, room)| room.peers.iter().all(|peer| own < *peer)).count() as u64;
        Stats { participants: self.participants.len() as u64, rooms, ..self.stats }
    }

    /// Whether nothing is left of anybody.
    pub fn is_empty(&self) -> bool {
        let things = [self.rooms.len(), self.participants.len(), self.tracks.len(), self.downtracks.len()];
        let ids = [self.room_ids.len(), self.participant_ids.len(), self.track_ids.len(), self.data_track_ids.len()];
        let ways = [self.ufrags.len(), self.addresses.len(), self.data_tracks.len()];
        let is_empty = [&things[..], &ids, &ways].concat().iter().all(|count| *count == 0);
        is_empty && self.exchange.relayed.is_empty() && self.exchange.relayed_data.is_empty()
    }

    /// Tells the figures of everybody here, in one event.
    pub(crate) fn report_figures(&mut self, request: u32) {
        let participants = self.participants.iter().map(|(key, _)| self.figures_of(key)).collect();
        self.emit(Event::Figures { request, worker: self.factory.config.index, participants });
    }

    fn figures_of(&self, key: usize) -> ParticipantFigures {
        let participant = &self.participants[key];
        let receiving = if participant.single { &participant.publisher } else { &participant.subscriber };
        let published = participant.published.values().filter_map(|section| section.track);
        let received = participant.subscriptions.iter().map(|(track, downtrack)| {
            let downtrack = &self.downtracks[*downtrack];
            ReceivedFigures {
                track: track.clone(),
                packets: downtrack.packets,
                bytes: downtrack.bytes,
                loss: downtrack.loss,
                layer: downtrack.current.and_then(|layer| u8::try_from(layer).ok()),
            }
        });
        let Traffic { packets_in, bytes_in, packets_out, bytes_out } = participant.traffic();
        ParticipantFigures {
            participant: participant.id.clone(),
            packets_in,
            bytes_in,
            packets_out,
            bytes_out,
            rtt: participant.rtt,
            estimate: receiving.as_ref().and_then(|connection| connection.estimate),
            // A backup codec has a section of its own, but is no track of its own.
            published: published
                .filter(|track| self.tracks[*track].primary == *track)
                .map(|track| self.published_figures(track))
                .collect(),
            received: received.collect(),
        }
    }

    /// Of a track in all its codecs.
    pub(crate) fn published_figures(&self, track: usize) -> PublishedFigures {
        let mut sum = Reception::default();
        for codec in self.codecs_of(track) {
            let codec = &self.tracks[codec];
            sum.add(&codec.former);
            codec.layers.iter().for_each(|layer| sum.add(&layer.total));
        }
        PublishedFigures {
            track: self.tracks[track].id.clone(),
            packets: sum.packets,
            bytes: sum.bytes,
            lost: sum.lost(),
        }
    }

    /// A track ends: what came of it in all.
    pub(crate) fn tell_track_totals(&mut self, track: usize) {
        let totals = self.published_figures(track);
        self.emit(Event::TrackTotals { totals });
    }

    /// A participant ends: what came and went in all.
    pub(crate) fn tell_participant_totals(&mut self, key: usize) {
        let participant = &self.participants[key];
        let (participant, Traffic { bytes_in, bytes_out, .. }) = (participant.id.clone(), participant.traffic);
        self.emit(Event::ParticipantTotals { participant, bytes_in, bytes_out });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_between_the_first_and_the_highest_is_lost() {
        let mut reception = Reception::default();
        for sequence in [10, 11, 14, 13] {
            reception.count(sequence, 100);
        }
        assert_eq!((reception.packets, reception.bytes, reception.lost()), (4, 400, 1));
        reception.restart();
        reception.count(70_000, 100);
        assert_eq!((reception.packets, reception.lost()), (5, 1), "another stream's numbers are no gap");
    }

    #[test]
    fn one_that_came_before_the_first_is_not_lost() {
        let mut reception = Reception::default();
        [5, 3, 4].into_iter().for_each(|sequence| reception.count(sequence, 1));
        assert_eq!(reception.lost(), 0);
    }
}
