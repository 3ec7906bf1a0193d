//! Sender reports: of each stream at once and then as often as receivers need them, of a connection together.

use std::time::Duration;

use str0m::media::MediaKind::{Audio, Video};

use crate::simulation::Call;
use crate::simulation::network::Link;

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };

#[test]
fn streams_that_began_at_different_times_are_soon_reported_together() {
    let mut call = Call::new(LAN, 1);
    call.join("alice");
    call.join("bob");
    call.until_all_are_connected();
    for number in 0..4 {
        call.publish("alice", Video, &format!("cam{number}"), 1);
        call.run(Duration::from_millis(1170));
        call.publish("alice", Audio, &format!("mic{number}"), 1);
        call.run(Duration::from_millis(730));
    }
    call.run(10 * SECOND);
    let before = call.reports;
    call.run(20 * SECOND);
    // Pictures once a second; the voices' reports, every five seconds, come along.
    let reports = call.reports - before;
    assert!((19..=22).contains(&reports), "{reports} packets of reports in 20 seconds");
}
