//! One participant as the core knows it: two connections, what it publishes, what it subscribes to.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::SdpPendingOffer;
use str0m::format::PayloadParams;
use str0m::media::{MediaKind, Mid};
use str0m::rtp::Ssrc;

use crate::ReliableSequence;
use crate::bitstream::Codec;
use crate::chat::Chat;
use crate::command::{Target, TrackSettings};
use crate::connection::Connection;
use crate::data_tracks::DataTracks;
use crate::figures::Traffic;
use crate::playout_delay::PlayoutLimits;
use crate::quality::{Sample, Scorer};
use crate::reliability::ReliableReceiver;
use crate::strain::Strain;

/// Tracks that a section remembers to have carried.
const REMEMBERED_TRACKS: usize = 8;

/// A media section of the publisher connection that sends.
pub(crate) struct Published {
    pub kind: MediaKind,
    pub cid: String,
    pub params: PayloadParams,
    pub codec: Codec,
    pub rids: Vec<String>,
    /// Slab key, once the control plane named the track.
    pub track: Option<usize>,
}

/// A media section that carries tracks to the client. Sections are never removed, only used again.
pub(crate) struct Section {
    pub mid: Mid,
    pub kind: MediaKind,
    pub used: Use,
    /// Ids of the tracks that it carried last.
    carried: VecDeque<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Carries the downtrack with this slab key.
    Track(usize),
    /// Its track is gone; blank frames are sent by the downtrack with this slab key, which nothing else knows any more.
    Flushing(usize),
    /// Its track is gone; the client does not know yet.
    Leaving,
    /// Offered as inactive; free once that is answered.
    Stopping,
    /// Free for another track of the same kind.
    Free,
}

/// The offers on the subscriber connection: one outstanding, the rest waits and is put together.
#[derive(Default)]
pub(crate) struct Offers {
    pub outstanding: Option<Outstanding>,
    /// Something changed since the last offer.
    pub wanted: bool,
    pub restart_ice: bool,
    pub last: Option<Instant>,
    pub timer: Option<Instant>,
    pub next_id: u32,
    /// One connection: sections that the client was asked for and has not offered yet.
    pub asked: Lacking,
    /// One connection: since when an offer is awaited.
    pub asked_since: Option<Instant>,
}

/// A number of media sections.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lacking {
    pub audios: u32,
    pub videos: u32,
}

pub(crate) struct Outstanding {
    pub id: u32,
    pub change: SdpPendingOffer,
    pub sent: Instant,
    /// New credentials, if this is an ICE restart.
    pub credentials: Option<str0m::IceCreds>,
}

pub(crate) struct Participant {
    pub id: String,
    pub identity: String,
    /// Slab key.
    pub room: usize,
    pub primary: Target,
    /// One connection, the publisher's, carries both directions.
    pub single: bool,
    pub can_publish_data: bool,
    pub hidden: bool,
    pub agent: bool,
    pub can_subscribe_metrics: bool,
    /// Its client goes on when a section's codec changes without a new description.
    pub codec_change: bool,
    /// As its command says.
    pub allow_pause: Option<bool>,
    /// In order of preference.
    pub codecs: Vec<Codec>,
    pub playout_delay: Option<PlayoutLimits>,
    /// Tracks of one stream are told as such; each then has a section of its own for good.
    pub sync_streams: bool,
    pub joined: Instant,
    // Boxed, as each has 10 kB and participants lie in a table that doubles when it is full.
    pub publisher: Option<Box<Connection>>,
    pub subscriber: Option<Box<Connection>>,

    pub published: BTreeMap<Mid, Published>,
    /// Track slab key and layer of each incoming stream.
    pub streams: HashMap<Ssrc, (usize, usize)>,

    pub offers: Offers,
    pub sections: Vec<Section>,
    /// Downtrack slab key by track id.
    pub subscriptions: BTreeMap<String, usize>,
    /// Settings that came before their subscription.
    pub settings: HashMap<String, TrackSettings>,
    /// Layers must be shared out anew.
    pub allocate: bool,
    /// The estimate with which it last got all that it wants: more changes nothing.
    pub enough: Option<u64>,
    pub strain: Strain,

    pub reliable: ReliableReceiver,
    pub sequence: Option<ReliableSequence>,
    pub data_tracks: DataTracks,
    /// RPCs of the server that this client has not answered yet, and whether it has acknowledged them.
    pub rpcs: HashMap<String, bool>,
    pub chat: Chat,
    /// Reliable messages that wait for room in the channel.
    pub outbox: VecDeque<Arc<[u8]>>,
    pub outbox_bytes: usize,

    pub traffic: Traffic,
    /// The latest round trip that it reported.
    pub rtt: Option<Duration>,
    pub scorer: Scorer,
    /// What the client reported of its reception of which track, since the last quality computation.
    pub reception: Vec<(usize, Sample)>,
}

impl Section {
    pub(crate) fn new(mid: Mid, kind: MediaKind) -> Self {
        Self { mid, kind, used: Use::Free, carried: VecDeque::new() }
    }

    /// From now on it carries the downtrack with this slab key, of the track with this id.
    pub(crate) fn carry(&mut self, downtrack: usize, track: &str) {
        self.used = Use::Track(downtrack);
        if !self.has_carried(track) {
            if self.carried.len() == REMEMBERED_TRACKS {
                self.carried.pop_front();
            }
            self.carried.push_back(track.into());
        }
    }

    pub(crate) fn is_free(&self, kind: MediaKind) -> bool {
        self.kind == kind && self.used == Use::Free
    }

    pub(crate) fn has_carried(&self, track: &str) -> bool {
        self.carried.iter().any(|carried| carried == track)
    }
}

impl Lacking {
    pub(crate) fn of(&mut self, kind: MediaKind) -> &mut u32 {
        if kind == MediaKind::Audio { &mut self.audios } else { &mut self.videos }
    }

    /// What remains of it.
    pub(crate) fn beyond(self, had: Self) -> Self {
        Self { audios: self.audios.saturating_sub(had.audios), videos: self.videos.saturating_sub(had.videos) }
    }
}

impl Participant {
    pub(crate) fn connection(&mut self, target: Target) -> Option<&mut Connection> {
        match target {
            Target::Publisher => self.publisher.as_deref_mut(),
            Target::Subscriber => self.subscriber.as_deref_mut(),
        }
    }

    /// The same, to look at.
    pub(crate) fn connection_of(&self, target: Target) -> Option<&Connection> {
        match target {
            Target::Publisher => self.publisher.as_deref(),
            Target::Subscriber => self.subscriber.as_deref(),
        }
    }

    /// Which connection carries media to the client.
    pub(crate) fn receiving(&self) -> Target {
        if self.single { Target::Publisher } else { Target::Subscriber }
    }

    /// With what its connections' own path has sent.
    pub(crate) fn traffic(&self) -> Traffic {
        let media = [&self.publisher, &self.subscriber].into_iter().flatten().filter_map(|one| one.media.as_ref());
        media.fold(self.traffic, |mut traffic, media| {
            let (packets, bytes) = media.sent();
            (traffic.packets_out, traffic.bytes_out) = (traffic.packets_out + packets, traffic.bytes_out + bytes);
            traffic
        })
    }

    /// The connection that carries media to the client.
    pub(crate) fn receiving_connection(&self) -> Option<&Connection> {
        self.connection_of(self.receiving())
    }

    pub(crate) fn receiving_connection_mut(&mut self) -> Option<&mut Connection> {
        self.connection(self.receiving())
    }

    /// The connection that carries data to the client.
    pub(crate) fn primary_connection(&mut self) -> Option<&mut Connection> {
        self.connection(self.primary)
    }

    pub(crate) fn section_of(&mut self, mid: Mid) -> Option<&mut Section> {
        self.sections.iter_mut().find(|section| section.mid == mid)
    }
}
