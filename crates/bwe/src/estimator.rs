//! The estimator: what was sent and what came of it in, an estimate and probes out.

use std::time::{Duration, Instant};

use crate::aimd::{Aimd, Moment};
use crate::feedback::Feedback;
use crate::groups::{Groups, Step};
use crate::history::{History, News};
use crate::loss::{Loss, Losses, Verdict};
use crate::probe::{Cluster, Outcome, Probe, Prober, Purpose};
use crate::queue::Queue;
use crate::rate::Meter;
use crate::time::{Clock, MILLISECOND, Micros, SECOND};
use crate::trendline::{Trendline, Usage};

/// Rates are those of so long; where the link is full, the last moments tell more.
const WINDOW: Micros = 500 * MILLISECOND;
const FULL_WINDOW: Micros = 250 * MILLISECOND;
/// Of the estimate: whoever sends less is application-limited.
const LIMITED: f64 = 0.65;
/// Between probes for more, which wait longer each time that there was none.
const PROBE_INTERVAL: Micros = 2500 * MILLISECOND;
const LONGEST_INTERVAL: Micros = 5 * SECOND;
/// Where feedback does not come at all.
const UNANSWERED_INTERVAL: Micros = 30 * SECOND;
/// A probe for more goes so far beyond the estimate, and so far beyond what is desired.
const FURTHER: f64 = 2.0;
const BEYOND_DESIRED: f64 = 1.1;
/// What a probe found of what it tried, for the next to go further at once.
const WENT_WELL: f64 = 0.7;
/// How often a probe that met its limit is followed by one at the rate that it arrived with.
const NARROWINGS: u8 = 3;
/// So soon after one that told nothing.
const RETRY_AFTER: Micros = 200 * MILLISECOND;
/// After a decrease it is tried so soon whether it was for nothing.
const AGAIN_AFTER: Micros = 600 * MILLISECOND;
/// A decrease to less than this share is worth it.
const LARGE_DECREASE: f64 = 0.9;
/// Sent, and nothing heard of it, for so long: nobody knows what the link carries; each step takes a part.
const SILENCE: Micros = 1500 * MILLISECOND;
const SILENCE_STEP: Micros = 500 * MILLISECOND;
const SILENCE_FACTOR: f64 = 0.7;
/// A probe that tells loss from loss, of what is sent; and how much more than before it may lose.
const LOSS_PROBE: f64 = 1.5;
const LOSS_TOLERANCE: f32 = 0.1;
const PROBE_FLOOR: u64 = 100_000;
/// What a probe found is not believed again for a while where it was followed by so large a decrease so soon; the waits
/// double up to the longest.
const DECEIVED: f64 = 0.7;
const DECEIVED_WITHIN: Micros = 4 * SECOND;
const DECEIVED_LONGEST: Micros = 40 * SECOND;
/// Nobody called for so long: this machine was held up, and silence proves nothing.
const HELD_UP: Micros = 500 * MILLISECOND;
/// What the round trip is taken for before it is known, and the weight of the newest.
const ROUND_TRIP: Micros = 100 * MILLISECOND;
const ROUND_TRIP_SHARE: u64 = 8;
/// So that arrival times before the first reference time are above zero.
const REMOTE_EPOCH: i64 = 1 << 42;

/// What an estimator begins with, in bit/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// What is believed before anything is known.
    pub initial: u64,
    /// No estimate is lower.
    pub min: u64,
    /// No estimate is higher.
    pub max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { initial: 300_000, min: 30_000, max: 50_000_000 }
    }
}

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Sound or pictures.
    Media,
    /// Once more.
    Retransmission,
    /// What [`Estimator::poll_probe`] asked for.
    Padding(Cluster),
}

/// The estimator of one connection.
#[derive(Debug)]
pub struct Estimator {
    clock: Clock,
    history: History,
    groups: Groups,
    trendline: Trendline,
    queue: Queue,
    aimd: Aimd,
    losses: Losses,
    prober: Prober,
    /// By our clock, and by the receiver's.
    sent: Meter,
    arrived: Meter,
    /// The newest reference time, as told and unwrapped.
    reference: Option<(u32, i64)>,
    /// All up to here was told of, or will never be.
    heard: u64,
    latest_arrival: Micros,
    round_trip: Option<Micros>,
    desired: u64,
    /// The estimate is a guess yet.
    unproven: bool,
    probe_at: Micros,
    probe_interval: Micros,
    /// What a probe that met its limit arrived with: the next tells whether the link carries that on end.
    narrowed: Option<u64>,
    narrowings: u8,
    /// The higher of what the first probes carried, where that was far from enough.
    initial_low: Option<u64>,
    /// What the last probe raised the estimate to, and when; and how long the next waits if that was wrong.
    raised: Option<(u64, Micros)>,
    distrust: Micros,
    /// What was believed before a decrease, and when it is tried again.
    before: Option<(u64, Micros)>,
    /// The first packet that was sent since feedback came.
    unheard_since: Option<Micros>,
    silence_at: Micros,
    last_sent: Micros,
    last_call: Micros,
}

impl Estimator {
    /// For a connection that comes up now.
    pub fn new(config: Config, now: Instant) -> Self {
        let clock = Clock::new(now);
        Self {
            clock,
            history: History::default(),
            groups: Groups::default(),
            trendline: Trendline::default(),
            queue: Queue::default(),
            aimd: Aimd::new(config.initial, (config.min, config.max.max(config.min))),
            losses: Losses::default(),
            prober: Prober::default(),
            sent: Meter::default(),
            arrived: Meter::default(),
            reference: None,
            heard: 0,
            latest_arrival: 0,
            round_trip: None,
            desired: 0,
            unproven: true,
            probe_at: 0,
            probe_interval: PROBE_INTERVAL,
            narrowed: None,
            narrowings: 0,
            initial_low: None,
            raised: None,
            distrust: PROBE_INTERVAL,
            before: None,
            unheard_since: None,
            silence_at: 0,
            last_sent: 0,
            last_call: clock.micros(now),
        }
    }

    /// The transport-wide sequence number for the next packet. Its low 16 bits go on the wire.
    pub fn next_sequence(&mut self) -> u64 {
        self.history.next_sequence()
    }

    /// A packet goes out, of so many bytes as links count it.
    pub fn sent(&mut self, sequence: u64, bytes: usize, kind: Kind, now: Instant) {
        let now = self.call(now);
        let bytes = bytes.min(usize::from(u16::MAX)) as u16;
        let padding = match kind {
            Kind::Padding(cluster) => Some(cluster),
            Kind::Media | Kind::Retransmission => None,
        };
        let cluster = self.prober.on_sent(now, u64::from(bytes), padding);
        self.history.insert(sequence, now, bytes, cluster);
        self.sent.add(now, u64::from(bytes));
        self.last_sent = now;
        if self.unheard_since.is_none() {
            (self.unheard_since, self.silence_at) = (Some(now), now + SILENCE);
        }
    }

    /// Feedback came.
    pub fn feedback(&mut self, feedback: &Feedback<'_>, now: Instant) {
        let now = self.call(now);
        let Some(base) = self.history.unwrap(feedback.base()).filter(|base| *base < self.history.next()) else {
            return;
        };
        let base_time = match self.reference {
            Some((told, at)) => at + feedback.micros_since(told),
            None => REMOTE_EPOCH,
        };
        self.reference = Some((feedback.reference(), base_time));
        let missed = if base > self.heard { self.history.unheard(self.heard, base) } else { 0 };
        let (mut newest, mut any) = (None, false);
        for (sequence, arrival) in (base..self.history.next()).zip(feedback.packets()) {
            let Some(news) = self.history.report(sequence, arrival.is_some()) else { continue };
            any = true;
            let (sent, recovered) = match news {
                News::Lost(sent) => {
                    self.losses.add(false, sent.at, sent.bytes);
                    if sent.cluster != 0 {
                        self.prober.on_report(sent.cluster, u64::from(sent.bytes), None);
                    }
                    continue;
                }
                News::Received(sent) => (sent, false),
                News::Recovered(sent) => (sent, true),
            };
            let Some(at) = arrival.map(|arrival| base_time.saturating_add(arrival)) else { continue };
            let arrived = at.max(0) as Micros;
            if recovered {
                self.losses.recovered();
            } else {
                self.losses.add(true, sent.at, sent.bytes);
            }
            if missed > 0 && newest.is_none() {
                self.arrived.add(arrived, missed);
            }
            self.arrived.add(arrived, u64::from(sent.bytes));
            if newest.is_none_or(|(latest, _)| arrived >= latest) {
                newest = Some((arrived, sent.at));
            }
            if sent.cluster != 0 {
                // What a probe does to the queue is its own matter.
                self.prober.on_report(sent.cluster, u64::from(sent.bytes), Some(arrived));
                self.groups = Groups::default();
                continue;
            }
            self.queue.add(at - sent.at as i64, at);
            match self.groups.add(sent.at, at) {
                Step::Nothing => {}
                Step::Complete(delta) => self.trendline.update(delta),
                Step::Leap => {
                    (self.trendline, self.queue) = (Trendline::default(), Queue::default());
                    self.arrived = Meter::default();
                    self.latest_arrival = arrived;
                }
            }
        }
        if !any {
            return;
        }
        self.heard = self.heard.max(base + u64::from(feedback.count()));
        self.unheard_since = None;
        if let Some((arrived, sent)) = newest {
            self.latest_arrival = self.latest_arrival.max(arrived);
            let measured = now.saturating_sub(sent);
            self.round_trip = Some(match self.round_trip {
                Some(known) => (known * (ROUND_TRIP_SHARE - 1) + measured) / ROUND_TRIP_SHARE,
                None => measured,
            });
        }
        self.control(now);
    }

    /// How much whoever decides would send, in bit/s, were there no limit: nobody looks for more than that.
    pub fn set_desired(&mut self, desired: u64) {
        // What was not asked for was not looked for.
        if desired as f64 > self.desired as f64 * FURTHER.sqrt() && self.probe_at <= self.last_call + LONGEST_INTERVAL {
            self.probe_at = self.last_call;
        }
        self.desired = desired;
    }

    /// What the connection carries, in bit/s; nothing before the first feedback.
    pub fn estimate(&self) -> Option<u64> {
        self.round_trip.map(|_| self.aimd.rate())
    }

    /// When to call [`Self::handle_timeout`]; nothing while nothing is under way and no more is desired.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let mut due = self.prober.timeout(self.round_trip_or_guess());
        let mut sooner = |at: Micros| due = Some(due.map_or(at, |due| due.min(at)));
        if self.unheard_since.is_some() {
            sooner(self.silence_at);
        }
        if !self.prober.is_busy()
            && let Some((_, _, at)) = self.next_probe()
        {
            sooner(at);
        }
        due.map(|at| self.clock.instant(at.max(self.last_call)))
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.call(now);
        if self.unheard_since.is_some() && now - self.last_sent >= SILENCE {
            // Nobody waits for an answer.
            self.unheard_since = None;
        } else if self.unheard_since.is_some() && now >= self.silence_at {
            self.on_silence(now);
        }
        self.conclude_probe(now);
        if !self.prober.is_busy()
            && let Some((purpose, rate, at)) = self.next_probe()
            && now >= at
        {
            if purpose == Purpose::Again {
                self.before = None;
            }
            self.probe_at = now + self.probe_interval;
            self.prober.start(purpose, rate, now);
        }
    }

    /// Padding to be sent now; to be asked after each [`Self::handle_timeout`].
    pub fn poll_probe(&mut self, now: Instant) -> Option<Probe> {
        let now = self.call(now);
        self.prober.poll(now)
    }

    /// The time from a packet to its feedback, smoothed.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip.map(Duration::from_micros)
    }

    /// What was lost.
    pub fn loss(&self) -> Loss {
        self.losses.total
    }

    /// Less is sent than the estimate allows, so that it proves nothing.
    pub fn is_application_limited(&self, now: Instant) -> bool {
        self.limited(self.clock.micros(now))
    }

    /// Time as it is inside: it never goes back.
    fn call(&mut self, now: Instant) -> Micros {
        let now = self.clock.micros(now).max(self.last_call);
        let gap = now - self.last_call;
        if gap > HELD_UP {
            self.silence_at += gap;
        }
        self.last_call = now;
        now
    }

    fn round_trip_or_guess(&self) -> Micros {
        self.round_trip.unwrap_or(ROUND_TRIP)
    }

    fn limited(&self, now: Micros) -> bool {
        let sent = self.sent.rate(now, WINDOW).unwrap_or(0);
        (sent as f64) < self.aimd.rate() as f64 * LIMITED
    }

    /// It was heard of what was sent, and no longer is.
    fn is_silent(&self) -> bool {
        self.round_trip.is_some() && self.unheard_since.is_some_and(|since| self.last_call - since > SILENCE / 2)
    }

    /// Something was sent, and long nothing heard of it.
    fn on_silence(&mut self, now: Micros) {
        self.silence_at = now + SILENCE_STEP;
        if self.round_trip.is_some() {
            self.lower((self.aimd.rate() as f64 * SILENCE_FACTOR) as u64, now);
        }
    }

    /// What follows from feedback.
    fn control(&mut self, now: Micros) {
        let (usage, before) = (self.trendline.usage(), self.aimd.rate());
        let verdict = self.losses.judge(before, self.queue.stands());
        let at = self.latest_arrival;
        let round_trip = self.round_trip_or_guess();
        let persists = self.queue.persists(at as i64);
        match usage {
            _ if self.queue.grows() && (usage == Usage::Overuse || persists) => {
                let (arrived, sent) = (self.arrived.rate(at, FULL_WINDOW), self.sent.rate(now, FULL_WINDOW));
                if self.aimd.decrease(Moment { now, round_trip, arrived, sent }) {
                    self.unproven = false;
                    self.queue.on_decrease(at as i64);
                    self.remember(before, now);
                }
            }
            _ if self.queue.is_long() => self.aimd.hold(now),
            // Growing delay without a queue is no congestion yet, and no time to send more.
            Usage::Overuse | Usage::Underuse => self.aimd.hold(now),
            Usage::Normal if verdict == Verdict::Fine => {
                let arrived = self.arrived.rate(at, WINDOW).max(self.arrived.rate(at, FULL_WINDOW));
                self.aimd.increase(Moment { now, round_trip, arrived, sent: None });
            }
            Usage::Normal => self.aimd.hold(now),
        }
        match verdict {
            Verdict::Fine | Verdict::Hold => {}
            Verdict::Restore(rate) => self.aimd.set(rate.max(self.aimd.rate()), now),
            Verdict::Doubt => self.doubt(now),
            Verdict::Lower(rate) => {
                self.lower(rate, now);
                if !self.queue.stands() && self.losses.may_be_own() {
                    self.doubt(now);
                }
            }
        }
        self.conclude_probe(now);
    }

    /// A probe is to tell whether it is the link that loses.
    fn doubt(&mut self, now: Micros) {
        if !self.prober.is_busy() {
            let sent = self.sent.rate(now, WINDOW).unwrap_or(self.aimd.rate()).min(self.desired.max(PROBE_FLOOR));
            self.prober.start(Purpose::Loss, (sent as f64 * LOSS_PROBE) as u64, now);
        }
    }

    fn lower(&mut self, rate: u64, now: Micros) {
        let before = self.aimd.rate();
        if rate < before {
            self.aimd.set(rate, now);
            self.remember(before, now);
        }
    }

    /// What was believed until now is tried again soon.
    fn remember(&mut self, before: u64, now: Micros) {
        let rate = self.aimd.rate();
        if let Some((_, at)) = self.raised.filter(|(raised, _)| (rate as f64) < *raised as f64 * DECEIVED) {
            self.raised = None;
            if now - at < DECEIVED_WITHIN {
                self.distrust = (self.distrust * 2).min(DECEIVED_LONGEST);
                self.probe_at = now + self.distrust;
                (self.before, self.narrowed) = (None, None);
                return;
            }
            self.distrust = PROBE_INTERVAL;
        }
        if self.probe_at > now + LONGEST_INTERVAL {
            return;
        }
        let (most, at) = self.before.map_or((before, now + AGAIN_AFTER), |(known, at)| (known.max(before), at));
        if (rate as f64) < most as f64 * LARGE_DECREASE {
            self.before = Some((most, at));
        }
    }

    /// What the next probe is for, its rate, and when it is due.
    fn next_probe(&self) -> Option<(Purpose, u64, Micros)> {
        if self.desired == 0 || self.history.next() == 0 || self.is_silent() {
            return None;
        }
        let (estimate, limit) = (self.aimd.rate(), (self.desired as f64 * BEYOND_DESIRED) as u64);
        if self.unproven {
            return Some((Purpose::Initial, limit.min(estimate.saturating_mul(3)), self.probe_at));
        }
        let worth_it = |rate: u64| rate as f64 > estimate as f64 * 1.05;
        // What finds a queue measures the queue; and while much is lost, it is to be known first why.
        let clear = if self.queue.is_long() || self.losses.is_open() { self.last_call + AGAIN_AFTER } else { 0 };
        if let Some(narrowed) = self.narrowed.filter(|rate| worth_it(*rate)) {
            return Some((Purpose::More, narrowed.min(limit), self.probe_at.max(clear)));
        }
        if let Some((before, at)) = self.before
            && worth_it(before.min(limit))
        {
            return Some((Purpose::Again, before.min(limit), at.max(clear)));
        }
        let more = ((estimate as f64 * FURTHER) as u64).min(limit);
        (worth_it(self.desired) && worth_it(more)).then_some((Purpose::More, more, self.probe_at.max(clear)))
    }

    fn conclude_probe(&mut self, now: Micros) {
        let Some(outcome) = self.prober.finish(now, self.round_trip_or_guess(), self.losses.own()) else { return };
        let Outcome { purpose, wanted, carried, unhindered, lost, unanswered } = outcome;
        if unanswered && self.is_silent() {
            return;
        }
        if unanswered {
            self.probe_interval = UNANSWERED_INTERVAL;
            self.probe_at = now + self.probe_interval;
            return;
        }
        let estimate = self.aimd.rate();
        let carried = carried.map(|carried| carried.min(wanted.saturating_mul(2)));
        let proves = self.losses.may_be_own() && lost < self.losses.total.share + LOSS_TOLERANCE;
        if purpose == Purpose::Loss {
            match carried {
                Some(_) if unhindered && proves => {
                    if let Some(before) = self.losses.acquit(lost) {
                        self.aimd.set(before.max(estimate), now);
                    }
                }
                carried => {
                    let lower = self.losses.convict(estimate, carried.unwrap_or(estimate));
                    self.lower(lower, now);
                }
            }
        }
        if let (Purpose::Initial, Some(carried)) = (purpose, carried)
            && carried < estimate.min(wanted) / 2
        {
            // Twice, before what is believed is given up.
            match self.initial_low {
                None => {
                    (self.initial_low, self.probe_at) = (Some(carried), now);
                    return;
                }
                Some(before) => self.lower(before.max(carried), now),
            }
        }
        let Some(carried) = carried else {
            // Something came in between: once more, before it waits.
            if self.narrowings < NARROWINGS {
                self.narrowings += 1;
                self.probe_at = now + RETRY_AFTER;
            } else {
                self.rest(now);
            }
            return;
        };
        self.unproven = false;
        // A link that others fill as well lets a burst pass sooner than it will a stream: what met its limit is not
        // believed before it was tried again, unless most of the link seems to be idle.
        let credible = unhindered || self.limited(now) && !self.queue.stands();
        if credible && carried > estimate {
            self.aimd.set(carried, now);
            self.raised = Some((carried, now));
        }
        let more = carried as f64 > estimate as f64 * 1.1;
        (self.narrowed, self.narrowings) = match self.narrowings {
            tries if more && !credible && tries < NARROWINGS => (Some(carried), tries + 1),
            _ => (None, 0),
        };
        if self.narrowed.is_some() || more && unhindered && carried as f64 > wanted as f64 * WENT_WELL {
            (self.probe_interval, self.probe_at) = (PROBE_INTERVAL, now);
        } else {
            self.rest(now);
        }
    }

    /// No probe for a while, and a longer one next time.
    fn rest(&mut self, now: Micros) {
        (self.narrowed, self.narrowings) = (None, 0);
        self.probe_at = now + self.probe_interval;
        self.probe_interval = (self.probe_interval * 2).min(LONGEST_INTERVAL);
    }
}
