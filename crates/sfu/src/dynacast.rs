//! Dynacast: which qualities of a track anybody wants, so that its publisher need not send the others.
//!
//! More is asked for at once; less only after a while, as people open and close tiles all the time and a layer that
//! starts again costs a keyframe. Bandwidth plays no part: what a subscriber cannot receive now it may in a second.
//!
//! A track in several codecs has all of them told at once, but those that nobody has wanted yet: a backup codec is asked for
//! by being told of.

use std::time::{Duration, Instant};

use str0m::media::MediaKind;

use crate::downtrack::Place;
use crate::event::Event;
use crate::layers;
use crate::shard::Shard;

/// How long less must be wanted before the publisher is told. LiveKit's.
const LOWER_AFTER: Duration = Duration::from_secs(5);
/// A new codec may wait so long for its first subscriber before the publisher is told that there is none.
const FIRST_WITHIN: Duration = Duration::from_secs(10);

/// The highest quality wanted, LiveKit's `VideoQuality`; `None`: nobody wants any.
pub(crate) type Wanted = Option<u8>;

/// What the publisher of one track was told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dynacast {
    /// Of each codec, the primary first; `None`: nothing yet.
    told: Vec<Option<Wanted>>,
    /// Since when less is wanted than was told.
    lower_since: Option<Instant>,
}

/// What is wanted of one codec.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand {
    pub wanted: Wanted,
    /// When the codec's first packet came.
    pub published: Option<Instant>,
}

impl Dynacast {
    /// Takes in what is wanted of each codec now; true if the publisher is to be told: `again`, it is in any case.
    pub(crate) fn update(&mut self, demands: &[Demand], again: bool, now: Instant) -> bool {
        self.told.resize(demands.len(), None);
        let waited = |published: Instant| now.saturating_duration_since(published) >= FIRST_WITHIN;
        let present = demands.iter().zip(&self.told).enumerate().map(|(index, (demand, told))| {
            let first = demand.wanted.is_some() || demand.published.is_some_and(waited) || again && index == 0;
            (told.is_some() || first).then_some(demand.wanted)
        });
        let present: Vec<Option<Wanted>> = present.collect();
        let more = present.iter().zip(&self.told).any(|(present, told)| present > told);
        let less = present.iter().zip(&self.told).any(|(present, told)| present < told);
        let lower_since = less.then(|| self.lower_since.unwrap_or(now));
        let overdue = lower_since.is_some_and(|since| now.saturating_duration_since(since) >= LOWER_AFTER);
        let due = again || more || overdue;
        self.lower_since = lower_since.filter(|_| !due);
        if due {
            self.told = present;
        }
        due
    }
}

impl Shard {
    /// Tells the publisher if what is wanted of its track has changed; after an unmute (`again`) also if not.
    pub(crate) fn tell_wanted(&mut self, key: usize, again: bool, now: Instant) {
        let Some(track) = self.tracks.get(key) else { return };
        let primary = track.primary;
        if track.origin.upstream().is_some() {
            return self.tell_upstream(primary);
        }
        if track.kind != MediaKind::Video || track.muted {
            return;
        }
        // livekit-client drops what it is told before its own publication is complete. Once it sends, that is.
        if self.tracks[primary].published.is_none() && !again {
            return;
        }
        let demands: Vec<Demand> = self.codecs_of(primary).map(|codec| self.demand(codec)).collect();
        if !self.tracks[primary].dynacast.update(&demands, again, now) {
            return;
        }
        let told = self.codecs_of(primary).zip(&self.tracks[primary].dynacast.told);
        let codecs = told.filter_map(|(codec, told)| Some((self.tracks[codec].codec.mime().into(), (*told)?)));
        let event = Event::SubscribedQuality {
            participant: self.tracks[primary].owner_id.clone(),
            track: self.tracks[primary].id.clone(),
            codecs: codecs.collect(),
        };
        self.emit(event);
    }

    /// What is wanted of one codec of a track.
    pub(crate) fn demand(&self, key: usize) -> Demand {
        let track = &self.tracks[key];
        let several = !self.tracks[track.primary].backups.is_empty();
        let layers = track.downtracks.iter().filter_map(|downtrack| {
            let downtrack = &self.downtracks[*downtrack];
            // Which of several codecs a subscriber gets, its answer tells.
            if several && !matches!(downtrack.place, Place::Ready(..)) {
                return None;
            }
            let wanted = layers::wanted(&downtrack.settings, &track.declared, track.layers.len())?;
            // What flows must not stop before the keyframe of the lower layer is there.
            Some(downtrack.current.map_or(wanted, |current| current.max(wanted)))
        });
        let wanted = layers.max().map(|layer| layers::quality(layer, &track.declared, track.layers.len()));
        let elsewhere = track.wanted_by.iter().map(|(_, quality)| *quality).max();
        Demand { wanted: wanted.max(elsewhere), published: track.published }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A track in one codec.
    struct Single(Dynacast, Instant);

    impl Single {
        fn new(published: Instant) -> Self {
            Self(Dynacast::default(), published)
        }

        fn update(&mut self, wanted: Wanted, now: Instant) -> bool {
            self.0.update(&[Demand { wanted, published: Some(self.1) }], false, now)
        }
    }

    #[test]
    fn more_is_told_at_once_and_less_after_five_seconds() {
        let start = Instant::now();
        let mut dynacast = Single::new(start);
        assert!(dynacast.update(Some(1), start), "the first subscriber");
        assert!(!dynacast.update(Some(1), start + SECOND));
        assert!(dynacast.update(Some(2), start + SECOND));
        assert!(!dynacast.update(Some(0), start + 2 * SECOND));
        assert!(!dynacast.update(None, start + 6 * SECOND));
        assert!(dynacast.update(None, start + 7 * SECOND), "five seconds after the first decrease");
        assert!(dynacast.update(Some(0), start + 7 * SECOND));
    }

    #[test]
    fn less_for_a_moment_is_not_told() {
        let start = Instant::now();
        let mut dynacast = Single::new(start);
        assert!(dynacast.update(Some(2), start));
        for second in (0..40).step_by(4) {
            assert!(!dynacast.update(None, start + second * SECOND));
            assert!(!dynacast.update(Some(2), start + (second + 3) * SECOND));
        }
    }

    #[test]
    fn a_track_without_subscribers_is_told_so_after_ten_seconds() {
        let start = Instant::now();
        let mut dynacast = Single::new(start);
        assert!(!dynacast.update(None, start + 9 * SECOND));
        assert!(dynacast.update(None, start + 10 * SECOND));
        assert!(!dynacast.update(None, start + 20 * SECOND));
    }

    #[test]
    fn a_codec_is_told_of_when_somebody_wants_it_and_from_then_on() {
        let start = Instant::now();
        let mut dynacast = Dynacast::default();
        let mut update = |primary, backup, after: u32| {
            let primary = Demand { wanted: primary, published: Some(start) };
            let backup = Demand { wanted: backup, published: None };
            dynacast.update(&[primary, backup], false, start + after * SECOND).then(|| dynacast.told.clone())
        };
        assert_eq!(update(Some(2), None, 0), Some(vec![Some(Some(2)), None]));
        assert_eq!(update(Some(2), None, 12), None, "what was never asked for does not come, and need not stop");
        assert_eq!(update(Some(2), Some(2), 12), Some(vec![Some(Some(2)); 2]));
        assert_eq!(update(None, Some(2), 13), None);
        assert_eq!(update(None, Some(2), 18), Some(vec![Some(None), Some(Some(2))]), "less of one is less");
        assert_eq!(update(None, None, 18), None);
        assert_eq!(update(None, None, 23), Some(vec![Some(None); 2]));
    }

    #[test]
    fn more_of_one_codec_tells_of_less_of_another_at_once() {
        let start = Instant::now();
        let mut dynacast = Dynacast::default();
        let demand = |wanted| Demand { wanted, published: Some(start) };
        assert!(dynacast.update(&[demand(Some(2)), demand(Some(0))], false, start));
        assert!(dynacast.update(&[demand(None), demand(Some(1))], false, start + SECOND));
        assert_eq!(dynacast.told, [Some(None), Some(Some(1))]);
    }
}
