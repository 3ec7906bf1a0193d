//! How much processor time a thread has used.

use std::time::Duration;

/// Of the calling thread since its start; zero where the system does not tell.
pub(crate) fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call, which writes nothing else.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } != 0;
    if failed {
        return Duration::ZERO;
    }
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_works_uses_time() {
        let before = thread_time();
        let start = std::time::Instant::now();
        while thread_time() == before {
            assert!(start.elapsed() < Duration::from_secs(20), "it stands still");
            std::hint::black_box((0..1000).sum::<u32>());
        }
    }
}
