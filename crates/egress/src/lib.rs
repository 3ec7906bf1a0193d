//! Media on its way to one subscriber: from the decision what it gets to sealed datagrams. Sans-IO: packets, the peer's
//! RTCP and time come in as values; datagrams come out in a [`Batch`] that all connections of a worker write into.
//!
//! 1. [`Sender::new`] with the keys that DTLS agreed on, [`Sender::set_path`], [`Sender::open`] for each stream;
//! 2. [`Sender::send`] for each packet, [`Sender::handle_rtcp`] for what the peer says, [`Sender::handle_timeout`] when
//!    [`Sender::poll_timeout`] says so;
//! 3. the batch goes out, and is emptied.
//!
//! A connection's SSRCs are its caller's: nobody else may seal media of them under the same keys, for numbers that come
//! twice under one key give the key away.

#![forbid(unsafe_code)]

mod batch;
mod header;
mod history;
mod repair;
mod rtcp;
mod sender;
mod stream;

pub use batch::{Batch, Path};
pub use header::{ExtensionIds, PlayoutDelay};
pub use history::{Descriptor, Patch};
pub use sender::{Outgoing, Probing, Received, Sender, Told};
pub use stream::StreamConfig;
pub use visavis_bwe::Config as EstimatorConfig;
