//! Which simulcast layer a subscriber wants, by what it asked for; and which fit its bandwidth together.
//!
//! Layers are spatial indexes: 0 is the lowest encoding of the track. LiveKit's qualities map to them by how many the
//! track has (with two, medium and high are both the upper one).

use crate::command::{LayerInfo, TrackSettings};

/// LiveKit's `VideoQuality`.
const HIGH: u8 = 2;
/// How many there are.
pub(crate) const QUALITIES: usize = 3;
const OFF: u8 = 3;
/// An upgrade must fit with this much to spare, or the next dip of the estimate would undo it.
const UPGRADE_MARGIN: f64 = 1.15;

/// The highest layer wanted, of `count`; `None`: none.
///
/// `width` wins over `quality`: the smallest layer that is at least as large as asked, by the sizes that the publisher
/// declared; with none declared, each layer is taken as double the one below, the highest 720 lines.
pub(crate) fn wanted(settings: &TrackSettings, declared: &[LayerInfo], count: usize) -> Option<usize> {
    let highest = count.saturating_sub(1);
    if settings.disabled {
        return None;
    }
    if settings.width > 0 {
        let mut sizes: Vec<(u32, u32)> = declared.iter().map(|layer| (layer.width, layer.height)).collect();
        sizes.sort_unstable();
        let enough = (0..highest).find(|&layer| {
            let (width, height) = sizes.get(layer).copied().unwrap_or_else(|| assumed_size(layer, count));
            // Compared by the longer and the shorter side: a phone held upright asks for as many pixels.
            let (long, short) = (width.max(height), width.min(height));
            let (want_long, want_short) = match settings.height {
                0 => (0, 0), // LiveKit compares heights: any is high enough
                height => (settings.width.max(height), settings.width.min(height)),
            };
            long >= want_long && short >= want_short
        });
        return Some(enough.unwrap_or(highest));
    }
    match settings.quality {
        Some(OFF) => None,
        Some(wanted) => Some((0..highest).find(|&layer| quality(layer, declared, count) >= wanted).unwrap_or(highest)),
        None => Some(highest),
    }
}

/// The quality that a layer, of `count`, is by what the publisher declared; else by how many there are.
pub(crate) fn quality(layer: usize, declared: &[LayerInfo], count: usize) -> u8 {
    let mut qualities: Vec<u8> = declared.iter().map(|layer| layer.quality).collect();
    qualities.sort_unstable();
    qualities.dedup();
    match qualities.get(layer).filter(|_| qualities.len() == count) {
        Some(quality) => *quality,
        None if count == 1 => HIGH,
        None => (layer as u8).min(HIGH),
    }
}

fn assumed_size(layer: usize, count: usize) -> (u32, u32) {
    let shift = count - 1 - layer;
    (1280 >> shift, 720 >> shift)
}

/// How a track comes in turn where bandwidth is short: the smaller the sooner.
///
/// By LiveKit's `UpdateTrackSettings.priority`, 1 first; of those without one (0), screens before all and cameras after.
pub(crate) fn urgency(priority: u32, screen: bool) -> u32 {
    match priority {
        0 if screen => 1,
        0 => u32::MAX,
        told => told,
    }
}

/// One video track of a subscriber, for [`allocate`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Demand {
    /// From [`urgency`].
    pub urgency: u32,
    /// Better fewer pictures of it, or none, than more than the bandwidth holds.
    pub can_pause: bool,
    /// Measured bit/s by layer; 0: not being sent now.
    pub rates: Vec<u64>,
    /// Measured bit/s of the lowest live layer with its lowest frame rate.
    pub thin: u64,
    /// From [`wanted`].
    pub wanted: usize,
    /// The layer it has now, and whether with its lowest frame rate.
    pub current: Option<usize>,
    pub is_thin: bool,
    /// It is held back, and has not been for long.
    pub is_held: bool,
}

impl Demand {
    /// What that share takes, in bit/s.
    pub(crate) fn rate(&self, share: Share) -> u64 {
        match share {
            Share::Nothing | Share::Paused => 0,
            Share::Thin(_) => self.thin,
            Share::Layer(layer) => self.rates[layer],
        }
    }

    /// Whether more bandwidth would bring more than that share.
    pub(crate) fn waits(&self, share: Share) -> bool {
        if matches!(share, Share::Thin(_)) {
            return true;
        }
        let (from, rate) = share.layer().map_or((0, 0), |layer| (layer + 1, self.rates[layer]));
        // Where nothing that is wanted is there, it has a layer above that.
        self.rates.iter().take(self.wanted + 1).skip(from).any(|above| *above > rate)
    }
}

/// What a track gets of the bandwidth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Share {
    /// It has no live layer.
    Nothing,
    /// Its lowest live layer does not fit.
    Paused,
    /// The lowest live layer, with its lowest frame rate.
    Thin(usize),
    /// A live layer.
    Layer(usize),
}

impl Share {
    pub(crate) fn layer(self) -> Option<usize> {
        match self {
            Self::Thin(layer) | Self::Layer(layer) => Some(layer),
            Self::Nothing | Self::Paused => None,
        }
    }
}

/// The lowest live layer, of measured bit/s by layer: one above what is wanted, where none below is sent.
pub(crate) fn lowest(rates: &[u64]) -> Option<usize> {
    rates.iter().position(|rate| *rate > 0)
}

/// What the tracks take with these shares, in bit/s.
pub(crate) fn total(demands: &[Demand], shares: &[Share]) -> u64 {
    demands.iter().zip(shares).map(|(demand, share)| demand.rate(*share)).sum()
}

/// Shares `budget` bit/s, by urgency: first the lowest live layer for everyone, to those who cannot pause whatever it costs,
/// to the others with the lowest frame rate; then one step up for each in turn, as long as it fits. Nobody pauses unless
/// `pauses`.
pub(crate) fn allocate(budget: u64, demands: &[Demand], pauses: bool) -> Vec<Share> {
    let can_pause = |demand: &Demand| pauses && demand.can_pause;
    let live =
        |demand: &Demand, from: usize| (from..=demand.wanted).find(|&l| demand.rates.get(l).is_some_and(|r| *r > 0));
    // What it has it keeps without a margin.
    let fits = |demand: &Demand, share: Share, spent: u64| {
        let has = match (demand.current, share) {
            (Some(current), Share::Layer(layer)) => layer < current || layer == current && !demand.is_thin,
            (current, _) => current.is_some(),
        };
        spent as f64 * if has { 1.0 } else { UPGRADE_MARGIN } <= budget as f64
    };
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by_key(|&index| demands[index].urgency);
    let mut chosen = vec![Share::Nothing; demands.len()];
    let mut spent = 0;
    let (pausable, steady): (Vec<usize>, Vec<usize>) = order.iter().partition(|&&index| can_pause(&demands[index]));
    for index in steady.into_iter().chain(pausable) {
        let demand = &demands[index];
        let Some(layer) = lowest(&demand.rates) else { continue };
        let can_thin = can_pause(demand) && demand.thin < demand.rates[layer];
        let least = if can_thin { Share::Thin(layer) } else { Share::Layer(layer) };
        let with_it = spent + demand.rate(least);
        if can_pause(demand) && (demand.is_held || !fits(demand, least, with_it)) {
            chosen[index] = Share::Paused;
        } else {
            chosen[index] = least;
            spent = with_it;
        }
    }
    loop {
        let mut upgraded = false;
        for &index in &order {
            let demand = &demands[index];
            let next = match chosen[index] {
                Share::Nothing | Share::Paused => None,
                Share::Thin(layer) => Some(layer),
                Share::Layer(layer) => live(demand, layer + 1),
            };
            let Some(next) = next.map(Share::Layer) else { continue };
            let with_it = spent + demand.rate(next).saturating_sub(demand.rate(chosen[index]));
            if fits(demand, next, with_it) {
                spent = with_it;
                chosen[index] = next;
                upgraded = true;
            }
        }
        if !upgraded {
            return chosen;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn allocate(budget: u64, demands: &[Demand]) -> Vec<Share> {
        super::allocate(budget, demands, true)
    }

    fn size(width: u32, height: u32) -> TrackSettings {
        TrackSettings { width, height, ..TrackSettings::default() }
    }

    #[test]
    fn quality_maps_by_the_number_of_layers() {
        let ask = |quality, count| wanted(&TrackSettings { quality, ..TrackSettings::default() }, &[], count);
        assert_eq!([ask(Some(0), 3), ask(Some(1), 3), ask(Some(2), 3), ask(None, 3)], [0, 1, 2, 2].map(Some));
        assert_eq!([ask(Some(0), 2), ask(Some(1), 2), ask(Some(2), 2)], [0, 1, 1].map(Some));
        assert_eq!([ask(Some(2), 1), ask(Some(OFF), 3)], [Some(0), None]);
    }

    #[test]
    fn declared_qualities_say_which_layer_is_which() {
        let layer = |quality| LayerInfo { quality, width: 0, height: 0, bitrate: 0 };
        let upper = [layer(HIGH), layer(1)];
        let ask = |quality| wanted(&TrackSettings { quality: Some(quality), ..TrackSettings::default() }, &upper, 2);
        assert_eq!([ask(0), ask(1), ask(2)], [0, 0, 1].map(Some));
        assert_eq!([quality(0, &upper, 2), quality(1, &upper, 2)], [1, 2]);
        assert_eq!([quality(0, &[], 1), quality(0, &[layer(0)], 1)], [2, 0], "one layer is what it is declared to be");
        assert_eq!([quality(0, &upper, 3), quality(2, &upper, 3)], [0, 2], "more layers than declared");
    }

    #[test]
    fn size_takes_the_smallest_layer_that_is_large_enough() {
        let layer = |quality, width, height| LayerInfo { quality, width, height, bitrate: 0 };
        let declared = [layer(0, 320, 180), layer(1, 640, 360), layer(2, 1280, 720)];
        let ask = |width, height| wanted(&size(width, height), &declared, 3);
        let asked = [ask(100, 50), ask(320, 180), ask(321, 180), ask(640, 360), ask(4000, 3000)];
        assert_eq!(asked, [0, 0, 1, 1, 2].map(Some));
        assert_eq!(ask(180, 320), Some(0), "upright");
        assert_eq!(ask(640, 0), Some(0), "without a height the lowest is high enough");
        let quality = TrackSettings { quality: Some(1), ..size(0, 720) };
        assert_eq!(wanted(&quality, &declared, 3), Some(1), "without a width there is no size");
        assert_eq!(wanted(&size(600, 300), &[], 3), Some(1), "undeclared sizes are assumed");
    }

    #[test]
    fn a_layer_above_what_is_wanted_is_waited_for_no_longer() {
        let demand = Demand { rates: vec![0, 0, 1000], thin: 1000, ..camera(0) };
        let shares = allocate(0, std::slice::from_ref(&demand));
        assert_eq!(shares, [Share::Layer(2)]);
        assert!(!demand.waits(shares[0]));
        assert!(
            camera(2).waits(Share::Layer(1)) && camera(2).waits(Share::Paused) && !camera(1).waits(Share::Layer(1))
        );
    }

    fn camera(wanted: usize) -> Demand {
        let rates = vec![100, 300, 1000];
        Demand {
            urgency: urgency(0, false),
            can_pause: false,
            thin: rates[0],
            rates,
            wanted,
            current: None,
            is_thin: false,
            is_held: false,
        }
    }

    fn layers(shares: &[Share]) -> Vec<Option<usize>> {
        shares.iter().map(|share| share.layer()).collect()
    }

    #[test]
    fn everyone_gets_the_lowest_before_anyone_gets_more() {
        let share = |budget, demands: &[Demand]| layers(&allocate(budget, demands));
        assert_eq!(share(0, &[camera(2), camera(2)]), [Some(0), Some(0)]);
        assert_eq!(share(500, &[camera(2), camera(2)]), [Some(1), Some(0)]);
        assert_eq!(share(700, &[camera(2), camera(2)]), [Some(1), Some(1)]);
        assert_eq!(share(10_000, &[camera(2), camera(1)]), [Some(2), Some(1)]);
    }

    #[test]
    fn urgency_is_by_priority_then_screens_then_cameras() {
        let order = [urgency(0, true), urgency(2, false), urgency(3, true), urgency(1000, false), urgency(0, false)];
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!(urgency(1, false), urgency(0, true), "nothing is before a screen");
    }

    #[test]
    fn the_urgent_come_first_and_what_is_there_is_kept_without_margin() {
        let told = |priority, screen| Demand { urgency: urgency(priority, screen), ..camera(2) };
        for (first, second) in
            [(told(0, true), camera(2)), (told(1, false), told(2, false)), (told(9, false), camera(2))]
        {
            assert_eq!(allocate(500, &[second.clone(), first.clone()]), [Share::Layer(0), Share::Layer(1)]);
            let pausable = [second, first].map(|demand| Demand { can_pause: true, ..demand });
            assert_eq!(allocate(150, &pausable), [Share::Paused, Share::Layer(0)]);
        }
        let have = |current| Demand { current, ..camera(1) };
        assert_eq!(allocate(310, &[have(None)]), [Share::Layer(0)]);
        assert_eq!(allocate(310, &[have(Some(1))]), [Share::Layer(1)]);
    }

    #[test]
    fn what_can_pause_does_when_even_its_lowest_layer_is_too_much() {
        let pausable = |current| Demand { can_pause: true, current, ..camera(2) };
        assert_eq!(allocate(99, &[pausable(Some(0))]), [Share::Paused]);
        assert_eq!(allocate(100, &[pausable(Some(0))]), [Share::Layer(0)], "what flows is kept without margin");
        assert_eq!(allocate(100, &[pausable(None)]), [Share::Paused], "what is held back needs some");
        assert_eq!(allocate(115, &[pausable(None)]), [Share::Layer(0)]);
        assert_eq!(allocate(150, &[pausable(None), camera(2)]), [Share::Paused, Share::Layer(0)]);
        let held = Demand { is_held: true, ..pausable(None) };
        assert_eq!(allocate(1000, &[held.clone(), camera(0)]), [Share::Paused, Share::Layer(0)]);
        assert_eq!(super::allocate(100, &[held], false), [Share::Layer(0)]);
        assert_eq!(super::allocate(100, &[pausable(None)], false), [Share::Layer(0)], "nobody allowed it");
        let silent = Demand { rates: vec![0, 0, 0], ..pausable(None) };
        assert_eq!(allocate(0, &[silent]), [Share::Nothing], "nothing is there to be held back");
    }

    #[test]
    fn a_lower_frame_rate_comes_before_no_picture_and_is_left_with_a_margin() {
        let thin = |can_pause, current, is_thin| Demand { thin: 40, can_pause, current, is_thin, ..camera(2) };
        assert_eq!(allocate(20, &[thin(false, None, false)]), [Share::Layer(0)]);
        assert_eq!(allocate(20, &[thin(true, None, false)]), [Share::Paused]);
        assert_eq!(allocate(90, &[thin(true, None, false), thin(true, None, false)]), [Share::Thin(0), Share::Paused]);
        assert_eq!(allocate(150, &[thin(true, None, false), thin(true, None, false)]), [Share::Thin(0); 2]);
        assert_eq!(
            allocate(170, &[thin(true, None, false), thin(true, None, false)]),
            [Share::Layer(0), Share::Thin(0)]
        );
        assert_eq!(allocate(100, &[thin(true, Some(0), false)]), [Share::Layer(0)]);
        assert_eq!(allocate(100, &[thin(true, Some(0), true)]), [Share::Thin(0)]);
        assert_eq!(allocate(40, &[thin(true, Some(0), true)]), [Share::Thin(0)]);
    }

    #[test]
    fn a_dead_layer_is_skipped_and_a_dead_track_gets_nothing() {
        let only = |rates: [u64; 3], wanted| Demand { rates: rates.to_vec(), ..camera(wanted) };
        assert_eq!(allocate(5000, &[only([100, 0, 1000], 2)]), [Share::Layer(2)]);
        assert_eq!(allocate(5000, &[only([0, 0, 1000], 0)]), [Share::Layer(2)], "better a large picture than none");
        assert_eq!(allocate(5000, &[only([0, 0, 0], 2)]), [Share::Nothing]);
    }

    fn demand() -> impl Strategy<Value = Demand> {
        let rates = (1u64..500, 1u64..1500, 1u64..4000, 1u64..4);
        let current = (proptest::option::of(0usize..3), any::<bool>());
        (rates, 0usize..3, 0u32..4, any::<bool>(), any::<bool>(), current).prop_map(
            |((low, medium, high, thinner), wanted, priority, screen, can_pause, (current, is_thin))| Demand {
                urgency: urgency(priority, screen),
                can_pause,
                rates: vec![low, low + medium, low + medium + high],
                thin: low / thinner,
                wanted,
                current,
                is_thin,
                is_held: false,
            },
        )
    }

    proptest! {
        #[test]
        fn never_over_budget_but_for_the_lowest_layers_of_what_cannot_pause(
            budget in 0u64..10_000,
            demands in proptest::collection::vec(demand(), 0..8),
        ) {
            let chosen = allocate(budget, &demands);
            let steady: u64 = demands.iter().filter(|demand| !demand.can_pause).map(|demand| demand.rates[0]).sum();
            prop_assert!(total(&demands, &chosen) <= budget.max(steady));
            for (demand, share) in demands.iter().zip(&chosen) {
                prop_assert!(share.layer().map_or(demand.can_pause, |layer| layer <= demand.wanted));
            }
        }

        #[test]
        fn of_two_alike_the_more_urgent_never_has_less(
            budget in 0u64..10_000,
            first in demand(),
            others in proptest::collection::vec(demand(), 0..6),
        ) {
            let second = Demand { urgency: first.urgency.saturating_sub(1), ..first.clone() };
            prop_assume!(second.urgency < first.urgency);
            let demands: Vec<Demand> = [first, second].into_iter().chain(others).collect();
            let chosen = allocate(budget, &demands);
            prop_assert!(chosen[1] >= chosen[0], "{chosen:?}");
        }

        #[test]
        fn who_waits_for_nothing_gets_the_same_of_more(
            budget in 0u64..10_000,
            more in 0u64..10_000,
            demands in proptest::collection::vec(demand(), 0..8),
        ) {
            let chosen = allocate(budget, &demands);
            let waits = demands.iter().zip(&chosen).any(|(demand, share)| demand.waits(*share));
            prop_assert!(waits || chosen == allocate(budget + more, &demands));
        }
    }
}
