//! Scalable video (SVC): several layers of one picture in one stream, and which of them a subscriber gets.
//!
//! What is decided is decided for whole pictures, by the first packet that comes of each: so it does not matter in which
//! order the others come. Fewer layers are possible at any picture, as none depends on a higher one. More spatial layers
//! are at a keyframe only: what is predicted from pictures before has missed them. More temporal layers are after a
//! picture that says that nothing later reaches back across it.
//!
//! All lower layers are sent with one, even where only keyframes need them (the `_KEY` modes): they cost little beside it,
//! and without them going down would take a keyframe, too.

use std::collections::VecDeque;

/// Pictures whose decision is remembered; packets that come later than that are too late for anyone.
const REMEMBERED: usize = 64;

/// One layer's frame of a picture, as one of its packets tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LayerFrame {
    pub spatial: u8,
    pub temporal: u8,
    /// From a picture before, not only from lower layers of its own.
    pub predicted: bool,
    /// Pictures after this one can be decoded with any higher temporal layer, whatever was missed of it before.
    pub switch_up: bool,
    /// This packet is the frame's last.
    pub ends: bool,
    /// How many spatial layers there are; 0: it does not say.
    pub of: u8,
}

/// The highest layers that are forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Limit {
    pub spatial: u8,
    pub temporal: u8,
}

impl Limit {
    fn holds(self, frame: &LayerFrame) -> bool {
        frame.spatial <= self.spatial && frame.temporal <= self.temporal
    }
}

#[derive(Debug, Clone, Copy)]
struct Picture {
    timestamp: u32,
    temporal: u8,
    switch_up: bool,
    limit: Limit,
}

/// What becomes of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Selected {
    /// What its picture is forwarded with.
    pub limit: Limit,
    pub forward: bool,
    /// It is the last that is forwarded of its picture, whatever its marker says.
    pub ends_picture: bool,
}

/// What one subscriber gets of a scalable stream.
#[derive(Debug, Default)]
pub(crate) struct Selector {
    /// By timestamp, the latest last.
    pictures: VecDeque<Picture>,
}

impl Selector {
    /// The next picture is a keyframe, before which nothing was sent.
    pub(crate) fn restart(&mut self) {
        self.pictures.clear();
    }

    /// Decides on a packet, of the picture at `timestamp`, for a subscriber who should get up to `target`.
    pub(crate) fn select(&mut self, timestamp: u32, frame: &LayerFrame, target: Limit) -> Selected {
        let limit = self.limit(timestamp, frame, target);
        let forward = limit.holds(frame);
        Selected { limit, forward, ends_picture: forward && frame.ends && frame.spatial == limit.spatial }
    }

    /// The spatial layer of the latest picture.
    pub(crate) fn spatial(&self) -> Option<u8> {
        self.pictures.back().map(|picture| picture.limit.spatial)
    }

    fn limit(&mut self, timestamp: u32, frame: &LayerFrame, target: Limit) -> Limit {
        // Timestamps wrap: half the range is later, half earlier.
        let later = |picture: &Picture| picture.timestamp.wrapping_sub(timestamp) as i32 > 0;
        let place = self.pictures.iter().rposition(|picture| !later(picture)).map_or(0, |before| before + 1);
        let before = place.checked_sub(1).map(|index| self.pictures[index]);
        if let Some(known) = before.filter(|picture| picture.timestamp == timestamp) {
            return known.limit;
        }
        let latest = place == self.pictures.len();
        let limit = match before {
            Some(before) => next(&before, frame, if latest { target } else { before.limit }),
            None => target,
        };
        // A keyframe that was overtaken changes nothing: what came after it was decided without it.
        let picture = Picture { timestamp, temporal: frame.temporal, switch_up: frame.switch_up, limit };
        self.pictures.insert(place, picture);
        if self.pictures.len() > REMEMBERED {
            self.pictures.pop_front();
        }
        limit
    }
}

/// How a picture is forwarded that follows `before` and of which `frame` is the first that came.
fn next(before: &Picture, frame: &LayerFrame, target: Limit) -> Limit {
    if !frame.predicted {
        return target;
    }
    let reaches = before.switch_up && before.temporal <= before.limit.temporal;
    Limit {
        spatial: target.spatial.min(before.limit.spatial),
        temporal: if reaches { target.temporal } else { target.temporal.min(before.limit.temporal) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn limit(spatial: u8, temporal: u8) -> Limit {
        Limit { spatial, temporal }
    }

    fn frame(spatial: u8, temporal: u8) -> LayerFrame {
        LayerFrame { spatial, temporal, predicted: true, switch_up: false, ends: true, of: 3 }
    }

    fn key(spatial: u8) -> LayerFrame {
        LayerFrame { predicted: false, ..frame(spatial, 0) }
    }

    #[test]
    fn higher_spatial_layers_come_with_a_keyframe_and_go_with_any_picture() {
        let mut selector = Selector::default();
        let mut forwarded = |timestamp, frame: fn(u8) -> LayerFrame, target| {
            (0..3).filter(|s| selector.select(timestamp, &frame(*s), limit(target, 0)).forward).count()
        };
        let delta: fn(u8) -> LayerFrame = |spatial| frame(spatial, 0);
        assert_eq!(forwarded(0, key, 0), 1);
        assert_eq!(forwarded(1, delta, 2), 1, "asked for more, but no keyframe yet");
        assert_eq!(forwarded(2, key, 2), 3);
        assert_eq!(forwarded(3, delta, 1), 2, "less at once");
        assert_eq!(forwarded(4, delta, 2), 2, "what was left out is missed");
        assert_eq!(forwarded(5, key, 1), 2);
    }

    #[test]
    fn the_last_frame_that_is_forwarded_ends_the_picture() {
        let mut selector = Selector::default();
        let ends = |selected: Selected| selected.ends_picture;
        assert!(!ends(selector.select(0, &key(0), limit(1, 0))));
        assert!(!ends(selector.select(0, &LayerFrame { ends: false, ..key(1) }, limit(1, 0))));
        assert!(ends(selector.select(0, &key(1), limit(1, 0))));
        assert!(!ends(selector.select(0, &key(2), limit(1, 0))));
    }

    #[test]
    fn higher_temporal_layers_come_after_a_picture_that_permits_it() {
        let mut selector = Selector::default();
        let mut forwarded = |timestamp, temporal, switch_up, target| {
            selector.select(timestamp, &LayerFrame { switch_up, ..frame(0, temporal) }, limit(0, target)).forward
        };
        assert!(forwarded(0, 0, false, 0), "the first is a keyframe");
        assert!(!forwarded(1, 1, true, 0));
        assert!(forwarded(2, 0, false, 1));
        assert!(!forwarded(3, 1, false, 1), "the one before says nothing, and the one that does was left out");
        assert!(forwarded(4, 0, true, 1));
        assert!(forwarded(5, 1, false, 1));
        assert!(!forwarded(6, 1, false, 0), "less at once");
    }

    #[test]
    fn an_overtaken_keyframe_raises_nothing() {
        let mut selector = Selector::default();
        selector.select(0, &key(0), limit(0, 0));
        assert!(!selector.select(20, &frame(1, 0), limit(1, 0)).forward);
        assert!(!selector.select(10, &key(1), limit(1, 0)).forward);
        assert!(!selector.select(30, &frame(1, 0), limit(1, 0)).forward);
    }

    proptest! {
        #[test]
        fn the_packets_of_a_picture_share_one_decision_in_any_order(
            packets in proptest::collection::vec((0u32..40, 0u8..3, 0u8..3, any::<bool>(), 0u8..3, 0u8..3), 1..200),
            start: u32,
        ) {
            let mut selector = Selector::default();
            let mut decided = std::collections::HashMap::new();
            for (picture, spatial, temporal, predicted, s, t) in packets {
                let packet = LayerFrame { predicted, ..frame(spatial, temporal) };
                let selected = selector.select(start.wrapping_add(picture * 3000), &packet, limit(s, t));
                let limit = *decided.entry(picture).or_insert(selected.limit);
                prop_assert_eq!(limit, selected.limit);
                prop_assert_eq!(selected.forward, spatial <= limit.spatial && temporal <= limit.temporal);
            }
        }
    }
}
