//! A participant as LiveKit's clients are: a WebSocket and two peer connections, of which it offers on one what it
//! publishes, and answers on the other to what it receives.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use prost::Message as _;
use tungstenite::{Message, WebSocket};

use crate::connection::Connection;
use crate::meeting::{Seats, Tile};
use crate::plan::ParticipantPlan;
use crate::signal::{self, Hear, Request, Response, Say, TrackSettings, Trickle};
use crate::source::{Content, Source};
use crate::tally::Tally;

/// Until the server says how often it wants to be pinged.
const PING_INTERVAL: Duration = Duration::from_secs(5);

pub struct Participant {
    pub index: usize,
    pub plan: ParticipantPlan,
    pub websocket: WebSocket<TcpStream>,
    pub publisher: Connection,
    pub subscriber: Connection,
    pub sources: Vec<Source>,
    pub dialled: Instant,
    pub is_joined: bool,
    pub is_ready: bool,
    pub first_media: Option<Instant>,
    /// What came of each source.
    pub tallies: HashMap<u32, Tally>,
    /// Those of others, by their names, which are the numbers of their sources.
    sids: HashMap<u32, String>,
    offered: HashSet<String>,
    told: HashMap<u32, Tile>,
    pings_at: Instant,
    ping_interval: Duration,
    is_publishing: bool,
    /// Why it is of no use any more.
    pub error: Option<String>,
}

impl Participant {
    pub fn new(
        index: usize,
        plan: ParticipantPlan,
        websocket: WebSocket<TcpStream>,
        sources: Vec<Source>,
        connections: (Connection, Connection),
        dialled: Instant,
    ) -> Self {
        Self {
            index,
            plan,
            websocket,
            publisher: connections.0,
            subscriber: connections.1,
            sources,
            dialled,
            is_joined: false,
            is_ready: false,
            first_media: None,
            tallies: HashMap::new(),
            sids: HashMap::new(),
            offered: HashSet::new(),
            told: HashMap::new(),
            pings_at: dialled + PING_INTERVAL,
            ping_interval: PING_INTERVAL,
            is_publishing: false,
            error: None,
        }
    }

    /// Reads what the server said, and does it.
    pub fn read(&mut self, seats: &Seats) {
        loop {
            match self.websocket.read() {
                Ok(Message::Binary(bytes)) => match Response::decode(bytes.as_ref()) {
                    Ok(Response { hear: Some(hear) }) => self.hear(hear, seats),
                    Ok(_) => {}
                    Err(error) => self.fail(format!("the server said what is no message: {error}")),
                },
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    self.fail(format!("signalling ended: {error}"));
                    return;
                }
            }
        }
    }

    /// What is due in signalling.
    pub fn tick(&mut self, now: Instant) {
        if now >= self.pings_at {
            self.pings_at = now + self.ping_interval;
            let timestamp = (visavis_bench::socket::wall_nanoseconds() / 1_000_000) as i64;
            self.say(Say::PingRequest(signal::Ping { timestamp }));
            self.say(Say::Ping(timestamp));
        }
    }

    pub fn leave(&mut self) {
        self.say(Say::Leave(signal::Leave { reason: 1 }));
    }

    /// Tells the server how large it sees whom.
    pub fn look(&mut self, seats: &Seats) {
        let offered: Vec<u32> =
            self.sids.iter().filter(|(_, sid)| self.offered.contains(*sid)).map(|(source, _)| *source).collect();
        for source in offered {
            let tile = match self.plan.quality {
                Some(quality) => Tile::Quality(quality),
                None if self.plan.adaptive => seats.tile(self.index, source),
                None => return,
            };
            if self.told.get(&source) == Some(&tile) {
                continue;
            }
            self.told.insert(source, tile);
            let (width, height, quality) = match tile {
                Tile::Large => (1280, 720, 2),
                Tile::Small => (320, 180, 0),
                Tile::Hidden => (0, 0, 0),
                Tile::Quality(quality) => (0, 0, quality),
            };
            let tracks = vec![self.sids[&source].clone()];
            self.say(Say::Settings(TrackSettings { tracks, disabled: tile == Tile::Hidden, quality, width, height }));
        }
    }

    /// Whether all that it publishes has its section.
    pub fn is_published(&self) -> bool {
        self.sources.iter().all(|source| source.mid.is_some() || matches!(source.content, Content::Data(_)))
    }

    fn hear(&mut self, hear: Hear, seats: &Seats) {
        match hear {
            Hear::Join(join) => {
                self.learn(&join.others);
                if let Ok(seconds @ 1..) = join.ping_interval.try_into() {
                    self.ping_interval = Duration::from_secs(seconds);
                    self.pings_at = Instant::now() + self.ping_interval;
                }
                if let Some(sdp) = self.publisher.offer_channels() {
                    self.say(Say::Offer(signal::Description { kind: "offer".into(), sdp, id: 1 }));
                }
                let announcements: Vec<_> = self.sources.iter().filter_map(Source::announcement).collect();
                for announcement in announcements {
                    self.say(Say::AddTrack(announcement));
                }
            }
            Hear::Update(update) => {
                self.learn(&update.participants);
                self.look(seats);
            }
            Hear::Published(published) => {
                let source = self.sources.iter_mut().find(|source| source.cid() == published.cid);
                if let (Some(source), Some(track)) = (source, published.track) {
                    source.sid = Some(track.sid);
                }
                self.publish();
            }
            Hear::Answer(answer) => {
                if let Err(error) = self.publisher.accept_answer(&answer.sdp) {
                    self.fail(format!("the server's answer does not fit: {error}"));
                }
                self.publish();
            }
            Hear::Offer(offer) => {
                let tracks = offer.sdp.lines().filter(|line| line.starts_with("a=msid:"));
                self.offered.extend(tracks.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned));
                match self.subscriber.accept_offer(&offer.sdp) {
                    Ok(sdp) => self.say(Say::Answer(signal::Description { kind: "answer".into(), sdp, id: offer.id })),
                    Err(error) => self.fail(format!("the server's offer cannot be answered: {error}")),
                }
                self.look(seats);
            }
            Hear::Trickle(Trickle { candidate, target }) => {
                let parsed: Option<serde_json::Value> = serde_json::from_str(&candidate).ok();
                if let Some(candidate) = parsed.as_ref().and_then(|init| init["candidate"].as_str()) {
                    let connection = if target == 0 { &mut self.publisher } else { &mut self.subscriber };
                    connection.add_candidate(candidate);
                }
            }
            Hear::Wanted(wanted) if self.plan.adaptive => self.dynacast(&wanted),
            Hear::Wanted(_) => {}
            Hear::Leave(leave) => self.fail(format!("the server ended the session, reason {}", leave.reason)),
        }
    }

    fn learn(&mut self, participants: &[signal::Participant]) {
        for track in participants.iter().flat_map(|participant| &participant.tracks).filter(|track| track.kind == 1) {
            if let Ok(source) = track.name.parse() {
                self.sids.insert(source, track.sid.clone());
            }
        }
    }

    /// Offers the tracks, once all are announced and no other offer is on its way.
    fn publish(&mut self) {
        let are_announced =
            self.sources.iter().all(|source| source.sid.is_some() || matches!(source.content, Content::Data(_)));
        if self.is_publishing || !are_announced || self.publisher.pending.is_some() {
            return;
        }
        self.is_publishing = true;
        if let Some(sdp) = self.publisher.offer_tracks(&mut self.sources) {
            self.say(Say::Offer(signal::Description { kind: "offer".into(), sdp, id: 2 }));
        }
    }

    fn dynacast(&mut self, wanted: &signal::Wanted) {
        let qualities = wanted.codecs.first().map_or(&wanted.qualities, |codec| &codec.qualities);
        for source in self.sources.iter_mut().filter(|source| source.sid.as_ref() == Some(&wanted.track)) {
            for quality in qualities {
                if let Some(encoding) = source.encodings.get_mut(quality.quality as usize) {
                    encoding.wants_keyframe |= quality.enabled && !encoding.active;
                    encoding.active = quality.enabled;
                }
            }
        }
    }

    fn say(&mut self, say: Say) {
        let bytes = Request { say: Some(say) }.encode_to_vec();
        match self.websocket.send(Message::Binary(bytes.into())) {
            Ok(()) => {}
            // It is kept and goes with the next.
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.fail(format!("signalling cannot be written: {error}")),
        }
    }

    fn fail(&mut self, why: String) {
        self.error.get_or_insert(why);
    }
}
