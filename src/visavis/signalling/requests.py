"""Handles what a client says: one function for each kind of `SignalRequest`, each checked against its permissions."""

import asyncio
import json

import structlog
from livekit.protocol import rtc

from visavis.errors import VisavisError
from visavis.rooms.moderation import without_reserved
from visavis.signalling import data_tracks, messages, publishing, subscribing
from visavis.signalling.frames import BadFrame
from visavis.signalling.live_room import LiveRoom
from visavis.signalling.messages import Reason
from visavis.signalling.profile import update_profile
from visavis.signalling.session import Session

_log = structlog.stdlib.get_logger(__name__)

MAX_SDP_CHARACTERS = 256 << 10
MAX_CANDIDATE_CHARACTERS = 4096
_PROTOCOL_OK_RESPONSES = 15
_SIMULATED_LOSS_SECONDS = 5.0
_MAX_SIMULATED_SPEECH_SECONDS = 60

# What a client may give as its reason to leave; anything else is its own initiative.
_LEAVE_REASONS = frozenset({Reason.CLIENT_INITIATED, Reason.USER_UNAVAILABLE, Reason.USER_REJECTED, Reason.AGENT_ERROR})


def handle(room: LiveRoom, session: Session, request: rtc.SignalRequest) -> None:
    """Does what a client asks.

    Raises:
        BadFrame: the message cannot be meant.
    """
    match request.WhichOneof("message"):
        case "ping" | "ping_req":
            session.send(messages.pongs(request, now_ms=int(room.around.wall() * 1000)))
        case "offer":
            _offer(room, session, request.offer)
        case "answer":
            _answer(room, session, request.answer)
        case "trickle":
            _trickle(session, request.trickle)
        case "add_track":
            publishing.add_track(room, session, request.add_track)
        case "mute":
            publishing.mute(room, session, request.mute)
        case "subscription":
            subscribing.update_subscription(room, session, request.subscription)
        case "track_setting":
            subscribing.update_track_settings(room, session, request.track_setting)
        case "subscription_permission":
            subscribing.set_policy(room, session, request.subscription_permission)
            data_tracks.policy_changed(room, session)
        case "leave":
            reason = request.leave.reason
            room.remove(session, reason if reason in _LEAVE_REASONS else Reason.CLIENT_INITIATED)
        case "sync_state":
            _sync_state(room, session, request.sync_state)
        case "update_metadata":
            _update_metadata(room, session, request.update_metadata)
        case "update_audio_track":
            publishing.update_audio_track(room, session, request.update_audio_track)
        case "update_video_track":
            publishing.update_video_track(room, session, request.update_video_track)
        case "simulate":
            _simulate(room, session, request.simulate)
        case "publish_data_track_request":
            data_tracks.publish(room, session, request.publish_data_track_request)
        case "unpublish_data_track_request":
            data_tracks.unpublish(room, session, request.unpublish_data_track_request)
        case "update_data_subscription":
            data_tracks.update_subscription(room, session, request.update_data_subscription)
        case "store_data_blob_request" | "get_data_blob_request":
            _refuse_data_blob(room, session, request)
        case _:
            # Of the future, or obsolete (update_layers).
            _log.debug("request_ignored", participant=session.sid, kind=request.WhichOneof("message"))


def _offer(room: LiveRoom, session: Session, description: rtc.SessionDescription) -> None:
    if description.type != "offer" or len(description.sdp) > MAX_SDP_CHARACTERS:
        raise BadFrame(f"an offer of type {description.type!r} and {len(description.sdp)} characters")
    codecs = publishing.wanted_codecs(session)
    stereo, no_dtx = publishing.in_stereo(session), publishing.without_dtx(session)
    room.engine.publisher_offer(session.sid, description.id, description.sdp, codecs, stereo=stereo, no_dtx=no_dtx)


def _answer(room: LiveRoom, session: Session, description: rtc.SessionDescription) -> None:
    if description.type != "answer" or len(description.sdp) > MAX_SDP_CHARACTERS:
        raise BadFrame(f"an answer of type {description.type!r} and {len(description.sdp)} characters")
    if session.unanswered_offer is None:
        # The second answer to an offer that a resume has sent again, or one out of turn.
        _log.debug("answer_without_offer", participant=session.sid)
        return
    session.unanswered_offer = None
    room.engine.subscriber_answer(session.sid, description.id, description.sdp)


def _trickle(session: Session, trickle: rtc.TrickleRequest) -> None:
    """Takes note of nothing: the core is ICE-lite and sends no checks; the client's own tell where it is."""
    if len(trickle.candidateInit) > MAX_CANDIDATE_CHARACTERS:
        raise BadFrame(f"a candidate of {len(trickle.candidateInit)} characters")
    try:
        json.loads(trickle.candidateInit)
    except (ValueError, RecursionError):
        publishing.refuse(session, rtc.RequestResponse.UNCLASSIFIED_ERROR, "the candidate is not JSON", trickle=trickle)


def _sync_state(room: LiveRoom, session: Session, state: rtc.SyncState) -> None:
    participant = session.participant
    known = {info.sid for info in participant.data_tracks.published.values()}
    is_lost = any(participant.tracks.find(published.track.sid) is None for published in state.publish_tracks)
    if is_lost or any(published.info.sid not in known for published in state.publish_data_tracks):
        room.remove(session, Reason.STATE_MISMATCH, action=rtc.LeaveRequest.RECONNECT)
        return
    if state.track_sids_disabled:
        settings = rtc.UpdateTrackSettings(track_sids=state.track_sids_disabled, disabled=True)
        subscribing.update_track_settings(room, session, settings)
    if state.HasField("subscription"):
        subscribing.update_subscription(room, session, state.subscription)


def _update_metadata(room: LiveRoom, session: Session, update: rtc.UpdateParticipantMetadata) -> None:
    refusal, is_changed = None, False
    if not session.participant.permissions.can_update_metadata:
        refusal = (rtc.RequestResponse.NOT_ALLOWED, "the token does not grant canUpdateOwnMetadata")
    else:
        try:
            is_changed = update_profile(
                room,
                session,
                name=update.name,
                metadata=update.metadata,
                attributes=without_reserved(update.attributes),
            )
        except VisavisError as error:
            refusal = (rtc.RequestResponse.LIMIT_EXCEEDED, error.message)
    answer = refusal or (rtc.RequestResponse.OK, "")
    if refusal is not None or session.protocol >= _PROTOCOL_OK_RESPONSES:
        publishing.refuse(session, *answer, update_metadata=update, request_id=update.request_id)
    if is_changed:
        room.refresh_token(session)


def _refuse_data_blob(room: LiveRoom, session: Session, request: rtc.SignalRequest) -> None:
    """Says that there are none, as LiveKit does, whose server keeps none by default."""
    if request.HasField("store_data_blob_request"):
        reason, message = rtc.RequestResponse.NOT_ALLOWED, "data blob not enabled"
        publishing.refuse(session, reason, message, request_id=request.store_data_blob_request.request_id)
        return
    wanted = request.get_data_blob_request
    publisher = room.room.by_identity(wanted.participant_identity)
    if not wanted.HasField("key"):
        reason, message = rtc.RequestResponse.INVALID_REQUEST, "data blob key is required"
    elif publisher is None or publisher.is_hidden:
        reason, message = rtc.RequestResponse.NOT_FOUND, "participant not found"
    else:
        reason, message = rtc.RequestResponse.NOT_FOUND, "data blob not found"
    publishing.refuse(session, reason, message, request_id=wanted.request_id)


def _simulate(room: LiveRoom, session: Session, scenario: rtc.SimulateScenario) -> None:
    match scenario.WhichOneof("scenario"):
        case "speaker_update":
            seconds = min(max(scenario.speaker_update, 0), _MAX_SIMULATED_SPEECH_SECONDS)
            room.tell_speakers({session.sid: 0.9})
            asyncio.get_running_loop().call_later(seconds, room.tell_speakers, {session.sid: 0.0})
        case "server_leave":
            room.remove(session, Reason.SERVER_SHUTDOWN)
        case "node_failure" | "leave_request_full_reconnect":
            room.remove(session, Reason.STATE_MISMATCH, action=rtc.LeaveRequest.RECONNECT)
        case "migration":
            if session.outlet is not None:
                leave = messages.leave(Reason.MIGRATION, rtc.LeaveRequest.RESUME, protocol=session.protocol)
                session.outlet.send(leave)
                session.outlet.close()
        case "disconnect_signal_on_resume":
            session.simulated_loss = "when told"
            session.simulated_until = room.around.now() + _SIMULATED_LOSS_SECONDS
        case "disconnect_signal_on_resume_no_messages":
            session.simulated_loss = "at once"
            session.simulated_until = room.around.now() + _SIMULATED_LOSS_SECONDS
        case kind:
            _log.debug("scenario_ignored", participant=session.sid, scenario=kind)
