//! The estimator: what was sent and what came of it in, an estimate and probes out.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::aimd::{Aimd, Moment};
use crate::feedback::Feedback;
use crate::groups::{Groups, Step};
use crate::history::{History, News, Sent};
use crate::loss::{Loss, Losses, Verdict};
use crate::probe::{Cluster, LENGTH, LENGTH_WHERE_IDLE, Probe, Prober, Purpose};
use crate::queue::Queue;
use crate::rate::Meter;
use crate::search::Search;
use crate::time::{Clock, MILLISECOND, Micros};
use crate::trendline::{Trendline, Usage};

/// Rates are those of so long; where the link is full, the last moments tell more.
const WINDOW: Micros = 500 * MILLISECOND;
const FULL_WINDOW: Micros = 250 * MILLISECOND;
/// Of the estimate: whoever sends less is application-limited.
const LIMITED: f64 = 0.65;
/// Sent, and nothing heard of it, for so long: nobody knows what the link carries; each step takes a part.
pub(crate) const SILENCE: Micros = 1500 * MILLISECOND;
const SILENCE_STEP: Micros = 500 * MILLISECOND;
const SILENCE_FACTOR: f64 = 0.7;
/// A probe that tells loss from loss, of what is sent, and at least.
const LOSS_PROBE: f64 = 1.5;
const PROBE_FLOOR: u64 = 100_000;
/// Nobody called for so long: this machine was held up, and silence proves nothing.
const HELD_UP: Micros = 500 * MILLISECOND;
/// What the round trip is taken for before it is known, and the weight of the newest.
const ROUND_TRIP: Micros = 100 * MILLISECOND;
const ROUND_TRIP_SHARE: u64 = 8;
/// What is too late for whoever listens and looks; and what is too much loss where such a queue says that it is not the
/// link's own.
const OVERWHELMING_QUEUE: i64 = 300 * MILLISECOND as i64;
const OVERWHELMING_LOSS: f32 = 0.1;
const FULL_QUEUE: i64 = 60 * MILLISECOND as i64;
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
    pub(crate) history: History,
    groups: Groups,
    trendline: Trendline,
    pub(crate) queue: Queue,
    pub(crate) aimd: Aimd,
    pub(crate) losses: Losses,
    pub(crate) prober: Prober,
    /// By our clock, and by the receiver's.
    sent: Meter,
    arrived: Meter,
    /// The newest reference time, as told and unwrapped.
    reference: Option<(u32, i64)>,
    /// Of the newest feedback.
    number: Option<u8>,
    /// All up to here was told of, or will never be.
    heard: u64,
    latest_arrival: Micros,
    round_trip: Option<Micros>,
    pub(crate) desired: u64,
    pub(crate) search: Search,
    /// The first packet that was sent since feedback came.
    unheard_since: Option<Micros>,
    silence_at: Micros,
    pub(crate) last_sent: Micros,
    pub(crate) last_call: Micros,
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
            number: None,
            heard: 0,
            latest_arrival: 0,
            round_trip: None,
            desired: 0,
            search: Search::default(),
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

    /// Reads what [`Self::sent`] will, to have it in the processor's cache.
    pub fn look(&self) {
        self.history.look();
    }

    /// The same for [`Self::feedback`].
    pub fn look_back(&self) {
        self.history.look_back();
        black_box(self.heard);
        black_box(self.reference.is_some());
        black_box(self.desired);
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
        } else if padding.is_some() {
            // Of a probe alone each packet may be the last for long.
            self.silence_at = self.silence_at.max(now + SILENCE);
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
        let follows = self.number.is_some_and(|number| number.wrapping_add(1) == feedback.number());
        self.number = Some(feedback.number());
        let (mut newest, mut any, mut missed) = (None, false, 0);
        if base > self.heard && follows {
            // Receivers like str0m begin with the first packet that came: what was sent before it did not.
            for sequence in self.history.known(self.heard, base) {
                if let Some(News::Lost(sent)) = self.history.report(sequence, false) {
                    self.note_lost(sent);
                }
            }
        } else if base > self.heard {
            // Feedback was lost, as far as is known, and not what it told of.
            missed = self.history.unheard(self.heard, base);
        }
        for (sequence, arrival) in (base..self.history.next()).zip(feedback.packets()) {
            let Some(news) = self.history.report(sequence, arrival.is_some()) else { continue };
            any = true;
            let (sent, recovered) = match news {
                News::Lost(sent) => {
                    self.note_lost(sent);
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

    fn note_lost(&mut self, sent: Sent) {
        self.losses.add(false, sent.at, sent.bytes);
        if sent.cluster != 0 {
            self.prober.on_report(sent.cluster, u64::from(sent.bytes), None);
        }
    }

    /// How much whoever decides would send, in bit/s, were there no limit: nobody looks for more than that.
    pub fn set_desired(&mut self, desired: u64) {
        // What was not asked for was not looked for.
        if desired > self.desired + self.desired / 4 {
            self.search.hurry(self.last_call);
        }
        self.desired = desired;
    }

    /// What the connection carries, in bit/s; nothing before the first feedback.
    pub fn estimate(&self) -> Option<u64> {
        self.round_trip.map(|_| self.aimd.rate())
    }

    /// When to call [`Self::handle_timeout`]; nothing while nothing is under way and no more is desired.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let mut due = self.prober.timeout(self.round_trip_of_probes());
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
        if now - self.last_sent >= SILENCE {
            // Nobody waits for an answer, and what stood in a queue is through.
            self.unheard_since = None;
            self.queue.drain();
            self.losses.close();
        } else if self.unheard_since.is_some() && now >= self.silence_at {
            self.on_silence(now);
        }
        self.conclude_probe(now);
        self.forget_what_is_reached();
        if !self.prober.is_busy()
            && let Some((purpose, rate, at)) = self.next_probe()
            && now >= at
        {
            if purpose == Purpose::Again {
                self.search.before = None;
            }
            self.search.at = now + self.search.interval;
            let length = if self.limited(now) { LENGTH_WHERE_IDLE } else { LENGTH };
            self.prober.start(purpose, rate, length, now);
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

    /// So much of what is sent is lost, or comes so late, that little of it is of use.
    pub fn is_overwhelmed(&self) -> bool {
        let (queue, loss) = (self.queue.length(), self.losses.excess());
        !self.losses.may_be_own() || queue > FULL_QUEUE && loss > OVERWHELMING_LOSS || queue > OVERWHELMING_QUEUE
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

    pub(crate) fn round_trip_or_guess(&self) -> Micros {
        self.round_trip.unwrap_or(ROUND_TRIP)
    }

    /// As long as nothing is known, none is taken for unanswered too soon.
    pub(crate) fn round_trip_of_probes(&self) -> Micros {
        self.round_trip.unwrap_or(SILENCE / 2)
    }

    pub(crate) fn limited(&self, now: Micros) -> bool {
        let sent = self.sent.rate(now, WINDOW).unwrap_or(0);
        (sent as f64) < self.aimd.rate() as f64 * LIMITED
    }

    /// It was heard of what was sent, and no longer is.
    pub(crate) fn is_silent(&self) -> bool {
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
                    self.search.unproven = false;
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
            self.prober.start(Purpose::Loss, (sent as f64 * LOSS_PROBE) as u64, LENGTH, now);
        }
    }

    pub(crate) fn lower(&mut self, rate: u64, now: Micros) {
        let before = self.aimd.rate();
        if rate < before {
            self.aimd.set(rate, now);
            self.remember(before, now);
        }
    }
}
