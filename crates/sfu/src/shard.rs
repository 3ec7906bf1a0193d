//! All rooms of one worker: where inputs are dispatched, connections driven and outputs collected.
//!
//! Everything lives in slabs and refers to each other by key. What concerns one participant runs under
//! [`Shard::guarded`]: a bug there ends that participant and nobody else.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use slab::Slab;
use str0m::net::{DatagramRecv, Receive};
use str0m::{Event as RtcEvent, Input, Output};
use visavis_egress::{Batch, Path};
use visavis_rtp::Clock;

use crate::calm::Calm;
use crate::command::{Command, Target};
use crate::connection::{Connection, Factory, State, protocol_to};
use crate::data_tracks::DataTrack;
use crate::downtracks::Downtracks;
use crate::event::{ConnectionState, Event, Protocol};
use crate::exchange::Exchange;
use crate::fanout::Fanout;
use crate::media::{Reception, is_rtcp, is_rtp};
use crate::participant::Participant;
use crate::reliability::{Nonces, Replay};
use crate::speakers::SpeakerDetector;
use crate::timers::{Timer, Timers};
use crate::track::Track;
use crate::{ReliableSequence, Route, ShardConfig, Stats, Transmit, dtls, stun};

/// A connection's timer that is further off waits for a moment that it shares with others.
const FAR_OFF: Duration = Duration::from_millis(100);

/// One connection: the participant's slab key, and which of its two.
pub(crate) type Key = (usize, Target);

pub(crate) struct Room {
    pub id: String,
    /// The other shards that have participants of it.
    pub peers: Vec<u16>,
    /// Slab keys of its participants.
    pub members: Vec<usize>,
    /// Slab keys of its tracks.
    pub tracks: Vec<usize>,
    /// By participant's slab key.
    pub speakers: SpeakerDetector<usize>,
    pub replay: Replay<usize>,
    pub nonces: Nonces,
    pub beat: Option<Instant>,
    pub measured: Instant,
    pub speakers_due: Instant,
    pub quality_due: Instant,
}

/// All rooms of one worker thread.
pub struct Shard {
    pub(crate) factory: Factory,
    pub(crate) rooms: Slab<Room>,
    pub(crate) participants: Slab<Participant>,
    pub(crate) tracks: Slab<Track>,
    pub(crate) downtracks: Downtracks,
    pub(crate) room_ids: HashMap<String, usize>,
    pub(crate) participant_ids: HashMap<String, usize>,
    pub(crate) track_ids: HashMap<String, usize>,
    pub(crate) data_tracks: Slab<DataTrack>,
    pub(crate) data_track_ids: HashMap<String, usize>,
    /// What passes between shards.
    pub(crate) exchange: Exchange,
    /// Media of this turn that was not given to its subscribers yet.
    pub(crate) fanout: Fanout,
    pub(crate) ufrags: HashMap<String, Key>,
    pub(crate) addresses: HashMap<(Protocol, SocketAddr), Key>,
    pub(crate) timers: Timers,
    pub(crate) dirty: Vec<Key>,
    pub(crate) transmits: VecDeque<Transmit>,
    /// Media that is sealed and waits to be sent.
    pub(crate) batch: Batch,
    events: VecDeque<Event>,
    routes: VecDeque<Route>,
    pub(crate) stats: Stats,
    pub(crate) calm: Calm,
}

impl Shard {
    /// An empty shard.
    ///
    /// # Panics
    /// If the system cannot make a DTLS certificate.
    pub fn new(config: ShardConfig, now: Instant) -> Self {
        let crypto = Arc::new(dtls::crypto_provider());
        let certificate = crypto.dtls_provider.generate_certificate().expect("a DTLS certificate can be made");
        Self {
            factory: Factory { config, crypto, certificate, clock: Clock::new(now, SystemTime::now()) },
            rooms: Slab::new(),
            participants: Slab::new(),
            tracks: Slab::new(),
            downtracks: Downtracks::default(),
            room_ids: HashMap::new(),
            participant_ids: HashMap::new(),
            track_ids: HashMap::new(),
            data_tracks: Slab::new(),
            data_track_ids: HashMap::new(),
            exchange: Exchange::default(),
            fanout: Fanout::default(),
            ufrags: HashMap::new(),
            addresses: HashMap::new(),
            timers: Timers::new(now),
            dirty: Vec::new(),
            transmits: VecDeque::new(),
            batch: Batch::default(),
            events: VecDeque::new(),
            routes: VecDeque::new(),
            stats: Stats::default(),
            calm: Calm::new(now),
        }
    }

    /// Applies one command. `sequence` is for `AddParticipant`: where the participant's highest reliable sequence goes.
    pub fn handle_command(&mut self, now: Instant, command: Command, sequence: Option<ReliableSequence>) {
        self.calm.stir(now);
        self.fan_out(now);
        let subject = self.subject(&command);
        self.guarded(now, subject, |shard| shard.apply(now, command, sequence));
    }

    /// One datagram (or one ICE-TCP frame) that the router gave to this shard.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        protocol: Protocol,
        source: SocketAddr,
        destination: SocketAddr,
        payload: &[u8],
    ) {
        self.stats.packets_in += 1;
        self.stats.bytes_in += payload.len() as u64;
        if stun::is_success(payload) {
            return; // What we ask is asked for its own sake.
        }
        let ufrag = stun::request_ufrag(payload);
        let of_address = self.addresses.get(&(protocol, source)).copied();
        let path = Path { is_tcp: protocol == Protocol::Tcp, source: destination, destination: source };
        // A familiar check is whose address it comes from.
        if ufrag.is_some() && of_address.is_some_and(|key| self.answers(key, payload, path, now)) {
            return;
        }
        let key = ufrag.map_or(of_address, |ufrag| self.ufrags.get(ufrag).copied());
        let (Some(key), Ok(contents)) = (key, DatagramRecv::try_from(payload)) else {
            self.stats.packets_dropped += 1;
            return;
        };
        let input = Input::Receive(now, Receive { proto: protocol_to(protocol), source, destination, contents });
        self.guarded(now, Some(key.0), |shard| {
            let Some(participant) = shard.participants.get_mut(key.0) else { return };
            participant.traffic.packets_in += 1;
            participant.traffic.bytes_in += payload.len() as u64;
            let Some(connection) = participant.connection(key.1) else { return };
            if ufrag.is_some() && !connection.rtc.accepts(&input) {
                shard.stats.packets_dropped += 1;
                return;
            }
            if connection.state == State::Connecting {
                shard.calm.expect_newcomer(now);
            }
            if !(ufrag.is_some() && connection.connected()) {
                shard.calm.stir_by(payload, connection.connected(), now);
            }
            if ufrag.is_none() {
                (connection.heard, connection.busy) = (now, now);
            }
            if ufrag.is_some() {
                connection.checks.hand_over(payload, path, now);
            } else if is_rtcp(payload) && shard.on_rtcp(key, payload, now)
                || is_rtp(payload) && shard.on_packet(key, payload, now)
            {
                return;
            }
            let Some(connection) = shard.connection(key) else { return };
            if let Err(error) = connection.handle_input(input, now) {
                // One bad packet: whoever sent it, the connection is as good as before it.
                tracing::debug!(%error, "packet refused");
                shard.stats.packets_dropped += 1;
            }
            shard.drain(key, now);
            if ufrag.is_some() {
                shard.remember_check(key, payload, path, now);
            }
        });
    }

    /// Time has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.fan_out(now);
        while let Some((at, timer)) = self.timers.take_due(now) {
            match timer {
                Timer::Connection(key) => {
                    self.guarded(now, Some(key.0), |shard| shard.on_connection_timer(key, at, now))
                }
                Timer::Media(key) => self.guarded(now, Some(key.0), |shard| shard.on_media_timer(key, at, now)),
                Timer::Watch(key) => self.guarded(now, Some(key.0), |shard| shard.watch(key, at, now)),
                Timer::Offer(participant) => {
                    self.guarded(now, Some(participant), |shard| shard.on_offer_timer(participant, at, now));
                }
                Timer::Blank(downtrack) => {
                    let subscriber = self.downtracks.get(downtrack).map(|downtrack| downtrack.subscriber);
                    self.guarded(now, subscriber, |shard| shard.on_blank_timer(downtrack, at, now));
                }
                Timer::Room(room) => self.guarded(now, None, |shard| shard.on_beat(room, at, now)),
            }
        }
    }

    /// Ends a batch of inputs: everything that they caused becomes pollable.
    pub fn flush(&mut self, now: Instant) {
        loop {
            self.fan_out(now);
            let Some(key) = self.dirty.pop() else { break };
            self.guarded(now, Some(key.0), |shard| {
                let Some(connection) = shard.connection(key) else { return };
                connection.dirty = false;
                if let Err(error) = connection.handle_input(Input::Timeout(now), now) {
                    return shard.fail(key.0, format!("its connection broke: {error}"), now);
                }
                shard.drain(key, now);
            });
        }
        self.guarded(now, None, Self::release_unused);
    }

    /// When to call [`Shard::handle_timeout`] at the latest.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.timers.next()
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next change of routes.
    pub fn poll_route(&mut self) -> Option<Route> {
        self.routes.pop_front()
    }

    /// Closes every connection; poll the transmits once more afterwards.
    pub fn close(&mut self, now: Instant) {
        let participants: Vec<usize> = self.participants.iter().map(|(key, _)| key).collect();
        for key in participants {
            self.guarded(now, Some(key), |shard| shard.remove_participant(key, now));
        }
    }

    /// Runs what concerns one participant; a panic in it ends that participant alone.
    pub(crate) fn guarded(&mut self, now: Instant, subject: Option<usize>, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_ok() {
            return;
        }
        self.stats.panics += 1;
        tracing::error!(participant = ?subject, "handling an input panicked; this is a bug");
        let Some(subject) = subject else { return };
        let again = catch_unwind(AssertUnwindSafe(|| self.fail(subject, "an internal error".into(), now)));
        if again.is_err() {
            tracing::error!("and so did removing the participant");
        }
    }

    pub(crate) fn remove_participant(&mut self, key: usize, now: Instant) {
        if !self.participants.contains(key) {
            return;
        }
        for target in [Target::Publisher, Target::Subscriber] {
            if let Some(connection) = self.connection((key, target)) {
                // Says goodbye by DTLS, without waiting for an answer.
                if let Err(error) = connection.rtc.close() {
                    tracing::debug!(%error, "closing a connection");
                }
                self.take_transmits((key, target));
                self.drop_connection((key, target));
            }
        }
        let tracks: Vec<String> = self.participants[key]
            .published
            .values()
            .filter_map(|section| Some(self.tracks.get(section.track?)?.id.clone()))
            .collect();
        for track in tracks {
            self.unpublish(&track, now);
        }
        let subscriptions: Vec<String> = self.participants[key].subscriptions.keys().cloned().collect();
        for track in subscriptions {
            self.detach(key, &track);
        }
        self.end_flushes(key);
        self.leave_data_tracks(key);
        self.tell_participant_totals(key);
        let participant = self.participants.remove(key);
        self.participant_ids.remove(&participant.id);
        let room = &mut self.rooms[participant.room];
        room.members.retain(|member| *member != key);
        room.speakers.remove(key);
        if room.members.is_empty() {
            let room = self.rooms.remove(participant.room);
            self.room_ids.remove(&room.id);
            self.release_all(room.tracks);
        }
        self.dirty.retain(|(dirty, _)| *dirty != key);
    }

    /// Drops a participant that cannot go on, and says so.
    pub(crate) fn fail(&mut self, key: usize, reason: String, now: Instant) {
        let Some(participant) = self.participants.get(key).map(|participant| participant.id.clone()) else { return };
        tracing::warn!(%participant, %reason, "dropped");
        self.remove_participant(key, now);
        self.emit(Event::ParticipantFailed { participant, reason });
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(crate) fn connection(&mut self, key: Key) -> Option<&mut Connection> {
        self.participants.get_mut(key.0)?.connection(key.1)
    }

    /// Takes in a new connection.
    pub(crate) fn adopt(&mut self, key: Key, connection: Connection, now: Instant) {
        self.drop_connection(key);
        for ufrag in &connection.ufrags {
            self.ufrags.insert(ufrag.clone(), key);
        }
        let participant = &mut self.participants[key.0];
        match key.1 {
            Target::Publisher => participant.publisher = Some(Box::new(connection)),
            Target::Subscriber => participant.subscriber = Some(Box::new(connection)),
        }
        self.touch(key);
        self.start_watch(key, now);
    }

    fn drop_connection(&mut self, key: Key) {
        let participant = &mut self.participants[key.0];
        let connection = match key.1 {
            Target::Publisher => participant.publisher.take(),
            Target::Subscriber => participant.subscriber.take(),
        };
        let Some(connection) = connection else { return };
        let (packets, bytes) = connection.media.as_ref().map_or((0, 0), |media| media.sent());
        let traffic = &mut participant.traffic;
        (traffic.packets_out, traffic.bytes_out) = (traffic.packets_out + packets, traffic.bytes_out + bytes);
        for ufrag in &connection.ufrags {
            self.ufrags.remove(ufrag);
        }
        for (protocol, source) in connection.addresses {
            self.forget(key, protocol, source);
        }
    }

    /// Will be given time and drained at the next flush.
    pub(crate) fn touch(&mut self, key: Key) {
        if let Some(connection) = self.connection(key)
            && !std::mem::replace(&mut connection.dirty, true)
        {
            self.dirty.push(key);
        }
    }

    pub(crate) fn learn(&mut self, key: Key, protocol: Protocol, source: SocketAddr, now: Instant) {
        let Some(connection) = self.connection(key) else { return };
        connection.heard = now;
        let (new, forgotten) = connection.learn(protocol, source);
        if let Some((protocol, source)) = forgotten {
            self.forget(key, protocol, source);
        }
        let previous = self.addresses.insert((protocol, source), key);
        if let Some(previous) = previous.filter(|previous| *previous != key)
            && let Some(connection) = self.connection(previous)
        {
            connection.addresses.retain(|known| *known != (protocol, source));
        }
        if new {
            // More checks of this path follow.
            self.calm.expect_newcomer(now);
            self.routes.push_back(Route { protocol, source, add: true });
        }
    }

    fn forget(&mut self, key: Key, protocol: Protocol, source: SocketAddr) {
        if self.addresses.get(&(protocol, source)) == Some(&key) {
            self.addresses.remove(&(protocol, source));
            self.routes.push_back(Route { protocol, source, add: false });
        }
    }

    /// Takes everything out of a connection, until it asks for time.
    fn drain(&mut self, key: Key, now: Instant) {
        loop {
            let Some(connection) = self.connection(key) else { return };
            match connection.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    if let Some(media) = &mut connection.media {
                        media.start(&mut connection.rtc, now);
                    }
                    return self.arm(key, at, now);
                }
                Ok(Output::Transmit(transmit)) => {
                    // Only a check that was authenticated is answered: perhaps later than it came, as one that is ahead
                    // of the peer's description waits for that. DTLS follows at once, so the address must be known now.
                    if stun::is_success(&transmit.contents) {
                        self.on_check_answered(key, transmit, now);
                    } else {
                        connection.busy = now;
                        self.transmit(key, transmit);
                    }
                }
                Ok(Output::Event(event)) => self.on_rtc_event(key, event, now),
                Err(error) => return self.fail(key.0, format!("its connection broke: {error}"), now),
            }
        }
    }

    /// The same for a connection that is going away: what it says last is sent, what happens to it is not heard.
    fn take_transmits(&mut self, key: Key) {
        loop {
            let Some(connection) = self.connection(key) else { return };
            match connection.rtc.poll_output() {
                Ok(Output::Transmit(transmit)) => self.transmit(key, transmit),
                Ok(Output::Event(_)) => {}
                Ok(Output::Timeout(_)) | Err(_) => return,
            }
        }
    }

    /// Sets the connection's timer, unless an earlier one is set: when that comes, it is set anew.
    fn arm(&mut self, key: Key, at: Instant, now: Instant) {
        let Some(connection) = self.participants.get_mut(key.0).and_then(|participant| participant.connection(key.1))
        else {
            return;
        };
        let at = connection.due(at, now);
        let at = if at > now + FAR_OFF { self.timers.shared_moment(at) } else { at };
        connection.deadline = at;
        if connection.timer.is_none_or(|set| at < set) {
            connection.timer = Some(at);
            self.timers.set(at, Timer::Connection(key));
        }
    }

    fn on_connection_timer(&mut self, key: Key, at: Instant, now: Instant) {
        let Some(connection) = self.connection(key) else { return };
        if connection.timer != Some(at) {
            return;
        }
        let deadline = connection.deadline;
        connection.timer = (deadline > now).then_some(deadline);
        if deadline > now {
            self.timers.set(deadline, Timer::Connection(key));
        } else {
            self.touch(key);
        }
    }

    pub(crate) fn change_state(&mut self, key: Key, state: State) {
        let Some(connection) = self.connection(key) else { return };
        if connection.state == state || connection.state == State::Failed {
            return;
        }
        connection.state = state;
        let protocol = connection.protocol();
        let state = match state {
            State::Connecting => return,
            State::Connected => ConnectionState::Connected,
            State::Disconnected => ConnectionState::Disconnected,
            State::Failed => ConnectionState::Failed,
        };
        let participant = self.participants[key.0].id.clone();
        self.emit(Event::ConnectionChanged { participant, target: key.1, state, protocol });
    }

    fn on_rtc_event(&mut self, key: Key, event: RtcEvent, now: Instant) {
        match event {
            RtcEvent::RtpPacket(packet) => self.on_rtp(key.0, packet.into(), now),
            RtcEvent::Connected => self.on_connected(key, now),
            RtcEvent::KeyframeRequest(request) => self.on_keyframe_request(key, request.mid, now),
            RtcEvent::EgressBitrateEstimate(kind) => self.on_estimate(key, kind),
            RtcEvent::MediaEgressStats(stats) => self.on_reception(key.0, &Reception::from(&stats)),
            RtcEvent::ChannelOpen(id, label) => self.on_channel_open(key, id, &label, now),
            RtcEvent::ChannelData(message) => self.on_channel_data(key, &message, now),
            RtcEvent::ChannelBufferedAmountLow(_) => self.send_outbox(key.0),
            RtcEvent::Closed => self.change_state(key, State::Failed),
            _ => {}
        }
    }

    fn on_connected(&mut self, key: Key, now: Instant) {
        if let Some(connection) = self.connection(key)
            && let Some(media) = &mut connection.media
        {
            media.start(&mut connection.rtc, now);
        }
        self.change_state(key, State::Connected);
        if key.1 == self.participants[key.0].receiving() {
            self.announce_subscriptions(key.0);
            self.allocate(key.0, now);
        }
    }
}
