//! Connections over one link in virtual time: a source that follows its estimate, a link with a queue, a receiver that
//! gives feedback, in steps of a millisecond.

#![allow(dead_code)] // each test file uses its part

pub mod wire;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use visavis_bwe::{Config, Estimator, Feedback, Kind};

pub const MS: u64 = 1000;
pub const SECOND: u64 = 1_000_000;
const STEP: u64 = MS;
const FRAME: u64 = 40 * MS;
const PACKET: usize = 1200;
/// Beside each packet's own bytes: IP and UDP.
const OVERHEAD: u64 = 28;

/// Numbers from a seed (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly spread over 0.0 to 1.0.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What packets go through.
#[derive(Debug, Clone)]
pub struct Link {
    /// Bit/s; 0: endless.
    pub bitrate: u64,
    /// How long its queue may get before it drops.
    pub queue: u64,
    pub delay: u64,
    /// Up to this much more, evenly spread.
    pub jitter: u64,
    /// The jitter reorders packets.
    pub reorders: bool,
    pub loss: f64,
    /// Of feedback.
    pub feedback_loss: f64,
    pub feedback_jitter: u64,
    /// Nothing arrives from the first to the second moment; then all of it does.
    pub held_up: Vec<(u64, u64)>,
    /// Nothing sent within arrives, nor does feedback.
    pub outage: Option<(u64, u64)>,
    /// It drops what is too much at once, in a bucket of so many bytes, and queues nothing.
    pub policer: Option<f64>,
    pub busy: u64,
    pub tokens: (f64, u64),
}

impl Default for Link {
    fn default() -> Self {
        Self {
            bitrate: 0,
            queue: 300 * MS,
            delay: 20 * MS,
            jitter: 0,
            reorders: false,
            loss: 0.0,
            feedback_loss: 0.0,
            feedback_jitter: 0,
            held_up: Vec::new(),
            outage: None,
            policer: None,
            busy: 0,
            tokens: (0.0, 0),
        }
    }
}

impl Link {
    pub fn of(bitrate: u64) -> Self {
        Self { bitrate, ..Self::default() }
    }

    fn is_out(&self, at: u64) -> bool {
        self.outage.is_some_and(|(from, to)| (from..to).contains(&at))
    }

    /// When what is sent now arrives.
    fn carry(&mut self, now: u64, bytes: u64, latest: &mut u64, random: &mut Random) -> Option<u64> {
        let (lost, late) = (random.share() < self.loss, random.share());
        if lost || self.is_out(now) {
            return None;
        }
        let mut at = now;
        if self.bitrate > 0 {
            if let Some(bucket) = self.policer {
                let (tokens, since) = self.tokens;
                let tokens = (tokens + (now - since) as f64 * self.bitrate as f64 / 8e6).min(bucket);
                let fits = tokens >= bytes as f64;
                self.tokens = (if fits { tokens - bytes as f64 } else { tokens }, now);
                if !fits {
                    return None;
                }
            } else {
                let start = self.busy.max(now);
                if start > now + self.queue {
                    return None;
                }
                self.busy = start + bytes * 8 * SECOND / self.bitrate;
                at = self.busy;
            }
        }
        at += self.delay + (self.jitter as f64 * late) as u64;
        for (from, to) in &self.held_up {
            if (*from..*to).contains(&at) {
                at = *to;
            }
        }
        if !self.reorders {
            at = at.max(*latest);
            *latest = at;
        }
        Some(at)
    }
}

/// What is sent.
#[derive(Debug, Clone)]
pub enum Source {
    /// Pictures of exactly the estimate, up to so much.
    Follows(u64),
    /// The best of these rates that fits, as `crates/sfu` chooses: kept without a margin, taken with one; the lowest
    /// whatever it costs, or nothing where it does not fit either.
    Layers { rates: Vec<u64>, can_pause: bool },
    /// Always so much.
    Steady(u64),
    /// More and more until something is lost, then half, as a download: it knows no estimate.
    Greedy { rate: u64, lost: u64 },
}

/// One connection.
pub struct Flow {
    pub estimator: Estimator,
    pub source: Source,
    pub layer: Option<usize>,
    pub desired: u64,
    random: Random,
    latest: u64,
    next_frame: u64,
    next_voice: u64,
    /// There is a voice beside the source.
    pub speaks: bool,
    unsent: f64,
    /// Arrivals that feedback has not told of yet, and the last told.
    pending: BTreeMap<u64, u64>,
    told: u64,
    next_feedback: u64,
    feedback: BinaryHeap<Reverse<(u64, u64, Vec<u8>)>>,
    number: u64,
    /// Added to the receiver's clock.
    pub clock: i64,
    pub feedback_interval: u64,
    /// Bytes that were sent as padding, and in all; that arrived.
    pub padding: u64,
    pub sent: u64,
    pub arrived: u64,
    pub lost: u64,
    /// Sum of queueing and packets, for the mean delay.
    pub delays: (u64, u64),
}

pub struct Net {
    pub link: Link,
    pub flows: Vec<Flow>,
    pub start: Instant,
    pub now: u64,
    flying: BinaryHeap<Reverse<(u64, usize, u64)>>,
}

impl Net {
    pub fn new(link: Link) -> Self {
        Self { link, flows: Vec::new(), start: Instant::now(), now: 0, flying: BinaryHeap::new() }
    }

    pub fn with(link: Link, initial: u64, source: Source, seed: u64) -> Self {
        let mut net = Self::new(link);
        net.add(initial, source, seed);
        net
    }

    pub fn add(&mut self, initial: u64, source: Source, seed: u64) {
        let desired = match &source {
            Source::Follows(most) => *most,
            Source::Layers { rates, .. } => (rates.iter().max().expect("layers") + 40_000) * 5 / 4,
            Source::Steady(rate) => *rate,
            Source::Greedy { .. } => 0,
        };
        let mut estimator = Estimator::new(Config { initial, ..Config::default() }, self.at());
        estimator.set_desired(desired);
        self.flows.push(Flow {
            estimator,
            source,
            layer: None,
            desired,
            random: Random(seed),
            latest: 0,
            next_frame: self.now + seed % 40 * MS,
            next_voice: self.now,
            speaks: true,
            unsent: 0.0,
            pending: BTreeMap::new(),
            told: 0,
            next_feedback: self.now,
            feedback: BinaryHeap::new(),
            number: 0,
            clock: 0,
            feedback_interval: 100 * MS,
            padding: 0,
            sent: 0,
            arrived: 0,
            lost: 0,
            delays: (0, 0),
        });
    }

    pub fn at(&self) -> Instant {
        self.start + Duration::from_micros(self.now)
    }

    pub fn estimate(&self) -> u64 {
        self.flows[0].estimator.estimate().unwrap_or(0)
    }

    pub fn run(&mut self, time: u64) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// Runs until `done`, up to `time`: how long it took, if it came to that.
    pub fn until(&mut self, time: u64, done: impl Fn(&Self) -> bool) -> Option<u64> {
        let start = self.now;
        while self.now < start + time {
            if done(self) {
                return Some(self.now - start);
            }
            self.step();
        }
        None
    }

    fn step(&mut self) {
        self.now += STEP;
        let (now, at) = (self.now, self.at());
        while let Some(Reverse((arrived, flow, sequence))) =
            self.flying.peek().copied().filter(|Reverse(due)| due.0 <= now)
        {
            self.flying.pop();
            self.flows[flow].pending.insert(sequence, arrived);
        }
        for index in 0..self.flows.len() {
            let flow = &mut self.flows[index];
            flow.give_feedback(now, &self.link);
            flow.take_feedback(now, at);
            if flow.estimator.poll_timeout().is_some_and(|due| due <= at) {
                flow.estimator.handle_timeout(at);
            }
            while let Some(probe) = flow.estimator.poll_probe(at) {
                for _ in 0..probe.bytes.div_ceil(probe.packet_bytes) {
                    let bytes = probe.packet_bytes;
                    flow.padding += bytes as u64;
                    flow.send(index, bytes, Kind::Padding(probe.cluster), now, at, &mut self.link, &mut self.flying);
                }
            }
            let estimate = flow.estimator.estimate().unwrap_or(2_000_000);
            if flow.next_voice <= now {
                flow.next_voice += 20 * MS;
                if flow.speaks {
                    flow.send(index, 100, Kind::Media, now, at, &mut self.link, &mut self.flying);
                }
            }
            if flow.next_frame <= now {
                flow.next_frame += FRAME;
                let rate = flow.choose(estimate);
                // Frames differ by half.
                let bytes = rate as f64 * FRAME as f64 / 8e6 * (0.75 + 0.5 * flow.random.share());
                flow.unsent = (flow.unsent + bytes).min(bytes * 2.0);
                while flow.unsent >= 200.0 {
                    let bytes = (flow.unsent as usize).min(PACKET);
                    flow.unsent -= bytes as f64;
                    flow.send(index, bytes, Kind::Media, now, at, &mut self.link, &mut self.flying);
                }
            }
        }
    }
}

type Flying = BinaryHeap<Reverse<(u64, usize, u64)>>;

impl Flow {
    /// Bit/s of pictures.
    fn choose(&mut self, estimate: u64) -> u64 {
        let budget = estimate.saturating_sub(40_000);
        let total = self.lost;
        match &mut self.source {
            Source::Greedy { rate, lost } => {
                *rate = if total > *lost { *rate / 2 } else { *rate + 20_000 };
                *lost = total;
                *rate
            }
            Source::Follows(most) => budget.min(*most),
            Source::Steady(rate) => *rate,
            Source::Layers { rates, can_pause } => {
                let fits = |layer: usize| {
                    let margin = if self.layer.is_some_and(|has| layer <= has) { 1.0 } else { 1.15 };
                    rates[layer] as f64 * margin <= budget as f64
                };
                let best = (0..rates.len()).rev().find(|layer| fits(*layer));
                self.layer = if *can_pause { best } else { Some(best.unwrap_or(0)) };
                self.layer.map_or(0, |layer| rates[layer])
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn send(
        &mut self,
        index: usize,
        bytes: usize,
        kind: Kind,
        now: u64,
        at: Instant,
        link: &mut Link,
        flying: &mut Flying,
    ) {
        let bytes = bytes as u64 + OVERHEAD;
        let sequence = self.estimator.next_sequence();
        self.estimator.sent(sequence, bytes as usize, kind, at);
        self.sent += bytes;
        match link.carry(now, bytes, &mut self.latest, &mut self.random) {
            Some(arrival) => {
                self.arrived += bytes;
                self.delays = (self.delays.0 + arrival - now - link.delay, self.delays.1 + 1);
                flying.push(Reverse((arrival, index, sequence)));
            }
            None => self.lost += 1,
        }
    }

    fn give_feedback(&mut self, now: u64, link: &Link) {
        if self.next_feedback > now {
            return;
        }
        self.next_feedback = now + self.feedback_interval;
        let (Some((first, _)), Some((last, _))) = (self.pending.first_key_value(), self.pending.last_key_value())
        else {
            return;
        };
        let first = self.told.min(*first);
        let packets: Vec<Option<u64>> = (first..=*last)
            .map(|sequence| self.pending.get(&sequence).map(|at| at.wrapping_add_signed(self.clock)))
            .collect();
        self.told = last + 1;
        self.pending.clear();
        let (lost, late) = (self.random.share() < link.feedback_loss, self.random.share());
        for (base, packets) in wire::split(first, &packets) {
            let fci = wire::feedback(base, packets, self.number as u8);
            self.number += 1;
            if !lost && !link.is_out(now) {
                let arrival = now + link.delay + (link.feedback_jitter as f64 * late) as u64;
                self.feedback.push(Reverse((arrival, self.number, fci)));
            }
        }
    }

    fn take_feedback(&mut self, now: u64, at: Instant) {
        while self.feedback.peek().is_some_and(|Reverse((due, ..))| *due <= now) {
            let Some(Reverse((_, _, fci))) = self.feedback.pop() else { return };
            let feedback = Feedback::parse(&fci).expect("well-formed feedback");
            self.estimator.feedback(&feedback, at);
        }
    }
}
