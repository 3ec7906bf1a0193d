//! How much one connection can carry, told from transport-wide feedback: send-side bandwidth estimation for one
//! subscriber. Sans-IO: packets sent, feedback and time come in as values; estimates, probes and timeouts come out.
//!
//! 1. [`Estimator::next_sequence`] before each packet that carries the transport-wide sequence number, and
//!    [`Estimator::sent`] when it goes out;
//! 2. [`Estimator::feedback`] for each RTCP feedback message, read by [`Feedback::parse`];
//! 3. [`Estimator::handle_timeout`] when [`Estimator::poll_timeout`] says so, then [`Estimator::poll_probe`] until it
//!    returns nothing, sending padding as it says;
//! 4. [`Estimator::estimate`] whenever bandwidth is shared out, and [`Estimator::set_desired`] with what was asked for.
//!
//! Delay-based control is that of draft-ietf-rmcat-gcc-02 (trendline filter, adaptive threshold, additive and
//! multiplicative increase), with one condition more: delay that grows is congestion only where a queue *stands*, that is
//! where even the fastest packet of a tenth of a second was late (`queue`). One late burst, as a machine short of CPU
//! makes, is none.
//!
//! No pacer, and no packets: who sends what is decided elsewhere.

#![forbid(unsafe_code)]

mod aimd;
mod estimator;
mod feedback;
mod groups;
mod history;
mod loss;
mod probe;
mod queue;
mod rate;
mod search;
mod time;
mod trendline;

pub use estimator::{Config, Estimator, Kind};
pub use feedback::{Feedback, Malformed, Packets};
pub use loss::Loss;
pub use probe::{Cluster, Probe};
