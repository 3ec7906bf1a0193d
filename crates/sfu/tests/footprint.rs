//! What a participant takes of the core, counted: memory while idle, and allocations to join. Not what a machine makes of
//! it, which depends on its mood.

mod simulation;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use simulation::Call;
use simulation::network::Link;

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };
const PEOPLE: usize = 8;

thread_local! {
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts for each thread by itself; a test is one.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator does all of it; counting allocates nothing, as the counters are constants at first.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get() + layout.size() as i64);
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as our caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as i64);
        // SAFETY: as our caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// So many joined and have been quiet for a while.
fn quiet_call(people: usize, single: bool) -> Call {
    let mut call = Call::of(people, single, LAN, 1);
    call.run(20 * SECOND);
    call
}

#[test]
fn an_idle_participant_takes_little_memory() {
    for (single, limit) in [(false, 84_000), (true, 128_000)] {
        let call = quiet_call(PEOPLE, single);
        let before = LIVE.get();
        // What is given back with the shard was its own.
        drop(call.shard);
        let each = (before - LIVE.get()) / PEOPLE as i64;
        assert!(each <= limit, "{each} bytes for each, with one connection: {single}; more than {limit}");
    }
}
