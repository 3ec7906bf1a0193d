//! The bare forwarder: what of forwarding cannot be left out (header, copy, AES-128-GCM with the subscriber's key, send), on
//! loopback. What a server costs beside it is what it could still save.
//!
//!     bench-bare CORE-THAT-SENDS CORE-THAT-READS
//!
//! Prints a JSON object of nanoseconds of CPU per packet: as fast as it goes ([`full`]), and at the pace of some loads
//! ([`paced`]). The subscribers' sockets are those of the load generator and are read by another thread: to send to a full
//! socket, or to one that nobody waits for, costs less than what a server does.

mod clients;
mod forward;
mod full;
mod paced;

use std::error::Error;
use std::io;

fn main() -> Result<(), Box<dyn Error>> {
    let mut cores = std::env::args().skip(1).map(|core| core.parse::<usize>());
    let (Some(sending), Some(reading)) = (cores.next(), cores.next()) else {
        return Err("say the cores: bench-bare CORE-THAT-SENDS CORE-THAT-READS".into());
    };
    let (sending, reading) = (sending?, reading?);
    stay_on(sending)?;
    let mut told = serde_json::Map::new();
    for (name, cost) in full::measure(reading)?.into_iter().chain(paced::measure(reading)?) {
        told.insert(name.into(), cost.into());
    }
    println!("{}", serde_json::Value::Object(told));
    Ok(())
}

/// Has this thread run on this core only.
fn stay_on(core: usize) -> io::Result<()> {
    // SAFETY: all-zero is an empty cpu_set_t; CPU_SET checks the core against its size; the set outlives the call.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Processor time of this thread in seconds.
fn cpu() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec that outlives the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
