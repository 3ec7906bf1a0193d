"""Handles what the media core says about one participant of a room."""

import structlog
from livekit.protocol import rtc

from visavis.media import events
from visavis.signalling import messages, publishing, rpc, subscribing
from visavis.signalling.live_room import LiveRoom
from visavis.signalling.messages import Reason
from visavis.signalling.session import Session

_log = structlog.stdlib.get_logger(__name__)


def react(room: LiveRoom, session: Session, event: events.RoomEvent) -> None:
    """Does what an event asks for."""
    match event:
        case events.ConnectionChanged():
            _connection_changed(room, session, event)
        case events.Answer(_, offer_id, sdp, mid_to_track):
            session.send(messages.answer(offer_id, sdp, mid_to_track))
        case events.SectionsWanted(_, audios, videos):
            session.send(messages.sections_wanted(audios, videos))
        case events.Offer(_, offer_id, sdp, mid_to_track):
            session.unanswered_offer = messages.offer(offer_id, sdp, mid_to_track)
            session.send(session.unanswered_offer)
        case events.NegotiationFailed(_, target, reason):
            _log.warning("negotiation_failed", participant=session.sid, target=target, reason=reason)
            room.remove(session, Reason.STATE_MISMATCH, action=rtc.LeaveRequest.RECONNECT)
        case events.MediaAdded():
            publishing.media_added(room, session, event)
        case events.MediaRemoved(_, mid):
            publishing.media_removed(room, session, mid)
        case events.TrackSubscribed(_, track):
            subscribing.track_subscribed(room, session, track)
        case events.SubscribedQuality(_, track, codecs):
            publishing.subscribed_quality(session, track, codecs)
        case events.StreamStateChanged(_, track, paused):
            subscribing.stream_state_changed(room, session, track, paused=paused)
        case events.SubscriptionFailed(_, track, reason):
            subscribing.subscription_failed(session, track, reason)
        case events.RpcReply():
            rpc.replied(session, event)
        case events.ChatPacket(_, packet):
            room.chat.take(session.sid, packet, name_of=room.name_of, now=room.around.now())
        case events.ParticipantFailed(_, reason):
            _log.warning("participant_failed", participant=session.sid, reason=reason)
            room.remove(session, Reason.MEDIA_FAILURE, action=rtc.LeaveRequest.RECONNECT)
        case events.DataChannelsOpen() | events.Speakers() | events.Quality():
            pass


def _connection_changed(room: LiveRoom, session: Session, event: events.ConnectionChanged) -> None:
    is_primary = event.target == session.primary
    match event.state:
        case "connected":
            if is_primary:
                session.media_lost_at = session.failed_at = None
                room.activate(session)
        case "disconnected":
            if is_primary:
                session.media_lost_at = room.around.now()
                room.unsettled[session.sid] = session
        case "failed":
            now = room.around.now()
            session.media_lost_at = session.media_lost_at or now
            session.failed_at = session.failed_at or now
            room.unsettled[session.sid] = session
            if session.outlet is None:
                room.remove(session, Reason.CONNECTION_TIMEOUT)
