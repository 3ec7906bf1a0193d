//! Sockets and threads around `visavis-sfu`: the only crate that owns either.
//!
//! Not here: anything about WebRTC beyond what routing needs (STUN's USERNAME, TCP framing, TURN), and no decisions.
//!
//! Threads: each worker owns a [`visavis_sfu::Shard`] with its rooms and sends by itself. One thread serves ICE-TCP and TURN's
//! streams. UDP is read by the worker itself if there is one, else by a thread for each socket; whoever reads for others
//! sorts packets by worker and never waits for one. A large room is spread over workers, which then have packets for each other.

mod binding;
mod config;
mod cpu;
mod engine;
mod framing;
mod inbox;
mod outbox;
mod pace;
mod parcels;
mod patient;
mod placement;
mod public_address;
mod reader;
mod router;
mod segments;
mod tcp;
mod turn;
mod udp;
mod worker;

pub use config::{BindError, Config, StartError, TurnConfig};
pub use engine::Engine;
pub use public_address::public_address;
