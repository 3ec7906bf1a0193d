//! A room that is spread over two shards, in virtual time: whoever is on which, it is one call.

use std::collections::BTreeSet;
use std::time::Duration;

use str0m::media::MediaKind::{Audio, Video};
use visavis_sfu::{Command, Event, Parcel, TrackSettings};

use crate::simulation::network::Link;
use crate::simulation::{self, Call};

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };

/// Ann publishes a camera with so many layers and a microphone on the first shard; each of the others is on the shard told.
fn call_of(others: &[(&str, u16)], layers: usize, seed: u64) -> Call {
    let mut call = Call::spread(LAN, seed);
    let names = [&[("ann", 0)], others].concat();
    for (name, place) in &names {
        place_next(&mut call, *place);
        call.join(name);
    }
    call.until_all_are_connected();
    call.publish("ann", Audio, "mic", 1);
    call.publish("ann", Video, "cam", layers);
    call.run(2 * SECOND);
    call
}

fn place_next(call: &mut Call, place: u16) {
    call.second.as_mut().expect("it is spread").next = Some(place);
}

fn relayed(call: &Call) -> usize {
    call.second.as_ref().expect("it is spread").relayed
}

/// Packets relayed while this time passes.
fn relayed_in(call: &mut Call, time: Duration) -> usize {
    let before = relayed(call);
    call.run(time);
    relayed(call) - before
}

fn frames(call: &Call, name: &str) -> u32 {
    call.received(name, "TR_cam").video.total()
}

fn set(call: &mut Call, name: &str, settings: TrackSettings) {
    call.command(Command::SetTrackSettings { participant: name.into(), track: "TR_cam".into(), settings });
}

fn of_quality(quality: u8) -> TrackSettings {
    TrackSettings { quality: Some(quality), ..TrackSettings::default() }
}

/// Packets of both of ann's tracks that came to the server.
fn published(call: &mut Call) -> u64 {
    let request = call.events.len() as u32;
    call.command(Command::ReportFigures { request });
    let figures = call.events_of(|event| match event {
        Event::Figures { request: answered, participants, .. } if *answered == request => Some(participants),
        _ => None,
    });
    let ann = figures.into_iter().flatten().find(|one| one.participant == "ann").expect("she is there");
    ann.published.iter().map(|track| track.packets).sum()
}

fn everyone_left(mut call: Call) {
    let names: Vec<String> = call.clients.keys().cloned().collect();
    for name in names {
        call.leave(&name);
    }
    call.run(SECOND);
    for shard in 0..2 {
        assert_eq!(call.shard_at(shard).stats().panics, 0);
        assert!(call.shard_at(shard).is_empty(), "something is left in shard {shard}");
    }
}

#[test]
fn subscribers_of_both_shards_get_the_same_packets_in_order_and_each_crosses_once() {
    for seed in 0..5 {
        let others = [("bob", 0), ("cy", 1), ("dan", 1), ("eve", 1)];
        let mut call = call_of(&others, 1, seed);
        let (came, crossed) = (published(&mut call), relayed(&call));
        call.run(5 * SECOND);
        let (came, crossed) = (published(&mut call) - came, relayed(&call) - crossed);
        assert!(came.abs_diff(crossed as u64) <= 4, "{came} packets came, {crossed} crossed: one for each");
        let sound = |name: &str| call.received(name, "TR_mic").opus.clone();
        let common: BTreeSet<u64> = sound("bob").into_iter().collect();
        for (name, _) in others {
            let (sound, picture) = (sound(name), call.received(name, "TR_cam"));
            assert!(sound.windows(2).all(|pair| pair[1] == pair[0] + 1), "{name}: {sound:?}");
            assert!(picture.sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "{name}'s picture has holes");
            assert!(sound.len() > 250 && frames(&call, name) > 120, "{name}: {} packets", sound.len());
            // What is only on its way is not missing.
            assert!(sound.iter().filter(|number| !common.contains(number)).count() < 20, "{name}");
        }
        everyone_left(call);
    }
}

#[test]
fn a_room_on_one_shard_relays_nothing() {
    let mut call = call_of(&[("bob", 0), ("cy", 0)], 1, 1);
    call.run(2 * SECOND);
    assert_eq!(relayed(&call), 0);
    assert!(frames(&call, "cy") > 40);
}

#[test]
fn what_nobody_on_the_other_shard_wants_does_not_cross() {
    let mut call = call_of(&[("bob", 0), ("cy", 1), ("dan", 1)], 1, 2);
    assert!(relayed_in(&mut call, SECOND) > 70, "sound and picture");
    let disabled = TrackSettings { disabled: true, ..TrackSettings::default() };
    set(&mut call, "cy", disabled);
    assert!(relayed_in(&mut call, SECOND) > 70, "dan still looks");
    set(&mut call, "dan", disabled);
    call.run(Duration::from_millis(200));
    let sound = relayed_in(&mut call, SECOND);
    assert!((45..=55).contains(&sound), "{sound} packets of sound alone");
    set(&mut call, "cy", TrackSettings::default());
    set(&mut call, "dan", TrackSettings::default());
    let before = frames(&call, "cy");
    call.run(2 * SECOND);
    assert!(frames(&call, "cy") - before > 45, "it comes back at once");
    for participant in ["cy", "dan"] {
        for track in ["TR_cam", "TR_mic"] {
            call.command(Command::Unsubscribe { participant: participant.into(), track: track.into() });
        }
    }
    call.run(Duration::from_millis(200));
    assert_eq!(relayed_in(&mut call, SECOND), 0, "nobody there has subscribed");
    call.command(Command::Subscribe { participant: "dan".into(), track: "TR_cam".into() });
    call.run(SECOND);
    let before = frames(&call, "dan");
    call.run(SECOND);
    assert!(frames(&call, "dan") - before > 22);
    everyone_left(call);
}

#[test]
fn keyframes_are_asked_for_together() {
    let names: Vec<String> = (0..12).map(|number| format!("p{number}")).collect();
    let others: Vec<(&str, u16)> =
        names.iter().zip([0, 1, 1].into_iter().cycle()).map(|(n, p)| (n.as_str(), p)).collect();
    let mut call = call_of(&others, 1, 3);
    call.run(2 * SECOND);
    let before = call.clients["ann"].keyframe_requests;
    // All of them lose the same packets, and with them the picture.
    call.network.link.loss = 1.0;
    call.run(Duration::from_millis(150));
    call.network.link.loss = 0.0;
    call.run(3 * SECOND);
    let asked = call.clients["ann"].keyframe_requests - before;
    assert!(asked <= 4, "{asked} requests for one loss of twelve");
    let before: Vec<u32> = names.iter().map(|name| frames(&call, name)).collect();
    call.run(SECOND);
    for (name, before) in names.iter().zip(before) {
        assert!(frames(&call, name) - before > 22, "{name} sees again");
    }
}

#[test]
fn a_late_joiner_on_the_other_shard_gets_a_keyframe_at_once() {
    let mut call = call_of(&[("bob", 0)], 3, 4);
    call.run(3 * SECOND);
    let before = call.clients["ann"].keyframe_requests;
    place_next(&mut call, 1);
    call.join("cy");
    let offered = |call: &Call| call.sections.iter().any(|((to, _), id)| to == "cy" && id == "TR_cam");
    call.run_until(5 * SECOND, "offer of ann's camera", offered);
    call.run_until(2 * SECOND, "first frame", |call| frames(call, "cy") > 0);
    // What was measured there came along: no lower layer is tried first.
    assert_eq!(call.received("cy", "TR_cam").video.layer, Some(2));
    assert_eq!(call.clients["ann"].keyframe_requests - before, 1);
}

#[test]
fn what_is_lost_on_the_way_to_a_subscriber_is_sent_again_by_its_own_shard() {
    let mut call = call_of(&[("bob", 1)], 1, 5);
    call.network.link = Link { loss: 0.05, delay: Duration::from_millis(20), ..LAN };
    let (came, crossed) = (published(&mut call), relayed(&call));
    call.run(10 * SECOND);
    let (came, crossed) = (published(&mut call) - came, relayed(&call) - crossed);
    assert!(crossed as u64 <= came + 4, "{came} packets came, {crossed} crossed");
    call.network.link = LAN;
    call.run(SECOND);
    let sequences = &call.received("bob", "TR_cam").sequences;
    let all: BTreeSet<u64> = sequences.iter().copied().collect();
    assert_eq!(all.len(), sequences.len(), "nothing arrives twice");
    let missing = (all.last().unwrap() - all.first().unwrap() + 1) as usize - all.len();
    assert!(missing * 100 <= all.len(), "{missing} of {} are missing", all.len());
    let late = sequences.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(late > 5, "only {late} came again");
}

#[test]
fn layers_are_chosen_for_each_subscriber_and_the_publisher_is_told_what_both_shards_want() {
    let mut call = call_of(&[("bob", 0), ("cy", 1), ("dan", 1)], 3, 6);
    call.dynacast = true;
    let layer = |call: &Call, name: &str| call.received(name, "TR_cam").video.layer;
    let told = |call: &Call| {
        let told = call.events_of(|event| match event {
            Event::SubscribedQuality { codecs, .. } => Some(codecs[0].1),
            _ => None,
        });
        told.last().copied().flatten()
    };
    assert_eq!(told(&call), Some(2));
    for (name, quality) in [("bob", 0), ("cy", 1), ("dan", 2)] {
        set(&mut call, name, of_quality(quality));
    }
    call.run(7 * SECOND);
    for (name, quality) in [("bob", 0), ("cy", 1), ("dan", 2)] {
        assert_eq!(layer(&call, name), Some(quality), "{name}");
    }
    assert_eq!(told(&call), Some(2), "dan wants it, on the other shard");
    set(&mut call, "dan", of_quality(0));
    call.run(8 * SECOND);
    assert_eq!((told(&call), layer(&call, "dan")), (Some(1), Some(0)));
    set(&mut call, "cy", of_quality(0));
    call.run(8 * SECOND);
    assert_eq!(told(&call), Some(0));
    set(&mut call, "cy", of_quality(2));
    call.run(3 * SECOND);
    assert_eq!((told(&call), layer(&call, "cy"), layer(&call, "bob")), (Some(2), Some(2), Some(0)));
    call.leave("cy");
    call.run(8 * SECOND);
    assert_eq!(told(&call), Some(0), "who wanted it has left");
    let sequences = &call.received("dan", "TR_cam").sequences;
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "switches leave no holes");
}

#[test]
fn mute_and_unmute_reach_the_other_shard() {
    let mut call = call_of(&[("bob", 0), ("cy", 1)], 1, 7);
    for track in ["TR_cam", "TR_mic"] {
        call.command(Command::SetMuted { track: track.into(), muted: true });
    }
    call.run(SECOND);
    let before = (frames(&call, "cy"), call.received("cy", "TR_mic").audio);
    assert_eq!(relayed_in(&mut call, SECOND), 0, "what is muted does not cross");
    assert_eq!((frames(&call, "cy"), call.received("cy", "TR_mic").audio), before);
    assert!(!call.received("cy", "TR_mic").silence.is_empty(), "silence follows");
    for track in ["TR_cam", "TR_mic"] {
        call.command(Command::SetMuted { track: track.into(), muted: false });
    }
    call.run(2 * SECOND);
    assert!(frames(&call, "cy") - before.0 > 45 && call.received("cy", "TR_mic").audio - before.1 > 95);
}

#[test]
fn tracks_and_people_who_go_leave_nothing_behind() {
    for (leaver, seed) in [("ann", 8), ("bob", 9), ("cy", 10)] {
        let mut call = call_of(&[("bob", 0), ("cy", 1)], 1, seed);
        call.publish("cy", Audio, "cymic", 1);
        call.run(SECOND);
        assert!(call.received("ann", "TR_cymic").audio > 10 && call.received("bob", "TR_cymic").audio > 10);
        let sdp = call.client("ann").offer_removal(1);
        call.tracks.remove("TR_cam");
        call.offer("ann", sdp);
        call.run(SECOND);
        assert!(!call.sections.values().any(|track| track == "TR_cam"), "nobody is offered what is gone");
        call.leave(leaver);
        call.run(SECOND);
        let crossing = relayed_in(&mut call, SECOND);
        let expected = match leaver {
            "ann" => 50, // cy's voice to bob
            "bob" => 100,
            _ => 0,
        };
        assert!(crossing.abs_diff(expected) <= 6, "after {leaver} left {crossing} packets crossed");
        assert_eq!(call.shard_at(1).is_empty(), leaver == "cy");
        everyone_left(call);
    }
}

#[test]
fn a_subscription_that_is_taken_back_at_once_leaves_nothing_behind() {
    let mut call = call_of(&[("bob", 1)], 1, 11);
    let (participant, track) = ("bob".to_owned(), "TR_cam".to_owned());
    for _ in 0..20 {
        call.command(Command::Unsubscribe { participant: participant.clone(), track: track.clone() });
        call.run(Duration::from_micros(700));
        call.command(Command::Subscribe { participant: participant.clone(), track: track.clone() });
        call.run(Duration::from_micros(300));
    }
    call.run(2 * SECOND);
    let before = frames(&call, "bob");
    call.run(SECOND);
    assert!(frames(&call, "bob") - before > 22, "the last word was that he wants it");
    call.command(Command::Unsubscribe { participant: participant.clone(), track: "TR_mic".into() });
    call.command(Command::Unsubscribe { participant, track });
    call.run(SECOND);
    assert_eq!(relayed_in(&mut call, SECOND), 0);
    everyone_left(call);
}

#[test]
fn who_subscribes_to_what_is_gone_is_told_so() {
    let mut call = call_of(&[("bob", 1)], 1, 12);
    call.command(Command::Unsubscribe { participant: "bob".into(), track: "TR_cam".into() });
    let sdp = call.client("ann").offer_removal(1);
    call.offer("ann", sdp);
    call.command(Command::Subscribe { participant: "bob".into(), track: "TR_cam".into() });
    call.run(SECOND);
    let failed = call.events_of(|event| match event {
        Event::SubscriptionFailed { participant, track, .. } => Some((participant.as_str(), track.as_str())),
        _ => None,
    });
    assert_eq!(failed, [("bob", "TR_cam")]);
}

#[test]
fn speakers_of_both_shards_are_told() {
    let mut call = call_of(&[("bob", 1)], 1, 13);
    call.publish("bob", Audio, "bobmic", 1);
    for name in ["ann", "bob"] {
        call.client(name).audio_level = -15;
    }
    call.run(3 * SECOND);
    let speaking: BTreeSet<&str> = call
        .events_of(|event| match event {
            Event::Speakers { levels, .. } => Some(levels.iter().filter(|(_, level)| *level > 0.1)),
            _ => None,
        })
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(speaking, BTreeSet::from(["ann", "bob"]));
}

/// `DataPacket { sequence (16), stream_chunk (15) of two bytes }`
fn packet(sequence: u8) -> [u8; 7] {
    [0x80, 0x01, sequence, 0x72, 2, b'c', sequence]
}

fn sequences(call: &Call, name: &str) -> Vec<u8> {
    let data = call.clients[name].data.iter().filter(|(label, _)| label == "_reliable");
    data.map(|(_, bytes)| bytes[2]).collect()
}

#[test]
fn data_reaches_everyone_once_and_in_order() {
    let mut call = call_of(&[("bob", 0), ("cy", 1), ("dan", 1)], 1, 14);
    call.run(2 * SECOND);
    for sequence in 1..=50 {
        assert!(call.client("ann").send_data("_reliable", &packet(sequence)));
        assert!(call.client("cy").send_data("_reliable", &packet(60 + sequence)));
        call.run(Duration::from_millis(10));
    }
    call.run(SECOND);
    for (name, first) in [("ann", vec![61]), ("bob", vec![1, 61]), ("cy", vec![1]), ("dan", vec![1, 61])] {
        let got = sequences(&call, name);
        assert_eq!(got.len(), 50 * first.len(), "{name}");
        for first in first {
            let of_one: Vec<u8> = got.iter().copied().filter(|number| (first..first + 50).contains(number)).collect();
            assert_eq!(of_one, (first..first + 50).collect::<Vec<u8>>(), "{name}");
        }
    }
    let send = |destinations: &[&str], text: u8| Command::SendData {
        room: simulation::ROOM.into(),
        packet: vec![0x72, 1, text],
        reliable: true,
        destinations: destinations.iter().map(|name| (*name).into()).collect(),
    };
    call.command(send(&["dan"], b'x'));
    call.command(send(&[], b'y'));
    call.run(SECOND);
    let last = |name: &str, count: usize| {
        let data = &call.clients[name].data;
        data[data.len() - count..].iter().map(|(_, bytes)| bytes[2]).collect::<Vec<_>>()
    };
    assert_eq!(last("dan", 2), [b'x', b'y']);
    assert_eq!((last("cy", 1), call.clients["cy"].data.len()), (vec![b'y'], 51));
    assert_eq!((last("ann", 1), call.clients["ann"].data.len()), (vec![b'y'], 51));
}

#[test]
fn what_is_said_while_the_first_joins_on_another_shard_is_not_missed() {
    let mut call = call_of(&[("bob", 0)], 1, 15);
    call.run(2 * SECOND);
    place_next(&mut call, 1);
    call.join("cy");
    assert!(call.client("ann").send_data("_reliable", &packet(1)));
    call.run(3 * SECOND);
    assert_eq!((sequences(&call, "bob"), sequences(&call, "cy")), (vec![1], vec![1]));
}

#[test]
fn data_tracks_cross_once_and_only_while_somebody_there_has_subscribed() {
    let mut call = call_of(&[("bob", 0), ("cy", 1), ("dan", 1)], 1, 16);
    call.run(SECOND);
    let frame = |number: u8| [0x18, 0, 0, 7, 0, number, 0, 1, 0, 0, 0, 9, number];
    call.command(Command::PublishDataTrack { participant: "ann".into(), handle: 7, track: "DTR_a".into() });
    for (participant, handle) in [("bob", 1), ("cy", 2), ("dan", 3)] {
        let (participant, track) = (participant.into(), "DTR_a".into());
        call.command(Command::SubscribeDataTrack { participant, track, handle });
    }
    call.client("ann").pause(0, true);
    call.client("ann").pause(1, true);
    call.run(Duration::from_millis(500));
    let got = |call: &Call, name: &str| -> Vec<(u8, u8)> {
        let data = call.clients[name].data.iter().filter(|(label, _)| label == "_data_track");
        data.map(|(_, bytes)| (bytes[3], bytes[12])).collect()
    };
    let before = relayed(&call);
    assert!(call.client("ann").send_data("_data_track", &frame(1)));
    call.run(Duration::from_millis(200));
    for (name, handle) in [("bob", 1), ("cy", 2), ("dan", 3)] {
        assert_eq!(got(&call, name), [(handle, 1)], "{name}");
    }
    assert_eq!(relayed(&call) - before, 1);
    call.command(Command::UnsubscribeDataTrack { participant: "cy".into(), track: "DTR_a".into() });
    call.leave("dan");
    call.run(Duration::from_millis(200));
    assert!(call.client("ann").send_data("_data_track", &frame(2)));
    call.run(Duration::from_millis(200));
    assert_eq!((relayed(&call) - before, got(&call, "bob").len(), got(&call, "cy").len()), (1, 2, 1));
    call.command(Command::SubscribeDataTrack { participant: "cy".into(), track: "DTR_a".into(), handle: 4 });
    call.run(Duration::from_millis(200));
    assert!(call.client("ann").send_data("_data_track", &frame(3)));
    call.run(Duration::from_millis(200));
    assert_eq!(got(&call, "cy"), [(2, 1), (4, 3)]);
    everyone_left(call);
}

#[test]
fn a_shard_that_begins_anew_takes_only_its_own_along() {
    let mut call = call_of(&[("bob", 0), ("cy", 1)], 1, 17);
    call.publish("cy", Audio, "cymic", 1);
    call.run(SECOND);
    let (fresh, now) = (call.fresh_shard(1), call.now);
    call.second.as_mut().expect("it is spread").shard = fresh;
    call.second.as_mut().expect("it is spread").send(1, Parcel::lost(), now);
    call.tracks.remove("TR_cymic");
    call.leave("cy");
    call.run(SECOND);
    assert_eq!(relayed_in(&mut call, SECOND), 0);
    let before = frames(&call, "bob");
    place_next(&mut call, 1);
    call.join("dan");
    call.run_until(5 * SECOND, "offer", |call| call.sections.keys().any(|(name, _)| name == "dan"));
    call.run(3 * SECOND);
    assert!(frames(&call, "bob") - before > 60 && frames(&call, "dan") > 40);
    assert!(!call.sections.iter().any(|((name, _), track)| name == "bob" && track == "TR_cymic"));
    everyone_left(call);
}
