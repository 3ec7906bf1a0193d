//! What the core takes for a forwarded packet, without sockets: `cargo bench -p visavis-sfu`.
//!
//! A call in virtual time, of which only the shard's own work is timed; what it sends counts as the iterations. Clients answer with
//! receiver reports and transport feedback as they would, so reading these is in the figure, too.

#[path = "../tests/simulation/mod.rs"]
mod simulation;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use simulation::Call;
use simulation::network::Link;
use simulation::work::take_time;
use str0m::media::MediaKind;

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };

/// Alice publishes one track, and so many others get it.
fn call(kind: MediaKind, subscribers: usize) -> Call {
    let mut call = Call::new(LAN, 1);
    call.join("alice");
    for number in 0..subscribers {
        call.join(&format!("p{number}"));
    }
    call.until_all_are_connected();
    call.publish("alice", kind, "track", 1);
    call.run(5 * SECOND);
    call
}

/// The shard's time for as many packets as are wanted.
fn forward(call: &mut Call, packets: u64) -> Duration {
    let before = call.shard.stats().packets_out;
    take_time();
    loop {
        call.run(Duration::from_millis(100));
        let sent = call.shard.stats().packets_out - before;
        if sent >= packets {
            return take_time().mul_f64(packets as f64 / sent as f64);
        }
    }
}

fn forwarding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("forwarding");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    // Of the shard alone; the clients take ten times as long.
    group.warm_up_time(SECOND / 5).measurement_time(SECOND / 2);
    for (name, kind) in [("video", MediaKind::Video), ("voice", MediaKind::Audio)] {
        for subscribers in [1, 50] {
            let mut call = call(kind, subscribers);
            group.bench_function(BenchmarkId::new(name, subscribers), |bencher| {
                bencher.iter_custom(|packets| forward(&mut call, packets));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, forwarding);
criterion_main!(benches);
