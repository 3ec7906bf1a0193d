//! The seam between *what* goes to whom and *how* it gets there.
//!
//! Forwarding hands over one [`Outgoing`] per packet and subscriber. Our own path (`media`) seals it at once into the
//! batch that the worker sends; str0m's is the reference that tests compare it with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::media::{MediaTime, Mid, Pt};
use str0m::rtp::{AbsCaptureTime, ExtensionValues, RtpWrite, StreamTx};
use visavis_egress::{Batch, Patch};
use visavis_rtp::{CaptureTime, from_ntp};

use crate::connection::Connection;
use crate::dependency_descriptor::Raw;
use crate::playout_delay::PlayoutLimits;

/// One RTP packet for one subscriber. The payload is shared by all of them.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub mid: Mid,
    /// Of the section, as [`Connection::open`] told it.
    pub index: usize,
    pub pt: Pt,
    /// Without holes but those of the network, never wrapping.
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    /// Bytes that differ from the shared payload.
    pub patch: Option<Patch>,
    pub capture_time: Option<CaptureTime>,
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

impl Outgoing {
    /// As our own path takes it.
    fn sealable(self) -> visavis_egress::Outgoing {
        let delay = |limits: PlayoutLimits| visavis_egress::PlayoutDelay { min: limits.min, max: limits.max };
        visavis_egress::Outgoing {
            pt: *self.pt,
            sequence: self.sequence,
            timestamp: self.timestamp,
            marker: self.marker,
            payload: self.payload,
            patch: self.patch.unwrap_or_default(),
            capture_time: self.capture_time,
            descriptor: self.descriptor,
            playout_delay: self.playout_delay.map(delay),
            nackable: self.nackable,
            arrival: self.arrival,
            forget_older: self.forget_older,
        }
    }
}

/// Packets kept for retransmission, and how long: more than any client still waits for.
const KEPT_PACKETS: usize = 1024;
const KEPT_FOR: Duration = Duration::from_secs(2);
/// At most half of what is sent may be retransmission: enough for 20 % loss in bursts, and a client that asks for
/// everything again and again does not get it.
const MAX_RETRANSMISSION: f32 = 0.5;

impl Connection {
    /// A section begins to carry a track. Returns its index, by which our own path knows it.
    pub(crate) fn open(&mut self, mid: Mid) -> usize {
        match &mut self.media {
            Some(media) => media.open(&mut self.rtc, mid),
            None => {
                open(&mut self.rtc, mid);
                0
            }
        }
    }

    /// Sends a packet; false if the section does not exist (any more).
    pub(crate) fn send(&mut self, packet: Outgoing, now: Instant, batch: &mut Batch) -> bool {
        match &mut self.media {
            Some(media) => {
                let index = packet.index;
                media.send(index, packet.sealable(), now, batch)
            }
            None => send(&mut self.rtc, packet),
        }
    }
}

/// As str0m has it.
fn str0m_capture_time(time: CaptureTime) -> AbsCaptureTime {
    AbsCaptureTime { capture_time: from_ntp(time.ntp), clock_offset: time.offset }
}

fn open(rtc: &mut Rtc, mid: Mid) {
    if let Some(stream) = rtc.direct_api().stream_tx_by_mid(mid, None) {
        keep_for_retransmission(stream);
        // The publisher has paced it already. A queue here would only add delay, and when the estimate falls below
        // the lowest layers (which everyone gets, whatever it says) it would grow until it is thrown away.
        stream.set_unpaced(true);
    }
}

fn send(rtc: &mut Rtc, packet: Outgoing) -> bool {
    let mut api = rtc.direct_api();
    let Some(stream) = api.stream_tx_by_mid(packet.mid, None) else { return false };
    if packet.forget_older {
        keep_for_retransmission(stream);
    }
    let delay = |milliseconds: u32| MediaTime::from_hundredths(u64::from(milliseconds / 10));
    let mut extensions = ExtensionValues {
        abs_capture_time: packet.capture_time.map(str0m_capture_time),
        play_delay_min: packet.playout_delay.map(|limits| delay(limits.min)),
        play_delay_max: packet.playout_delay.map(|limits| delay(limits.max)),
        ..ExtensionValues::default()
    };
    if let Some(descriptor) = packet.descriptor {
        extensions.user_values.set_arc(descriptor);
    }
    let mut payload = packet.payload;
    if let Some(patch) = packet.patch {
        patch.apply(Arc::make_mut(&mut payload));
    }
    let write = RtpWrite::new(packet.pt, packet.sequence.into(), packet.timestamp, packet.arrival, payload)
        .marker(packet.marker)
        .nackable(packet.nackable)
        .ext_vals(extensions);
    stream.write_rtp(write);
    true
}

/// Begins to keep what is sent; forgets what was kept before.
fn keep_for_retransmission(stream: &mut StreamTx) {
    stream.set_rtx_cache(KEPT_PACKETS, KEPT_FOR, Some(MAX_RETRANSMISSION));
}
