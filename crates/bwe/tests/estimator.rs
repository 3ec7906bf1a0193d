//! The estimator by itself: what it costs when idle, and that nothing that comes in harms it.

#[path = "simulation/wire.rs"]
mod wire;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use visavis_bwe::{Config, Estimator, Feedback, Kind};

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn an_idle_connection_is_small_and_wakes_nobody() {
    assert!(size_of::<Estimator>() < 1024, "{} bytes", size_of::<Estimator>());
    let now = Instant::now();
    let mut estimator = Estimator::new(Config::default(), now);
    estimator.set_desired(1_000_000);
    assert_eq!((estimator.poll_timeout(), estimator.estimate()), (None, None), "nothing was sent");
    assert_eq!(estimator.poll_probe(now), None);
}

#[test]
fn who_wants_no_more_and_stops_sending_wakes_nobody_for_long() {
    let mut now = Instant::now();
    let mut estimator = Estimator::new(Config::default(), now);
    let sequence = estimator.next_sequence();
    estimator.sent(sequence, 1000, Kind::Media, now);
    let mut wakes = 0;
    while let Some(due) = estimator.poll_timeout() {
        now = now.max(due);
        estimator.handle_timeout(now);
        wakes += 1;
        assert!(wakes < 10, "it goes on");
    }
}

#[test]
fn where_no_feedback_comes_probes_become_rare() {
    let start = Instant::now();
    let mut estimator = Estimator::new(Config::default(), start);
    estimator.set_desired(3_000_000);
    let mut probes = 0;
    for millisecond in 0..60_000 {
        let now = start + millisecond * MILLISECOND;
        if millisecond % 20 == 0 {
            let sequence = estimator.next_sequence();
            estimator.sent(sequence, 100, Kind::Media, now);
        }
        if estimator.poll_timeout().is_some_and(|due| due <= now) {
            estimator.handle_timeout(now);
        }
        while let Some(probe) = estimator.poll_probe(now) {
            probes += probe.bytes;
            let sequence = estimator.next_sequence();
            estimator.sent(sequence, probe.bytes, Kind::Padding(probe.cluster), now);
        }
    }
    assert!((1..20_000).contains(&probes), "{probes} bytes");
    assert_eq!(estimator.estimate(), None);
}

#[test]
fn what_no_feedback_tells_of_is_lost_unless_a_feedback_is() {
    // Of 100 packets, feedback of these numbers tells that the first and the last 20 came.
    let lost = |numbers: [u8; 2]| {
        let start = Instant::now();
        let mut estimator = Estimator::new(Config::default(), start);
        let sequences: Vec<u64> = (0..100).map(|_| estimator.next_sequence()).collect();
        for (sequence, after) in sequences.iter().zip(0..) {
            estimator.sent(*sequence, 1000, Kind::Media, start + after * MILLISECOND);
        }
        for (number, first) in numbers.into_iter().zip([0, 80]) {
            let arrivals: Vec<Option<u64>> = (first..first + 20).map(|after| Some(1_000_000 + after * 1000)).collect();
            let fci = wire::feedback(sequences[first as usize], &arrivals, number);
            estimator.feedback(&Feedback::parse(&fci).expect("feedback"), start + 200 * MILLISECOND);
        }
        assert_eq!(estimator.loss().received, 40);
        estimator.loss().lost
    };
    assert_eq!([lost([7, 8]), lost([255, 0])], [60, 60], "as receivers have it that begin with what came");
    assert_eq!([lost([7, 9]), lost([0, 0])], [0, 0], "nobody knows");
}

#[derive(Debug, Clone)]
enum Act {
    Send(usize, u8),
    Wait(u64),
    /// So far back, so many, and which came how late; from a clock.
    Tell(u16, Vec<Option<u16>>, u32),
    Bytes(Vec<u8>),
    Desire(u64),
    Back(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0usize..2000, 1u8..40).prop_map(|(bytes, count)| Act::Send(bytes, count)),
        8 => prop_oneof![0u64..100, 0u64..100_000].prop_map(Act::Wait),
        8 => (any::<u16>(), proptest::collection::vec(proptest::option::of(any::<u16>()), 1..60), any::<u32>())
            .prop_map(|(back, came, clock)| Act::Tell(back % 100, came, clock)),
        2 => proptest::collection::vec(any::<u8>(), 0..100).prop_map(Act::Bytes),
        1 => (0u64..100_000_000_000).prop_map(Act::Desire),
        1 => (0u64..100_000).prop_map(Act::Back),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_the_estimate_stays_within_its_limits_and_time_goes_on(acts in proptest::collection::vec(act(), 1..150)) {
        let mut now = Instant::now() + Duration::from_secs(1000);
        let mut estimator = Estimator::new(Config { initial: 1_000_000, min: 50_000, max: 10_000_000 }, now);
        let (mut next, mut number) = (0u64, 0u8);
        for act in acts {
            match act {
                Act::Send(bytes, count) => {
                    for _ in 0..count {
                        next = estimator.next_sequence();
                        estimator.sent(next, bytes, Kind::Media, now);
                    }
                }
                Act::Wait(milliseconds) => now += Duration::from_millis(milliseconds),
                Act::Back(milliseconds) => now -= Duration::from_millis(milliseconds),
                Act::Tell(back, came, clock) => {
                    let at = |late: u16| (u64::from(clock) << 10) + u64::from(late) * 250;
                    let packets: Vec<Option<u64>> = came.into_iter().map(|late| late.map(at)).collect();
                    number = number.wrapping_add(1 + (clock % 2) as u8);
                    let fci = wire::feedback(next.saturating_sub(u64::from(back)), &packets, number);
                    if let Ok(feedback) = Feedback::parse(&fci) {
                        estimator.feedback(&feedback, now);
                    }
                }
                Act::Bytes(fci) => {
                    if let Ok(feedback) = Feedback::parse(&fci) {
                        estimator.feedback(&feedback, now);
                    }
                }
                Act::Desire(rate) => estimator.set_desired(rate),
            }
            if estimator.poll_timeout().is_some_and(|due| due <= now) {
                estimator.handle_timeout(now);
            }
            let mut asked = 0;
            while let Some(probe) = estimator.poll_probe(now) {
                prop_assert!(probe.bytes > 0 && probe.packet_bytes > 0 && probe.bytes <= 500_000);
                next = estimator.next_sequence();
                estimator.sent(next, probe.bytes, Kind::Padding(probe.cluster), now);
                asked += 1;
                prop_assert!(asked < 3, "padding without end");
            }
            if let Some(estimate) = estimator.estimate() {
                prop_assert!((50_000..=10_000_000).contains(&estimate));
            }
            let loss = estimator.loss();
            prop_assert!((0.0..=1.0).contains(&loss.share));
        }
    }
}
