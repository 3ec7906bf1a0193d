//! A whole call in one thread and in virtual time: a [`Shard`], clients, and a network with a seed.
//!
//! What Python does between them is done here in the simplest way: every track is published as it comes and everyone
//! subscribes to everything, unless a test says otherwise. Signalling takes no time and loses nothing.

#![allow(dead_code)] // each test file uses its part

pub mod client;
pub mod network;
pub mod peer;
pub mod spread;
pub mod svc;
pub mod video;
pub mod work;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::format::Codec;
use str0m::media::{MediaKind, Mid};
use visavis_egress::Path;
use visavis_sfu::{
    Command, Event, Kind, LayerInfo, PlayoutLimits, Protocol, Shard, ShardConfig, Source, Target, request_ufrag,
    shard_of_ufrag,
};

use client::{ALL_CODECS, Client, Received};
use network::{Datagram, Link, Network, SERVER};
use spread::{Routed, Second};
use work::counted;

/// The packet type of RTCP.
const SENDER_REPORT: u8 = 200;
pub const ROOM: &str = "RM_room";

const MIME_TYPES: [&str; 8] =
    ["video/VP8", "video/H264", "video/H265", "audio/opus", "audio/red", "audio/PCMU", "video/VP9", "video/AV1"];

pub struct Call {
    pub shard: Shard,
    /// The room is spread over this one, too.
    pub second: Option<Box<Second>>,
    pub network: Network,
    pub clients: BTreeMap<String, Client>,
    pub now: Instant,
    start: Instant,
    /// Everything the core said, with the time since the beginning.
    pub events: Vec<(Duration, Event)>,
    /// Shard by authenticated address.
    routes: BTreeMap<SocketAddr, u16>,
    /// Track by subscriber and media section.
    pub sections: BTreeMap<(String, String), String>,
    pub tracks: BTreeMap<String, String>,
    /// Everyone gets every track.
    pub auto_subscribe: bool,
    /// Publishers stop the layers that nobody wants.
    pub dynacast: bool,
    /// The layers of each video, as AddTrack would tell.
    pub declared: Vec<LayerInfo>,
    /// Mime types of the codecs that new tracks are announced with, beside their primary one.
    pub backups: Vec<String>,
    /// The name that a backup codec's media has → the track it belongs to, and whether all get it then.
    pub backup_media: BTreeMap<String, (String, bool)>,
    /// Tracks of audio are announced as redundant.
    pub redundant: bool,
    /// Of the room.
    pub playout_delay: Option<PlayoutLimits>,
    pub sync_streams: bool,
    /// Of tracks published from now on, which are encrypted.
    pub trailer: Vec<u8>,
    /// What who joins now says of pictures that do not fit its bandwidth.
    pub allow_pause: Option<bool>,
    /// Each datagram is a turn of its own, instead of all that come at one time.
    pub one_by_one: bool,
    /// What the core said in turns that are over.
    said: Vec<Event>,
    offer_id: u32,
    joins: u8,
    /// How often the shard's timers came due.
    pub wakes: u64,
    /// How often media went out before its turn was over.
    pub portions: u64,
    /// Turns that ended within a picture.
    pub unfinished: u32,
    /// Packets of sender reports.
    pub reports: u64,
}

/// Somebody joins whose client the test plays by hand.
pub fn newcomer(name: &str, primary: Target, single: bool) -> Command {
    Command::AddParticipant {
        room: ROOM.into(),
        participant: name.into(),
        identity: name.into(),
        primary,
        single,
        can_publish_data: true,
        hidden: false,
        agent: false,
        can_subscribe_metrics: false,
        codec_change: true,
        mime_types: ["video/VP8", "audio/opus"].map(String::from).to_vec(),
        playout_delay: None,
        sync_streams: false,
        allow_pause: None,
    }
}

impl Call {
    pub fn new(link: Link, seed: u64) -> Self {
        Self::sending_by(link, seed, false)
    }

    /// The same; `reference`: media is sealed and sent by str0m.
    pub fn sending_by(link: Link, seed: u64, reference: bool) -> Self {
        let now = Instant::now();
        let config = ShardConfig { index: 0, udp: vec![SERVER], tcp: vec![], initial_bitrate: 5_000_000, reference };
        Self {
            shard: Shard::new(config, now),
            second: None,
            network: Network::new(link, seed),
            clients: BTreeMap::new(),
            now,
            start: now,
            events: Vec::new(),
            routes: BTreeMap::new(),
            sections: BTreeMap::new(),
            tracks: BTreeMap::new(),
            auto_subscribe: true,
            dynacast: false,
            declared: Vec::new(),
            backups: Vec::new(),
            backup_media: BTreeMap::new(),
            redundant: false,
            playout_delay: None,
            sync_streams: false,
            trailer: Vec::new(),
            allow_pause: None,
            one_by_one: false,
            said: Vec::new(),
            offer_id: 0,
            joins: 0,
            wakes: 0,
            portions: 0,
            unfinished: 0,
            reports: 0,
        }
    }

    /// A call whose room is spread over two shards.
    pub fn spread(link: Link, seed: u64) -> Self {
        let mut call = Self::new(link, seed);
        call.second = Some(Box::new(Second::new(call.fresh_shard(1), seed)));
        call
    }

    /// A shard with this index that has nothing yet.
    pub fn fresh_shard(&self, index: u16) -> Shard {
        let config =
            ShardConfig { index, udp: vec![SERVER], tcp: vec![], initial_bitrate: 5_000_000, reference: false };
        Shard::new(config, self.now)
    }

    pub fn command(&mut self, command: Command) {
        self.give(command);
        self.settle();
    }

    /// Hands a command to the shard that it is for.
    fn give(&mut self, command: Command) {
        let Some(second) = &mut self.second else { return self.shard.handle_command(self.now, command, None) };
        if let Command::ReportFigures { .. } = command {
            second.shard.handle_command(self.now, command.clone(), None);
        }
        let Routed { to, pass_to, tell, parts } = second.route(&command);
        let now = self.now;
        match pass_to {
            Some(place) => self.shard_at(to).pass_on(now, place, command),
            None => self.shard_at(to).handle_command(now, command, None),
        }
        for place in tell {
            let command = Command::SpreadRoom { room: ROOM.into(), parts: parts.clone() };
            self.shard_at(place).handle_command(now, command, None);
        }
    }

    /// The shard with this index.
    pub fn shard_at(&mut self, index: u16) -> &mut Shard {
        match &mut self.second {
            Some(second) if index == 1 => &mut second.shard,
            _ => &mut self.shard,
        }
    }

    pub fn shards(&self) -> u16 {
        1 + u16::from(self.second.is_some())
    }

    /// A participant whose id and identity are `name`; it offers its data channels at once.
    pub fn join(&mut self, name: &str) {
        self.join_with(name, false);
    }

    /// The same; `single`: with one peer connection.
    pub fn join_with(&mut self, name: &str, single: bool) {
        self.join_able(name, single, &ALL_CODECS, true);
    }

    /// The same, but a client that knows nothing of redundant audio.
    pub fn join_without_redundancy(&mut self, name: &str, single: bool) {
        self.join_able(name, single, &ALL_CODECS[..5], true);
    }

    /// A participant with a client of these codecs, that follows a change of codec in a section or does not.
    pub fn join_able(&mut self, name: &str, single: bool, codecs: &[Codec], codec_change: bool) {
        self.joins += 1;
        self.clients.insert(name.into(), Client::with_codecs(self.joins, single, codecs, self.now));
        self.command(Command::AddParticipant {
            room: ROOM.into(),
            participant: name.into(),
            identity: name.into(),
            primary: Target::Subscriber,
            single,
            can_publish_data: true,
            hidden: false,
            agent: false,
            can_subscribe_metrics: false,
            codec_change,
            mime_types: MIME_TYPES.map(String::from).to_vec(),
            playout_delay: self.playout_delay,
            sync_streams: self.sync_streams,
            allow_pause: self.allow_pause,
        });
        let tracks: Vec<String> =
            self.tracks.iter().filter(|(_, owner)| owner.as_str() != name).map(|(track, _)| track.clone()).collect();
        let auto_subscribe = self.auto_subscribe;
        for track in tracks.into_iter().filter(|_| auto_subscribe) {
            self.command(Command::Subscribe { participant: name.into(), track });
        }
        let sdp = self.client(name).offer_data();
        self.offer(name, sdp);
    }

    pub fn leave(&mut self, name: &str) {
        self.vanish(name);
        self.tracks.retain(|_, owner| owner != name);
        self.command(Command::RemoveParticipant { participant: name.into() });
    }

    /// The client is gone without a word; the server finds out later.
    pub fn vanish(&mut self, name: &str) {
        self.clients.remove(name);
        self.sections.retain(|(subscriber, _), _| subscriber != name);
    }

    /// So many are in the room, `p0` and on, with everything open; with one connection each, or two.
    pub fn of(people: usize, single: bool, link: Link, seed: u64) -> Self {
        let mut call = Self::new(link, seed);
        for number in 0..people {
            call.join_with(&format!("p{number}"), single);
        }
        let open = |call: &Self| {
            call.events.iter().filter(|(_, event)| matches!(event, Event::DataChannelsOpen { .. })).count() == people
        };
        call.run_until(Duration::from_secs(30), "data channels", open);
        call
    }

    /// Alice publishes a voice and a camera, and Bob sees her; with one connection each, or two.
    pub fn join_two(&mut self, single: bool) {
        self.join_with("alice", single);
        self.join_with("bob", single);
        self.until_all_are_connected();
        self.publish("alice", MediaKind::Audio, "mic", 1);
        self.publish("alice", MediaKind::Video, "cam", 1);
        self.run_until(Duration::from_secs(20), "media", |call| {
            call.sections.keys().filter(|(name, _)| name == "bob").count() == 2
                && call.received("bob", "TR_cam").video.total() > 0
        });
    }

    /// Publishes a track whose id is `TR_` and its cid, once no other offer is outstanding.
    pub fn publish(&mut self, name: &str, kind: MediaKind, cid: &str, layers: usize) {
        let now = self.now;
        let sdp = self.client(name).offer_track(kind, cid, layers, now);
        self.offer(name, sdp);
    }

    /// The same, of a video with all layers in one stream.
    pub fn publish_scalable(&mut self, name: &str, cid: &str, encoder: svc::Encoder) {
        let now = self.now;
        let codecs = vec![(cid.into(), format!("video/{:?}", encoder.codec))];
        let sdp = self.client(name).offer_scalable(cid, encoder, now);
        self.offer_with(name, sdp, codecs);
    }

    /// The same with a video in VP9, of one layer.
    pub fn publish_vp9(&mut self, name: &str, cid: &str) {
        let now = self.now;
        let codecs = vec![(cid.into(), "video/VP9".into())];
        let sdp = self.client(name).offer_coded(MediaKind::Video, Codec::Vp9, cid, 1, now);
        self.offer_with(name, sdp, codecs);
    }

    /// The same with sound in G.711.
    pub fn publish_pcmu(&mut self, name: &str, cid: &str) {
        let now = self.now;
        let codecs = vec![(cid.into(), "audio/PCMU".into())];
        let sdp = self.client(name).offer_coded(MediaKind::Audio, Codec::PCMU, cid, 1, now);
        self.offer_with(name, sdp, codecs);
    }

    /// A track that is published already gets a second codec, VP8, under a name of its own.
    pub fn publish_backup(&mut self, name: &str, track: &str, cid: &str, layers: usize, regress: bool) {
        self.backup_media.insert(cid.into(), (track.into(), regress));
        self.publish(name, MediaKind::Video, cid, layers);
    }

    pub fn offer(&mut self, name: &str, sdp: String) {
        self.offer_with(name, sdp, vec![]);
    }

    fn offer_with(&mut self, name: &str, sdp: String, mut codecs: Vec<(String, String)>) {
        self.offer_id += 1;
        let offer_id = self.offer_id;
        codecs.extend(self.wanted_codecs(name));
        self.command(Command::PublisherOffer {
            participant: name.into(),
            offer_id,
            sdp,
            codecs,
            stereo: vec![],
            no_dtx: vec![],
        });
    }

    fn wanted_codecs(&self, name: &str) -> Vec<(String, String)> {
        let Some(client) = self.clients.get(name) else { return Vec::new() };
        let wanted = client.tracks().filter_map(|(cid, kind)| match kind {
            MediaKind::Audio if self.redundant => Some((cid, "audio/red".to_owned())),
            MediaKind::Video if client.h265 => Some((cid, "video/H265".to_owned())),
            _ => None,
        });
        wanted.collect()
    }

    pub fn client(&mut self, name: &str) -> &mut Client {
        self.clients.get_mut(name).expect("a client of this call")
    }

    /// The last hop to this client carries so many bit/s; 0: endless.
    pub fn limit(&mut self, name: &str, bitrate: u64) {
        let address = self.clients[name].subscriber.address.ip();
        self.network.narrow.retain(|(known, _)| *known != address);
        self.network.narrow.push((address, bitrate));
    }

    /// This client does not read sound.
    pub fn deafen(&mut self, name: &str) {
        let address = self.clients[name].subscriber.address.ip();
        self.network.deaf.push(address);
    }

    /// What `subscriber` gets of `track`.
    pub fn received(&self, subscriber: &str, track: &str) -> &Received {
        let ((_, mid), _) = self
            .sections
            .iter()
            .find(|((name, _), id)| name == subscriber && id.as_str() == track)
            .unwrap_or_else(|| panic!("{subscriber} was never offered {track}"));
        static NOTHING: std::sync::OnceLock<Received> = std::sync::OnceLock::new();
        let nothing = NOTHING.get_or_init(Received::default);
        self.clients[subscriber].received.get(&Mid::from(mid.as_str())).unwrap_or(nothing)
    }

    pub fn events_of<'a, T>(&'a self, pick: impl Fn(&'a Event) -> Option<T> + 'a) -> Vec<T> {
        self.events.iter().filter_map(|(_, event)| pick(event)).collect()
    }

    /// Lets virtual time pass.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(next) = self.next_time().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
        self.step();
    }

    /// Lets time pass until `done`, or fails after `patience`.
    pub fn run_until(&mut self, patience: Duration, what: &str, done: impl Fn(&Self) -> bool) {
        let end = self.now + patience;
        while !done(self) {
            assert!(self.now < end, "after {patience:?} there was still no {what}");
            self.run(Duration::from_millis(5));
        }
    }

    /// Lets time pass until whoever has joined has a connection to publish by.
    pub fn until_all_are_connected(&mut self) {
        let connected = |call: &Self| call.clients.values().all(|client| client.publisher.connected);
        self.run_until(Duration::from_secs(20), "connections", connected);
    }

    fn next_time(&mut self) -> Option<Instant> {
        let mut next = [self.network.next_arrival(), self.shard.poll_timeout()].into_iter().flatten().min();
        if let Some(second) = &mut self.second {
            next = [second.next_arrival(), second.shard.poll_timeout()].into_iter().flatten().chain(next).min();
        }
        for client in self.clients.values() {
            let times = [client.next_media(), Some(client.publisher.timeout), Some(client.subscriber.timeout)];
            next = times.into_iter().flatten().chain(next).min();
        }
        next
    }

    fn step(&mut self) {
        while let Some(datagram) = self.network.receive(self.now) {
            self.deliver(&datagram);
        }
        let now = self.now;
        while let Some((from, parcel)) = self.second.as_mut().and_then(|second| second.receive(now)) {
            let shard = self.shard_at(1 - from);
            counted(|| shard.handle_relay(now, from, parcel));
        }
        for index in 0..self.shards() {
            let shard = self.shard_at(index);
            if shard.poll_timeout().is_some_and(|at| at <= now) {
                counted(|| shard.handle_timeout(now));
                self.wakes += 1;
            }
        }
        for client in self.clients.values_mut() {
            for connection in [&mut client.publisher, &mut client.subscriber] {
                if connection.timeout <= self.now {
                    connection.rtc.handle_input(str0m::Input::Timeout(self.now)).expect("time moves on");
                }
            }
            client.write_media(self.now);
        }
        self.settle();
    }

    fn deliver(&mut self, datagram: &Datagram) {
        if datagram.destination == SERVER {
            // As the router does: a STUN request (its first byte is 0) goes by its ufrag, all else by known address.
            let index = match datagram.payload[0] {
                0 => Some(request_ufrag(&datagram.payload).and_then(shard_of_ufrag).unwrap_or_default()),
                _ => self.routes.get(&datagram.source).copied(),
            };
            if let Some(index) = index {
                let Datagram { source, destination, payload } = datagram;
                let now = self.now;
                let shard = self.shard_at(index);
                counted(|| shard.handle_datagram(now, Protocol::Udp, *source, *destination, payload));
                if self.one_by_one {
                    let mut said = std::mem::take(&mut self.said);
                    self.empty(index, &mut said);
                    self.said = said;
                }
            }
            return;
        }
        for client in self.clients.values_mut() {
            for connection in [&mut client.publisher, &mut client.subscriber] {
                if connection.address == datagram.destination {
                    connection.receive(self.now, datagram);
                }
            }
            // After each datagram, as str0m demands: its queues are short.
            for datagram in client.drain(self.now) {
                self.network.send(self.now, datagram);
            }
        }
    }

    /// Moves everything that waits in the shard and the clients, until nothing is left to do at this time.
    fn settle(&mut self) {
        loop {
            let mut events = std::mem::take(&mut self.said);
            for index in 0..self.shards() {
                self.empty(index, &mut events);
            }
            for client in self.clients.values_mut() {
                for datagram in client.drain(self.now) {
                    self.network.send(self.now, datagram);
                }
            }
            if events.is_empty() {
                return;
            }
            for event in events {
                self.react(&event);
                self.events.push((self.now - self.start, event));
            }
        }
    }

    /// Takes all that waits in one of the shards.
    fn empty(&mut self, index: u16, events: &mut Vec<Event>) {
        let now = self.now;
        self.unfinished += u32::from(self.shard_at(index).awaits_rest(1));
        while counted(|| self.shard_at(index).fan_out_some(now)) {
            self.portions += 1;
            self.send_media(index);
        }
        counted(|| self.shard_at(index).flush(now));
        while let Some(route) = self.shard_at(index).poll_route() {
            if route.add {
                self.routes.insert(route.source, index);
            } else if self.routes.get(&route.source) == Some(&index) {
                self.routes.remove(&route.source);
            }
        }
        while let Some((to, parcel)) = counted(|| self.shard_at(index).poll_relay()) {
            let second = self.second.as_mut().expect("a room that is not spread relays nothing");
            assert_eq!(to, 1 - index);
            second.send(index, parcel, now);
        }
        while let Some(transmit) = counted(|| self.shard_at(index).poll_transmit()) {
            assert!(transmit.payload.len() <= 1500, "a datagram of {} bytes", transmit.payload.len());
            let (source, destination, payload) = (transmit.source, transmit.destination, transmit.payload);
            self.network.send(now, Datagram { source, destination, payload });
        }
        self.send_media(index);
        let shard = self.shard_at(index);
        events.extend(std::iter::from_fn(|| shard.poll_event()));
    }

    fn send_media(&mut self, index: u16) {
        let now = self.now;
        let media = self.shard_at(index).take_media();
        for (Path { source, destination, .. }, packets) in media.runs() {
            for packet in packets {
                assert!(packet.len() <= 1500, "a datagram of {} bytes", packet.len());
                self.reports += u64::from(packet[1] == SENDER_REPORT);
                self.network.send(now, Datagram { source, destination, payload: packet.to_vec() });
            }
        }
        self.shard_at(index).give_back_media(media);
    }

    fn tell_sections(&mut self, participant: &str, mid_to_track: &[(String, String)]) {
        self.sections.retain(|(name, _), _| name != participant);
        for (mid, track) in mid_to_track {
            self.sections.insert((participant.into(), mid.clone()), track.clone());
        }
    }

    /// What the control plane would do.
    fn react(&mut self, event: &Event) {
        let now = self.now;
        match event {
            Event::Answer { participant, sdp, mid_to_track, .. } => {
                let Some(client) = self.clients.get_mut(participant) else { return };
                client.accept_answer(sdp);
                client.tick(now);
                if client.single {
                    self.tell_sections(participant, mid_to_track);
                }
            }
            Event::SectionsWanted { participant, audios, videos } => {
                let Some(client) = self.clients.get_mut(participant) else { return };
                let sdp = client.offer_sections(*audios, *videos);
                self.offer_id += 1;
                let codecs = self.wanted_codecs(participant);
                let (participant, offer_id) = (participant.clone(), self.offer_id);
                let command =
                    Command::PublisherOffer { participant, offer_id, sdp, codecs, stereo: vec![], no_dtx: vec![] };
                self.give(command);
            }
            Event::Offer { participant, offer_id, sdp, mid_to_track } => {
                let Some(client) = self.clients.get_mut(participant) else { return };
                let sdp = client.accept_offer(sdp);
                client.tick(now);
                self.tell_sections(participant, mid_to_track);
                let command = Command::SubscriberAnswer { participant: participant.clone(), answer_id: *offer_id, sdp };
                self.give(command);
            }
            Event::MediaAdded { participant, mid, cid, .. } if self.backup_media.contains_key(cid) => {
                let (track, regress) = self.backup_media[cid].clone();
                let (participant, mid) = (participant.clone(), mid.clone());
                let publish = Command::PublishBackup { participant, mid, track, layers: vec![], regress };
                self.give(publish);
            }
            Event::MediaAdded { participant, mid, kind, cid, .. } => {
                let track = format!("TR_{cid}");
                let source = if *kind == Kind::Audio { Source::Microphone } else { Source::Camera };
                self.tracks.insert(track.clone(), participant.clone());
                let publish = Command::Publish {
                    participant: participant.clone(),
                    mid: mid.clone(),
                    track: track.clone(),
                    source,
                    muted: false,
                    layers: self.declared.clone(),
                    stereo: false,
                    stream: "camera".into(),
                    trailer: self.trailer.clone(),
                    backups: self.backups.clone(),
                };
                self.give(publish);
                let others: Vec<String> = self.clients.keys().filter(|name| *name != participant).cloned().collect();
                let subscribers = if self.auto_subscribe { others } else { vec![] };
                for participant in subscribers {
                    self.give(Command::Subscribe { participant, track: track.clone() });
                }
            }
            Event::SubscribedQuality { participant, track, codecs } if self.dynacast => {
                let cid = track.strip_prefix("TR_").expect("the simulation names tracks so");
                let Some(client) = self.clients.get_mut(participant) else { return };
                client.limit_layers(cid, codecs[0].1);
                let backups = self.backup_media.iter().filter(|(_, (of, _))| of == track);
                for (cid, _) in backups {
                    client.limit_layers(cid, codecs.get(1).and_then(|(_, wanted)| *wanted));
                }
            }
            _ => {}
        }
    }
}
