//! Checks of peers that are only there: a check that is like the one before is answered here, beside str0m.
//!
//! All that such a check does is to say that the peer is still there, and str0m took 4 µs to be told so: its ICE agent looks
//! at everything that it knows, and then every other part of it is asked what it has to send.
//!
//! A check is *familiar* if it comes on the path that was nominated last, with the credentials that are in force, and str0m
//! has answered one like it. Everything else is str0m's: other paths, roles in conflict, what must be understood and is not, what
//! is not as it should be; and with it all that a check can change. str0m is told of the latest familiar one whenever it
//! is about to look at its pairs, so for it nothing is different; it only hears of less.
//!
//! Agents may wait with the nomination until they look at their pairs again, pion (LiveKit's Go SDK) for 200 ms. A check from
//! the other side has it do so at once, and those that are not lite send one. We do too, as long as no path is nominated,
//! whenever we answer a check: nothing depends on what comes of it.
//!
//! An agent may nominate whatever it checks (Firefox's does) and means the best of it; or one path and later another (those of
//! Chromium and pion), and means the latest. So the latest counts unless it is worse than another that was nominated just before.

use std::hint::black_box;
use std::time::{Duration, Instant};

use str0m::net::{DatagramRecv, Receive};
use str0m::{IceCreds, Input, RtcError};
use visavis_egress::Path;

use crate::Transmit;
use crate::connection::{Connection, path_of, protocol_of, protocol_to};
use crate::sdp;
use crate::shard::{Key, Shard};
use crate::stun::{self, Check, Transaction};

/// str0m takes a pair for dead that no check has come on for 15 s; it need not hear of more of them than keep it from that.
const TELL_AFTER: Duration = Duration::from_secs(10);
/// Who nominates whatever it checks has checked everything after so long, several times if need be.
const SETTLED_AFTER: Duration = Duration::from_secs(5);
/// A path that is in use is checked more often than that: Firefox waits longest, up to 6 s.
const SILENT_AFTER: Duration = Duration::from_secs(8);
/// A check is kept until str0m knows of it; none of any agent's is as long as this.
const MAX_LENGTH: usize = 256;

/// What is known of one connection's checks.
#[derive(Default)]
pub(crate) struct Checks {
    /// A check that nominates the path that it came on, and is not answered yet. It may be anyone's.
    nominating: Option<(Transaction, Nomination)>,
    /// What was nominated and counts.
    nominated: Option<Nomination>,
    /// The latest that does not, as it is worse: for the case that nothing is heard of the other any more.
    passed_over: Option<Nomination>,
    /// The check that str0m answered last.
    answered: Option<Transaction>,
    /// The check that str0m was told of last: that had its answer before.
    told: Option<Transaction>,
    familiar: Option<Box<Familiar>>,
    /// The peer's, until it has nominated a path.
    credentials: Option<IceCreds>,
}

/// A path that the peer has nominated.
#[derive(Clone, Copy)]
struct Nomination {
    path: Path,
    /// As the peer says.
    priority: u32,
    at: Instant,
    /// When a check came on it last.
    heard: Instant,
}

impl Nomination {
    fn replaces(&self, other: &Self) -> bool {
        self.priority >= other.priority
            || self.at >= other.at + SETTLED_AFTER
            || self.heard >= other.heard + SILENT_AFTER
    }
}

/// The latest check on the nominated path.
struct Familiar {
    /// That it was made with.
    password: String,
    packet: Vec<u8>,
    came: Instant,
    /// str0m knows of it.
    is_told: bool,
    /// When str0m is to be told at the latest.
    due: Instant,
}

impl Checks {
    /// Reads what [`Shard::answers`] will, to have it in the processor's cache.
    pub(crate) fn look(&self) {
        if let Some(familiar) = &self.familiar {
            black_box(familiar.is_told);
            black_box(familiar.packet.first());
            black_box(familiar.password.as_bytes().first());
        }
    }

    /// A check is about to be handed to str0m: what it makes of that is to depend on all that came before.
    pub(crate) fn hand_over(&mut self, packet: &[u8], path: Path, now: Instant) {
        if let Some(familiar) = &mut self.familiar {
            familiar.due = now;
        }
        if stun::nominates(packet) {
            let nomination = Nomination { path, priority: stun::priority(packet), at: now, heard: now };
            self.nominating = stun::transaction(packet).map(|transaction| (transaction, nomination));
        }
    }

    /// Where the peer wants to be sent to.
    pub(crate) fn nominated(&self) -> Option<Path> {
        self.nominated.map(|nomination| nomination.path)
    }

    /// A check was answered, so it was the peer's; true: its path is the one that counts.
    fn on_answer(&mut self, transaction: Transaction, path: Path, now: Instant) -> bool {
        self.answered = Some(transaction);
        let nominating = self.nominating.take_if(|(asked, one)| (*asked, one.path) == (transaction, path));
        if let Some(current) = self.nominated.as_mut().filter(|current| current.path == path) {
            current.heard = now;
            return true;
        }
        let passed_over = self.passed_over.filter(|one| one.path == path);
        let Some(nomination) = nominating.map(|(_, one)| one).or(passed_over) else { return false };
        let nomination = Nomination { heard: now, ..nomination };
        if self.nominated.is_some_and(|current| !nomination.replaces(&current)) {
            self.passed_over = Some(nomination);
            return false;
        }
        self.nominated = Some(nomination);
        (self.passed_over, self.familiar, self.credentials) = (None, None, None);
        true
    }

    /// The answer to a check, if it is familiar.
    fn answer(&mut self, packet: &[u8], path: Path, now: Instant) -> Option<Vec<u8>> {
        let nominated = self.nominated.as_mut().filter(|nominated| nominated.path == path)?;
        let familiar = self.familiar.as_mut()?;
        let check = Check::read(packet)?;
        if packet.len() > MAX_LENGTH || stun::username(&familiar.packet) != Some(check.username) {
            return None;
        }
        let answer = check.answer(familiar.password.as_bytes(), path.destination)?;
        familiar.packet.clear();
        familiar.packet.extend_from_slice(packet);
        (familiar.came, familiar.is_told) = (now, false);
        nominated.heard = now;
        Some(answer)
    }

    /// Our check of a path, after an answer to the peer's, which it is as random as.
    fn ask(&self, ufrag: &str, answered: Transaction) -> Option<Vec<u8>> {
        let IceCreds { ufrag: theirs, pass } = self.credentials.as_ref()?;
        Some(stun::controlled_check(&format!("{theirs}:{ufrag}"), pass, answered.map(|byte| !byte)))
    }

    /// The latest check and when it came, if str0m is to be told of it now.
    fn untold(&mut self, now: Instant) -> Option<(Instant, Path, &[u8])> {
        let familiar = self.familiar.as_mut().filter(|familiar| !familiar.is_told && familiar.due <= now)?;
        (familiar.is_told, familiar.due) = (true, familiar.came + TELL_AFTER);
        self.told = stun::transaction(&familiar.packet);
        Some((familiar.came, self.nominated?.path, &familiar.packet))
    }
}

impl Connection {
    /// Gives str0m an input; before it looks at its pairs, it is told of the latest check.
    pub(crate) fn handle_input(&mut self, input: Input<'_>, now: Instant) -> Result<(), RtcError> {
        if let Some((came, path, packet)) = self.checks.untold(now)
            && let Ok(contents) = DatagramRecv::try_from(packet)
        {
            let Path { source: destination, destination: source, .. } = path;
            let proto = protocol_to(protocol_of(path));
            self.rtc.handle_input(Input::Receive(came, Receive { proto, source, destination, contents }))?;
        }
        self.rtc.handle_input(input)
    }

    /// The peer has described itself.
    pub(crate) fn expect_checks(&mut self, sdp: &str) {
        if self.checks.nominated.is_none() {
            self.checks.credentials = sdp::credentials(sdp);
        }
    }

    /// The next check will be str0m's: what it is compared with is not in force any more.
    pub(crate) fn forget_checks(&mut self) {
        self.checks = Checks::default();
    }
}

impl Shard {
    /// Answers a check, if it is familiar; false: it is str0m's.
    pub(crate) fn answers(&mut self, key: Key, packet: &[u8], path: Path, now: Instant) -> bool {
        let mut is_answered = false;
        self.guarded(now, Some(key.0), |shard| is_answered = shard.answer_check(key, packet, path, now));
        is_answered
    }

    fn answer_check(&mut self, key: Key, packet: &[u8], path: Path, now: Instant) -> bool {
        let Some(connection) = self.connection(key) else { return false };
        let protocol = protocol_of(path);
        // Whose address it is by now is found out by learning it again.
        if !connection.connected() || !connection.addresses.contains(&(protocol, path.destination)) {
            return false;
        }
        let Some(payload) = connection.checks.answer(packet, path, now) else { return false };
        connection.heard = now;
        connection.learn(protocol, path.destination);
        let traffic = &mut self.participants[key.0].traffic;
        (traffic.packets_in, traffic.bytes_in) = (traffic.packets_in + 1, traffic.bytes_in + packet.len() as u64);
        let Path { source, destination, .. } = path;
        self.put_out(key, Transmit { protocol, source, destination, payload });
        true
    }

    /// str0m answers a check.
    pub(crate) fn on_check_answered(&mut self, key: Key, answer: str0m::net::Transmit, now: Instant) {
        let Some(connection) = self.connection(key) else { return };
        let Some(transaction) = stun::transaction(&answer.contents) else { return };
        if connection.checks.told.take_if(|told| *told == transaction).is_some() {
            return;
        }
        let path = path_of(&answer);
        let protocol = protocol_of(path);
        if connection.checks.on_answer(transaction, path, now)
            && let Some(media) = &mut connection.media
        {
            media.set_path(path);
        }
        let ours = connection.ufrags.last().and_then(|ufrag| connection.checks.ask(ufrag, transaction));
        let Path { source, destination, .. } = path;
        self.learn(key, protocol, destination, now);
        self.transmit(key, answer);
        if let Some(payload) = ours {
            self.put_out(key, Transmit { protocol, source, destination, payload });
        }
    }

    /// A check was handed to str0m; if that has answered it, the next one like it is familiar.
    pub(crate) fn remember_check(&mut self, key: Key, packet: &[u8], path: Path, now: Instant) {
        if self.factory.config.reference {
            return;
        }
        let Some(connection) = self.connection(key) else { return };
        let checks = &mut connection.checks;
        let Some(check) = Check::read(packet).filter(|_| packet.len() <= MAX_LENGTH) else {
            // Answered or not, it may have changed what others are worth: who won a conflict of roles, say.
            checks.familiar = None;
            return;
        };
        if checks.answered == Some(check.transaction) && checks.nominated() == Some(path) {
            let password = connection.rtc.direct_api().local_ice_credentials().pass;
            let (packet, due) = (packet.to_vec(), now + TELL_AFTER);
            checks.familiar = Some(Box::new(Familiar { password, packet, came: now, is_told: true, due }));
        }
    }
}
