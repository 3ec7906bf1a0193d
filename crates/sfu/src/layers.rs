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
    if settings.width > 0 && settings.height > 0 {
        let mut sizes: Vec<(u32, u32)> = declared.iter().map(|layer| (layer.width, layer.height)).collect();
        sizes.sort_unstable();
        let enough = (0..highest).find(|&layer| {
            let (width, height) = sizes.get(layer).copied().unwrap_or_else(|| assumed_size(layer, count));
            // Compared by the longer and the shorter side: a phone held upright asks for as many pixels.
            let (long, short) = (width.max(height), width.min(height));
            let (want_long, want_short) = (settings.width.max(settings.height), settings.width.min(settings.height));
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

/// One video track of a subscriber, for [`allocate`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Demand {
    /// Screen shares are served first.
    pub screen: bool,
    /// Measured bit/s by layer; 0: not being sent now.
    pub rates: Vec<u64>,
    /// From [`wanted`].
    pub wanted: usize,
    /// The layer it has now.
    pub current: Option<usize>,
}

/// Shares `budget` bit/s: the lowest live layer for everyone, whatever it costs, then one step up for each in turn,
/// screens first, as long as it fits. Returns each track's layer; `None` if it has no live layer.
pub(crate) fn allocate(budget: u64, demands: &[Demand]) -> Vec<Option<usize>> {
    let live =
        |demand: &Demand, from: usize| (from..=demand.wanted).find(|&l| demand.rates.get(l).is_some_and(|r| *r > 0));
    let mut chosen: Vec<Option<usize>> = demands
        .iter()
        .map(|demand| live(demand, 0).or_else(|| demand.rates.iter().position(|rate| *rate > 0)))
        .collect();
    let cost = |demand: &Demand, layer: Option<usize>| layer.map_or(0, |layer| demand.rates[layer]);
    let mut spent: u64 = demands.iter().zip(&chosen).map(|(demand, layer)| cost(demand, *layer)).sum();
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by_key(|&index| !demands[index].screen);
    loop {
        let mut upgraded = false;
        for &index in &order {
            let demand = &demands[index];
            let Some(layer) = chosen[index] else { continue };
            let Some(next) = live(demand, layer + 1) else { continue };
            let more = demand.rates[next].saturating_sub(demand.rates[layer]);
            let margin = if demand.current.is_some_and(|current| next <= current) { 1.0 } else { UPGRADE_MARGIN };
            if (spent + more) as f64 * margin <= budget as f64 {
                spent += more;
                chosen[index] = Some(next);
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
        assert_eq!(wanted(&size(600, 300), &[], 3), Some(1), "undeclared sizes are assumed");
    }

    fn camera(wanted: usize) -> Demand {
        Demand { screen: false, rates: vec![100, 300, 1000], wanted, current: None }
    }

    #[test]
    fn everyone_gets_the_lowest_before_anyone_gets_more() {
        assert_eq!(allocate(0, &[camera(2), camera(2)]), [Some(0), Some(0)]);
        assert_eq!(allocate(500, &[camera(2), camera(2)]), [Some(1), Some(0)]);
        assert_eq!(allocate(700, &[camera(2), camera(2)]), [Some(1), Some(1)]);
        assert_eq!(allocate(10_000, &[camera(2), camera(1)]), [Some(2), Some(1)]);
    }

    #[test]
    fn screens_come_first_and_what_is_there_is_kept_without_margin() {
        let screen = Demand { screen: true, ..camera(2) };
        assert_eq!(allocate(500, &[camera(2), screen]), [Some(0), Some(1)]);
        let have = |current| Demand { current, ..camera(1) };
        assert_eq!(allocate(310, &[have(None)]), [Some(0)]);
        assert_eq!(allocate(310, &[have(Some(1))]), [Some(1)]);
    }

    #[test]
    fn a_dead_layer_is_skipped_and_a_dead_track_gets_nothing() {
        let only = |rates: [u64; 3], wanted| Demand { rates: rates.to_vec(), ..camera(wanted) };
        assert_eq!(allocate(5000, &[only([100, 0, 1000], 2)]), [Some(2)]);
        assert_eq!(allocate(5000, &[only([0, 0, 1000], 0)]), [Some(2)], "better a large picture than none");
        assert_eq!(allocate(5000, &[only([0, 0, 0], 2)]), [None]);
    }

    proptest! {
        #[test]
        fn never_over_budget_but_for_the_lowest_layers(
            budget in 0u64..10_000,
            rates in proptest::collection::vec((1u64..500, 1u64..1500, 1u64..4000, 0usize..3), 0..8),
        ) {
            let demands: Vec<Demand> = rates.iter().map(|&(low, medium, high, wanted)| {
                Demand { screen: false, rates: vec![low, low + medium, low + medium + high], wanted, current: None }
            }).collect();
            let chosen = allocate(budget, &demands);
            let lowest: u64 = demands.iter().map(|demand| demand.rates[0]).sum();
            let spent: u64 = demands.iter().zip(&chosen).map(|(d, layer)| d.rates[layer.unwrap()]).sum();
            prop_assert!(spent <= budget.max(lowest));
            prop_assert!(demands.iter().zip(&chosen).all(|(demand, layer)| layer.unwrap() <= demand.wanted));
        }
    }
}
