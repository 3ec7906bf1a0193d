//! The retransmission streams: what was lost, once more (RFC 4588), and padding.

use std::time::{Duration, Instant};

use visavis_bwe::Kind;

use crate::batch::{Batch, Path};
use crate::header::Header;
use crate::history::Sent;
use crate::sender::{OVERHEAD, Sender};
use crate::stream::Stream;

/// A packet that was sent again is not sent once more before an answer to it can have come.
const AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Of what the connection carries, so much may be repairs: as much as a third of all packets lost takes. What that is in so
/// many milliseconds may be sent at once.
const REPAIRS: f32 = 0.5;
const AT_ONCE: f32 = 500.0;
/// A padding packet without payload: as much as its last byte can tell.
const PADDING: usize = 255;
/// Padding that is larger is better made of packets that the receiver may have lost.
const WORTH_MEDIA: usize = 200;
/// Of the newest packets, as many are looked at for one of the right size.
const LOOKED_AT: usize = 64;

impl Sender {
    pub(crate) fn send_again(&mut self, index: usize, sequence: u16, now: Instant, batch: &mut Batch) {
        let at = self.milliseconds(now);
        let wait = self.estimator.round_trip().unwrap_or(AGAIN_AFTER).max(AGAIN_AFTER).as_millis() as u32;
        let Some(stream) = self.streams.get_mut(index).and_then(Option::as_mut) else { return };
        let credit = stream.credit();
        let Some(packet) = stream.history.get(sequence, at) else { return };
        if packet.again.is_some_and(|again| at.saturating_sub(again) < wait) {
            return;
        }
        let length = packet.payload.len();
        if length <= credit && self.repairs.take(length, self.estimator.estimate(), at) {
            packet.again = Some(at);
            let packet = packet.clone();
            stream.spend(length);
            self.write_again(index, &packet, Kind::Retransmission, now, batch);
        }
    }

    /// A packet on the retransmission stream (RFC 4588). Returns its length.
    fn write_again(
        &mut self,
        index: usize,
        packet: &Sent,
        kind: Kind,
        now: Instant,
        batch: &mut Batch,
    ) -> Option<usize> {
        let path = self.path?;
        let stream = self.streams.get_mut(index)?.as_mut()?;
        let pt = self.formats.iter().find(|format| format.pt == packet.pt)?.retransmission?;
        let ssrc = stream.config.retransmission_ssrc?;
        let extensions = stream.config.extensions;
        let number = extensions.transport_wide.map(|_| self.estimator.next_sequence());
        let sequence = stream.retransmission_sequence;
        stream.retransmission_sequence += 1;
        let header = Header {
            pt,
            marker: packet.marker,
            padding: false,
            sequence: sequence as u16,
            timestamp: packet.timestamp,
            ssrc,
            mid: (!stream.is_retransmission_known).then_some(stream.config.mid.as_str()),
            transport_wide: number.map(|number| number as u16),
            send_time: self.clock.send_time(now),
            capture_time: packet.capture_time,
            playout_delay: None,
            descriptor: packet.descriptor.as_ref().map(|descriptor| &*descriptor.0),
        };
        let bytes = batch.bytes();
        let start = bytes.len();
        let length = header.write(bytes, &extensions);
        bytes.extend_from_slice(&(packet.sequence as u16).to_be_bytes());
        let payload = bytes.len();
        bytes.extend_from_slice(&packet.payload);
        packet.patch.apply(&mut bytes[payload..]);
        self.finish_repair(start, length, ssrc, sequence, (number, kind), path, now, batch)
    }

    /// Padding of about so many bytes, to see what the connection carries. Returns its length.
    pub(crate) fn send_padding(&mut self, bytes: usize, kind: Kind, now: Instant, batch: &mut Batch) -> Option<usize> {
        let at = self.milliseconds(now);
        let index = self.streams.iter().position(|stream| stream.as_ref().is_some_and(can_pad))?;
        if bytes > WORTH_MEDIA {
            let history = &self.streams[index].as_ref()?.history;
            let fits = |packet: &&Sent| packet.payload.len() > WORTH_MEDIA && packet.payload.len() <= bytes * 3 / 2;
            let found = history.newest(at).take(LOOKED_AT).find(fits).cloned();
            if let Some(packet) = found {
                return self.write_again(index, &packet, kind, now, batch);
            }
        }
        let path = self.path?;
        let stream = self.streams[index].as_mut()?;
        let (pt, ssrc) = (stream.format?.retransmission?, stream.config.retransmission_ssrc?);
        let extensions = stream.config.extensions;
        let number = extensions.transport_wide.map(|_| self.estimator.next_sequence());
        let sequence = stream.retransmission_sequence;
        stream.retransmission_sequence += 1;
        let header = Header {
            pt,
            marker: false,
            padding: true,
            sequence: sequence as u16,
            timestamp: stream.last.map_or(0, |(timestamp, _)| timestamp),
            ssrc,
            mid: (!stream.is_retransmission_known).then_some(stream.config.mid.as_str()),
            transport_wide: number.map(|number| number as u16),
            send_time: self.clock.send_time(now),
            capture_time: None,
            playout_delay: None,
            descriptor: None,
        };
        let written = batch.bytes();
        let start = written.len();
        let length = header.write(written, &extensions);
        let padding = bytes.saturating_sub(length + OVERHEAD).clamp(1, PADDING);
        written.resize(written.len() + padding - 1, 0);
        written.push(padding as u8);
        self.finish_repair(start, length, ssrc, sequence, (number, kind), path, now, batch)
    }

    #[allow(clippy::too_many_arguments)] // what both kinds of repair packets end with
    fn finish_repair(
        &mut self,
        start: usize,
        header: usize,
        ssrc: u32,
        sequence: u64,
        (number, kind): (Option<u64>, Kind),
        path: Path,
        now: Instant,
        batch: &mut Batch,
    ) -> Option<usize> {
        let bytes = batch.bytes();
        let length = bytes.len() - start;
        if self.sealer.seal(bytes, start, header, ssrc, sequence).is_none() {
            bytes.truncate(start);
            return None;
        }
        let written = batch.finish(start, path, &mut self.place);
        (self.sent_packets, self.sent_bytes) = (self.sent_packets + 1, self.sent_bytes + written as u64);
        if let Some(number) = number {
            self.estimator.sent(number, length + OVERHEAD, kind, now);
        }
        Some(length + OVERHEAD)
    }
}

/// What may be sent again: where a connection carries too little, repairs take the place of what is new.
#[derive(Debug, Default)]
pub(crate) struct Repairs {
    /// Bytes that were sent again, less what might be since.
    debt: f32,
    at: u32,
}

impl Repairs {
    /// Whether so many bytes may be, at this millisecond and with this estimate in bit/s; without one, all may.
    pub(crate) fn take(&mut self, bytes: usize, estimate: Option<u64>, at: u32) -> bool {
        let Some(estimate) = estimate else { return true };
        let rate = estimate as f32 / 8e3 * REPAIRS;
        let at_once = rate * AT_ONCE;
        // What was allowed with a higher estimate does not count for longer than what is now.
        self.debt = (self.debt.min(at_once + bytes as f32) - at.saturating_sub(self.at) as f32 * rate).max(0.0);
        self.at = at;
        let allowed = self.debt <= at_once;
        if allowed {
            self.debt += bytes as f32;
        }
        allowed
    }
}

/// Whether padding may go with the stream, once there is something of it.
pub(crate) fn may_pad(stream: &Stream) -> bool {
    stream.config.retransmission_ssrc.is_some() && stream.config.extensions.transport_wide.is_some()
}

/// Whether padding can go with the stream.
pub(crate) fn can_pad(stream: &Stream) -> bool {
    may_pad(stream) && stream.format.is_some_and(|format| format.retransmission.is_some()) && stream.packets > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many packets of 1000 bytes, asked for 1 ms apart, are sent again.
    fn repaired(repairs: &mut Repairs, packets: u32, estimate: Option<u64>, start: u32) -> u32 {
        (start..start + packets).map(|at| u32::from(repairs.take(1000, estimate, at))).sum()
    }

    #[test]
    fn repairs_take_half_of_what_the_connection_carries() {
        let mut repairs = Repairs::default();
        assert_eq!(repaired(&mut repairs, 6, Some(160_000), 0), 6, "at once");
        assert_eq!(repaired(&mut repairs, 4000, Some(160_000), 100), 40, "10 kB a second");
        assert_eq!(repaired(&mut repairs, 1, Some(30_000), 90_000), 1, "larger than what may be sent at once");
    }

    #[test]
    fn what_was_repaired_with_a_higher_estimate_does_not_count_for_long() {
        let mut repairs = Repairs::default();
        assert_eq!(repaired(&mut repairs, 1000, Some(8_000_000), 0), 750);
        assert_eq!(repaired(&mut repairs, 1000, Some(160_000), 1001), 10);
    }

    #[test]
    fn repairs_have_no_limit_where_nothing_is_known() {
        assert_eq!(repaired(&mut Repairs::default(), 4000, None, 0), 4000);
    }
}
