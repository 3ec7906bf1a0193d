//! What the shard's own work is, apart from that of clients and network.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static TIME: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Runs what the shard does.
pub fn counted<T>(work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    INSIDE.set(true);
    let done = work();
    INSIDE.set(false);
    TIME.set(TIME.get() + began.elapsed());
    done
}

/// Whether this thread does the shard's work now: for an allocator that counts.
pub fn is_counted() -> bool {
    INSIDE.get()
}

/// The time that this thread has spent in the shard since this was asked last.
pub fn take_time() -> Duration {
    TIME.take()
}
