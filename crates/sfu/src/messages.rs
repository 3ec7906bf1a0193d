//! Data: from a participant's channel to the channels of those it is for.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use str0m::channel::{ChannelData, ChannelId};

use crate::command::Target;
use crate::connection::Channels;
use crate::data::{self, Routed, RpcReply, Sender};
use crate::event::Event;
use crate::shard::{Key, Shard};

/// Reliable bytes kept for a client that reads slowly (receivers share them); one that lets more pile up is dropped, as
/// what is left out of an ordered channel would break every stream on it.
const MAX_OUTBOX: usize = 8 << 20;
/// What a message is taken to cost beside its bytes, so that small ones count too.
const MESSAGE_COST: usize = 64;
/// Reliable bytes that the channel is given ahead; the others wait in the outbox.
const MAX_RELIABLE_WAITING: usize = 128 << 10;
/// The channel asks for more when it falls to this. Lower than any level at which a message is held back (or it would
/// never be crossed), and enough to bridge the time until more comes.
const RELIABLE_LOW: usize = 48 << 10;
/// A lossy message is not sent to a channel with so much waiting: it would come too late.
const MAX_LOSSY_WAITING: usize = 64 << 10;
/// What both channels may hold together: with this str0m itself never refuses what the limits above let pass.
pub(crate) const MAX_BUFFERED: usize = 512 << 10;

impl Shard {
    pub(crate) fn on_channel_open(&mut self, key: Key, id: ChannelId, label: &str, now: Instant) {
        let Some(connection) = self.connection(key) else { return };
        match label {
            "_reliable" => {
                connection.channels.reliable = Some(id);
                if let Some(mut channel) = connection.rtc.channel(id) {
                    channel.set_buffered_amount_low_threshold(RELIABLE_LOW);
                }
            }
            "_lossy" => connection.channels.lossy = Some(id),
            "_data_track" => connection.channels.data_track = Some(id),
            _ => {}
        }
        let channels = &mut connection.channels;
        let open = channels.reliable.is_some() && channels.lossy.is_some();
        if !open || std::mem::replace(&mut channels.told, true) || key.1 != self.participants[key.0].primary {
            return;
        }
        let participant = &self.participants[key.0];
        let (id, room, joined) = (participant.id.clone(), participant.room, participant.joined);
        let missed: Vec<Routed> = self.rooms[room]
            .replay
            .since(now, joined)
            .filter(|(sender, packet)| **sender != key.0 && packet.reaches(&id, &participant.identity))
            .filter(|(_, packet)| !packet.metrics || participant.can_subscribe_metrics)
            .map(|(_, packet)| packet.clone())
            .collect();
        for packet in missed {
            self.send_reliable(key.0, packet.bytes, now);
        }
        self.emit(Event::DataChannelsOpen { participant: id });
    }

    pub(crate) fn on_channel_data(&mut self, key: Key, message: &ChannelData, now: Instant) {
        let Some(participant) = self.participants.get_mut(key.0) else { return };
        let Some(connection) = participant.connection(key.1) else { return };
        let channels = connection.channels;
        if channels.data_track == Some(message.id) {
            return self.on_data_track_packet(key.0, &message.data);
        }
        let reliable = channels.reliable == Some(message.id);
        if !reliable && channels.lossy != Some(message.id) {
            return; // a channel of the client's own
        }
        if !participant.can_publish_data {
            return;
        }
        let sender = Sender {
            sid: &participant.id,
            identity: &participant.identity,
            hidden: participant.hidden,
            agent: participant.agent,
        };
        let packet = match data::rewrite(&message.data, reliable, sender) {
            Ok(packet) => packet,
            Err(reason) => {
                tracing::debug!(participant = %participant.id, ?reason, "a data packet goes nowhere");
                self.stats.packets_dropped += 1;
                return;
            }
        };
        if reliable {
            if !participant.reliable.accept(packet.sequence) {
                return;
            }
            if let Some(sequence) = &participant.sequence {
                sequence.fetch_max(packet.sequence, Ordering::Relaxed);
            }
        }
        // Only while the server waits for something: nobody else's packets are looked into.
        if !participant.rpcs.is_empty()
            && let Some((reply, request)) = data::rpc_reply(&message.data)
            && Self::is_awaited(&mut participant.rpcs, reply, &request)
        {
            let (participant, packet) = (participant.id.clone(), message.data.clone());
            return self.emit(Event::RpcReply { participant, request, packet });
        }
        let room = participant.room;
        if reliable
            && !participant.hidden
            && let Some(part) = packet.part
            && packet.is_for_all()
            && participant.chat.takes(part, &packet.bytes, now)
        {
            let (participant, packet) = (participant.id.clone(), packet.bytes.to_vec());
            self.emit(Event::ChatPacket { participant, packet });
        }
        self.route(room, Some(key.0), packet, reliable, now);
    }

    pub(crate) fn send_from_server(
        &mut self,
        room: usize,
        packet: Vec<u8>,
        reliable: bool,
        destinations: &[String],
        now: Instant,
    ) {
        if packet.len() > data::MAX_MESSAGE {
            tracing::warn!(bytes = packet.len(), "a data packet of the server is too long and goes nowhere");
            return;
        }
        let nonce = data::nonce(&packet);
        let packet = Routed { bytes: packet.into(), nonce, sids: destinations.to_vec(), ..Routed::default() };
        self.route(room, None, packet, reliable, now);
    }

    /// Sends an RPC request of the server; the answers to it come as events.
    pub(crate) fn perform_rpc(&mut self, key: usize, request: String, packet: Vec<u8>, now: Instant) {
        if packet.len() > data::MAX_MESSAGE {
            tracing::warn!(bytes = packet.len(), "an RPC request of the server is too long and goes nowhere");
            return;
        }
        self.participants[key].rpcs.insert(request, false);
        self.send_reliable(key, packet.into(), now);
    }

    /// Whether the server waits for this reply: for one acknowledgement and one response of each request, so that a
    /// client cannot keep the control plane busy.
    fn is_awaited(rpcs: &mut HashMap<String, bool>, reply: RpcReply, request: &str) -> bool {
        match reply {
            RpcReply::Ack => rpcs.get_mut(request).is_some_and(|acknowledged| !std::mem::replace(acknowledged, true)),
            RpcReply::Response => rpcs.remove(request).is_some(),
        }
    }

    fn route(&mut self, room: usize, sender: Option<usize>, packet: Routed, reliable: bool, now: Instant) {
        if packet.nonce.is_some_and(|nonce| !self.rooms[room].nonces.accept(nonce)) {
            return;
        }
        self.relay_data(room, &packet, reliable, now);
        self.deliver(room, sender, &packet, reliable, now);
        // The room is gone if the last in it was dropped for not reading.
        if let Some(room) = self.rooms.get_mut(room).filter(|_| reliable) {
            // usize::MAX is nobody's key: what the server sends is replayed to everyone it is for.
            room.replay.push(now, sender.unwrap_or(usize::MAX), packet);
        }
    }

    /// Hands a packet to those of this shard that it is for.
    pub(crate) fn deliver(
        &mut self,
        room: usize,
        sender: Option<usize>,
        packet: &Routed,
        reliable: bool,
        now: Instant,
    ) {
        let members = self.rooms[room].members.clone();
        for member in members {
            let participant = &self.participants[member];
            if Some(member) == sender
                || !packet.reaches(&participant.id, &participant.identity)
                || packet.metrics && !participant.can_subscribe_metrics
            {
                continue;
            }
            if reliable {
                self.send_reliable(member, packet.bytes.clone(), now);
            } else {
                self.send_lossy(member, Channels::lossy, &packet.bytes);
            }
        }
    }

    fn send_reliable(&mut self, key: usize, bytes: Arc<[u8]>, now: Instant) {
        let participant = &mut self.participants[key];
        let open = participant.primary_connection().is_some_and(|connection| connection.channels.told);
        if !open {
            return; // the replay brings it when the channel opens
        }
        participant.outbox_bytes += bytes.len() + MESSAGE_COST;
        participant.outbox.push_back(bytes);
        if participant.outbox_bytes > MAX_OUTBOX {
            return self.fail(key, format!("it does not read: {MAX_OUTBOX} bytes of data wait for it"), now);
        }
        self.send_outbox(key);
    }

    /// Writes what the reliable channel takes.
    pub(crate) fn send_outbox(&mut self, key: usize) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        let primary: Target = participant.primary;
        while let Some(bytes) = participant.outbox.front().cloned() {
            let Some(connection) = participant.primary_connection() else { return };
            let Some(mut channel) = connection.channels.reliable.and_then(|id| connection.rtc.channel(id)) else {
                return;
            };
            let waiting = channel.buffered_amount();
            if waiting > RELIABLE_LOW && waiting + bytes.len() > MAX_RELIABLE_WAITING {
                break;
            }
            match channel.write(true, &bytes) {
                Ok(true) => {}
                Ok(false) => break,
                // Longer than the client's description allows, or the channel is closing: it must not hold up the rest.
                Err(error) => {
                    tracing::debug!(%error, "a channel refused a message");
                    self.stats.packets_dropped += 1;
                }
            }
            participant.outbox_bytes -= bytes.len() + MESSAGE_COST;
            participant.outbox.pop_front();
        }
        self.touch((key, primary));
    }

    /// Sends on a channel where late is as good as lost.
    pub(crate) fn send_lossy(&mut self, key: usize, channel: fn(&Channels) -> Option<ChannelId>, bytes: &[u8]) {
        let participant = &mut self.participants[key];
        let primary = participant.primary;
        let Some(connection) = participant.primary_connection() else { return };
        let Some(mut channel) = channel(&connection.channels).and_then(|id| connection.rtc.channel(id)) else { return };
        if channel.buffered_amount() > MAX_LOSSY_WAITING {
            return;
        }
        if let Err(error) = channel.write(true, bytes) {
            tracing::debug!(%error, "a channel refused a message");
        }
        self.touch((key, primary));
    }
}
