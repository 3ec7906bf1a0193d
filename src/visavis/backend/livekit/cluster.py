"""The cluster's server API, as what this backend asks of it. Errors name the setting to look at."""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import TypeVar

import aiohttp
from livekit import api
from livekit.api.room_service import RoomService
from livekit.protocol import models
from livekit.protocol import room as rooms

from visavis.errors import ErrorKind, VisavisError

_T = TypeVar("_T")

_TIMEOUT_SECONDS = 10.0
# All of a process's at once; a room with a thousand people is muted by as many requests.
_AT_ONCE = 32
# An identity that nobody has: the API takes none with a space at its end.
_NOBODY = "nobody "
# So other web servers refuse what is asked for here.
_NO_LIVEKIT = (404, 405, 501)
# What LiveKit says for a room or a person that no node answers for, three seconds after it was asked.
_NO_NODE = "no response"


class Cluster:
    """A client; opened with the first request."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        """Nothing is connected yet.

        Args:
            url: as in the setting `livekit_url`.
            key: API key.
            secret: of the key.
        """
        self.url = url
        self._key, self._secret = key, secret
        self._api: api.LiveKitAPI | None = None
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def aclose(self) -> None:
        """Closes connections."""
        client, self._api = self._api, None
        if client is not None:
            await client.aclose()  # pyright: ignore[reportUnknownMemberType]

    async def rooms(self, *names: str) -> Sequence[models.Room]:
        """All rooms, or those of these names."""
        answer = await self._ask(self._room_service.list_rooms(rooms.ListRoomsRequest(names=names)))
        return answer.rooms

    async def room(self, name: str) -> models.Room | None:
        """The room of this name, if it lives."""
        return next(iter(await self.rooms(name)), None)

    async def create_room(self, name: str, *, empty_timeout: int = 0) -> models.Room:
        """Makes a room, or wakes one whose node has died on another node; 0: it stays as the cluster is set up to."""
        request = rooms.CreateRoomRequest(name=name, empty_timeout=empty_timeout)
        return await self._ask(self._room_service.create_room(request))

    async def delete_room(self, name: str) -> bool:
        """Ends a room for all; returns whether there was one."""
        request = rooms.DeleteRoomRequest(room=name)
        return await self._ask_of_something(self._room_service.delete_room(request)) is not None

    async def participants(self, room: str) -> Sequence[models.ParticipantInfo]:
        """Everybody in a room, who came first first."""
        request = rooms.ListParticipantsRequest(room=room)
        answer = await self._ask_of_something(self._room_service.list_participants(request))
        return [] if answer is None else sorted(answer.participants, key=lambda each: each.joined_at_ms)

    async def participant(self, room: str, identity: str) -> models.ParticipantInfo | None:
        """One person, if it is in the room."""
        request = rooms.RoomParticipantIdentity(room=room, identity=identity)
        return await self._ask_of_something(self._room_service.get_participant(request))

    async def remove(self, room: str, identity: str) -> bool:
        """Puts one person out; returns whether it was inside."""
        request = rooms.RoomParticipantIdentity(room=room, identity=identity)
        return await self._ask_of_something(self._room_service.remove_participant(request)) is not None

    async def mute(self, room: str, identity: str, track: str) -> bool:
        """Mutes a track; returns whether there was one."""
        request = rooms.MuteRoomTrackRequest(room=room, identity=identity, track_sid=track, muted=True)
        answer = await self._ask_of_something(self._room_service.mute_published_track(request))
        return answer is not None and bool(answer.track.sid)

    async def update(
        self,
        room: str,
        identity: str,
        *,
        attributes: Mapping[str, str] | None = None,
        permission: models.ParticipantPermission | None = None,
    ) -> None:
        """Changes attributes or permissions of one person; nothing, if it has left."""
        request = rooms.UpdateParticipantRequest(
            room=room, identity=identity, attributes=attributes, permission=permission
        )
        await self._ask_of_something(self._room_service.update_participant(request))

    async def send(self, room: str, topic: str, payload: bytes, *, to: Iterable[str] = ()) -> None:
        """Sends a reliable packet of nobody: to these participant ids, or to all."""
        request = rooms.SendDataRequest(
            room=room, data=payload, kind=models.DataPacket.RELIABLE, topic=topic, destination_sids=sorted(to)
        )
        await self._ask_of_something(self._room_service.send_data(request))

    async def is_served(self, room: str) -> bool:
        """Whether a node has the room; one that is listed without was left behind by a node that died."""
        # To nobody: all that is asked for is whether there is an answer.
        request = rooms.SendDataRequest(room=room, kind=models.DataPacket.RELIABLE, destination_identities=[_NOBODY])
        return await self._is_answered(self._room_service.send_data(request))

    async def is_connected(self, room: str, identity: str) -> bool:
        """Whether a node has this person; who is listed without died with a node."""
        # Of no track.
        request = rooms.UpdateSubscriptionsRequest(room=room, identity=identity)
        return await self._is_answered(self._room_service.update_subscriptions(request))

    async def _is_answered(self, request: Awaitable[object]) -> bool:
        try:
            await self._ask(request)
        except VisavisError as error:
            cause = error.__cause__
            if isinstance(cause, api.ServerError) and cause.code == "unavailable" and _NO_NODE in cause.message:
                return False
            if isinstance(error, _Gone):
                return False
            raise
        return True

    @property
    def _room_service(self) -> RoomService:
        if self._api is None:
            timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
            # Its failover is for LiveKit's own cloud; here a balancer in front of the nodes does that.
            self._api = api.LiveKitAPI(self.url, self._key, self._secret, timeout=timeout, failover=False)
        return self._api.room

    async def _ask(self, request: Awaitable[_T]) -> _T:
        async with self._turns:
            try:
                return await request
            except api.ServerError as error:
                raise self._refused(error) from error
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                said = str(error) or type(error).__name__
                raise VisavisError(
                    ErrorKind.CLUSTER_UNREACHABLE,
                    f"the LiveKit cluster at {self.url} does not answer ({said}): see that it runs, and that "
                    "livekit_url (LIVEKIT_URL) is where this machine reaches it",
                ) from error

    async def _ask_of_something(self, request: Awaitable[_T]) -> _T | None:
        """None, if what was asked of is gone."""
        with contextlib.suppress(_Gone):
            return await self._ask(request)
        return None

    def _refused(self, error: api.ServerError) -> Exception:
        if error.code == "not_found":
            return _Gone(ErrorKind.ROOM_NOT_FOUND, error.message)
        if error.status == 401:
            return VisavisError(
                ErrorKind.CLUSTER_REFUSED,
                f"the LiveKit cluster at {self.url} refuses the API key {self._key!r} (401): set api_key and "
                "api_secret (LIVEKIT_API_KEY, LIVEKIT_API_SECRET) to a pair of the cluster's `keys`; if they "
                "are, its clock and this machine's are more than a minute apart",
            )
        if error.code == "bad_route" or error.status in _NO_LIVEKIT:
            return VisavisError(
                ErrorKind.CLUSTER_REFUSED,
                f"what answers at {self.url} is no LiveKit server ({error.status}): set livekit_url (LIVEKIT_URL) to "
                "where one is",
            )
        said = error.message or error.code
        return VisavisError(
            ErrorKind.CLUSTER_UNREACHABLE, f"the LiveKit cluster at {self.url} failed ({error.status}: {said})"
        )


class _Gone(VisavisError):
    """What was asked of is not there (any more)."""
