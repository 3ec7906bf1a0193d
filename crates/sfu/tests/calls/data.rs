//! Much data at once, through channels that take only so much: in virtual time.

use std::time::Duration;

use visavis_sfu::{Command, Event};

use crate::simulation::network::Link;
use crate::simulation::{Call, ROOM};

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };
/// What LiveKit's clients cut streams into.
const CHUNK: usize = 15_000;

/// Everyone joins and has both channels open; only then the network turns into `link`.
fn call_of(names: &[&str], link: Link, seed: u64) -> Call {
    let mut call = Call::new(LAN, seed);
    for name in names {
        call.join(name);
        call.run_until(20 * SECOND, "publisher channel", |call| {
            call.clients[*name].publisher.channel("_reliable").is_some()
        });
        let open = |call: &Call| {
            call.events.iter().any(|(_, event)| *event == Event::DataChannelsOpen { participant: (*name).into() })
        };
        call.run_until(20 * SECOND, "data channels", open);
    }
    call.network.link = link;
    call
}

/// `DataPacket { stream_chunk (15), sequence (16) }`; the chunk is the number again and again.
fn packet(sequence: u32, length: usize) -> Vec<u8> {
    let varint = |mut value: u32| {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    };
    let chunk: Vec<u8> = sequence.to_be_bytes().into_iter().cycle().take(length).collect();
    [vec![0x7a], varint(length as u32), chunk, vec![0x80, 0x01], varint(sequence)].concat()
}

/// Sends as fast as the sender's own channel takes it.
fn send_all(call: &mut Call, from: &str, packets: impl IntoIterator<Item = Vec<u8>>) {
    for packet in packets {
        for attempt in 0.. {
            if call.client(from).send_data("_reliable", &packet) {
                break;
            }
            assert!(attempt < 10_000, "the sender's own channel takes nothing any more");
            call.run(Duration::from_millis(5));
        }
    }
}

/// The sequence in each reliable packet that `name` got, if the chunk is whole.
fn sequences(call: &Call, name: &str, length: usize) -> Vec<u32> {
    let whole = |bytes: &Vec<u8>| {
        let start = bytes.len().min(if length < 0x80 {
            2
        } else if length < 0x4000 {
            3
        } else {
            4
        });
        let chunk = bytes[start..].get(..length)?;
        chunk.chunks_exact(4).all(|number| number == &chunk[..4]).then(|| chunk[..4].try_into().map(u32::from_be_bytes))
    };
    let data = call.clients[name].data.iter().filter(|(label, _)| label == "_reliable");
    data.filter_map(|(_, bytes)| whole(bytes)).filter_map(Result::ok).collect()
}

#[test]
fn a_megabyte_reaches_everyone_whole_and_in_order() {
    for (loss, patience) in [(0.0, 2), (0.05, 30)] {
        let link = Link { loss, delay: Duration::from_millis(20), jitter: Duration::from_millis(5), bitrate: 0 };
        let mut call = call_of(&["ann", "bob", "cy"], link, 21);
        let sent: Vec<u32> = (1..=70).collect();
        send_all(&mut call, "ann", sent.iter().map(|sequence| packet(*sequence, CHUNK)));
        let done = |call: &Call| ["bob", "cy"].iter().all(|name| call.clients[*name].data.len() >= sent.len());
        call.run_until(patience * SECOND, "whole megabyte", done);
        for name in ["bob", "cy"] {
            assert_eq!(sequences(&call, name, CHUNK), sent, "{name} at {loss} loss");
        }
    }
}

#[test]
fn a_burst_larger_than_the_channel_arrives_without_more_to_push_it() {
    let mut call = call_of(&["ann", "bob"], LAN, 22);
    for sequence in 1..=40 {
        let (room, packet) = (ROOM.to_owned(), packet(sequence, CHUNK));
        call.command(Command::SendData { room, packet, reliable: true, destinations: vec!["bob".into()] });
    }
    call.run(5 * SECOND);
    assert_eq!(sequences(&call, "bob", CHUNK), (1..=40).collect::<Vec<_>>());
}

#[test]
fn lossy_data_passes_waiting_reliable_data() {
    let link = Link { bitrate: 2_000_000, ..LAN };
    let mut call = call_of(&["ann", "bob"], link, 23);
    send_all(&mut call, "ann", (1..=60).map(|sequence| packet(sequence, CHUNK)));
    call.run(SECOND / 5);
    // Several: the full link loses one now and then, and none is sent again.
    for _ in 0..10 {
        assert!(call.client("ann").send_data("_lossy", &packet(0, 100)));
        call.run(SECOND / 50);
    }
    let lossy = |call: &Call| call.clients["bob"].data.iter().any(|(label, _)| label == "_lossy");
    call.run_until(2 * SECOND, "lossy packet", lossy);
    assert!(sequences(&call, "bob", CHUNK).len() < 60, "the reliable ones were not there before it");
}

#[test]
fn what_a_client_cannot_take_does_not_hold_up_the_rest() {
    let mut call = Call::new(LAN, 24);
    call.join("ann");
    call.run_until(20 * SECOND, "channel", |call| call.clients["ann"].publisher.channel("_reliable").is_some());
    call.join("bob");
    call.client("bob").max_message_size = Some(16_384);
    call.run(SECOND);
    send_all(&mut call, "ann", [packet(1, CHUNK), packet(2, 20_000), packet(3, CHUNK)]);
    call.run(2 * SECOND);
    assert_eq!(sequences(&call, "bob", CHUNK), [1, 3]);
}

#[test]
fn who_never_reads_is_dropped_alone() {
    let mut call = call_of(&["ann", "bob", "cy"], LAN, 25);
    call.clients.remove("bob");
    let sent: Vec<u32> = (1..=150).collect();
    send_all(&mut call, "ann", sent.iter().map(|sequence| packet(*sequence, 60_000)));
    call.run(2 * SECOND);
    let failed = call.events_of(|event| match event {
        Event::ParticipantFailed { participant, reason } => Some((participant.as_str(), reason.contains("read"))),
        _ => None,
    });
    assert_eq!(failed, [("bob", true)]);
    assert_eq!(sequences(&call, "cy", 60_000), sent);
}

#[test]
fn the_last_in_a_room_may_be_dropped_for_not_reading() {
    let mut call = call_of(&["bob"], LAN, 26);
    call.clients.remove("bob");
    for sequence in 1..=150 {
        let (room, packet) = (ROOM.to_owned(), packet(sequence, 60_000));
        call.command(Command::SendData { room, packet, reliable: true, destinations: vec![] });
    }
    let stats = call.shard.stats();
    assert_eq!((stats.participants, stats.rooms, stats.panics), (0, 0, 0));
}

/// `DataPacket { rpc_ack (11) | rpc_response (12) { request_id (1) } }`, of a request whose id has three letters.
fn reply(field: u8, request: &str) -> Vec<u8> {
    [&[field << 3 | 2, 5, 0x0a, 3], request.as_bytes()].concat()
}

#[test]
fn what_the_server_asked_for_is_told_to_it_once_and_to_nobody_else() {
    let mut call = call_of(&["ann", "bob"], LAN, 27);
    for request in ["one", "two"] {
        let (participant, request) = ("ann".to_owned(), request.to_owned());
        call.command(Command::PerformRpc { participant, packet: packet(0, 10), request });
    }
    call.command(Command::EndRpc { participant: "ann".into(), request: "two".into() });
    let (ack, response) = (reply(11, "one"), reply(12, "one"));
    let strays = [ack.clone(), response.clone(), reply(12, "two"), reply(11, "etc")];
    send_all(&mut call, "ann", [ack.clone(), response.clone()].into_iter().chain(strays.clone()));
    send_all(&mut call, "bob", [reply(12, "one")]);
    call.run(SECOND);
    let told = call.events_of(|event| match event {
        Event::RpcReply { participant, request, packet } => Some((participant.as_str(), request.as_str(), packet)),
        _ => None,
    });
    assert_eq!(told, [("ann", "one", &ack), ("ann", "one", &response)]);
    assert_eq!(call.clients["ann"].data.len(), 3, "both requests, and bob's packet");
    assert_eq!(call.clients["bob"].data.len(), strays.len(), "what nobody waits for is a packet like any other");
}

/// A packet of a data track: header, then the payload.
fn frame(handle: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = handle.to_be_bytes();
    let [first, second] = sequence.to_be_bytes();
    [&[0x18, 0, high, low, first, second, 0, 1, 0, 0, 0, 0], payload].concat()
}

fn publish(call: &mut Call, name: &str, handle: u16, track: &str) {
    let (participant, track) = (name.to_owned(), track.to_owned());
    call.command(Command::PublishDataTrack { participant, handle, track });
}

fn subscribe(call: &mut Call, name: &str, track: &str, handle: u16) {
    let (participant, track) = (name.to_owned(), track.to_owned());
    call.command(Command::SubscribeDataTrack { participant, track, handle });
}

/// What came on the channel of data tracks.
fn frames(call: &Call, name: &str) -> Vec<Vec<u8>> {
    let data = call.clients[name].data.iter();
    data.filter(|(label, _)| label == "_data_track").map(|(_, bytes)| bytes.clone()).collect()
}

#[test]
fn frames_go_to_each_subscriber_under_its_own_handle() {
    let mut call = call_of(&["ann", "bob", "cy"], LAN, 28);
    publish(&mut call, "ann", 7, "DTR_a");
    publish(&mut call, "ann", 8, "DTR_b");
    subscribe(&mut call, "bob", "DTR_a", 1);
    subscribe(&mut call, "cy", "DTR_a", 500);
    subscribe(&mut call, "cy", "DTR_b", 501);
    for bytes in [frame(7, 1, b"a"), frame(8, 1, b"b"), frame(9, 1, b"nobody's"), vec![0x1c; 12], vec![]] {
        assert!(call.client("ann").send_data("_data_track", &bytes));
    }
    call.run(SECOND);
    assert_eq!(frames(&call, "bob"), [frame(1, 1, b"a")]);
    assert_eq!(frames(&call, "cy"), [frame(500, 1, b"a"), frame(501, 1, b"b")]);
    assert!(frames(&call, "ann").is_empty());

    call.command(Command::UnsubscribeDataTrack { participant: "cy".into(), track: "DTR_a".into() });
    call.command(Command::UnpublishDataTrack { participant: "bob".into(), track: "DTR_b".into() });
    for handle in [7, 8] {
        assert!(call.client("ann").send_data("_data_track", &frame(handle, 2, b"")));
    }
    call.run(SECOND);
    assert_eq!(frames(&call, "bob").last(), Some(&frame(1, 2, b"")));
    assert_eq!(frames(&call, "cy").last(), Some(&frame(501, 2, b"")), "only its owner ends a track");
}

#[test]
fn a_flood_of_frames_costs_nobody_else_anything() {
    let mut call = call_of(&["ann", "bob", "cy"], LAN, 29);
    publish(&mut call, "ann", 1, "DTR_a");
    subscribe(&mut call, "bob", "DTR_a", 1);
    call.clients.remove("bob");
    let flood = frame(1, 1, &[7; 1_000]);
    for round in 1..=20 {
        for _ in 0..200 {
            call.client("ann").send_data("_data_track", &flood);
        }
        send_all(&mut call, "cy", [packet(round, 100)]);
        call.run(SECOND / 50);
    }
    call.run(SECOND);
    assert_eq!(sequences(&call, "ann", 100), (1..=20).collect::<Vec<_>>());
    assert!(!call.events.iter().any(|(_, event)| matches!(event, Event::ParticipantFailed { .. })));
    let stats = call.shard.stats();
    assert_eq!((stats.participants, stats.panics), (3, 0));
}

#[test]
fn who_leaves_takes_its_data_tracks_along() {
    let mut call = call_of(&["ann", "bob", "cy"], LAN, 30);
    for (name, track) in [("ann", "DTR_a"), ("bob", "DTR_b")] {
        publish(&mut call, name, 1, track);
        for subscriber in ["ann", "bob", "cy"] {
            subscribe(&mut call, subscriber, track, 1);
        }
    }
    call.leave("ann");
    subscribe(&mut call, "cy", "DTR_a", 9);
    assert!(call.client("bob").send_data("_data_track", &frame(1, 1, b"still")));
    call.run(SECOND);
    assert_eq!(frames(&call, "cy"), [frame(1, 1, b"still")]);
    assert_eq!(call.shard.stats().panics, 0);
}
