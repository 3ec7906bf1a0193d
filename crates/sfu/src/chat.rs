//! Which data packets are chat: of these the control plane gets a copy, so that who comes later can read what was said.
//!
//! Chat is a text stream on the topic `lk.chat`, or one packet on the topic of older components. Everything else is not
//! looked into further than to see that, and what one participant can have copied is bounded: its packets go to the
//! others in any case.

use std::time::Instant;

use crate::data::{Part, packet, user};
use crate::fields::Fields;

const TOPIC: &str = "lk.chat";
const OLD_TOPIC: &str = "lk-chat-topic";
/// Streams of one participant that are followed at a time.
const MAX_OPEN: usize = 4;
/// Longest packet that is copied. LiveKit's clients cut streams into 15 000 bytes.
const MAX_PACKET: usize = 16 << 10;
/// Packets copied at once and in a second: a message is three at most, and nobody writes faster.
const BURST: f64 = 60.0;
const PER_SECOND: f64 = 10.0;

/// Fields of `DataStream.Header`; the stream's id is the first of chunk and trailer, too.
const STREAM_ID: u32 = 1;
const STREAM_TOPIC: u32 = 3;

/// One participant's chat.
#[derive(Debug, Default)]
pub(crate) struct Chat {
    open: Vec<String>,
    /// Packets spent, of [`BURST`], and when that was reckoned.
    spent: f64,
    reckoned: Option<Instant>,
}

impl Chat {
    /// Whether a packet is to be copied to the control plane.
    pub(crate) fn takes(&mut self, part: Part, bytes: &[u8], now: Instant) -> bool {
        match part {
            Part::User => text(bytes, packet::USER, user::TOPIC) == Some(OLD_TOPIC) && self.spend(bytes, now),
            Part::Header => {
                if text(bytes, packet::STREAM_HEADER, STREAM_TOPIC) != Some(TOPIC) || !self.spend(bytes, now) {
                    return false;
                }
                if self.open.len() == MAX_OPEN {
                    self.open.remove(0);
                }
                self.open.extend(text(bytes, packet::STREAM_HEADER, STREAM_ID).map(str::to_owned));
                true
            }
            Part::Chunk | Part::Trailer => {
                if self.open.is_empty() {
                    return false;
                }
                let tag = if part == Part::Chunk { packet::STREAM_CHUNK } else { packet::STREAM_TRAILER };
                let id = text(bytes, tag, STREAM_ID);
                let Some(index) = self.open.iter().position(|open| Some(open.as_str()) == id) else { return false };
                let taken = self.spend(bytes, now);
                if part == Part::Trailer || !taken {
                    self.open.remove(index);
                }
                taken
            }
        }
    }

    fn spend(&mut self, bytes: &[u8], now: Instant) -> bool {
        let since = self.reckoned.replace(now).map_or(0.0, |then| now.saturating_duration_since(then).as_secs_f64());
        self.spent = (self.spent - since * PER_SECOND).max(0.0);
        let affordable = bytes.len() <= MAX_PACKET && self.spent + 1.0 <= BURST;
        if affordable {
            self.spent += 1.0;
        }
        affordable
    }
}

/// The text of a field within a field.
fn text(bytes: &[u8], outer: u32, inner: u32) -> Option<&str> {
    let message = Fields(bytes).map_while(Result::ok).find(|field| field.tag == outer)?.bytes().ok()?;
    let field = Fields(message).map_while(Result::ok).find(|field| field.tag == inner)?;
    std::str::from_utf8(field.bytes().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fields::put_text;

    fn in_packet(tag: u32, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        prost::encoding::bytes::encode(tag, &message.to_vec(), &mut out);
        out
    }

    fn header(id: &str, topic: &str) -> Vec<u8> {
        let mut message = Vec::new();
        put_text(STREAM_ID, id, &mut message);
        put_text(STREAM_TOPIC, topic, &mut message);
        in_packet(packet::STREAM_HEADER, &message)
    }

    fn of_stream(tag: u32, id: &str) -> Vec<u8> {
        let mut message = Vec::new();
        put_text(STREAM_ID, id, &mut message);
        in_packet(tag, &message)
    }

    #[test]
    fn streams_of_chat_are_taken_from_header_to_trailer_and_others_are_not() {
        let (mut chat, now) = (Chat::default(), Instant::now());
        let (chunk, end) = (|id| of_stream(packet::STREAM_CHUNK, id), |id| of_stream(packet::STREAM_TRAILER, id));
        assert!(chat.takes(Part::Header, &header("a", TOPIC), now));
        assert!(!chat.takes(Part::Header, &header("b", "lk.files"), now));
        assert!(chat.takes(Part::Chunk, &chunk("a"), now));
        assert!(!chat.takes(Part::Chunk, &chunk("b"), now));
        assert!(chat.takes(Part::Trailer, &end("a"), now));
        assert!(!chat.takes(Part::Chunk, &chunk("a"), now));
        assert!(!chat.takes(Part::Header, &[0x6a, 9], now), "malformed");
    }

    #[test]
    fn old_components_chat_in_one_packet() {
        let (mut chat, now) = (Chat::default(), Instant::now());
        let said = |topic: &str| {
            let mut message = Vec::new();
            put_text(user::TOPIC, topic, &mut message);
            in_packet(packet::USER, &message)
        };
        assert!(chat.takes(Part::User, &said(OLD_TOPIC), now));
        assert!(!chat.takes(Part::User, &said("other"), now));
    }

    #[test]
    fn a_flood_is_copied_no_further_than_people_write() {
        let (mut chat, now) = (Chat::default(), Instant::now());
        let taken = |chat: &mut Chat, now| {
            (0..1000).filter(|id| chat.takes(Part::Header, &header(&id.to_string(), TOPIC), now)).count()
        };
        assert_eq!(taken(&mut chat, now), 60);
        assert_eq!(taken(&mut chat, now + Duration::from_secs(1)), 10);
        assert_eq!(chat.open.len(), MAX_OPEN);
        let long = header("x", &"y".repeat(MAX_PACKET));
        assert!(!Chat::default().takes(Part::Header, &long, now));
    }
}
