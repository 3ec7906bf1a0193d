//! Feedback as a receiver writes it (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1).

#![allow(dead_code)] // each test file uses its part

/// Parts of which one message can tell: arrivals within what a delta holds.
pub fn split(base: u64, packets: &[Option<u64>]) -> Vec<(u64, &[Option<u64>])> {
    let (mut parts, mut start, mut last) = (Vec::new(), 0, None::<u64>);
    for (index, at) in packets.iter().enumerate() {
        let Some(at) = at else { continue };
        if last.is_some_and(|last| at.abs_diff(last) > 8_000_000) {
            parts.push((base + start as u64, &packets[start..index]));
            start = index;
        }
        last = Some(*at);
    }
    parts.push((base + start as u64, &packets[start..]));
    parts
}

/// One message: for each packet from `base` on, when it arrived in microseconds.
pub fn feedback(base: u64, packets: &[Option<u64>], number: u8) -> Vec<u8> {
    let first = packets.iter().flatten().next().copied().unwrap_or(0);
    let reference = first / 64_000;
    let mut bytes = (base as u16).to_be_bytes().to_vec();
    bytes.extend((packets.len() as u16).to_be_bytes());
    bytes.extend(&(reference as u32).to_be_bytes()[1..]);
    bytes.push(number);
    let (mut deltas, mut last) = (Vec::new(), (reference * 64_000) as i64);
    let mut statuses = Vec::new();
    for at in packets {
        let Some(at) = at else {
            statuses.push(0u16);
            continue;
        };
        let steps = (*at as i64 - last) / 250;
        last += steps * 250;
        if let Ok(small) = u8::try_from(steps) {
            statuses.push(1);
            deltas.push(small);
        } else {
            statuses.push(2);
            deltas.extend((steps as i16).to_be_bytes());
        }
    }
    for chunk in statuses.chunks(7) {
        let mut word = 0xc000u16;
        for (index, status) in chunk.iter().enumerate() {
            word |= status << (12 - 2 * index);
        }
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(deltas);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
