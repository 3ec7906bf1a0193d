//! Media on its way in from one peer: from sealed datagrams to packets of streams, and what the peer is told of them. Sans-IO:
//! datagrams, the peer's RTCP and time come in as values; packets come out, and RTCP to send.
//!
//! 1. [`Receiver::new`] with the keys that DTLS agreed on, [`Receiver::set_negotiated`] with what was negotiated;
//! 2. [`Receiver::receive`] for each packet, [`Receiver::handle_rtcp`] for what the peer says of them;
//! 3. whenever [`Receiver::due`] has come, after a packet or when [`Receiver::poll_timeout`] says so, and after a request:
//!    [`Receiver::poll_transmit`] until nothing is left.
//!
//! Nothing that is not proven to be the peer's changes anything.

#![forbid(unsafe_code)]

mod arrivals;
mod header;
mod missing;
mod receiver;
mod reception;
mod rtcp;
mod told;

pub use header::{ExtensionIds, Header};
pub use receiver::{Arrival, MOST_STREAMS, Receiver, Source};
