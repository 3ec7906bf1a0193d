//! What a packet costs: when it is sent, and when feedback tells of it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use visavis_bwe::{Config, Estimator, Feedback, Kind};

/// Packets of one feedback message, 0.5 ms apart: 20 Mbit/s.
const PACKETS: u64 = 200;
const INTERVAL: Duration = Duration::from_micros(500);

fn sent(criterion: &mut Criterion) {
    let (mut now, mut estimator) = (Instant::now(), Estimator::new(Config::default(), Instant::now()));
    criterion.bench_function("sent", |bencher| {
        bencher.iter(|| {
            now += INTERVAL;
            let sequence = estimator.next_sequence();
            estimator.sent(black_box(sequence), 1200, Kind::Media, now);
        });
    });
}

/// All received, in chunks of two bits, one delta each.
fn message(base: u64, reference: u64) -> Vec<u8> {
    let mut bytes = (base as u16).to_be_bytes().to_vec();
    bytes.extend((PACKETS as u16).to_be_bytes());
    bytes.extend(&(reference as u32).to_be_bytes()[1..]);
    bytes.push(0);
    bytes.extend((0..PACKETS.div_ceil(7)).flat_map(|_| 0xd555u16.to_be_bytes()));
    bytes.extend((0..PACKETS).map(|_| 2));
    bytes
}

fn sent_and_told(criterion: &mut Criterion) {
    let (mut now, mut estimator) = (Instant::now(), Estimator::new(Config::default(), Instant::now()));
    let mut reference = 0;
    let mut group = criterion.benchmark_group("feedback");
    group.throughput(Throughput::Elements(PACKETS));
    group.bench_function("sent and told of", |bencher| {
        bencher.iter(|| {
            let mut base = None;
            for _ in 0..PACKETS {
                now += INTERVAL;
                let sequence = estimator.next_sequence();
                base.get_or_insert(sequence);
                estimator.sent(sequence, 1200, Kind::Media, now);
            }
            reference += 1;
            let bytes = message(base.unwrap_or(0), reference * 100 / 64);
            let feedback = Feedback::parse(black_box(&bytes)).expect("well-formed");
            estimator.feedback(&feedback, now);
            black_box(estimator.estimate());
        });
    });
    group.finish();
}

criterion_group!(benches, sent, sent_and_told);
criterion_main!(benches);
