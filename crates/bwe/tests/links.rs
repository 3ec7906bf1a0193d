//! One connection over links of all kinds.

mod simulation;

use simulation::{Link, Net, SECOND, Source};

const BITRATES: [u64; 6] = [60_000, 200_000, 500_000, 2_000_000, 8_000_000, 20_000_000];

#[test]
fn every_link_is_found_out_and_filled() {
    for bitrate in BITRATES {
        for seed in 0..5 {
            let mut net = Net::with(Link::of(bitrate), 5_000_000, Source::Follows(25_000_000), seed);
            net.run(10 * SECOND);
            let before = net.flows[0].arrived;
            net.run(20 * SECOND);
            let share = ((net.flows[0].arrived - before) * 8 / 20) as f64 / bitrate as f64;
            assert!(share > 0.75, "seed {seed}: of {bitrate} bit/s {share:.2} are used");
        }
    }
}
