//! `livekit.DataPacket`: who sent it and who gets it.
//!
//! A packet is rewritten field by field on the wire form, without decoding it into a message: what this version of the
//! core does not know (data streams, RPC, encrypted packets, anything later) passes through byte by byte. Field numbers
//! from `livekit_models.proto`.

use std::sync::Arc;

use prost::encoding;

use crate::fields::{Fields, Malformed, put_text};

/// Longest message taken from a client, in bytes; what the SDP's `max-message-size` says.
pub(crate) const MAX_MESSAGE: usize = 65_535;

/// Fields of `DataPacket`.
pub(crate) mod packet {
    pub const KIND: u32 = 1;
    pub const USER: u32 = 2;
    pub const PARTICIPANT_IDENTITY: u32 = 4;
    pub const DESTINATION_IDENTITIES: u32 = 5;
    pub const TRANSCRIPTION: u32 = 7;
    pub const METRICS: u32 = 8;
    pub const CHAT_MESSAGE: u32 = 9;
    pub const RPC_ACK: u32 = 11;
    pub const RPC_RESPONSE: u32 = 12;
    pub const STREAM_HEADER: u32 = 13;
    pub const STREAM_CHUNK: u32 = 14;
    pub const STREAM_TRAILER: u32 = 15;
    pub const SEQUENCE: u32 = 16;
    pub const PARTICIPANT_SID: u32 = 17;
}

/// Fields of `UserPacket`.
pub(crate) mod user {
    pub const PARTICIPANT_SID: u32 = 1;
    pub const DESTINATION_SIDS: u32 = 3;
    pub const TOPIC: u32 = 4;
    pub const PARTICIPANT_IDENTITY: u32 = 5;
    pub const DESTINATION_IDENTITIES: u32 = 6;
    pub const NONCE: u32 = 11;
}

/// Field of `RpcAck` and of `RpcResponse`.
const RPC_REQUEST_ID: u32 = 1;
/// Field of `DataStream.Header`.
const TEXT_HEADER: u32 = 9;
/// "generated" in `ChatMessage` and in `DataStream.TextHeader`.
const CHAT_GENERATED: u32 = 6;
const TEXT_GENERATED: u32 = 5;

/// Who sends, as the server knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub sid: &'a str,
    pub identity: &'a str,
    /// The others do not know of it.
    pub hidden: bool,
    /// It may transcribe, and write in another's name.
    pub agent: bool,
}

/// What kind of packet, of those that may be chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A `UserPacket`.
    User,
    /// The beginning of a stream, some of it, its end.
    Header,
    Chunk,
    Trailer,
}

impl Part {
    fn of(tag: u32) -> Option<Self> {
        match tag {
            packet::USER => Some(Self::User),
            packet::STREAM_HEADER => Some(Self::Header),
            packet::STREAM_CHUNK => Some(Self::Chunk),
            packet::STREAM_TRAILER => Some(Self::Trailer),
            _ => None,
        }
    }
}

/// A packet as the others get it, and to whom it goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Routed {
    /// Shared by all receivers.
    pub bytes: Arc<[u8]>,
    /// The sender's sequence; 0: none.
    pub sequence: u32,
    /// Identities; with no sids either, everyone.
    pub identities: Vec<String>,
    /// Participant ids, as old clients name them.
    pub sids: Vec<String>,
    /// Tells a packet that comes twice.
    pub nonce: Option<[u8; 16]>,
    /// Metrics: for those who may see them.
    pub metrics: bool,
    /// None: no chat.
    pub part: Option<Part>,
}

impl Routed {
    pub(crate) fn is_for_all(&self) -> bool {
        self.identities.is_empty() && self.sids.is_empty()
    }

    /// Whether a participant is among the destinations. (That it is not the sender is the caller's to check.)
    pub(crate) fn reaches(&self, sid: &str, identity: &str) -> bool {
        self.is_for_all()
            || self.identities.iter().any(|wanted| wanted == identity)
            || self.sids.iter().any(|wanted| wanted == sid)
    }
}

/// Why a packet goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No `DataPacket`, or longer than [`MAX_MESSAGE`].
    Malformed,
    /// Only agents transcribe.
    NotAnAgent,
}

impl From<Malformed> for Refused {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

/// Signs a client's packet with its true sender and reads where it goes.
pub(crate) fn rewrite(bytes: &[u8], reliable: bool, sender: Sender<'_>) -> Result<Routed, Refused> {
    if bytes.len() > MAX_MESSAGE {
        return Err(Refused::Malformed);
    }
    let mut out = Vec::with_capacity(bytes.len() + sender.sid.len() + sender.identity.len() + 16);
    let mut routed = Routed::default();
    let (mut claimed, mut user_packet, mut text) = (String::new(), None, None);
    for field in Fields(bytes) {
        let field = field?;
        routed.part = routed.part.or(Part::of(field.tag));
        match field.tag {
            packet::KIND | packet::PARTICIPANT_SID => {}
            packet::PARTICIPANT_IDENTITY => claimed = field.text()?,
            packet::DESTINATION_IDENTITIES => routed.identities.push(field.text()?),
            packet::USER => user_packet = Some(field.bytes()?),
            packet::TRANSCRIPTION if !sender.agent => return Err(Refused::NotAnAgent),
            packet::CHAT_MESSAGE | packet::STREAM_HEADER if sender.agent => text = Some((field.tag, field.bytes()?)),
            packet::SEQUENCE => {
                routed.sequence = field.number()?;
                out.extend_from_slice(field.raw);
            }
            tag => {
                routed.metrics |= tag == packet::METRICS;
                out.extend_from_slice(field.raw);
            }
        }
    }
    let mut signed = if sender.hidden { "" } else { sender.identity };
    if let Some((tag, message)) = text {
        let for_another = !claimed.is_empty() && claimed != sender.identity;
        let generated = if for_another { generated(tag, message)? } else { None };
        if generated.is_some() {
            signed = &claimed;
        }
        encoding::bytes::encode(tag, &generated.unwrap_or_else(|| message.to_vec()), &mut out);
    }
    if let Some(message) = user_packet {
        let message = rewrite_user(message, &mut routed, sender)?;
        encoding::bytes::encode(packet::USER, &message, &mut out);
    }
    // Kind: 0 is reliable, 1 lossy; it is the channel's, whatever the client wrote.
    if !reliable {
        encoding::int32::encode(packet::KIND, &1, &mut out);
    }
    put_text(packet::PARTICIPANT_IDENTITY, signed, &mut out);
    put_text(packet::PARTICIPANT_SID, sender.sid, &mut out);
    for name in &routed.identities {
        put_text(packet::DESTINATION_IDENTITIES, name, &mut out);
    }
    routed.bytes = out.into();
    Ok(routed)
}

/// The same for the `UserPacket` inside, which has its own places for sender and destinations. Those outside go first.
fn rewrite_user(message: &[u8], routed: &mut Routed, sender: Sender<'_>) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::with_capacity(message.len() + sender.sid.len() + sender.identity.len() + 16);
    let mut identities = Vec::new();
    for field in Fields(message) {
        let field = field?;
        match field.tag {
            user::PARTICIPANT_SID | user::PARTICIPANT_IDENTITY => continue,
            user::DESTINATION_IDENTITIES => {
                identities.push(field.text()?);
                continue;
            }
            user::DESTINATION_SIDS => routed.sids.push(field.text()?),
            user::NONCE => routed.nonce = field.bytes()?.try_into().ok(),
            _ => {}
        }
        out.extend_from_slice(field.raw);
    }
    if !sender.hidden {
        put_text(user::PARTICIPANT_SID, sender.sid, &mut out);
        put_text(user::PARTICIPANT_IDENTITY, sender.identity, &mut out);
    }
    if routed.identities.is_empty() {
        routed.identities = identities;
    }
    for name in &routed.identities {
        put_text(user::DESTINATION_IDENTITIES, name, &mut out);
    }
    Ok(out)
}

/// A chat message or the header of a text stream, marked as generated; `None` if it is another stream's header.
fn generated(tag: u32, message: &[u8]) -> Result<Option<Vec<u8>>, Refused> {
    if tag == packet::CHAT_MESSAGE {
        let mut chat = message.to_vec();
        encoding::bool::encode(CHAT_GENERATED, &true, &mut chat);
        return Ok(Some(chat));
    }
    let (mut header, mut text_header) = (Vec::with_capacity(message.len() + 4), None);
    for field in Fields(message) {
        let field = field?;
        if field.tag == TEXT_HEADER {
            text_header = Some(field.bytes()?.to_vec());
        } else {
            header.extend_from_slice(field.raw);
        }
    }
    Ok(text_header.map(|mut text| {
        encoding::bool::encode(TEXT_GENERATED, &true, &mut text);
        encoding::bytes::encode(TEXT_HEADER, &text, &mut header);
        header
    }))
}

/// The nonce of a packet of the server.
pub(crate) fn nonce(bytes: &[u8]) -> Option<[u8; 16]> {
    let user = Fields(bytes).map_while(Result::ok).find(|field| field.tag == packet::USER)?;
    let nonce = Fields(user.bytes().ok()?).map_while(Result::ok).find(|field| field.tag == user::NONCE)?;
    nonce.bytes().ok()?.try_into().ok()
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
        #[prost(bytes = "vec", tag = "11")]
        nonce: Vec<u8>,
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
        #[prost(bytes = "vec", optional, tag = "9")]
        chat_message: Option<Vec<u8>>,
        #[prost(bytes = "vec", optional, tag = "13")]
        stream_header: Option<Vec<u8>>,
        #[prost(bytes = "vec", tag = "14")]
        stream_chunk: Vec<u8>,
        #[prost(uint32, tag = "16")]
        sequence: u32,
        #[prost(string, tag = "17")]
        participant_sid: String,
    }

    const ME: Sender<'_> = Sender { sid: "PA_me", identity: "me", hidden: false, agent: false };

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
        let routed = rewrite(&forged.encode_to_vec(), false, ME).unwrap();
        let packet = decoded(&routed);
        assert_eq!((packet.participant_sid.as_str(), packet.participant_identity.as_str()), ("PA_me", "me"));
        assert_eq!((packet.kind, packet.sequence, routed.sequence), (1, 7, 7));
        let user = packet.user.unwrap();
        assert_eq!((user.participant_sid.as_str(), user.participant_identity.as_str()), ("PA_me", "me"));
        assert_eq!(user.payload, b"hi");
    }

    #[test]
    fn destinations_outside_go_before_those_inside_and_are_told_in_both() {
        let mut sent = Packet {
            destination_identities: vec!["ann".into()],
            user: Some(User {
                destination_identities: vec!["bob".into()],
                destination_sids: vec!["PA_c".into()],
                ..User::default()
            }),
            ..Packet::default()
        };
        let routed = rewrite(&sent.encode_to_vec(), true, ME).unwrap();
        assert!(routed.reaches("PA_x", "ann") && routed.reaches("PA_c", "x"));
        assert!(!routed.reaches("PA_x", "bob"));
        let packet = decoded(&routed);
        assert_eq!(packet.destination_identities, ["ann"]);
        assert_eq!(packet.user.unwrap().destination_identities, ["ann"]);

        sent.destination_identities.clear();
        let packet = decoded(&rewrite(&sent.encode_to_vec(), true, ME).unwrap());
        assert_eq!(packet.destination_identities, ["bob"]);
        assert_eq!(packet.user.unwrap().destination_identities, ["bob"]);
    }

    #[test]
    fn a_hidden_sender_has_no_name() {
        let sent = Packet { user: Some(User::default()), ..Packet::default() };
        let packet = decoded(&rewrite(&sent.encode_to_vec(), true, Sender { hidden: true, ..ME }).unwrap());
        assert_eq!((packet.participant_identity.as_str(), packet.user), ("", Some(User::default())));
        assert_eq!(packet.participant_sid, "PA_me", "by which receivers tell sequences apart");
    }

    #[test]
    fn agents_write_in_anothers_name_and_it_shows() {
        let agent = Sender { agent: true, ..ME };
        let claims = |name: &str| Packet { participant_identity: name.into(), ..Packet::default() };
        let signed = |sent: &Packet, sender| decoded(&rewrite(&sent.encode_to_vec(), true, sender).unwrap());
        let chat = Packet { chat_message: Some(vec![0x22, 2, b'h', b'i']), ..claims("ann") };
        let text = Packet { stream_header: Some(vec![0x4a, 2, 0x10, 1, 0x1a, 1, b't']), ..claims("ann") };
        let file = Packet { stream_header: Some(vec![0x52, 0]), ..claims("ann") };

        let packet = signed(&chat, agent);
        assert_eq!(packet.participant_identity, "ann");
        assert_eq!(packet.chat_message.unwrap(), [0x22, 2, b'h', b'i', 0x30, 1]);
        let packet = signed(&text, agent);
        assert_eq!(packet.participant_identity, "ann");
        assert_eq!(packet.stream_header.unwrap(), [0x1a, 1, b't', 0x4a, 4, 0x10, 1, 0x28, 1]);
        for (sent, sender) in [(&file, agent), (&claims("ann"), agent), (&chat, ME), (&text, ME)] {
            let packet = signed(sent, sender);
            assert_eq!(packet.participant_identity, "me");
            assert_eq!(
                (packet.chat_message, packet.stream_header),
                (sent.chat_message.clone(), sent.stream_header.clone())
            );
        }
        let own = Packet { participant_identity: "me".into(), ..chat.clone() };
        assert_eq!(signed(&own, agent).chat_message, chat.chat_message);
    }

    #[test]
    fn only_agents_transcribe() {
        let bytes = [0x3a, 0];
        assert_eq!(rewrite(&bytes, true, ME), Err(Refused::NotAnAgent));
        assert!(rewrite(&bytes, true, Sender { agent: true, ..ME }).is_ok());
    }

    #[test]
    fn a_nonce_has_sixteen_bytes() {
        for (length, wanted) in [(16, Some([7; 16])), (15, None), (0, None)] {
            let sent = Packet { user: Some(User { nonce: vec![7; length], ..User::default() }), ..Packet::default() };
            assert_eq!(rewrite(&sent.encode_to_vec(), true, ME).unwrap().nonce, wanted);
            assert_eq!(nonce(&sent.encode_to_vec()), wanted);
        }
    }

    #[test]
    fn a_packet_for_nobody_named_is_for_all() {
        assert!(rewrite(&[], true, ME).unwrap().reaches("PA_x", "x"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_rewritten_to_a_packet(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(routed) = rewrite(&bytes, true, ME) {
                let again = rewrite(&routed.bytes, true, ME).expect("what we send we would take");
                prop_assert_eq!(again.identities, routed.identities);
            }
        }

        #[test]
        fn payloads_pass_unchanged(chunk in proptest::collection::vec(any::<u8>(), 0..500), sequence: u32, reliable: bool) {
            let sent = Packet { stream_chunk: chunk.clone(), sequence, ..Packet::default() };
            let routed = rewrite(&sent.encode_to_vec(), reliable, ME).unwrap();
            let packet = decoded(&routed);
            prop_assert_eq!(packet.stream_chunk, chunk);
            prop_assert_eq!(packet.sequence, sequence);
            prop_assert_eq!(packet.kind, i32::from(!reliable));
        }
    }
}
