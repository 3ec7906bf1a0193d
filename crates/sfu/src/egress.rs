//! The seam between *what* goes to whom and *how* it gets there.
//!
//! Forwarding hands over one [`Outgoing`] per packet and subscriber. Behind [`Egress`] it is sealed (SRTP), kept for
//! retransmission, paced and put on the wire. str0m does it today; a path that seals a batch for many subscribers at
//! once replaces this implementation and nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::media::{MediaTime, Mid, Pt};
use str0m::rtp::{AbsCaptureTime, ExtensionValues, RtpWrite, StreamTx, Vp8Patch};

use crate::dependency_descriptor::Raw;
use crate::playout_delay::PlayoutLimits;

/// One RTP packet for one subscriber. The payload is shared by all of them.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub mid: Mid,
    pub pt: Pt,
    /// Without holes but those of the network, never wrapping.
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    /// Bytes that differ from the shared payload.
    pub patch: Option<Vp8Patch>,
    pub capture_time: Option<AbsCaptureTime>,
    /// Of AV1 with several layers in one stream.
    pub descriptor: Option<Arc<Raw>>,
    pub playout_delay: Option<PlayoutLimits>,
    /// Answer a request for retransmission.
    pub nackable: bool,
    /// When it came, for the sender reports' clock.
    pub arrival: Instant,
    /// What was sent in this section before is not worth retransmitting any more.
    pub forget_older: bool,
}

/// Packets kept for retransmission, and how long: more than any client still waits for.
const KEPT_PACKETS: usize = 1024;
const KEPT_FOR: Duration = Duration::from_secs(2);
/// At most half of what is sent may be retransmission: enough for 20 % loss in bursts, and a client that asks for
/// everything again and again does not get it.
const MAX_RETRANSMISSION: f32 = 0.5;

/// Takes packets for one subscriber.
pub(crate) trait Egress {
    /// A section begins to carry a track.
    fn open(&mut self, mid: Mid);

    /// Queues a packet; false if the section does not exist (any more).
    fn send(&mut self, packet: Outgoing) -> bool;
}

impl Egress for Rtc {
    fn open(&mut self, mid: Mid) {
        if let Some(stream) = self.direct_api().stream_tx_by_mid(mid, None) {
            keep_for_retransmission(stream);
            // The publisher has paced it already. A queue here would only add delay, and when the estimate falls below
            // the lowest layers (which everyone gets, whatever it says) it would grow until it is thrown away.
            stream.set_unpaced(true);
        }
    }

    fn send(&mut self, packet: Outgoing) -> bool {
        let mut api = self.direct_api();
        let Some(stream) = api.stream_tx_by_mid(packet.mid, None) else { return false };
        if packet.forget_older {
            keep_for_retransmission(stream);
        }
        let delay = |milliseconds: u32| MediaTime::from_hundredths(u64::from(milliseconds / 10));
        let mut extensions = ExtensionValues {
            abs_capture_time: packet.capture_time,
            play_delay_min: packet.playout_delay.map(|limits| delay(limits.min)),
            play_delay_max: packet.playout_delay.map(|limits| delay(limits.max)),
            ..ExtensionValues::default()
        };
        if let Some(descriptor) = packet.descriptor {
            extensions.user_values.set_arc(descriptor);
        }
        let mut write =
            RtpWrite::new(packet.pt, packet.sequence.into(), packet.timestamp, packet.arrival, packet.payload)
                .marker(packet.marker)
                .nackable(packet.nackable)
                .ext_vals(extensions);
        if let Some(patch) = packet.patch {
            write = write.vp8_patch(patch);
        }
        stream.write_rtp(write);
        true
    }
}

/// Begins to keep what is sent; forgets what was kept before.
fn keep_for_retransmission(stream: &mut StreamTx) {
    stream.set_rtx_cache(KEPT_PACKETS, KEPT_FOR, Some(MAX_RETRANSMISSION));
}
