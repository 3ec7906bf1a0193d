//! RFC 4571: each packet on a TCP stream is preceded by its length in two bytes.

/// Takes a stream apart into packets.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    buffer: Vec<u8>,
    /// What of `buffer` is taken already.
    taken: usize,
}

impl FrameReader {
    /// Adds what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole packet. Empty ones are skipped.
    pub fn next_frame(&mut self) -> Option<&[u8]> {
        loop {
            let rest = &self.buffer[self.taken..];
            let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
            if rest.len() < 2 + length {
                return None;
            }
            let start = self.taken + 2;
            self.taken = start + length;
            if length > 0 {
                return Some(&self.buffer[start..start + length]);
            }
        }
    }
}

/// The packet with its length before it; `None` if it is too long for that.
pub(crate) fn frame(packet: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(packet.len()).ok()?;
    let mut framed = Vec::with_capacity(2 + packet.len());
    framed.extend(length.to_be_bytes());
    framed.extend_from_slice(packet);
    Some(framed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(reader: &mut FrameReader) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| reader.next_frame().map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn packets_survive_any_cut_of_the_stream() {
        let packets = [vec![1; 1], vec![2; 1200], vec![3; 65_535], vec![4; 20]];
        let stream: Vec<u8> = packets.iter().flat_map(|packet| frame(packet).expect("short enough")).collect();
        for step in [1, 2, 3, 1000, stream.len()] {
            let mut reader = FrameReader::default();
            let mut read = Vec::new();
            for piece in stream.chunks(step) {
                reader.push(piece);
                read.extend(all(&mut reader));
            }
            assert_eq!(read, packets, "in pieces of {step}");
        }
    }

    #[test]
    fn empty_packets_are_skipped() {
        let mut reader = FrameReader::default();
        reader.push(&[0, 0, 0, 0, 0, 1, 9, 0]);
        assert_eq!(all(&mut reader), [[9]]);
    }

    #[test]
    fn what_is_too_long_is_not_framed() {
        assert!(frame(&[0; 65_536]).is_none());
    }

    #[test]
    fn a_reader_holds_no_more_than_one_packet_and_what_came_with_it() {
        let stream = [frame(&[5; 60_000]).expect("short enough"), frame(&[6; 900]).expect("short enough")].concat();
        let mut reader = FrameReader::default();
        for _ in 0..50 {
            for piece in stream.chunks(1000) {
                reader.push(piece);
                all(&mut reader);
            }
        }
        assert!(reader.buffer.capacity() <= 2 * (2 + 65_535 + 1000), "{} bytes", reader.buffer.capacity());
    }

    #[test]
    fn a_length_without_its_packet_is_no_packet_yet() {
        let mut reader = FrameReader::default();
        reader.push(&[0xff, 0xff]);
        assert!(reader.next_frame().is_none());
        reader.push(&[1; 65_534]);
        assert!(reader.next_frame().is_none());
        reader.push(&[1]);
        assert_eq!(reader.next_frame().map(<[u8]>::len), Some(65_535));
        assert!(reader.next_frame().is_none());
    }
}
