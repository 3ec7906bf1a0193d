//! When to fetch packets: at once, or, where they come one after the other, those of a moment together.
//!
//! Waking up costs about as much as forwarding a packet. Network cards spare interrupts in the same way. And what goes to
//! many is dear to send one by one: the packets of a frame of video come close together, and go to each receiver as one.

use std::time::{Duration, Instant};

/// Without anything to do whoever fetches looks around this often.
pub(crate) const IDLE: Duration = Duration::from_secs(1);
/// How long packets are collected at most, which is how much later they go out.
const COLLECT: Duration = Duration::from_millis(1);
/// So many turns are looked at together: …
const TURNS: u32 = 16;
/// … if they came within this time, collecting begins, …
const DENSE: Duration = Duration::from_millis(16);
/// … and if they found fewer packets, it ends: it spares too little then.
const FEW: usize = 28;

/// Where all is calm, and packets only say that people are there, they are collected for longer: of hundreds of people, each
/// would wake the thread by itself.
const COLLECT_CALM: Duration = Duration::from_millis(20);
/// Unless a turn found so many: what comes faster, whatever it is, must not fill the socket's memory meanwhile.
const FLOOD: usize = 256;

/// How long what may wait gathers at least. Most of it is transport-wide feedback: each receiver of pictures sends it ten to
/// twenty times a second, and bandwidth is estimated from what happens in more than that.
const PATIENCE: Duration = Duration::from_millis(10);
/// Then it is fetched with media that comes, and after this by itself: a voice comes so often.
const LONGEST_PATIENCE: Duration = Duration::from_millis(20);

/// How long the rest of a frame is awaited, once its first packet is there.
const FRAME: Duration = Duration::from_micros(300);
/// Turns that send less than this are not worth it.
const MANY: usize = 48;
/// Nor is it to await the rest of a frame that goes to fewer.
const FEW_RECEIVERS: usize = 8;
/// From so many turns on that were followed by more for the same receivers, less those that were not, more is awaited …
const EXPECTED: u32 = 4;
/// … and so many are remembered.
const SURE: u32 = 8;

/// The turns of one thread.
#[derive(Debug)]
pub(crate) struct Pace {
    began: Instant,
    is_flooded: bool,
    is_collecting: bool,
    /// Of those that are looked at: when the first began, how many there were, and what they found.
    since: Instant,
    turns: u32,
    found: usize,
    /// When a turn that sent much was over.
    sent_much: Option<Instant>,
    /// That turn sent one packet to each, not soon after another.
    is_alone: bool,
    followed: u32,
    /// So much of what may wait must not gather.
    patient_flood: usize,
    /// When what may wait was fetched, if it gathers; `None`: it is fetched as soon as it comes.
    fetched: Option<Instant>,
    /// When some was there.
    had_patient: Option<Instant>,
}

impl Pace {
    /// A thread that begins now. So many packets that may wait (`capacity`) have room until they are fetched.
    pub fn new(now: Instant, capacity: usize) -> Self {
        Self {
            // As many as are fetched may come twice until the next time, as late as that may be.
            patient_flood: FLOOD.min(capacity / 2),
            began: now,
            is_flooded: false,
            is_collecting: false,
            since: now,
            turns: 0,
            found: 0,
            sent_much: None,
            is_alone: false,
            followed: 0,
            fetched: None,
            had_patient: None,
        }
    }

    /// How long to let packets gather before the next turn, where all is calm. What does not come as a packet shall not wait.
    pub fn calm_rest(&self, now: Instant) -> Duration {
        if self.is_flooded { Duration::ZERO } else { (self.began + COLLECT_CALM).saturating_duration_since(now) }
    }

    /// How long to let packets gather before the next turn.
    pub fn rest(&self, now: Instant) -> Duration {
        if self.is_collecting { (self.began + COLLECT).saturating_duration_since(now) } else { Duration::ZERO }
    }

    /// How long to let more come, now that a packet is there.
    pub fn linger(&self) -> Duration {
        if self.followed >= EXPECTED && !self.is_collecting { FRAME } else { Duration::ZERO }
    }

    /// How long to await the rest of a frame of which some was collected, if it goes to so many.
    pub fn rest_of_frame(&self) -> Option<(Duration, usize)> {
        (self.followed >= EXPECTED && self.is_collecting).then_some((FRAME, FEW_RECEIVERS))
    }

    /// A turn began, and found so many packets.
    pub fn turn(&mut self, began: Instant, packets: usize) {
        (self.began, self.is_flooded) = (began, packets >= FLOOD);
        if packets == 0 {
            return;
        }
        (self.turns, self.found) = (self.turns + 1, self.found + packets);
        if self.turns == TURNS {
            self.is_collecting = match self.is_collecting {
                true => self.found >= FEW,
                false => began.saturating_duration_since(self.since) < DENSE,
            };
            (self.since, self.turns, self.found) = (began, 0, 0);
        }
    }

    /// How long to let what may wait gather, if nothing else comes; `None`: it comes too seldom for that, or too fast, and is
    /// fetched as soon as it comes.
    pub fn patience(&self, now: Instant) -> Option<Duration> {
        self.fetched.map(|at| (at + LONGEST_PATIENCE).saturating_duration_since(now))
    }

    /// Whether to fetch what may wait, should there be some, now that there is something to do anyway.
    pub fn is_patient_due(&self, now: Instant) -> bool {
        self.fetched.is_none_or(|at| at + PATIENCE <= now)
    }

    /// So much of what may wait was fetched.
    pub fn fetched_patient(&mut self, now: Instant, packets: usize) {
        if packets == 0 && self.fetched.is_none() {
            // Who looked did not wait.
            return;
        }
        let follows = self.had_patient.is_some_and(|had| now.saturating_duration_since(had) < LONGEST_PATIENCE);
        if packets > 0 {
            self.had_patient = Some(now);
        }
        self.fetched = (packets < self.patient_flood && (packets > 1 || follows)).then_some(now);
    }

    /// The turn has sent so many packets of media to so many receivers, and is over.
    pub fn sent(&mut self, now: Instant, packets: usize, receivers: usize) {
        if packets < MANY {
            return;
        }
        // Either they came together, or these came while those before were on their way.
        let together = 2 * packets >= 3 * receivers;
        let is_next = self.sent_much.is_some_and(|before| self.began.saturating_duration_since(before) < FRAME);
        if together || is_next {
            self.followed = (self.followed + 1).min(SURE);
        } else if self.is_alone {
            self.followed = self.followed.saturating_sub(1);
        }
        self.is_alone = !(together || is_next);
        self.sent_much = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Wakes, and the longest delay, of a thread that fetches packets which come at these gaps.
    fn fetch(gaps: &[Duration]) -> (usize, Duration) {
        let start = Instant::now();
        let mut pace = Pace::new(start, usize::MAX);
        let mut arrivals = Vec::new();
        let mut at = start;
        for gap in gaps {
            at += *gap;
            arrivals.push(at);
        }
        let (mut wakes, mut longest, mut now, mut next) = (0, Duration::ZERO, start, 0);
        while next < arrivals.len() {
            let rest = pace.rest(now);
            now += rest;
            // Asleep until something is there.
            now = now.max(arrivals[next]);
            wakes += 1;
            let found = arrivals[next..].iter().take_while(|arrival| **arrival <= now).count();
            longest = longest.max(now - arrivals[next]);
            pace.turn(now, found);
            next += found;
        }
        (wakes, longest)
    }

    #[test]
    fn where_all_is_calm_it_is_woken_fifty_times_a_second_at_most_and_the_first_packet_does_not_wait() {
        let start = Instant::now();
        let mut pace = Pace::new(start, usize::MAX);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(pace.calm_rest(at(50)), Duration::ZERO);
        pace.turn(at(50), 1);
        assert_eq!(pace.calm_rest(at(51)), Duration::from_millis(19));
        assert_eq!(pace.calm_rest(at(70)), Duration::ZERO);
    }

    #[test]
    fn what_may_wait_gathers_where_much_comes_and_is_fetched_at_once_where_little_does() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::new(start, usize::MAX);
        assert_eq!((pace.patience(start), pace.is_patient_due(start)), (None, true));
        // One, and then nothing when it is looked again.
        for packets in [1, 0] {
            pace.fetched_patient(start, packets);
            assert_eq!(pace.patience(start), None);
        }
        // Feedback of two people, twenty times a second each.
        for time in [25, 50, 75] {
            pace.fetched_patient(at(time), 1);
            assert_eq!(pace.patience(at(time)), None);
        }
        pace.fetched_patient(at(78), 1);
        assert_eq!(pace.patience(at(79)), Some(Duration::from_millis(19)));
        // Sooner if something else has to be done.
        assert!(!pace.is_patient_due(at(79)) && pace.is_patient_due(at(88)));
        pace.fetched_patient(at(88), 0);
        assert_eq!(pace.patience(at(88)), Some(LONGEST_PATIENCE));
        pace.fetched_patient(at(98), 3);
        assert_eq!(pace.patience(at(108)), Some(PATIENCE));
        pace.fetched_patient(at(108), FLOOD);
        assert_eq!((pace.patience(at(108)), pace.is_patient_due(at(108))), (None, true));
        pace.fetched_patient(at(128), 0);
        assert_eq!(pace.patience(at(128)), None);
    }

    #[test]
    fn what_would_not_have_room_until_it_is_fetched_does_not_gather() {
        let now = Instant::now();
        let mut pace = Pace::new(now, 100);
        for (packets, gathers) in [(49, true), (50, false), (49, true)] {
            pace.fetched_patient(now, packets);
            assert_eq!(pace.patience(now).is_some(), gathers, "{packets} of 100");
        }
    }

    #[test]
    fn a_flood_is_fetched_at_once_where_all_is_calm_too() {
        let start = Instant::now();
        let mut pace = Pace::new(start, usize::MAX);
        pace.turn(start, FLOOD);
        assert_eq!(pace.calm_rest(start), Duration::ZERO);
        pace.turn(start, FLOOD - 1);
        assert_eq!(pace.calm_rest(start), COLLECT_CALM);
    }

    #[test]
    fn a_few_packets_are_fetched_at_once() {
        let (wakes, longest) = fetch(&[Duration::from_micros(1500); 1000]);
        assert_eq!((wakes, longest), (1000, Duration::ZERO));
    }

    #[test]
    fn many_are_fetched_together() {
        let (wakes, longest) = fetch(&[Duration::from_micros(50); 20_000]);
        assert!(wakes < 1100, "a second: {wakes} wakes");
        assert!(longest <= COLLECT);
    }

    #[test]
    fn after_many_a_few_are_fetched_at_once_again() {
        let busy = [Duration::from_micros(50); 2000];
        let quiet = [Duration::from_millis(20); 100];
        let (before, _) = fetch(&busy);
        let (wakes, _) = fetch(&[&busy[..], &quiet[..]].concat());
        assert!(wakes - before <= 101 && wakes - before >= 99, "{wakes} after {before}");
    }

    /// Frames of so many packets, `apart` from each other, a packet every 20 µs, to so many receivers; sending costs 4 µs a
    /// packet. Returns how many packets a receiver gets at once, on average over the last half, and the longest delay.
    fn forward(frames: u32, packets: u32, apart: Duration, receivers: usize) -> (f64, Duration) {
        let start = Instant::now();
        let mut pace = Pace::new(start, usize::MAX);
        let arrivals: Vec<_> = (1..=frames)
            .flat_map(|frame| {
                (0..packets).map(move |packet| start + apart * frame + Duration::from_micros(20) * packet)
            })
            .collect();
        let (mut now, mut next, mut sends, mut longest) = (start, 0, 0_u32, Duration::ZERO);
        while next < arrivals.len() {
            now += pace.rest(now);
            now = now.max(arrivals[next]) + pace.linger();
            let found = arrivals[next..].iter().take_while(|arrival| **arrival <= now).count();
            pace.turn(now, found);
            if next >= arrivals.len() / 2 {
                sends += 1;
                longest = longest.max(now - arrivals[next]);
            }
            now += Duration::from_micros(4) * (found * receivers) as u32;
            pace.sent(now, found * receivers, receivers);
            next += found;
        }
        (f64::from(frames * packets / 2) / f64::from(sends), longest)
    }

    const PICTURE: Duration = Duration::from_millis(33);

    #[test]
    fn the_packets_of_a_frame_go_to_many_together() {
        assert_eq!(forward(200, 6, PICTURE, 150), (6.0, FRAME));
    }

    #[test]
    fn a_packet_that_comes_alone_is_not_kept() {
        assert_eq!(forward(200, 1, Duration::from_millis(20), 1000), (1.0, Duration::ZERO));
    }

    #[test]
    fn what_goes_to_few_is_not_kept() {
        let (_, longest) = forward(200, 6, PICTURE, 2);
        assert_eq!(longest, Duration::ZERO);
    }

    #[test]
    fn the_rest_of_a_frame_is_awaited_among_what_is_collected_if_it_has_been_seen_to_follow() {
        let start = Instant::now();
        let mut pace = Pace::new(start, usize::MAX);
        for turn in 1..=TURNS {
            let at = start + Duration::from_micros(900) * turn;
            assert_eq!(pace.rest_of_frame(), None, "turn {turn}");
            pace.turn(at, 4);
            // Two to each of fifty.
            pace.sent(at, 100, 50);
        }
        assert_eq!((pace.rest_of_frame(), pace.linger()), (Some((FRAME, FEW_RECEIVERS)), Duration::ZERO));
        for turn in 1..=TURNS {
            let at = start + SECOND * turn;
            // Still dense enough to be collected.
            pace.turn(at, 4);
            pace.sent(at, 50, 50);
        }
        assert_eq!(pace.rest_of_frame(), None, "what comes is alone");
    }

    const SECOND: Duration = Duration::from_secs(1);

    proptest! {
        #[test]
        fn no_packet_waits_longer_than_is_collected(gaps in prop::collection::vec(0_u64..2000, 1..2000)) {
            let gaps: Vec<Duration> = gaps.into_iter().map(Duration::from_micros).collect();
            let (wakes, longest) = fetch(&gaps);
            prop_assert!(longest <= COLLECT);
            prop_assert!(wakes <= gaps.len());
        }
    }
}
