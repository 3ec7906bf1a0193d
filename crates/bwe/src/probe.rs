//! Probing: a short cluster of packets at a higher rate, and at which rate it arrives.
//!
//! One cluster at a time. Whatever is sent while it lasts is part of it, media as well; padding only fills what is missing.

use crate::time::{MILLISECOND, Micros, SECOND, rate, time_for};

/// How long a cluster lasts. Jitter counts for less in a longer one, which seldom delays anybody where less is sent than
/// the link is known to carry.
pub(crate) const LENGTH: Micros = 20 * MILLISECOND;
pub(crate) const LENGTH_WHERE_IDLE: Micros = 40 * MILLISECOND;
/// It lasts at least this share of that, and has so many packets.
const SHORTEST: f64 = 0.75;
const PACKETS: u64 = 8;
/// To tell loss from loss it takes more.
const LOSS_PACKETS: u64 = 30;
/// Its packets, in bytes: so many that the rate is even, within these limits.
const PACKET_TIME: Micros = 2 * MILLISECOND;
const SMALLEST: u64 = 120;
const LARGEST: u64 = 1100;
/// Padding is asked for in steps of at least so long: timers cost.
const STEP: Micros = 5 * MILLISECOND;
/// Its feedback may take so long, beside the round trip.
const WAIT: Micros = 400 * MILLISECOND;
/// Of its packets, so many must have been told of.
const ENOUGH: f64 = 0.6;
/// What arrives this much faster than it was sent was held up on the way and tells nothing.
const TOO_FAST: f64 = 2.0;
/// More than the link's own loss is so much more.
const MUCH_LOST: f32 = 0.15;
/// Below this, of what was sent, the link was full, and this much of what arrived it carries.
const FULL: f64 = 0.9;
const CARRIES: f64 = 0.95;

/// Which probe a padding packet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster(pub(crate) u8);

/// Padding to be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// To be told with what is sent.
    pub cluster: Cluster,
    /// How much in all.
    pub bytes: usize,
    /// In packets of about this size.
    pub packet_bytes: usize,
}

/// What a cluster is to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Whether the rate that the estimate began with is there at all.
    Initial,
    /// Whether there is more.
    More,
    /// Whether what was there before a decrease is still there.
    Again,
    /// Whether what is lost is lost at any rate.
    Loss,
}

/// What came of a cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outcome {
    pub purpose: Purpose,
    /// Bit/s that it was to have.
    pub wanted: u64,
    /// Bit/s that the link carries, if it told.
    pub carried: Option<u64>,
    /// It arrived as fast as it was sent.
    pub unhindered: bool,
    /// Of its packets.
    pub lost: f32,
    /// Nothing at all was told of it.
    pub unanswered: bool,
}

/// A cluster under way.
#[derive(Debug)]
struct Run {
    id: u8,
    purpose: Purpose,
    rate: u64,
    packet_bytes: u64,
    shortest: Micros,
    /// Bytes in all, and those that were sent or asked for.
    target: u64,
    issued: u64,
    start: Micros,
    /// When it goes on.
    next: Micros,
    /// When all was sent, or had to be.
    end: Option<Micros>,
    sent: Span,
    lost: u32,
    arrived: Span,
}

/// Packets from the first to the last.
#[derive(Debug, Default, Clone, Copy)]
struct Span {
    packets: u32,
    bytes: u64,
    first: Micros,
    last: Micros,
    /// Bytes of the first, which took its time before.
    first_bytes: u64,
}

impl Span {
    fn add(&mut self, at: Micros, bytes: u64) {
        if self.packets == 0 || at < self.first {
            (self.first, self.first_bytes) = (at, bytes);
        }
        self.last = self.last.max(at);
        self.packets += 1;
        self.bytes += bytes;
    }

    /// Bit/s.
    fn rate(&self) -> f64 {
        rate(self.bytes - self.first_bytes, self.last - self.first) as f64
    }
}

#[derive(Debug, Default)]
pub(crate) struct Prober {
    /// In a box, because connections have none most of the time.
    run: Option<Box<Run>>,
    last_id: u8,
}

impl Prober {
    pub(crate) fn is_busy(&self) -> bool {
        self.run.is_some()
    }

    pub(crate) fn start(&mut self, purpose: Purpose, rate: u64, length: Micros, now: Micros) {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let packet_bytes = (rate * PACKET_TIME / (8 * SECOND)).clamp(SMALLEST, LARGEST);
        let packets = if purpose == Purpose::Loss { LOSS_PACKETS } else { PACKETS };
        let target = (rate * length / (8 * SECOND)).max(packets * packet_bytes);
        let (id, sent, arrived) = (self.last_id, Span::default(), Span::default());
        self.run = Some(Box::new(Run {
            id,
            purpose,
            rate,
            packet_bytes,
            shortest: (length as f64 * SHORTEST) as Micros,
            target,
            issued: 0,
            start: now,
            next: now,
            end: None,
            sent,
            lost: 0,
            arrived,
        }));
    }

    /// A packet goes out: the cluster that it belongs to, or 0. Padding has been counted when it was asked for.
    pub(crate) fn on_sent(&mut self, at: Micros, bytes: u64, padding: Option<Cluster>) -> u8 {
        let Some(run) = &mut self.run else { return 0 };
        match padding {
            Some(cluster) if cluster.0 == run.id => {}
            // What comes before the first padding would only make it longer.
            None if run.issued > 0 && run.end.is_none() => run.issued += bytes,
            _ => return 0,
        }
        run.sent.add(at, bytes);
        run.id
    }

    pub(crate) fn poll(&mut self, now: Micros) -> Option<Probe> {
        let run = self.run.as_mut().filter(|run| run.end.is_none() && now >= run.next)?;
        if run.issued == 0 {
            run.start = now;
        }
        let elapsed = now.saturating_sub(run.start);
        if elapsed > SECOND {
            run.end = Some(now);
            return None;
        }
        // No more than two steps at once, however late this is: a burst is no rate. One packet more where media came in a
        // burst: what has no duration has no rate.
        let due = (run.rate * elapsed / (8 * SECOND) + run.packet_bytes).saturating_sub(run.issued);
        let most = (run.rate * 2 * STEP / (8 * SECOND)).max(run.packet_bytes);
        let left = (run.target + run.packet_bytes - 1).saturating_sub(run.issued).max(run.packet_bytes);
        let last = run.issued >= run.target && elapsed >= run.shortest;
        let bytes = if last { run.packet_bytes } else { due.min(most).min(left) / run.packet_bytes * run.packet_bytes };
        run.issued += bytes;
        run.next = (run.start + time_for(run.issued.min(run.target), run.rate)).max(now + STEP);
        if run.issued >= run.target && elapsed >= run.shortest {
            run.end = Some(now);
        }
        (bytes > 0).then_some(Probe {
            cluster: Cluster(run.id),
            bytes: bytes as usize,
            packet_bytes: run.packet_bytes as usize,
        })
    }

    /// When it wants to be asked or ended.
    pub(crate) fn timeout(&self, round_trip: Micros) -> Option<Micros> {
        let run = self.run.as_ref()?;
        Some(match run.end {
            Some(end) => end + 2 * round_trip + WAIT,
            None => run.next,
        })
    }

    pub(crate) fn on_report(&mut self, cluster: u8, bytes: u64, arrived: Option<Micros>) {
        let Some(run) = self.run.as_mut().filter(|run| run.id == cluster) else { return };
        match arrived {
            Some(at) => run.arrived.add(at, bytes),
            None => run.lost += 1,
        }
    }

    /// The cluster's end, if all is told or it took too long; the link loses a share of its own.
    pub(crate) fn finish(&mut self, now: Micros, round_trip: Micros, own_loss: f32) -> Option<Outcome> {
        let run = self.run.as_ref()?;
        let end = run.end?;
        if run.arrived.packets + run.lost < run.sent.packets && now < end + 2 * round_trip + WAIT {
            return None;
        }
        self.run.take().map(|run| run.outcome(own_loss))
    }
}

impl Run {
    fn outcome(&self, own_loss: f32) -> Outcome {
        let (sent, arrived) = (self.sent, self.arrived);
        let lost = self.lost as f32 / (self.lost + arrived.packets).max(1) as f32;
        let whole = f64::from(arrived.packets) / f64::from(sent.packets.max(1));
        // What the link loses anyway took its time to send, too; a probe of loss tells by what it lost, not by the rate.
        let excused = if self.purpose == Purpose::Loss { lost } else { lost.min(own_loss) };
        let (out, came) = (sent.rate(), arrived.rate() / f64::from(1.0 - excused).max(0.1));
        let tells = whole >= ENOUGH && out > 0.0 && came > 0.0 && came <= out * TOO_FAST;
        let full = came < out * FULL || lost > own_loss + MUCH_LOST && self.purpose != Purpose::Loss;
        let carried = if full { came * CARRIES } else { out.min(came) };
        Outcome {
            purpose: self.purpose,
            wanted: self.rate,
            carried: tells.then_some(carried as u64),
            unhindered: tells && !full,
            lost,
            unanswered: arrived.packets + self.lost == 0,
        }
    }
}
