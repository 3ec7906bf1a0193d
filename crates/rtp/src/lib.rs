//! What media has in common on its way in (`visavis-ingress`) and out (`visavis-egress`): SRTP, the frame of RTCP, the time
//! of day.

#![forbid(unsafe_code)]

mod clock;
mod replay;
pub mod rtcp;
mod srtp;
mod window;

pub use clock::{Clock, from_ntp, to_ntp};
pub use srtp::{Keys, Profile, RtcpOpener, RtcpSealer, RtpOpener, RtpSealer};
pub use window::Window;

/// A payload type that was negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// The payload type.
    pub pt: u8,
    /// That of its retransmission.
    pub retransmission: Option<u8>,
    /// Ticks a second.
    pub clock_rate: u32,
}

/// When a frame was captured (absolute capture time).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureTime {
    /// NTP time, 32.32.
    pub ntp: u64,
    /// What to add to the sender's clock for the capture system's, signed 32.32.
    pub offset: Option<i64>,
}
