//! What the peer is told of its media: reports, requests for packets and keyframes, feedback.

use std::time::{Duration, Instant};

use crate::receiver::Receiver;
use crate::rtcp::{self, MOST_BLOCKS, Report};

/// A packet with reports and requests ends before it is longer.
const LONGEST: usize = 1100;
/// What a request for packets takes beside its pairs, of four bytes each.
const REQUEST: usize = 12;
/// What is due is sent with the next packet that comes; if none does, so much later.
const SLACK: Duration = Duration::from_millis(20);

impl Receiver {
    /// When something is to be said.
    pub fn due(&self) -> Option<Instant> {
        let holes = self.streams.iter().flatten().filter_map(|stream| stream.holes.due());
        holes.chain(self.report_at).chain(self.keyframe_at).chain(self.arrivals.due()).min()
    }

    /// When [`Self::poll_transmit`] is to be called if nothing comes until then.
    pub fn poll_timeout(&self) -> Option<Instant> {
        Some(self.due()? + SLACK)
    }

    /// The next RTCP packet to send, sealed.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        self.written.clear();
        self.report(now);
        self.ask(now);
        if self.written.is_empty() && self.arrivals.due().is_some_and(|due| due <= now) {
            self.arrivals.write(&mut self.written, self.own, now);
        }
        if self.written.is_empty() || self.rtcp.seal(&mut self.written, 0).is_none() {
            return None;
        }
        Some(&self.written)
    }

    /// Reports of all streams of which something came since the last.
    fn report(&mut self, now: Instant) {
        if self.report_at.is_none_or(|at| at > now) {
            return;
        }
        self.reported = Some(now);
        let mut reports = Vec::new();
        for stream in self.streams.iter_mut().flatten().filter(|stream| stream.reception.has_news()).take(MOST_BLOCKS) {
            let (last_report, delay) = stream.report.map_or((0, 0), |(time, came)| {
                let passed = now.saturating_duration_since(came).as_micros() << 16;
                (time, (passed / 1_000_000) as u32)
            });
            reports.push(Report { ssrc: stream.ssrc, block: stream.reception.block(), last_report, delay });
        }
        // What one report has no room for is due at once.
        let is_more = self.streams.iter().flatten().any(|stream| stream.reception.has_news());
        self.report_at = is_more.then_some(now);
        if !reports.is_empty() {
            rtcp::write_reports(&mut self.written, self.own, &reports, self.clock.ntp(now));
        }
    }

    /// Requests for packets and keyframes.
    fn ask(&mut self, now: Instant) {
        let wants_keyframe = self.keyframe_at.take().is_some();
        let mut pairs = Vec::new();
        for stream in self.streams.iter_mut().flatten() {
            let room = LONGEST.saturating_sub(self.written.len() + REQUEST);
            stream.holes.ask(&mut pairs, room / 4, self.round_trip, now);
            if !pairs.is_empty() {
                rtcp::write_nack(&mut self.written, self.own, stream.ssrc, &pairs);
                pairs.clear();
            }
            if wants_keyframe && std::mem::take(&mut stream.wants_keyframe) {
                rtcp::write_keyframe_request(&mut self.written, self.own, stream.ssrc);
            }
        }
    }
}
