//! Dynacast: which qualities of a track anybody wants, so that its publisher need not send the others.
//!
//! More is asked for at once; less only after a while, as people open and close tiles all the time and a layer that
//! starts again costs a keyframe. Bandwidth plays no part: what a subscriber cannot receive now it may in a second.

use std::time::{Duration, Instant};

use str0m::media::MediaKind;

use crate::event::Event;
use crate::layers;
use crate::shard::Shard;

/// How long less must be wanted before the publisher is told. LiveKit's.
const LOWER_AFTER: Duration = Duration::from_secs(5);
/// A new track may wait so long for its first subscriber before it is told that there is none.
const FIRST_WITHIN: Duration = Duration::from_secs(10);

/// The highest quality wanted, LiveKit's `VideoQuality`; `None`: nobody wants any.
pub(crate) type Wanted = Option<u8>;

/// What the publisher of one track was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dynacast {
    told: Option<Wanted>,
    /// Since when less is wanted than was told.
    lower_since: Option<Instant>,
    published: Instant,
}

impl Dynacast {
    pub(crate) fn new(now: Instant) -> Self {
        Self { told: None, lower_since: None, published: now }
    }

    /// Takes in what is wanted now; true if the publisher is to be told so.
    pub(crate) fn update(&mut self, wanted: Wanted, now: Instant) -> bool {
        let due = match self.told {
            None => wanted.is_some() || now.saturating_duration_since(self.published) >= FIRST_WITHIN,
            Some(told) if wanted < told => {
                now.saturating_duration_since(*self.lower_since.get_or_insert(now)) >= LOWER_AFTER
            }
            Some(told) => {
                self.lower_since = None;
                wanted > told
            }
        };
        if due {
            self.tell(wanted);
        }
        due
    }

    /// The publisher is told now, whatever it knew.
    pub(crate) fn tell(&mut self, wanted: Wanted) {
        (self.told, self.lower_since) = (Some(wanted), None);
    }
}

impl Shard {
    /// Tells the publisher if what is wanted of its track has changed; after an unmute (`again`) also if not.
    pub(crate) fn tell_wanted(&mut self, key: usize, again: bool, now: Instant) {
        let Some(track) = self.tracks.get(key).filter(|track| track.kind == MediaKind::Video && !track.muted) else {
            return;
        };
        let layers = track.downtracks.iter().filter_map(|downtrack| {
            let downtrack = &self.downtracks[*downtrack];
            let wanted = layers::wanted(&downtrack.settings, &track.declared, track.layers.len())?;
            // What flows must not stop before the keyframe of the lower layer is there.
            Some(downtrack.current.map_or(wanted, |current| current.max(wanted)))
        });
        let wanted = layers.max().map(|layer| layers::quality(layer, &track.declared, track.layers.len()));
        let track = &mut self.tracks[key];
        if again {
            track.dynacast.tell(wanted);
        } else if !track.dynacast.update(wanted, now) {
            return;
        }
        let event = Event::SubscribedQuality {
            participant: track.owner_id.clone(),
            track: track.id.clone(),
            codecs: vec![(track.codec.mime().into(), wanted)],
        };
        self.emit(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn more_is_told_at_once_and_less_after_five_seconds() {
        let start = Instant::now();
        let mut dynacast = Dynacast::new(start);
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
        let mut dynacast = Dynacast::new(start);
        assert!(dynacast.update(Some(2), start));
        for second in (0..40).step_by(4) {
            assert!(!dynacast.update(None, start + second * SECOND));
            assert!(!dynacast.update(Some(2), start + (second + 3) * SECOND));
        }
    }

    #[test]
    fn a_track_without_subscribers_is_told_so_after_ten_seconds() {
        let start = Instant::now();
        let mut dynacast = Dynacast::new(start);
        assert!(!dynacast.update(None, start + 9 * SECOND));
        assert!(dynacast.update(None, start + 10 * SECOND));
        assert!(!dynacast.update(None, start + 20 * SECOND));
    }
}
