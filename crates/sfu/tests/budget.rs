//! What forwarding a packet costs in counted work, which does not depend on the machine's mood.
//!
//! A limit is a little above what it was when it was written; who makes the work less lowers it.

mod simulation;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use simulation::Call;
use simulation::network::Link;
use simulation::work::is_counted;
use str0m::media::MediaKind;

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: all is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count() {
    if is_counted() {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Alice publishes one track, and so many others get it. `more` of them publish a voice too, muted, which all others get.
fn call(kind: MediaKind, subscribers: usize, more: usize) -> Call {
    fill(Call::new(LAN, 1), kind, subscribers, more)
}

fn fill(mut call: Call, kind: MediaKind, subscribers: usize, more: usize) -> Call {
    call.join("alice");
    for number in 0..subscribers {
        call.join(&format!("p{number}"));
    }
    call.until_all_are_connected();
    for number in 0..more {
        let name = format!("p{number}");
        call.publish(&name, MediaKind::Audio, &format!("mic{number}"), 1);
        call.run(SECOND);
        call.client(&name).pause(0, true);
    }
    call.publish("alice", kind, "track", 1);
    call.run(10 * SECOND);
    call
}

/// Allocations for each packet that the shard sends, over five seconds.
fn allocations_a_packet(mut call: Call) -> f64 {
    let (before, sent) = (ALLOCATIONS.load(Ordering::Relaxed), packets_out(&mut call));
    call.run(5 * SECOND);
    let sent = packets_out(&mut call) - sent;
    assert!(sent > 1000, "{sent} packets are too few to tell");
    (ALLOCATIONS.load(Ordering::Relaxed) - before) as f64 / sent as f64
}

/// Allocations for each check that is answered, where so many people are only there. The answer itself is one; the rest is what str0m
/// takes where it is given time, now and then.
fn allocations_a_check(people: usize) -> f64 {
    let mut call = Call::new(LAN, 1);
    for number in 0..people {
        call.join(&format!("p{number}"));
    }
    call.run(60 * SECOND);
    let (before, sent) = (ALLOCATIONS.load(Ordering::Relaxed), packets_out(&mut call));
    call.run(60 * SECOND);
    let sent = packets_out(&mut call) - sent;
    assert_eq!(sent, 40 * people as u64, "all is an answer every 3 s on each of two connections");
    (ALLOCATIONS.load(Ordering::Relaxed) - before) as f64 / sent as f64
}

fn packets_out(call: &mut Call) -> u64 {
    (0..call.shards()).map(|shard| call.shard_at(shard).stats().packets_out).sum()
}

// One test, for the count is of the whole process.
#[test]
fn a_forwarded_packet_allocates_no_more_than_it_did() {
    let video = allocations_a_packet(call(MediaKind::Video, 30, 0));
    assert!(video < 1.0, "{video:.2} allocations for each packet of a video to 30");
    let spread = allocations_a_packet(fill(Call::spread(LAN, 1), MediaKind::Video, 30, 0));
    assert!(spread < video + 0.2, "{spread:.2} instead of {video:.2} in a room that is spread over two shards");
    let check = allocations_a_check(20);
    assert!(check < 1.8, "{check:.2} allocations for each check that is answered");
    let voice = allocations_a_packet(call(MediaKind::Audio, 30, 0));
    assert!(voice < 0.9, "{voice:.2} allocations for each packet of a voice to 30");
    let among_others = allocations_a_packet(call(MediaKind::Video, 30, 20));
    assert!(among_others < 1.3 * video, "{among_others:.2} instead of {video:.2} with 20 more tracks");
}
