//! A room's beat: the slow loop that measures, allocates, asks for keyframes, and tells who speaks and how good it is.

use std::time::{Duration, Instant};

use str0m::media::MediaKind;

use crate::connection::State;
use crate::event::Event;
use crate::media::Reception;
use crate::participant::Use;
use crate::quality::{self, Sample};
use crate::shard::Shard;
use crate::speakers;
use crate::timers::Timer;
use crate::track::Track;

/// A room's beat while it has tracks, and while it has none; if nobody was heard a moment ago either, it waits for quality.
const BEAT: Duration = Duration::from_millis(100);
const IDLE_BEAT: Duration = Duration::from_millis(400);
/// Of the clock of video's timestamps, in a millisecond.
const VIDEO_TICKS: u32 = 90;

impl Shard {
    pub(crate) fn start_beat(&mut self, room: usize, now: Instant) {
        let timers = &self.timers;
        let known = &mut self.rooms[room];
        let at = match (known.tracks.is_empty(), known.speakers.is_silent()) {
            (true, true) => timers.shared_moment(known.quality_due.max(now + IDLE_BEAT)),
            (true, false) => timers.shared_moment(now + IDLE_BEAT),
            (false, _) => now + BEAT,
        };
        if known.beat.is_none_or(|beat| at < beat) {
            // What is sent is measured from its beginning, and not from the last beat without it.
            known.measured = now;
            known.beat = Some(at);
            self.timers.set(at, Timer::Room(room));
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
            let awaits = |key: &usize| self.downtracks.outline(*key).awaits;
            let waiting: Vec<usize> = self.tracks[track].downtracks.iter().copied().filter(awaits).collect();
            for downtrack in waiting {
                self.begin(downtrack, now);
            }
            self.ask_keyframes(track, now);
            if self.tracks[track].primary == track {
                self.tell_wanted(track, false, now);
            }
        }
        if quality_due {
            self.tell_quality(key, now);
        }
        self.start_beat(key, now);
    }

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
    pub(crate) fn on_reception(&mut self, key: usize, stats: &Reception) {
        let participant = &mut self.participants[key];
        let used = participant.section_of(stats.mid).map(|section| section.used);
        if let Some(Use::Track(downtrack)) = used
            && let Some(delay) = &mut self.downtracks[downtrack].playout_delay
        {
            delay.on_report(stats.highest, stats.jitter / VIDEO_TICKS);
        }
        participant.rtt = stats.rtt.or(participant.rtt);
        let (Some(loss), Some(Use::Track(downtrack))) = (stats.loss, used) else { return };
        self.downtracks[downtrack].loss = Some(loss);
        let audio = participant.section_of(stats.mid).is_some_and(|section| section.kind == MediaKind::Audio);
        let lost = (f64::from(loss) * 1000.0) as u64;
        let rtt = stats.rtt.unwrap_or_default();
        let sample = Sample { expected: 1000, lost, rtt, layers_missing: 0.0, audio };
        participant.reception.push((self.downtracks[downtrack].track, sample));
    }

    fn tell_quality(&mut self, key: usize, now: Instant) {
        let room = &mut self.rooms[key];
        room.quality_due = now + quality::INTERVAL;
        let members = room.members.clone();
        // First what is lost on the way here, since who receives it misses that, too, and is not to blame.
        let sent: Vec<Vec<Sample>> = members.iter().map(|member| self.take_sent(*member)).collect();
        let mut qualities = Vec::new();
        for (member, mut samples) in members.into_iter().zip(sent) {
            let participant = &mut self.participants[member];
            for (track, sample) in std::mem::take(&mut participant.reception) {
                let feed = self.tracks.get(track).map_or(0.0, Track::lost_share);
                samples.push(sample.without(feed));
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

    /// What came of each layer that a participant sends, since the last quality computation.
    fn take_sent(&mut self, key: usize) -> Vec<Sample> {
        let tracks = self.participants[key].published.values().filter_map(|section| section.track);
        let mut samples = Vec::new();
        for track in tracks {
            let track = &mut self.tracks[track];
            let audio = track.kind == MediaKind::Audio;
            samples.extend(track.layers.iter_mut().map(|layer| {
                let (expected, lost) = layer.take_loss();
                Sample { expected, lost, audio, ..Sample::default() }
            }));
        }
        samples
    }
}
