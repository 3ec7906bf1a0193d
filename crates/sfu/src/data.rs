//! `livekit.DataPacket`: who sent it, who gets it, and what must never come twice.
//!
//! A packet is rewritten field by field on the wire form, without decoding it into a message: what this version of the
//! core does not know (data streams, RPC, encrypted packets, anything later) passes through byte by byte. Field numbers
//! from `livekit_models.proto`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::bytes::Buf;
use prost::encoding::{self, DecodeContext, WireType};

/// Longest message taken from a client, in bytes; what the SDP's `max-message-size` says.
pub(crate) const MAX_MESSAGE: usize = 65_535;
/// How long, and how much of it, a room keeps reliable packets for those whose channel is not open yet.
const REPLAY_TIME: Duration = Duration::from_secs(2);
const REPLAY_BYTES: usize = 100_000;

/// Fields of `DataPacket`.
mod packet {
    pub const KIND: u32 = 1;
    pub const USER: u32 = 2;
    pub const PARTICIPANT_IDENTITY: u32 = 4;
    pub const DESTINATION_IDENTITIES: u32 = 5;
    pub const RPC_ACK: u32 = 11;
    pub const RPC_RESPONSE: u32 = 12;
    pub const SEQUENCE: u32 = 16;
    pub const PARTICIPANT_SID: u32 = 17;
}

/// Fields of `UserPacket`.
mod user {
    pub const PARTICIPANT_SID: u32 = 1;
    pub const DESTINATION_SIDS: u32 = 3;
    pub const PARTICIPANT_IDENTITY: u32 = 5;
    pub const DESTINATION_IDENTITIES: u32 = 6;
}

/// Field of `RpcAck` and of `RpcResponse`.
const RPC_REQUEST_ID: u32 = 1;

/// The bytes are not a `DataPacket`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A packet as the others get it, and to whom it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Routed {
    /// Shared by all receivers.
    pub bytes: Arc<[u8]>,
    /// The sender's sequence; 0: none.
    pub sequence: u32,
    /// Identities; with no sids either, everyone.
    pub identities: Vec<String>,
    /// Participant ids, as old clients name them.
    pub sids: Vec<String>,
}

impl Routed {
    /// Whether a participant is among the destinations. (That it is not the sender is the caller's to check.)
    pub(crate) fn reaches(&self, sid: &str, identity: &str) -> bool {
        (self.identities.is_empty() && self.sids.is_empty())
            || self.identities.iter().any(|wanted| wanted == identity)
            || self.sids.iter().any(|wanted| wanted == sid)
    }
}

/// Signs a client's packet with its true sender and reads where it goes.
///
/// `identity` is empty for a hidden sender.
///
/// # Errors
/// [`Malformed`] if the bytes are no `DataPacket` or longer than [`MAX_MESSAGE`].
pub(crate) fn rewrite(bytes: &[u8], reliable: bool, sid: &str, identity: &str) -> Result<Routed, Malformed> {
    if bytes.len() > MAX_MESSAGE {
        return Err(Malformed);
    }
    let mut out = Vec::with_capacity(bytes.len() + sid.len() + identity.len() + 16);
    let (mut sequence, mut identities, mut sids) = (0, Vec::new(), Vec::new());
    let mut user_packet = None;
    for field in Fields(bytes) {
        let field = field?;
        match field.tag {
            packet::KIND | packet::PARTICIPANT_IDENTITY | packet::PARTICIPANT_SID => {}
            packet::DESTINATION_IDENTITIES => identities.push(field.text()?),
            packet::USER => user_packet = Some(field.bytes()?),
            packet::SEQUENCE => {
                sequence = field.number()?;
                out.extend_from_slice(field.raw);
            }
            _ => out.extend_from_slice(field.raw),
        }
    }
    let mut user = Vec::new();
    if let Some(inner) = user_packet {
        for field in Fields(inner) {
            let field = field?;
            match field.tag {
                user::PARTICIPANT_SID | user::PARTICIPANT_IDENTITY => {}
                user::DESTINATION_IDENTITIES => {
                    let name = field.text()?;
                    if !identities.contains(&name) {
                        identities.push(name);
                    }
                }
                user::DESTINATION_SIDS => {
                    sids.push(field.text()?);
                    user.extend_from_slice(field.raw);
                }
                _ => user.extend_from_slice(field.raw),
            }
        }
        put_text(user::PARTICIPANT_SID, sid, &mut user);
        put_text(user::PARTICIPANT_IDENTITY, identity, &mut user);
        for name in &identities {
            put_text(user::DESTINATION_IDENTITIES, name, &mut user);
        }
        encoding::bytes::encode(packet::USER, &user, &mut out);
    }
    // Kind: 0 is reliable, 1 lossy; it is the channel's, whatever the client wrote.
    if !reliable {
        encoding::int32::encode(packet::KIND, &1, &mut out);
    }
    put_text(packet::PARTICIPANT_IDENTITY, identity, &mut out);
    put_text(packet::PARTICIPANT_SID, sid, &mut out);
    for name in &identities {
        put_text(packet::DESTINATION_IDENTITIES, name, &mut out);
    }
    Ok(Routed { bytes: out.into(), sequence, identities, sids })
}

/// What a client says about an RPC request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RpcReply {
    /// It has it.
    Ack,
    /// How it ended.
    Response,
}

/// The reply to an RPC request that a packet is, and the id of the request.
pub(crate) fn rpc_reply(bytes: &[u8]) -> Option<(RpcReply, String)> {
    let field = Fields(bytes)
        .map_while(Result::ok)
        .find(|field| field.tag == packet::RPC_ACK || field.tag == packet::RPC_RESPONSE)?;
    let reply = if field.tag == packet::RPC_ACK { RpcReply::Ack } else { RpcReply::Response };
    let id = Fields(field.bytes().ok()?).map_while(Result::ok).find(|field| field.tag == RPC_REQUEST_ID)?;
    Some((reply, id.text().ok()?))
}

fn put_text(tag: u32, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        encoding::encode_key(tag, WireType::LengthDelimited, out);
        encoding::encode_varint(text.len() as u64, out);
        out.extend_from_slice(text.as_bytes());
    }
}

struct Field<'a> {
    tag: u32,
    wire_type: WireType,
    /// Key and value.
    raw: &'a [u8],
    value: &'a [u8],
}

impl<'a> Field<'a> {
    fn bytes(&self) -> Result<&'a [u8], Malformed> {
        if self.wire_type != WireType::LengthDelimited {
            return Err(Malformed);
        }
        let mut rest = self.value;
        encoding::decode_varint(&mut rest).map_err(|_| Malformed)?;
        Ok(rest)
    }

    fn text(&self) -> Result<String, Malformed> {
        std::str::from_utf8(self.bytes()?).map(str::to_owned).map_err(|_| Malformed)
    }

    fn number(&self) -> Result<u32, Malformed> {
        if self.wire_type != WireType::Varint {
            return Err(Malformed);
        }
        let mut rest = self.value;
        Ok(encoding::decode_varint(&mut rest).map_err(|_| Malformed)? as u32)
    }
}

/// The fields of a message in wire form, in order. Ends after the first error.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let start = self.0;
        let mut rest = start;
        let parsed = encoding::decode_key(&mut rest).and_then(|(tag, wire_type)| {
            let value = rest;
            encoding::skip_field(wire_type, tag, &mut rest, DecodeContext::default())?;
            Ok((tag, wire_type, value))
        });
        let Ok((tag, wire_type, value)) = parsed else {
            self.0 = &[];
            return Some(Err(Malformed));
        };
        let left = rest.remaining();
        self.0 = rest;
        Some(Ok(Field { tag, wire_type, raw: &start[..start.len() - left], value: &value[..value.len() - left] }))
    }
}

/// The receiving end of one sender's reliable channel: a client that resumed sends again what it is not sure of.
#[derive(Debug, Default)]
pub(crate) struct ReliableReceiver {
    highest: u32,
}

impl ReliableReceiver {
    /// True if a packet with this sequence (0: unsequenced) is new.
    pub(crate) fn accept(&mut self, sequence: u32) -> bool {
        if sequence == 0 {
            return true;
        }
        let new = sequence > self.highest;
        self.highest = self.highest.max(sequence);
        new
    }
}

/// The room's last reliable packets, for participants that are joining: `S` names a sender.
#[derive(Debug)]
pub(crate) struct Replay<S> {
    packets: VecDeque<(Instant, S, Routed)>,
    bytes: usize,
}

impl<S> Replay<S> {
    pub(crate) fn new() -> Self {
        Self { packets: VecDeque::new(), bytes: 0 }
    }

    /// Keeps a packet, and forgets what is too old or too much.
    pub(crate) fn push(&mut self, now: Instant, sender: S, packet: Routed) {
        self.bytes += packet.bytes.len();
        self.packets.push_back((now, sender, packet));
        self.expire(now);
    }

    fn expire(&mut self, now: Instant) {
        while let Some((at, _, packet)) = self.packets.front() {
            if self.bytes <= REPLAY_BYTES && now.saturating_duration_since(*at) <= REPLAY_TIME {
                break;
            }
            self.bytes -= packet.bytes.len();
            self.packets.pop_front();
        }
    }

    /// What came at or after `since` (when the joining participant was added), oldest first.
    pub(crate) fn since(&mut self, now: Instant, since: Instant) -> impl Iterator<Item = (&S, &Routed)> {
        self.expire(now);
        self.packets.iter().filter(move |(at, ..)| *at >= since).map(|(_, sender, packet)| (sender, packet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    struct User {
        #[prost(string, tag = "1")]
        participant_sid: String,
        #[prost(bytes = "vec", tag = "2")]
        payload: Vec<u8>,
        #[prost(string, repeated, tag = "3")]
        destination_sids: Vec<String>,
        #[prost(string, optional, tag = "4")]
        topic: Option<String>,
        #[prost(string, tag = "5")]
        participant_identity: String,
        #[prost(string, repeated, tag = "6")]
        destination_identities: Vec<String>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Packet {
        #[prost(int32, tag = "1")]
        kind: i32,
        #[prost(message, optional, tag = "2")]
        user: Option<User>,
        #[prost(string, tag = "4")]
        participant_identity: String,
        #[prost(string, repeated, tag = "5")]
        destination_identities: Vec<String>,
        #[prost(bytes = "vec", tag = "14")]
        stream_chunk: Vec<u8>,
        #[prost(uint32, tag = "16")]
        sequence: u32,
        #[prost(string, tag = "17")]
        participant_sid: String,
    }

    fn decoded(routed: &Routed) -> Packet {
        Packet::decode(&*routed.bytes).expect("what we send is a DataPacket")
    }

    #[test]
    fn sender_is_signed_whatever_the_client_claims() {
        let forged = Packet {
            participant_identity: "boss".into(),
            participant_sid: "PA_boss".into(),
            user: Some(User { participant_sid: "PA_boss".into(), payload: b"hi".to_vec(), ..User::default() }),
            sequence: 7,
            ..Packet::default()
        };
        let routed = rewrite(&forged.encode_to_vec(), false, "PA_me", "me").unwrap();
        let packet = decoded(&routed);
        assert_eq!((packet.participant_sid.as_str(), packet.participant_identity.as_str()), ("PA_me", "me"));
        assert_eq!((packet.kind, packet.sequence, routed.sequence), (1, 7, 7));
        let user = packet.user.unwrap();
        assert_eq!((user.participant_sid.as_str(), user.participant_identity.as_str()), ("PA_me", "me"));
        assert_eq!(user.payload, b"hi");
    }

    #[test]
    fn destinations_of_both_places_count_and_are_told_in_both() {
        let sent = Packet {
            destination_identities: vec!["ann".into()],
            user: Some(User {
                destination_identities: vec!["bob".into(), "ann".into()],
                destination_sids: vec!["PA_c".into()],
                ..User::default()
            }),
            ..Packet::default()
        };
        let routed = rewrite(&sent.encode_to_vec(), true, "PA_me", "me").unwrap();
        assert!(routed.reaches("PA_x", "ann") && routed.reaches("PA_x", "bob") && routed.reaches("PA_c", "x"));
        assert!(!routed.reaches("PA_x", "eve"));
        let packet = decoded(&routed);
        assert_eq!(packet.destination_identities, ["ann", "bob"]);
        assert_eq!(packet.user.unwrap().destination_identities, ["ann", "bob"]);
    }

    #[test]
    fn a_packet_for_nobody_named_is_for_all() {
        assert!(rewrite(&[], true, "PA_me", "me").unwrap().reaches("PA_x", "x"));
    }

    #[test]
    fn repeats_are_dropped_and_unsequenced_packets_are_not() {
        let mut receiver = ReliableReceiver::default();
        let kept: Vec<u32> = [1, 2, 2, 1, 0, 3, 0, 3].into_iter().filter(|&s| receiver.accept(s)).collect();
        assert_eq!(kept, [1, 2, 0, 3, 0]);
    }

    #[test]
    fn replay_keeps_two_seconds_and_a_hundred_kilobytes() {
        let start = Instant::now();
        let packet =
            rewrite(&Packet { stream_chunk: vec![0; 30_000], ..Packet::default() }.encode_to_vec(), true, "PA", "a");
        let packet = packet.unwrap();
        let mut replay = Replay::new();
        for i in 0..5 {
            replay.push(start + Duration::from_millis(i * 10), i, packet.clone());
        }
        let now = start + Duration::from_millis(50);
        assert_eq!(replay.since(now, start).map(|(s, _)| *s).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(replay.since(now, start + Duration::from_millis(40)).count(), 1);
        assert_eq!(replay.since(start + Duration::from_secs(3), start).count(), 0);
        assert_eq!(replay.bytes, 0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_rewritten_to_a_packet(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(routed) = rewrite(&bytes, true, "PA_me", "me") {
                let again = rewrite(&routed.bytes, true, "PA_me", "me").expect("what we send we would take");
                prop_assert_eq!(again.identities, routed.identities);
            }
        }

        #[test]
        fn payloads_pass_unchanged(chunk in proptest::collection::vec(any::<u8>(), 0..500), sequence: u32, reliable: bool) {
            let sent = Packet { stream_chunk: chunk.clone(), sequence, ..Packet::default() };
            let routed = rewrite(&sent.encode_to_vec(), reliable, "PA_me", "me").unwrap();
            let packet = decoded(&routed);
            prop_assert_eq!(packet.stream_chunk, chunk);
            prop_assert_eq!(packet.sequence, sequence);
            prop_assert_eq!(packet.kind, i32::from(!reliable));
        }
    }
}
