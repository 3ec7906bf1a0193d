//! One connection, or two, over links of all kinds. `SEEDS` runs of each (6 unless told); figures with `--nocapture`.

mod simulation;

use simulation::{Link, MS, Net, Random, SECOND, Source};

/// As a publisher with three layers.
fn layers(can_pause: bool) -> Source {
    Source::Layers { rates: vec![360_000, 730_000, 1_450_000], can_pause }
}

/// What all seeds gave, least first.
struct Figures(Vec<f64>);

impl Figures {
    fn of(what: &str, run: impl Fn(u64) -> f64) -> Self {
        let seeds = std::env::var("SEEDS").map_or(6, |text| text.parse().expect("a number"));
        let mut values: Vec<f64> = (0..seeds).map(run).collect();
        values.sort_by(f64::total_cmp);
        let figures = Self(values);
        println!("{what}: median {:.2}, {:.2} to {:.2}", figures.median(), figures.least(), figures.most());
        figures
    }

    fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    fn least(&self) -> f64 {
        self.0[0]
    }

    fn most(&self) -> f64 {
        self.0[self.0.len() - 1]
    }
}

/// Share of the time with the best layer.
fn best(net: &mut Net, time: u64) -> f64 {
    let (mut good, steps) = (0, time / (10 * MS));
    for _ in 0..steps {
        net.run(10 * MS);
        good += u64::from(net.flows[0].layer == Some(2));
    }
    good as f64 / steps as f64
}

fn seconds(time: Option<u64>) -> f64 {
    time.map_or(f64::INFINITY, |time| time as f64 / SECOND as f64)
}

#[test]
fn every_link_is_found_out_and_filled_without_a_long_queue() {
    for bitrate in [60_000, 150_000, 500_000, 2_000_000, 8_000_000, 20_000_000] {
        let run = |seed| {
            let mut net = Net::with(Link::of(bitrate), 5_000_000, Source::Follows(25_000_000), seed);
            net.run(5 * SECOND);
            let (before, delays) = (net.flows[0].arrived, net.flows[0].delays);
            net.run(30 * SECOND);
            let flow = &net.flows[0];
            let share = (flow.arrived - before) as f64 * 8.0 / 30.0 / bitrate as f64;
            let delay = (flow.delays.0 - delays.0) as f64 / (flow.delays.1 - delays.1) as f64 / MS as f64;
            (share, delay)
        };
        let share = Figures::of(&format!("{bitrate} bit/s, share used"), |seed| run(seed).0);
        assert!(share.least() > 0.85, "{bitrate}: {:?}", share.0);
        let delay = Figures::of(&format!("{bitrate} bit/s, ms in the queue"), |seed| run(seed).1);
        assert!(delay.most() < 180.0, "{bitrate}: {:?}", delay.0);
    }
}

#[test]
fn a_link_that_changes_is_followed_down_within_two_seconds_and_up_within_ten() {
    for (wide, narrow) in [(1_000_000, 150_000), (2_000_000, 500_000), (8_000_000, 1_000_000), (20_000_000, 2_000_000)]
    {
        let narrowed = |seed| {
            let mut net = Net::with(Link::of(wide), 5_000_000, Source::Follows(25_000_000), seed);
            net.run(15 * SECOND + seed * 37 * MS);
            net.link.bitrate = narrow;
            net
        };
        let down = Figures::of(&format!("{wide} to {narrow} bit/s, seconds"), |seed| {
            seconds(narrowed(seed).until(20 * SECOND, |net| net.estimate() as f64 <= narrow as f64 * 1.1))
        });
        assert!(down.most() < 2.0, "{wide} to {narrow}: {:?}", down.0);
        let up = Figures::of(&format!("{narrow} to {wide} bit/s, seconds"), |seed| {
            let mut net = narrowed(seed);
            net.run(21 * SECOND);
            net.link.bitrate = wide;
            seconds(net.until(40 * SECOND, |net| net.estimate() as f64 >= wide as f64 * 0.9))
        });
        assert!(up.most() < 10.0, "{narrow} to {wide}: {:?}", up.0);
    }
}

#[test]
fn layers_follow_a_link_that_changes() {
    let narrowed = |seed| {
        let mut net = Net::with(Link::of(0), 5_000_000, layers(false), seed);
        net.run(8 * SECOND + seed * 37 * MS);
        net.link.bitrate = 500_000;
        net
    };
    let down = Figures::of("a free link becomes 500 kbit/s, seconds until the lowest layer", |seed| {
        seconds(narrowed(seed).until(20 * SECOND, |net| net.flows[0].layer == Some(0)))
    });
    assert!(down.most() < 2.0, "{:?}", down.0);
    let up = Figures::of("and free again, seconds until the best layer", |seed| {
        let mut net = narrowed(seed);
        net.run(15 * SECOND);
        assert_eq!(net.flows[0].layer, Some(0), "seed {seed}");
        net.link.bitrate = 0;
        seconds(net.until(40 * SECOND, |net| net.flows[0].layer == Some(2)))
    });
    assert!(up.most() < 10.0, "{:?}", up.0);
}

#[test]
fn late_bursts_of_a_machine_that_is_held_up_are_no_congestion() {
    for (name, bitrate, jitter) in [
        ("free", 0, 0),
        ("free, 10 ms of jitter", 0, 10 * MS),
        ("10 Mbit/s", 10_000_000, 2 * MS),
        ("3 Mbit/s", 3_000_000, 2 * MS),
    ] {
        for (held, every) in [(30 * MS, 300 * MS), (80 * MS, SECOND), (80 * MS, 5 * SECOND), (200 * MS, SECOND)] {
            let share = Figures::of(
                &format!("{name}, held up {} of {} ms, share of the best layer", held / MS, every / MS),
                |seed| {
                    let (mut random, mut at) = (Random(seed), 3 * SECOND);
                    let mut link = Link { jitter, ..Link::of(bitrate) };
                    while at < 40 * SECOND {
                        at += (every as f64 * (0.5 + random.share())) as u64;
                        link.held_up.push((at, at + (held as f64 * (0.5 + random.share())) as u64));
                    }
                    let mut net = Net::with(link, 5_000_000, layers(false), seed);
                    net.run(3 * SECOND);
                    best(&mut net, 37 * SECOND)
                },
            );
            assert!(share.least() > 0.97, "{name}, {held}, {every}: {:?}", share.0);
        }
    }
}

#[test]
fn what_radio_links_lose_costs_no_layer() {
    for (name, bitrate) in [("free", 0), ("5 Mbit/s", 5_000_000)] {
        for loss in [0.02, 0.05, 0.1, 0.15, 0.2] {
            let share = Figures::of(&format!("{name}, loss {loss}, share of the best layer"), |seed| {
                let mut net = Net::with(Link { loss, ..Link::of(bitrate) }, 5_000_000, layers(false), seed);
                best(&mut net, 33 * SECOND)
            });
            assert!(share.median() > 0.97 && share.least() > 0.8, "{name}, {loss}: {:?}", share.0);
        }
    }
}

#[test]
fn a_narrow_link_that_loses_as_well_is_not_overrun() {
    for loss in [0.02, 0.1, 0.2] {
        let estimate = Figures::of(&format!("1 Mbit/s, loss {loss}, estimate"), |seed| {
            let mut net = Net::with(Link { loss, ..Link::of(1_000_000) }, 5_000_000, layers(false), seed);
            net.run(33 * SECOND);
            net.estimate() as f64
        });
        assert!(estimate.least() > 600_000.0 && estimate.most() < 1_480_000.0, "{loss}: {:?}", estimate.0);
    }
}

#[test]
fn short_queues_and_policers_are_left_in_peace() {
    let lost = |link: Link, source: Source, seed| {
        let mut net = Net::with(link, 5_000_000, source, seed);
        net.run(5 * SECOND);
        let before = (net.flows[0].lost, net.flows[0].delays.1);
        net.run(30 * SECOND);
        let lost = (net.flows[0].lost - before.0) as f64;
        lost / (lost + (net.flows[0].delays.1 - before.1) as f64)
    };
    for bitrate in [500_000, 2_000_000, 8_000_000] {
        let share = Figures::of(&format!("{bitrate} bit/s with a queue of 50 ms, lost"), |seed| {
            lost(Link { queue: 50 * MS, ..Link::of(bitrate) }, Source::Follows(25_000_000), seed)
        });
        assert!(share.median() < 0.15, "{bitrate}: {:?}", share.0);
    }
    for bitrate in [500_000, 1_200_000] {
        let share = Figures::of(&format!("policed to {bitrate} bit/s, lost"), |seed| {
            lost(Link { policer: Some(10_000.0), ..Link::of(bitrate) }, layers(false), seed)
        });
        assert!(share.median() < 0.3, "{bitrate}: {:?}", share.0);
    }
}

#[test]
fn two_share_a_link_and_neither_starves() {
    for bitrate in [500_000, 2_000_000, 8_000_000] {
        let smaller = Figures::of(&format!("two on {bitrate} bit/s, share of the smaller"), |seed| {
            let mut net = Net::with(Link::of(bitrate), 1_000_000, Source::Follows(25_000_000), seed);
            net.run(10 * SECOND);
            net.add(1_000_000, Source::Follows(25_000_000), seed + 1000);
            net.run(20 * SECOND);
            let before = [net.flows[0].arrived, net.flows[1].arrived];
            net.run(30 * SECOND);
            let [a, b] = [0, 1].map(|index| (net.flows[index].arrived - before[index]) as f64 * 8.0 / 30.0);
            assert!(a + b > 0.85 * bitrate as f64, "seed {seed}: {a} and {b} of {bitrate}");
            a.min(b) / (a + b)
        });
        assert!(smaller.median() > 0.15, "{bitrate}: {:?}", smaller.0);
    }
}

#[test]
fn beside_a_download_that_fills_the_queue_something_is_left() {
    for bitrate in [2_000_000, 8_000_000] {
        let share = Figures::of(&format!("beside a download on {bitrate} bit/s, share"), |seed| {
            let mut net = Net::with(Link::of(bitrate), 1_000_000, Source::Follows(25_000_000), seed);
            net.run(10 * SECOND);
            net.add(1_000_000, Source::Greedy { rate: 500_000, lost: 0 }, seed + 1000);
            net.run(10 * SECOND);
            let before = net.flows[0].arrived;
            net.run(60 * SECOND);
            (net.flows[0].arrived - before) as f64 * 8.0 / 60.0 / bitrate as f64
        });
        assert!(share.least() > 0.025, "{bitrate}: {:?}", share.0);
    }
}

#[test]
fn who_sends_little_finds_what_is_desired_and_no_more() {
    for (name, link, initial) in [("free", Link::of(0), 300_000), ("4 Mbit/s", Link::of(4_000_000), 300_000)] {
        let found = Figures::of(&format!("{name}, seconds until the best layer fits"), |seed| {
            let mut net = Net::with(link.clone(), initial, layers(true), seed);
            seconds(net.until(30 * SECOND, |net| net.estimate() >= 1_750_000))
        });
        assert!(found.most() < 5.0, "{name}: {:?}", found.0);
    }
    let estimate = Figures::of("100 kbit/s on a free link, estimate after two minutes", |seed| {
        let mut net = Net::with(Link::of(0), 300_000, Source::Steady(100_000), seed);
        net.run(120 * SECOND);
        net.estimate() as f64
    });
    assert!(estimate.least() >= 300_000.0 && estimate.most() < 500_000.0, "{:?}", estimate.0);
}

#[test]
fn the_first_probe_on_a_long_path_is_waited_for() {
    let found = Figures::of("600 ms to and fro, seconds until the best layer fits", |seed| {
        let mut net = Net::with(Link { delay: 300 * MS, ..Link::of(0) }, 1_000_000, layers(true), seed);
        net.flows[0].speaks = false;
        seconds(net.until(30 * SECOND, |net| net.estimate() >= 1_750_000))
    });
    assert!(found.most() < 5.0, "{:?}", found.0);
}

#[test]
fn what_was_held_back_resumes_where_only_the_lowest_layer_fits() {
    for (initial, settle, narrow, speaks) in [
        (100_000, 0, 150_000, true),
        (5_000_000, 6 * SECOND, 150_000, true),
        (5_000_000, 6 * SECOND, 150_000, false),
        (5_000_000, 6 * SECOND, 60_000, false),
    ] {
        let what = format!("360 kbit/s on 500 after {narrow}, from {initial}, with a voice: {speaks}, seconds");
        let resumed = Figures::of(&what, |seed| {
            let mut net = Net::with(Link::of(narrow), initial, layers(true), seed);
            net.flows[0].speaks = speaks;
            net.run(settle + 5 * SECOND);
            assert_eq!(net.flows[0].layer, None, "seed {seed}: it does not fit");
            net.link.bitrate = 500_000;
            seconds(net.until(30 * SECOND, |net| net.flows[0].layer == Some(0)))
        });
        assert!(resumed.most() < 10.0, "{:?}", resumed.0);
    }
}

#[test]
fn feedback_that_is_lost_or_late_and_packets_out_of_order_cost_no_layer() {
    for (name, link) in [
        ("30 % of feedback lost", Link { feedback_loss: 0.3, ..Link::of(0) }),
        ("60 % of feedback lost on 3 Mbit/s", Link { feedback_loss: 0.6, ..Link::of(3_000_000) }),
        ("feedback out of order", Link { feedback_jitter: 250 * MS, ..Link::of(3_000_000) }),
        ("packets out of order by 10 ms", Link { jitter: 10 * MS, reorders: true, ..Link::of(0) }),
        ("packets out of order by 30 ms on 3 Mbit/s", Link { jitter: 30 * MS, reorders: true, ..Link::of(3_000_000) }),
        ("30 ms of jitter", Link { jitter: 30 * MS, ..Link::of(3_000_000) }),
    ] {
        let share = Figures::of(&format!("{name}, share of the best layer"), |seed| {
            let mut net = Net::with(link.clone(), 5_000_000, layers(false), seed);
            net.run(3 * SECOND);
            best(&mut net, 30 * SECOND)
        });
        assert!(share.least() > 0.97, "{name}: {:?}", share.0);
    }
}

#[test]
fn an_outage_is_noticed_and_soon_over() {
    for long in [SECOND, 5 * SECOND, 20 * SECOND] {
        let took = Figures::of(&format!("after an outage of {} s, seconds", long / SECOND), |seed| {
            let outage = Some((5 * SECOND, 5 * SECOND + long));
            let mut net = Net::with(Link { outage, ..Link::of(4_000_000) }, 5_000_000, layers(false), seed);
            net.run(5 * SECOND + long);
            if long >= 5 * SECOND {
                assert!(net.estimate() < 1_000_000, "seed {seed}: into nowhere at {}", net.estimate());
            }
            seconds(net.until(30 * SECOND, |net| net.flows[0].layer == Some(2)))
        });
        assert!(took.most() < 3.0, "{long}: {:?}", took.0);
    }
}

#[test]
fn clocks_that_are_set_cost_no_layer() {
    let share = Figures::of("the receiver's clock leaps by up to an hour, share of the best layer", |seed| {
        let (mut net, mut random) = (Net::with(Link::of(4_000_000), 5_000_000, layers(false), seed), Random(seed));
        net.flows[0].clock = 7200 * SECOND as i64;
        net.run(3 * SECOND);
        let shares: f64 = (0..10)
            .map(|_| {
                net.flows[0].clock = (7200.0 * SECOND as f64 * random.share()) as i64;
                best(&mut net, 3 * SECOND)
            })
            .sum();
        shares / 10.0
    });
    assert!(share.least() > 0.97, "{:?}", share.0);
}
