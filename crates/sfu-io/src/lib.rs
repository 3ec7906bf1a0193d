//! Sockets and threads around `visavis-sfu`: the only crate that owns either.
//!
//! Not here: anything about WebRTC beyond what routing needs (STUN's USERNAME, TCP framing, TURN), and no decisions.
//!
//! Threads: one for each UDP socket reads datagrams, one serves ICE-TCP and TURN's streams; both sort packets by worker and never wait for
//! one. Each worker owns a [`visavis_sfu::Shard`] with its rooms and sends by itself.

mod binding;
mod config;
mod cpu;
mod engine;
mod framing;
mod outbox;
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
