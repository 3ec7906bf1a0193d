//! A client as LiveKit's are, in str0m's RTP mode: with two connections, one of which it offers on and one answers on, or
//! with a single one, on which it offers sections to receive with.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpApi, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::format::Codec;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionValues, RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc};

use super::network::Datagram;
use super::svc;
use super::video::{Decoder, Encoder, Format};

/// What a client of today encodes and decodes.
pub const ALL_CODECS: [Codec; 6] = [Codec::Vp8, Codec::H264, Codec::H265, Codec::Vp9, Codec::Av1, Codec::Red];
/// LiveKit's rids, lowest layer first.
const RIDS: [&str; 3] = ["q", "h", "f"];
/// Sections of each kind that clients with a single connection begin with.
pub const FIRST_SECTIONS: usize = 3;
pub const VIDEO_INTERVAL: Duration = Duration::from_millis(40);
pub const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
const OPUS_BYTES: usize = 40;
/// Twenty milliseconds of nothing.
const OPUS_SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

struct Encoding {
    rid: Option<Rid>,
    active: bool,
    encoder: Encoder,
    sequence: u64,
    timestamp: u32,
    first: bool,
    /// Sends this instead.
    scalable: Option<svc::Encoder>,
    /// The Opus sent last.
    last_opus: Vec<u8>,
}

struct Source {
    cid: String,
    mid: Mid,
    kind: MediaKind,
    codec: Codec,
    paused: bool,
    /// The answer takes redundant audio.
    redundant: bool,
    encodings: Vec<Encoding>,
    next: Instant,
}

/// One media section as the client receives it.
#[derive(Debug, Default)]
pub struct Received {
    pub video: Decoder,
    /// Video with several layers in one stream.
    pub scalable: svc::Decoder,
    /// Opus packets.
    pub audio: u32,
    /// Those of them that carry the one before, too.
    pub redundant: u32,
    /// Packets of silence that are the server's own.
    pub silence: Vec<Vec<u8>>,
    /// The numbers that the publisher gave its Opus packets, as they came.
    pub opus: Vec<u64>,
    /// Extended sequence numbers that came, retransmissions included.
    pub sequences: Vec<u64>,
    /// Shortest playout delays in milliseconds, of the packets that told one.
    pub playout_delays: Vec<u64>,
    keyframe_asked: Option<Instant>,
    /// Streams that the section had, latest last.
    ssrcs: Vec<Ssrc>,
}

/// One of the two connections.
pub struct Connection {
    pub rtc: Rtc,
    pub address: SocketAddr,
    pub connected: bool,
    pub timeout: Instant,
    channels: BTreeMap<String, ChannelId>,
}

pub struct Client {
    pub publisher: Connection,
    pub subscriber: Connection,
    /// Only the publisher connection is used, both ways.
    pub single: bool,
    /// Sections to receive with, of a single connection.
    pub receivers: Vec<Mid>,
    pub pending: Option<SdpPendingOffer>,
    sources: Vec<Source>,
    pub received: BTreeMap<Mid, Received>,
    /// Data in order of arrival: channel label and bytes.
    pub data: Vec<(String, Vec<u8>)>,
    pub audio_level: i8,
    /// What the client says it takes at most; `None`: str0m's default.
    pub max_message_size: Option<u32>,
    /// How often a keyframe of what it publishes was asked for.
    pub keyframe_requests: u32,
    /// How many times larger than usual its pictures are.
    pub picture_size: usize,
    /// It sends H265, not VP8.
    pub h265: bool,
}

impl Connection {
    fn new(address: SocketAddr, codecs: &[Codec], now: Instant) -> Self {
        let has = |codec| codecs.contains(&codec);
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, has(Codec::Red))
            .enable_pcmu(has(Codec::PCMU), false)
            .enable_vp8(has(Codec::Vp8))
            .enable_h264(has(Codec::H264))
            .enable_h265(has(Codec::H265))
            .enable_vp9(has(Codec::Vp9))
            .enable_av1(has(Codec::Av1))
            .set_extension(12, Extension::with_serializer(svc::URI, svc::Serializer))
            .set_extension(5, Extension::PlayoutDelay)
            .build(now);
        let candidate = Candidate::host(address, "udp").expect("an address of the simulation");
        rtc.add_local_candidate(candidate);
        Self { rtc, address, connected: false, timeout: now, channels: BTreeMap::new() }
    }

    pub fn receive(&mut self, now: Instant, datagram: &Datagram) {
        let Ok(contents) = datagram.payload.as_slice().try_into() else {
            panic!("the server sent what is no packet: {:02x?}", &datagram.payload[..4.min(datagram.payload.len())]);
        };
        let receive =
            Receive { proto: Protocol::Udp, source: datagram.source, destination: datagram.destination, contents };
        self.rtc.handle_input(Input::Receive(now, receive)).expect("the server's packets are in order");
    }

    /// The channel's id, once it is open.
    pub fn channel(&self, label: &str) -> Option<ChannelId> {
        self.channels.get(label).copied()
    }
}

impl Client {
    /// A client that can encode and decode all there is.
    pub fn new(index: u8, single: bool, now: Instant) -> Self {
        Self::with_codecs(index, single, &ALL_CODECS, now)
    }

    /// A client that can encode and decode these codecs (redundant audio counts as one).
    pub fn with_codecs(index: u8, single: bool, codecs: &[Codec], now: Instant) -> Self {
        let address = |port| SocketAddr::from(([10, 0, 1, index], port));
        Self {
            publisher: Connection::new(address(4000), codecs, now),
            subscriber: Connection::new(address(5000), codecs, now),
            single,
            receivers: Vec::new(),
            pending: None,
            sources: Vec::new(),
            received: BTreeMap::new(),
            data: Vec::new(),
            audio_level: -90,
            max_message_size: None,
            keyframe_requests: 0,
            picture_size: 1,
            h265: false,
        }
    }

    /// The first offer's data channels, as LiveKit's clients make them.
    pub fn offer_data(&mut self) -> String {
        let mut changes = self.publisher.rtc.sdp_api();
        let lossy = Reliability::MaxRetransmits { retransmits: 0 };
        changes.add_channel_with_config(ChannelConfig { label: "_reliable".into(), ..ChannelConfig::default() });
        for label in ["_lossy", "_data_track"] {
            changes.add_channel_with_config(ChannelConfig {
                label: label.into(),
                ordered: false,
                reliability: lossy,
                ..ChannelConfig::default()
            });
        }
        if self.single {
            for kind in [MediaKind::Audio, MediaKind::Video].into_iter().flat_map(|kind| [kind; FIRST_SECTIONS]) {
                self.receivers.push(changes.add_media(kind, Direction::RecvOnly, None, None, None));
            }
        }
        let (offer, pending) = changes.apply().expect("channels need an offer");
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// A new offer, with so many more sections to receive with.
    pub fn offer_sections(&mut self, audios: u32, videos: u32) -> String {
        let mut changes = self.publisher.rtc.sdp_api();
        receive_again(&mut changes, &self.receivers);
        for (kind, count) in [(MediaKind::Audio, audios), (MediaKind::Video, videos)] {
            for _ in 0..count {
                self.receivers.push(changes.add_media(kind, Direction::RecvOnly, None, None, None));
            }
        }
        let (offer, pending) = changes.apply().expect("the directions have changed");
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// A new offer on the publisher connection, with new ICE credentials.
    pub fn offer_restart(&mut self) -> String {
        let mut changes = self.publisher.rtc.sdp_api();
        receive_again(&mut changes, &self.receivers);
        changes.ice_restart(true);
        let (offer, pending) = changes.apply().expect("a restart needs an offer");
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// The connection that media is received on.
    pub fn receiving(&self) -> &Connection {
        if self.single { &self.publisher } else { &self.subscriber }
    }

    /// Adds a track; `layers` 1 to 3 for video. Media flows once the answer is there.
    pub fn offer_track(&mut self, kind: MediaKind, cid: &str, layers: usize, now: Instant) -> String {
        let video = if self.h265 { Codec::H265 } else { Codec::Vp8 };
        self.offer_coded(kind, if kind.is_video() { video } else { Codec::Opus }, cid, layers, now)
    }

    /// The same, in a codec.
    pub fn offer_coded(&mut self, kind: MediaKind, codec: Codec, cid: &str, layers: usize, now: Instant) -> String {
        let simulcast = (layers > 1).then(|| {
            let mut simulcast = Simulcast::new();
            for rid in &RIDS[..layers] {
                simulcast.add_send_layer(SimulcastLayer::new(rid));
            }
            simulcast
        });
        let mut changes = self.publisher.rtc.sdp_api();
        receive_again(&mut changes, &self.receivers);
        let mid = changes.add_media(kind, Direction::SendOnly, Some("stream".into()), Some(cid.into()), simulcast);
        let (offer, pending) = changes.apply().expect("a track needs an offer");
        self.pending = Some(pending);
        let encodings = (0..layers).map(|layer| Encoding {
            rid: (layers > 1).then(|| RIDS[layer].into()),
            active: true,
            encoder: Encoder::new(format_of(codec), layer as u8, self.picture_size),
            sequence: 40_000 + 1000 * layer as u64,
            // Near the wrap, and each layer with its own base, as the standard allows.
            timestamp: (u32::MAX - 90_000).wrapping_add(50_000 * layer as u32),
            first: true,
            scalable: None,
            last_opus: Vec::new(),
        });
        self.sources.push(Source {
            cid: cid.into(),
            mid,
            kind,
            codec,
            paused: false,
            redundant: false,
            encodings: encodings.collect(),
            next: now,
        });
        offer.to_sdp_string()
    }

    /// Adds a video track with all layers in one stream.
    pub fn offer_scalable(&mut self, cid: &str, encoder: svc::Encoder, now: Instant) -> String {
        let sdp = self.offer_track(MediaKind::Video, cid, 1, now);
        self.sources.last_mut().expect("just added").encodings[0].scalable = Some(encoder);
        sdp
    }

    /// The names of its tracks, and their kinds.
    pub fn tracks(&self) -> impl Iterator<Item = (String, MediaKind)> {
        self.sources.iter().map(|source| (source.cid.clone(), source.kind))
    }

    /// Stops sending a track (0 is the first), and says so in an offer.
    pub fn offer_removal(&mut self, index: usize) -> String {
        let source = self.sources.remove(index);
        let mut changes = self.publisher.rtc.sdp_api();
        receive_again(&mut changes, &self.receivers);
        changes.set_direction(source.mid, Direction::Inactive);
        let (offer, pending) = changes.apply().expect("a direction needs an offer");
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    pub fn accept_answer(&mut self, sdp: &str) {
        for source in &mut self.sources {
            let mid = format!("\r\na=mid:{}\r\n", source.mid);
            let section = sdp.split("\r\nm=").find(|section| section.contains(&mid));
            source.redundant = section.is_some_and(|section| section.contains(" red/48000/2"));
        }
        let answer = SdpAnswer::from_sdp_string(sdp).expect("the server's answer is SDP");
        let pending = self.pending.take().expect("an answer follows an offer");
        self.publisher.rtc.sdp_api().accept_answer(pending, answer).expect("the server's answer fits the offer");
    }

    pub fn accept_offer(&mut self, sdp: &str) -> String {
        let offer = SdpOffer::from_sdp_string(sdp).expect("the server's offer is SDP");
        let answer = self.subscriber.rtc.sdp_api().accept_offer(offer).expect("the server's offer can be answered");
        let sdp = answer.to_sdp_string();
        let Some(size) = self.max_message_size else { return sdp };
        let lines = sdp.lines().map(|line| match line.split_once(':') {
            Some((name @ "a=max-message-size", _)) => format!("{name}:{size}\r\n"),
            _ => format!("{line}\r\n"),
        });
        lines.collect()
    }

    /// Lets both connections act on what changed.
    pub fn tick(&mut self, now: Instant) {
        for connection in [&mut self.publisher, &mut self.subscriber] {
            connection.rtc.handle_input(Input::Timeout(now)).expect("time moves on");
        }
    }

    /// Stops or resumes the encoders of a track, as muting does.
    pub fn pause(&mut self, index: usize, paused: bool) {
        self.sources[index].paused = paused;
    }

    /// Sends only the layers up to `highest`, as clients with dynacast do.
    /// Its source goes on as another stream, or as one that it was before, with these numbers. Returns the stream's SSRC.
    pub fn begin_anew(&mut self, index: usize, ssrc: Option<u32>, after: u64) -> u32 {
        let source = &mut self.sources[index];
        let mut api = self.publisher.rtc.direct_api();
        let known = api.stream_tx_by_mid(source.mid, None).map(|stream| stream.ssrc());
        if let Some(known) = known {
            api.remove_stream_tx(known);
        }
        let ssrc = ssrc.map_or_else(|| api.new_ssrc(), Ssrc::from);
        let repair = source.kind.is_video().then(|| api.new_ssrc());
        api.declare_stream_tx(ssrc, repair, source.mid, None);
        let encoding = &mut source.encodings[0];
        (encoding.sequence, encoding.first) = (after, true);
        *ssrc
    }

    pub fn limit_layers(&mut self, cid: &str, highest: Option<u8>) {
        self.choose_layers(cid, |layer| highest.is_some_and(|highest| layer <= usize::from(highest)));
    }

    /// Sends only these layers.
    pub fn choose_layers(&mut self, cid: &str, is_active: impl Fn(usize) -> bool) {
        for source in self.sources.iter_mut().filter(|source| source.cid == cid) {
            for (layer, encoding) in source.encodings.iter_mut().enumerate() {
                let active = is_active(layer);
                if active && !std::mem::replace(&mut encoding.active, active) {
                    encoding.encoder.request_keyframe();
                }
                encoding.active = active;
            }
        }
    }

    /// Sends on one of the publisher connection's channels; false if it is not open.
    pub fn send_data(&mut self, label: &str, bytes: &[u8]) -> bool {
        let Some(id) = self.publisher.channel(label) else { return false };
        let Some(mut channel) = self.publisher.rtc.channel(id) else { return false };
        channel.write(true, bytes).expect("an open channel takes data")
    }

    /// The next moment at which a track has something to send.
    pub fn next_media(&self) -> Option<Instant> {
        self.sources.iter().map(|source| source.next).min()
    }

    /// Writes what is due. Media starts with the connection.
    pub fn write_media(&mut self, now: Instant) {
        for source in &mut self.sources {
            let interval = if source.kind.is_video() { VIDEO_INTERVAL } else { AUDIO_INTERVAL };
            while source.next <= now {
                source.next += interval;
                for encoding in &mut source.encodings {
                    encoding.timestamp =
                        encoding.timestamp.wrapping_add(if source.kind.is_video() { 3600 } else { 960 });
                }
                if source.paused || !self.publisher.connected {
                    continue;
                }
                write_frame(&mut self.publisher.rtc, source, now, self.audio_level);
            }
        }
    }

    /// Takes everything out of both connections; returns what goes to the network.
    pub fn drain(&mut self, now: Instant) -> Vec<Datagram> {
        let mut out = Vec::new();
        for publisher in [true, false] {
            loop {
                let connection = if publisher { &mut self.publisher } else { &mut self.subscriber };
                let output = match connection.rtc.poll_output() {
                    Ok(output) => output,
                    // The server said goodbye before the data channels were up: nothing comes of this connection any more.
                    Err(error) if format!("{error:?}").contains("ErrShutdownNonEstablished") => {
                        connection.timeout = now + Duration::from_secs(3600);
                        break;
                    }
                    Err(error) => panic!("the client's side has no errors: {error}"),
                };
                match output {
                    Output::Timeout(at) => {
                        connection.timeout = at;
                        break;
                    }
                    Output::Transmit(transmit) => out.push(Datagram {
                        source: transmit.source,
                        destination: transmit.destination,
                        payload: transmit.contents.to_vec(),
                    }),
                    Output::Event(event) => self.handle(publisher, event, now),
                }
            }
        }
        out
    }

    fn handle(&mut self, publisher: bool, event: Event, now: Instant) {
        let connection = if publisher { &mut self.publisher } else { &mut self.subscriber };
        match event {
            Event::Connected => connection.connected = true,
            Event::ChannelOpen(id, label) => {
                connection.channels.insert(label, id);
            }
            Event::ChannelData(message) => {
                let label = connection.channels.iter().find(|(_, id)| **id == message.id).map(|(label, _)| label);
                self.data.push((label.expect("data follows opening").clone(), message.data));
            }
            Event::KeyframeRequest(request) if publisher => {
                for source in self.sources.iter_mut().filter(|source| source.mid == request.mid) {
                    for encoding in source.encodings.iter_mut().filter(|encoding| encoding.rid == request.rid) {
                        encoding.encoder.request_keyframe();
                        if let Some(encoder) = &mut encoding.scalable {
                            encoder.request_keyframe();
                        }
                        self.keyframe_requests += 1;
                    }
                }
            }
            Event::RtpPacket(packet) => {
                let config = connection.rtc.codec_config();
                let params = config.find(|params| params.pt() == packet.header.payload_type);
                let codec = params.map(|params| params.spec().codec);
                let mut api = connection.rtc.direct_api();
                let stream = api.stream_rx(&packet.header.ssrc).expect("a packet has its stream");
                let received = self.received.entry(stream.mid()).or_default();
                // Another stream in the section needs another decoder. One that it had before is none: str0m files
                // retransmissions, which it tells by section, under the section's first stream.
                if !received.ssrcs.contains(&packet.header.ssrc) {
                    let mut ssrcs = std::mem::take(&mut received.ssrcs);
                    ssrcs.push(packet.header.ssrc);
                    *received = Received { ssrcs, ..Received::default() };
                }
                received.sequences.push(*packet.seq_no);
                if let Some(delay) = packet.header.ext_vals.play_delay_min {
                    received.playout_delays.push((delay.as_seconds() * 1000.0).round() as u64);
                }
                if packet.payload.is_empty() {
                    return; // fills a hole
                }
                if codec.is_none_or(|codec| codec.is_audio()) {
                    if packet.payload.starts_with(&OPUS_SILENCE) || packet.payload.iter().all(|byte| *byte == 0xff) {
                        received.silence.push(packet.payload.to_vec());
                        return;
                    }
                    received.audio += 1;
                    let red = packet.payload.len() > OPUS_BYTES;
                    received.redundant += u32::from(red);
                    let opus = &packet.payload[packet.payload.len() - OPUS_BYTES..];
                    received.opus.push(u64::from_be_bytes(opus[1..9].try_into().expect("eight bytes")));
                    return;
                }
                let codec = codec.expect("a packet has a payload type that was negotiated");
                // Of VP9, what has no layers is `video`'s.
                let layered = packet.payload.first().is_none_or(|flags| flags & 0x20 != 0);
                let needs_keyframe = if codec == Codec::Av1 || codec == Codec::Vp9 && layered {
                    received.scalable.receive(&packet);
                    received.scalable.needs_keyframe()
                } else {
                    received.video.receive(format_of(codec), packet.time.numer(), &packet.payload);
                    received.video.needs_keyframe()
                };
                let patience = Duration::from_millis(300);
                // The first frame may be on its way.
                let asked = *received.keyframe_asked.get_or_insert(now);
                if needs_keyframe && now - asked > patience {
                    received.keyframe_asked = Some(now);
                    stream.request_keyframe(KeyframeRequestKind::Pli);
                }
            }
            _ => {}
        }
    }
}

/// Browsers offer what the transceiver wants whatever the last answer said; str0m offers what the answer said.
fn receive_again(changes: &mut SdpApi<'_>, receivers: &[Mid]) {
    for mid in receivers {
        changes.set_direction(*mid, Direction::Inactive);
        changes.set_direction(*mid, Direction::RecvOnly);
    }
}

fn format_of(codec: Codec) -> Format {
    match codec {
        Codec::Vp9 => Format::Vp9,
        Codec::H265 => Format::H265,
        _ => Format::Vp8,
    }
}

fn opus_packet(number: u64) -> Vec<u8> {
    let mut packet = vec![0xfc];
    packet.extend(number.to_be_bytes());
    packet.resize(OPUS_BYTES, 0xfc);
    packet
}

/// As browsers send it (RFC 2198): the packet before, if there was one, and this one.
fn with_redundancy(pt: u8, before: &[u8], opus: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    if !before.is_empty() {
        payload.extend([0x80 | pt, (960u32 >> 6) as u8, (960u32 << 2) as u8, before.len() as u8]);
    }
    payload.push(pt);
    payload.extend(before);
    payload.extend(opus);
    payload
}

fn write_frame(rtc: &mut Rtc, source: &mut Source, now: Instant, audio_level: i8) {
    let scalable = source.encodings[0].scalable.as_ref().map(|encoder| encoder.codec);
    let codec = scalable.unwrap_or(source.codec);
    let params = *rtc.codec_config().find(|params| params.spec().codec == codec).expect("enabled above");
    let redundant = params.red().filter(|_| source.redundant);
    let pt = redundant.unwrap_or(params.pt());
    for encoding in source.encodings.iter_mut().filter(|encoding| encoding.active) {
        let packets = match &mut encoding.scalable {
            Some(encoder) => encoder.next_picture(),
            None if source.kind.is_video() => encoding.encoder.next_frame().into_iter().map(|p| (p, None)).collect(),
            None => {
                let opus = opus_packet(encoding.sequence + 1);
                let before = std::mem::replace(&mut encoding.last_opus, opus.clone());
                let payload = if redundant.is_some() { with_redundancy(*params.pt(), &before, &opus) } else { opus };
                vec![(payload, None)]
            }
        };
        let last = packets.len() - 1;
        for (index, (payload, descriptor)) in packets.into_iter().enumerate() {
            encoding.sequence += 1;
            let mut extensions = ExtensionValues {
                audio_level: source.kind.is_audio().then_some(audio_level),
                voice_activity: source.kind.is_audio().then_some(audio_level > -50),
                ..ExtensionValues::default()
            };
            if let Some(descriptor) = descriptor {
                extensions.user_values.set(svc::Descriptor(descriptor));
            }
            let packet = RtpWrite::new(pt, encoding.sequence.into(), encoding.timestamp, now, payload)
                .marker(index == last)
                .nackable(source.kind.is_video())
                .ext_vals(extensions);
            let mut api = rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(source.mid, encoding.rid) else { return };
            if encoding.first {
                // Browsers do not ration retransmission as str0m does.
                stream.set_rtx_cache(1024, Duration::from_secs(2), None);
                encoding.first = false;
            }
            stream.write_rtp(packet);
            rtc.handle_input(Input::Timeout(now)).expect("time moves on");
        }
    }
}
