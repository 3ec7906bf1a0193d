//! TURN on a stream (RFC 8656 section 2.1): messages tell their own length, and channel data is padded to four bytes.
//!
//! Not turn-types' own buffer: that knows no padding, and copies what is left of the buffer with each message.

const STUN_HEADER: usize = 20;
const CHANNEL_HEADER: usize = 4;

/// How long the message or channel data is that begins so, without padding; `None` if it is neither or not known yet.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    let length = usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
    match bytes[0] {
        0..=0x3f => Some(STUN_HEADER + length),
        0x40..=0x4f => Some(CHANNEL_HEADER + length),
        _ => None,
    }
}

/// Takes a stream apart into messages and channel data.
#[derive(Debug, Default)]
pub(crate) struct MessageReader {
    buffer: Vec<u8>,
    /// What of `buffer` is taken already.
    taken: usize,
}

/// What comes next in a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    Packet(&'a [u8]),
    /// More has to arrive.
    Wait,
    /// This is no TURN.
    Broken,
}

impl MessageReader {
    /// Adds what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    pub fn next_packet(&mut self) -> Next<'_> {
        let rest = &self.buffer[self.taken..];
        if rest.len() < CHANNEL_HEADER {
            return Next::Wait;
        }
        let Some(length) = length(rest) else { return Next::Broken };
        let padded = length.next_multiple_of(4);
        if rest.len() < padded {
            return Next::Wait;
        }
        let start = self.taken;
        self.taken += padded;
        Next::Packet(&self.buffer[start..start + length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(reader: &mut MessageReader) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        while let Next::Packet(packet) = reader.next_packet() {
            packets.push(packet.to_vec());
        }
        packets
    }

    #[test]
    fn messages_survive_any_cut_of_the_stream() {
        let message = [&[0, 3, 0, 4][..], &[7; 20]].concat();
        let packets = [message, vec![0x40, 1, 0, 3, 1, 2, 3], vec![0x4f, 0xff, 0, 0], vec![0x40, 2, 0, 4, 1, 2, 3, 4]];
        let stream: Vec<u8> = packets
            .iter()
            .flat_map(|packet| {
                let mut padded = packet.clone();
                padded.resize(packet.len().next_multiple_of(4), 0);
                padded
            })
            .collect();
        for step in 1..=stream.len() {
            let mut reader = MessageReader::default();
            let mut read = Vec::new();
            for piece in stream.chunks(step) {
                reader.push(piece);
                read.extend(all(&mut reader));
            }
            assert_eq!(read, packets, "in pieces of {step}");
            assert_eq!(reader.next_packet(), Next::Wait);
        }
    }

    #[test]
    fn what_is_no_turn_is_said_to_be_so() {
        for bytes in [&b"POST / HTTP/1.1"[..], &[0x80, 0, 0, 1], &[0xff; 9]] {
            let mut reader = MessageReader::default();
            reader.push(bytes);
            assert_eq!(reader.next_packet(), Next::Broken, "{bytes:?}");
        }
    }
}
