//! What the load generator and the bare forwarder share: sockets that tell when a datagram came and what was lost.

pub mod socket;
