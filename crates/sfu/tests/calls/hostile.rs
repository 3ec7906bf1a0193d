//! Peers that misbehave, beside a call that must not notice.

use std::net::SocketAddr;
use std::time::Duration;

use str0m::media::MediaKind::{Audio, Video};
use visavis_sfu::{Command, Event, Protocol, Target};

use crate::simulation::network::{Link, Random};
use crate::simulation::{self, Call};

const SECOND: Duration = Duration::from_secs(1);

fn running_call(seed: u64) -> Call {
    let mut call = Call::new(Link { delay: Duration::from_millis(5), ..Link::default() }, seed);
    for name in ["ann", "bob"] {
        call.join(name);
        call.run_until(5 * SECOND, "publisher connection", |call| call.clients[name].publisher.connected);
        call.publish(name, Audio, &format!("{name}_mic"), 1);
        call.publish(name, Video, &format!("{name}_cam"), 1);
    }
    call.run(2 * SECOND);
    call
}

/// The call beside is undisturbed: every frame of the next second arrives.
fn assert_undisturbed(call: &mut Call) {
    let frames = |call: &Call| call.received("bob", "TR_ann_cam").video.total();
    let before = frames(call);
    call.run(SECOND);
    let decoded = frames(call) - before;
    assert!(decoded >= 24, "bob decoded {decoded} of 25 frames");
    assert_eq!(call.shard.stats().panics, 0);
}

fn address(last: u8) -> SocketAddr {
    ([10, 9, 9, last], 999).into()
}

fn deliver(call: &mut Call, source: SocketAddr, payload: &[u8]) {
    let now = call.now;
    call.shard.handle_datagram(now, Protocol::Udp, source, ([10, 0, 0, 1], 7882).into(), payload);
    call.run(Duration::ZERO);
}

#[test]
fn random_bytes_change_nothing() {
    let mut call = running_call(1);
    let mut random = Random(99);
    let known = call.clients["ann"].publisher.address;
    for round in 0..2000u64 {
        let length = (random.share() * 200.0) as usize;
        let mut bytes = random.bytes(length);
        if let Some(first) = bytes.first_mut() {
            // All kinds in turn: STUN, DTLS, RTP, RTCP, anything.
            *first = [0, 1, 22, 0x80, 0x81, 0x90, *first][(round % 7) as usize];
        }
        let source = if round % 2 == 0 { known } else { address(1) };
        deliver(&mut call, source, &bytes);
    }
    assert_undisturbed(&mut call);
}

#[test]
fn stun_with_a_wrong_password_opens_no_route_and_gets_no_answer() {
    let mut call = running_call(2);
    let ufrag = call
        .events_of(|event| match event {
            Event::Answer { participant, sdp, .. } if participant == "ann" => {
                sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).map(|ufrag| ufrag.trim().to_owned())
            }
            _ => None,
        })
        .pop()
        .expect("ann was answered");
    // A binding request (RFC 8489) with the right username and a MESSAGE-INTEGRITY of nothing.
    let username = format!("{ufrag}:abcd");
    let padded = username.len().div_ceil(4) * 4;
    let length = 4 + padded + 24;
    let mut stun = vec![0, 1];
    stun.extend((length as u16).to_be_bytes());
    stun.extend([0x21, 0x12, 0xa4, 0x42]);
    stun.extend([7; 12]);
    stun.extend([0, 6]);
    stun.extend((username.len() as u16).to_be_bytes());
    stun.extend(username.bytes());
    stun.resize(20 + 4 + padded, 0);
    stun.extend([0, 8, 0, 20]);
    stun.extend([0xee; 20]);
    let now = call.now;
    call.shard.handle_datagram(now, Protocol::Udp, address(2), ([10, 0, 0, 1], 7882).into(), &stun);
    call.shard.flush(now);
    while let Some(transmit) = call.shard.poll_transmit() {
        assert_ne!(transmit.destination, address(2), "an answer to a forged request");
    }
    while let Some(route) = call.shard.poll_route() {
        assert_ne!(route.source, address(2), "a route for a forged address");
    }
    assert_undisturbed(&mut call);
}

#[test]
fn rtp_before_dtls_is_dropped() {
    let mut call = running_call(3);
    let mut rtp = vec![0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    rtp.resize(200, 0);
    deliver(&mut call, address(3), &rtp);
    assert_undisturbed(&mut call);
}

fn add(call: &mut Call, name: &str) {
    call.command(simulation::newcomer(name, Target::Subscriber, false));
}

fn refusal(call: &mut Call, name: &str, sdp: String) -> String {
    call.events.clear();
    call.offer(name, sdp);
    let refusals = call.events_of(|event| match event {
        Event::NegotiationFailed { participant, target: Target::Publisher, reason } if participant == name => {
            Some(reason.clone())
        }
        _ => None,
    });
    assert_eq!(refusals.len(), 1, "one clear refusal, got {:?}", call.events);
    refusals[0].clone()
}

#[test]
fn bad_offers_are_refused_with_a_reason() {
    let mut call = running_call(4);
    add(&mut call, "eve");
    let good = {
        let now = call.now;
        let mut client = simulation::client::Client::new(9, false, now);
        client.offer_track(Video, "eve_cam", 1, now)
    };
    assert!(!refusal(&mut call, "eve", "hello".into()).is_empty());
    assert!(!refusal(&mut call, "eve", String::new()).is_empty());

    let section = good.find("m=").expect("a media section");
    let (session, media) = good.split_at(section);
    let mut many = session.to_owned();
    for mid in 0..200 {
        for line in media.lines() {
            let line = if line.starts_with("a=mid:") { format!("a=mid:{mid}") } else { line.to_owned() };
            many.push_str(&line);
            many.push_str("\r\n");
        }
    }
    let reason = refusal(&mut call, "eve", many);
    assert!(reason.contains("200"), "says how many: {reason}");

    let without_ice: String =
        good.lines().filter(|line| !line.starts_with("a=ice-")).flat_map(|line| [line, "\r\n"]).collect();
    let reason = refusal(&mut call, "eve", without_ice);
    assert!(reason.to_lowercase().contains("ice"), "names what lacks: {reason}");

    let huge = format!("{good}a=x:{}\r\n", "x".repeat(600_000));
    assert!(!refusal(&mut call, "eve", huge).is_empty());

    // After all that a good offer is answered.
    call.events.clear();
    call.offer("eve", good);
    let answered = call.events_of(|event| matches!(event, Event::Answer { .. }).then_some(()));
    assert_eq!(answered.len(), 1, "{:?}", call.events);
    assert_undisturbed(&mut call);
}

#[test]
fn a_wrong_answer_ends_nobody_elses_call() {
    let mut call = running_call(5);
    add(&mut call, "eve");
    call.run(Duration::from_millis(50));
    for sdp in ["", "nonsense", "v=0\r\n"] {
        let (participant, sdp) = ("eve".to_owned(), sdp.to_owned());
        call.command(Command::SubscriberAnswer { participant, answer_id: 1, sdp });
    }
    call.run(20 * SECOND);
    assert_undisturbed(&mut call);
}

#[test]
fn commands_about_nobody_do_nothing() {
    let mut call = running_call(6);
    let nobody = || "PA_nobody".to_owned();
    call.command(Command::RemoveParticipant { participant: nobody() });
    call.command(Command::Subscribe { participant: nobody(), track: "TR_ann_cam".into() });
    call.command(Command::Unsubscribe { participant: nobody(), track: "TR_none".into() });
    call.command(Command::SetMuted { track: "TR_none".into(), muted: true });
    call.command(Command::RestartIce { participant: nobody() });
    assert_undisturbed(&mut call);
}
