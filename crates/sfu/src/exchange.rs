//! What one shard has for others: messages, and the media of relayed tracks, put together for each of them in a batch.

use std::sync::Arc;
use std::time::Instant;

use crate::command::Command;
use crate::data::Routed;
use crate::data_tracks::DataTrackDescription;
use crate::downtrack::Incoming;
use crate::relay::{CodecDescription, Handle, Relayed, RelayedPacket, TrackDescription};
use crate::shard::Shard;
use crate::track::Track;

/// What a shard has for another. Messages must all arrive, in order; media may be lost, as on any way.
#[derive(Debug)]
pub enum Parcel {
    /// What is told and asked.
    Messages(Messages),
    /// Packets of relayed tracks.
    Media(Media),
}

/// Messages in order.
#[derive(Debug, Default)]
pub struct Messages(pub(crate) Vec<Kind>);

/// Packets in order.
#[derive(Debug, Default)]
pub struct Media {
    pub(crate) packets: Vec<RelayedPacket>,
    /// Of data tracks.
    pub(crate) data: Vec<(Handle, Arc<[u8]>)>,
}

impl Parcel {
    /// What the shard says that takes another's place: the other's tracks and subscriptions are no more.
    #[must_use]
    pub fn lost() -> Self {
        Self::Messages(Messages(vec![Kind::Lost]))
    }
}

impl Media {
    /// Number of packets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len() + self.data.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Debug)]
pub(crate) enum Kind {
    // From a publisher's shard to the subscribers'.
    Subscribe { participant: String, track: Box<TrackDescription> },
    SubscribeData { participant: String, handle: u16, track: Box<DataTrackDescription> },
    Pass(Box<Command>),
    Muted { handle: Handle, muted: bool },
    Renewed(Box<CodecDescription>),
    Regress { handle: Handle },
    End { handle: Handle },
    EndData { handle: Handle },
    // From a subscriber's shard to the publisher's.
    Release { handle: Handle, number: u32 },
    ReleaseData { handle: Handle, number: u32 },
    Wanted { handle: Handle, wanted: Option<u8> },
    Keyframe { handle: Handle, layer: usize },
    // From any to all.
    Data(Box<RelayedData>),
    Lost,
}

/// A data packet of a room, for its participants elsewhere.
#[derive(Debug)]
pub(crate) struct RelayedData {
    pub room: String,
    pub packet: Routed,
    pub reliable: bool,
    /// When it was sent.
    pub at: Instant,
    /// Everybody who was there then has it.
    pub replayed: bool,
}

/// What waits for one shard.
#[derive(Debug, Default)]
struct Bag {
    messages: Messages,
    media: Media,
}

/// What waits for others, and what came from them.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// By the shard's index. While no room is spread there are none.
    bags: Vec<Bag>,
    handles: u32,
    pub relayed: Relayed,
    /// The same of data tracks.
    pub relayed_data: Relayed,
    /// Relayed tracks that lost a subscriber.
    pub perhaps_unused: Vec<Handle>,
}

impl Exchange {
    /// For a new track with this slab key.
    pub(crate) fn handle(&mut self, key: usize) -> Handle {
        self.handles = self.handles.wrapping_add(1);
        Handle { key: key as u32, count: self.handles }
    }

    pub(crate) fn push(&mut self, to: u16, message: Kind) {
        self.bag(to).messages.0.push(message);
    }

    /// A packet of a track, for each shard that wants it.
    pub(crate) fn push_media(&mut self, track: &Track, incoming: &Incoming<'_>) {
        for (shard, _) in &track.wanted_by {
            self.bag(*shard).media.packets.push(RelayedPacket::new(track.handle, incoming));
        }
    }

    pub(crate) fn push_data(&mut self, to: u16, handle: Handle, packet: Arc<[u8]>) {
        self.bag(to).media.data.push((handle, packet));
    }

    fn bag(&mut self, to: u16) -> &mut Bag {
        let index = usize::from(to);
        if index >= self.bags.len() {
            self.bags.resize_with(index + 1, Bag::default);
        }
        &mut self.bags[index]
    }

    /// The next parcel, and for whom. Of one shard's, messages come first.
    pub(crate) fn poll(&mut self) -> Option<(u16, Parcel)> {
        self.bags.iter_mut().zip(0..).find_map(|(bag, to)| {
            if !bag.messages.0.is_empty() {
                return Some((to, Parcel::Messages(std::mem::take(&mut bag.messages))));
            }
            (!bag.media.is_empty()).then(|| {
                // As much as came at a time will come again.
                let room = Media { packets: Vec::with_capacity(bag.media.packets.len()), data: Vec::new() };
                (to, Parcel::Media(std::mem::replace(&mut bag.media, room)))
            })
        })
    }
}

impl Shard {
    /// The next parcel for another shard, by its index.
    pub fn poll_relay(&mut self) -> Option<(u16, Parcel)> {
        self.exchange.poll()
    }

    /// What another shard had for this one.
    pub fn handle_relay(&mut self, now: Instant, from: u16, parcel: Parcel) {
        self.calm.stir(now);
        match parcel {
            Parcel::Messages(messages) => {
                self.fan_out(now);
                for message in messages.0 {
                    let subject = self.subject_of(&message);
                    self.guarded(now, subject, |shard| shard.on_message(from, message, now));
                }
            }
            Parcel::Media(media) => {
                for packet in media.packets {
                    self.guarded(now, None, |shard| shard.on_relayed_packet(from, packet, now));
                }
                for (handle, packet) in media.data {
                    self.guarded(now, None, |shard| shard.on_relayed_data_track_packet(from, handle, &packet));
                }
            }
        }
    }

    /// The participant on whose behalf a message is.
    fn subject_of(&self, message: &Kind) -> Option<usize> {
        match message {
            Kind::Pass(command) => self.subject(command),
            Kind::Subscribe { participant, .. } | Kind::SubscribeData { participant, .. } => {
                self.participant_ids.get(participant).copied()
            }
            _ => None,
        }
    }

    fn on_message(&mut self, from: u16, message: Kind, now: Instant) {
        match message {
            Kind::Subscribe { participant, track } => self.on_relayed_subscription(from, &participant, *track, now),
            Kind::SubscribeData { participant, handle, track } => {
                self.on_relayed_data_subscription(from, &participant, handle, *track);
            }
            Kind::Pass(command) => self.apply(now, *command, None),
            Kind::Muted { handle, muted } => self.on_relayed_muted(from, handle, muted, now),
            Kind::Renewed(codec) => self.on_relayed_renewal(from, *codec, now),
            Kind::Regress { handle } => self.on_relayed_regress(from, handle, now),
            Kind::End { handle } => self.on_relayed_end(from, handle, now),
            Kind::Release { handle, number } => self.on_release(from, handle, number, now),
            Kind::Wanted { handle, wanted } => self.on_wanted(from, handle, wanted, now),
            Kind::Keyframe { handle, layer } => self.on_relayed_keyframe(handle, layer, now),
            Kind::EndData { handle } => self.on_relayed_data_track_end(from, handle),
            Kind::ReleaseData { handle, number } => self.on_data_track_release(from, handle, number),
            Kind::Data(data) => self.on_relayed_data(*data, now),
            Kind::Lost => self.on_lost(from, now),
        }
    }
}
