"""Has PyPI `livekit` clients do what a story tells, and says what each of them hears and sees of whom."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import numpy as np
from caller import Caller
from livekit import api, rtc
from livekit.api import room_service
from livekit.rtc._proto.room_pb2 import SIMULATE_FULL_RECONNECT
from participant import PATIENCE, token
from signalling_proxy import Line, line_to
from story import NAMES, Deed, Story

from media import SAMPLE_RATE, Colour, clear_tone, playing_tone, showing, watching
from servers import MediaServer

TONES = dict(zip(NAMES, (400, 700, 1000, 1300), strict=True))
COLOURS = dict(zip(NAMES, Colour, strict=True))
_KINDS = {rtc.TrackKind.KIND_AUDIO: "audio", rtc.TrackKind.KIND_VIDEO: "video"}
_FRAMES_PER_SECOND = 10
WITHOUT_A_SOCKET = frozenset({"subscribe", "unsubscribe"})
"""What a client can be asked for while it comes back on a new socket. Other things it refuses, or may lose."""
RECONNECTING = 20.0
"""Seconds that a client may take to come back."""
SETTLING = 40.0
"""Seconds until all must be as it should: a server notices late who vanished."""
LOOKING = 1.0
"""Seconds that it must stay so."""
FEW = 3
"""What may still come in these when it ends: of all that should come there is more."""


@dataclass(slots=True)
class Own:
    """A track that somebody publishes."""

    publication: rtc.LocalTrackPublication
    playing: AsyncExitStack


@dataclass(slots=True)
class Senses:
    """What comes of others, told by what is in it: their tone, their colour.

    Attributes:
        times: whose, and which kind → when something of theirs came.
        wrong: what came of one that is another's.
    """

    times: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list[str])

    async def follow(self, track: rtc.Track, owner: str) -> None:
        """Notes what comes of a track until it ends."""
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            async with watching(track) as pictures:
                async for picture in pictures:
                    self._note(owner, "video", picture.colour is COLOURS[owner], picture)
            return
        stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1, frame_size_ms=100)
        try:
            async for event in stream:
                tone = clear_tone(np.frombuffer(event.frame.data, np.int16))
                if tone is not None:
                    self._note(owner, "audio", abs(tone - TONES[owner]) < 50, f"{tone:.0f} Hz")
        finally:
            await stream.aclose()

    def _note(self, owner: str, kind: str, is_theirs: bool, what: object) -> None:
        if not is_theirs:
            self.wrong.append(f"{what} as {owner}'s {kind}")
        self.times[owner, kind].append(asyncio.get_running_loop().time())

    def count(self, owner: str, kind: str, since: float) -> int:
        """How much came since then."""
        return sum(time > since for time in self.times[owner, kind])


class Person:
    """One of the story, with a client while in the room. What it does is called as there."""

    def __init__(self, name: str, world: "World") -> None:
        self.name = name
        self.caller = Caller(name)
        self.own: dict[str, Own] = {}
        self.unsubscribed: list[rtc.RemoteTrackPublication] = []
        """What it does not want. A new session of its own, or of the other's, has new ones, and wants them."""
        self.senses = Senses()
        self._world = world
        self._line: Line
        self._cut: int | None = None
        """Where the history was when the socket was lost, until the client is back."""
        self._ending = AsyncExitStack()
        self._following: dict[str, asyncio.Task[None]] = {}

    async def back(self) -> None:
        """Waits until the client is back if it lost its socket."""
        if self._cut is not None:
            await self.caller.event("reconnected", since=self._cut, within=RECONNECTING)
            self._cut = None

    async def join(self, connections: str) -> None:
        self.caller, self.senses, self.unsubscribed = Caller(self.name), Senses(), []
        self.caller.room.on("track_subscribed", self._follow)
        self.caller.room.on("track_unsubscribed", self._unfollow)
        self._line = await self._ending.enter_async_context(line_to(self._world.server.http_port))
        options = rtc.RoomOptions(single_peer_connection=connections == "one")
        access = token(self._world.server, self.name, self._world.room)
        await self.caller.room.connect(self._line.url, access, options)

    async def leave(self) -> None:
        await self.caller.room.disconnect()
        await self._gone()

    async def vanish(self) -> None:
        """Goes without a word: the socket is cut before anything can be said on it."""
        await self._line.close()
        await self.leave()

    async def be_removed(self) -> None:
        await self._world.moderator.remove_participant(
            api.RoomParticipantIdentity(room=self._world.room, identity=self.name)
        )
        await self.caller.event("disconnected")
        await self._gone()

    async def begin_anew(self, connections: str) -> None:
        """Vanishes and joins again before the server can know, as a page that is loaded again."""
        await self.vanish()
        await self.join(connections)

    async def publish(self, kind: str) -> None:
        playing = AsyncExitStack()
        if kind == "audio":
            context = playing_tone(self.caller, TONES[self.name])
        else:
            context = showing(self.caller, COLOURS[self.name], fps=_FRAMES_PER_SECOND)
        self.own[kind] = Own(await playing.enter_async_context(context), playing)

    async def unpublish(self, kind: str) -> None:
        own = self.own.pop(kind)
        await self.caller.me.unpublish_track(own.publication.sid)
        await own.playing.aclose()

    async def mute(self, kind: str) -> None:
        self._track(kind).mute()
        await self._heard()

    async def unmute(self, kind: str) -> None:
        self._track(kind).unmute()
        await self._heard()

    async def be_muted(self, kind: str) -> None:
        sid, since = self.own[kind].publication.sid, self.caller.now()
        await self._world.moderator.mute_published_track(
            api.MuteRoomTrackRequest(room=self._world.room, identity=self.name, track_sid=sid, muted=True)
        )
        await self.caller.event("track_muted", lambda _, publication: publication.sid == sid, since=since)

    async def subscribe(self, owner: str, kind: str) -> None:
        if publication := await self._known(owner, kind, is_subscribed=False):
            self.unsubscribed = [each for each in self.unsubscribed if each is not publication]
            publication.set_subscribed(True)

    async def unsubscribe(self, owner: str, kind: str) -> None:
        if publication := await self._known(owner, kind, is_subscribed=True):
            self.unsubscribed.append(publication)
            publication.set_subscribed(False)

    async def resume(self) -> None:
        """Loses the socket. The client comes back by itself, and is told to do other things meanwhile."""
        since = self.caller.now()
        self._line.cut()
        # What it says before it notices is lost.
        await self.caller.event("reconnecting", since=since)
        self._cut = since

    async def reconnect(self) -> None:
        """Begins a new session, as the client does by itself when it cannot resume."""
        since = self.caller.now()
        await self.caller.room.simulate_scenario(SIMULATE_FULL_RECONNECT)
        await self.caller.event("reconnected", since=since, within=RECONNECTING)

    async def _heard(self) -> None:
        """Waits until the server knows what is muted. It confirms nothing, and the API may be quicker."""
        wanted = {own.publication.sid: self._track(kind).muted for kind, own in self.own.items()}
        async with asyncio.timeout(PATIENCE):
            # The events tell of what the client did, not of what the server heard.
            while not wanted.items() <= (await self._world.listed())[self.name].items():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def _gone(self) -> None:
        for own in self.own.values():
            await own.playing.aclose()
        self.own.clear()
        for task in self._following.values():
            task.cancel()
        self._following.clear()
        self._cut = None
        await self._ending.aclose()

    async def _known(self, owner: str, kind: str, *, is_subscribed: bool) -> rtc.RemoteTrackPublication | None:
        """The track, when this one is subscribed to it, or is not; None if that does not come to be.

        The client takes no notice of a wish before it has done the one before, and mistakes what comes then.
        """

        def found() -> rtc.RemoteTrackPublication | None:
            publication = self.publications(owner).get(kind)
            return publication if publication and publication.subscribed == is_subscribed else None

        with suppress(AssertionError):
            return await self.caller.until(found, f"{owner}'s {kind}", within=1)
        return None

    def publications(self, owner: str) -> dict[str, rtc.RemoteTrackPublication]:
        """What this one knows that somebody publishes, by its kind."""
        participant = self.caller.room.remote_participants.get(owner)
        known = participant.track_publications.values() if participant else ()
        return {_KINDS[publication.kind]: publication for publication in known}

    def _track(self, kind: str) -> rtc.LocalAudioTrack | rtc.LocalVideoTrack:
        track = self.own[kind].publication.track
        assert isinstance(track, rtc.LocalAudioTrack | rtc.LocalVideoTrack)
        return track

    def _follow(self, track: rtc.Track, _: object, participant: rtc.RemoteParticipant) -> None:
        self._unfollow(track)
        self._following[track.sid] = asyncio.create_task(self.senses.follow(track, participant.identity))

    def _unfollow(self, track: rtc.Track, *_: object) -> None:
        """Who went on to look at the track that was would see the next one that takes its place in the connection."""
        if task := self._following.pop(track.sid, None):
            task.cancel()


class World:
    """The people of a story in their room."""

    def __init__(self, server: MediaServer, room: str, moderator: room_service.RoomService) -> None:
        self.server = server
        self.room = room
        self.moderator = moderator
        self.people = {name: Person(name, self) for name in NAMES}
        self.told: list[str] = []

    async def tell(self, story: Story) -> None:
        """Has everything done: what one does in order, and what several do as it comes."""
        start = asyncio.get_running_loop().time()
        waiting: dict[str, asyncio.Queue[Deed | None]] = {name: asyncio.Queue() for name in NAMES}

        async def live(name: str) -> None:
            while deed := await waiting[name].get():
                if deed.what not in WITHOUT_A_SOCKET:
                    await self.people[name].back()
                began = asyncio.get_running_loop().time() - start
                try:
                    await getattr(self.people[name], deed.what)(*deed.about)
                finally:
                    took = asyncio.get_running_loop().time() - start - began
                    self.told.append(f"{began:5.2f} s: {deed} ({took:.2f} s)")

        async with asyncio.TaskGroup() as lives:
            for name in NAMES:
                lives.create_task(live(name))
            for deed in story.deeds:
                waiting[deed.who].put_nowait(deed)
                await asyncio.sleep(deed.pause)
            for deeds in waiting.values():
                deeds.put_nowait(None)

    def complaints(self, story: Story, since: float, least: int) -> list[str]:
        """What is not as it should be: nothing if all that was to come since then came, and nothing else."""
        return [
            f"{name} {complaint}"
            for name in story.present
            for complaint in self._complaints_of(self.people[name], story, since, least)
        ]

    def _complaints_of(self, person: Person, story: Story, since: float, least: int) -> list[str]:
        found = person.senses.wrong[:3]
        others = {name for name in story.present if name != person.name}
        if (seen := set(person.caller.room.remote_participants)) != others:
            found.append(f"is with {sorted(seen)}, not {sorted(others)}")
        for other in NAMES:
            tracks = story.present[other] if other in others else {}
            known = person.publications(other)
            if known.keys() != tracks.keys():
                found.append(f"knows of {other}'s {sorted(known)}, not {sorted(tracks)}")
                continue
            for kind in known.keys() | {kind for owner, kind in person.senses.times if owner == other}:
                is_muted = tracks.get(kind, True)
                if kind in known:
                    publication, own = known[kind], self.people[other].own[kind].publication
                    is_wanted = publication not in person.unsubscribed
                    if (publication.sid, publication.muted) != (own.sid, is_muted):
                        found.append(f"knows {other}'s {kind} as {publication}, muted: {publication.muted}")
                    if publication.subscribed != is_wanted:
                        found.append(f"is subscribed to {other}'s {kind}: {publication.subscribed}")
                else:
                    is_wanted = False
                count = person.senses.count(other, kind, since)
                if is_wanted and not is_muted and count < least:
                    found.append(f"got {count} of {other}'s {kind}, which it wants")
                if count and (is_muted or not is_wanted):
                    found.append(f"got {count} of {other}'s {kind}, which is muted or not wanted")
        return found

    async def check(self, story: Story) -> None:
        """Waits until all is as it should be, and then sees that it stays so."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLING):
                while await self._looked(story, 0.5, 1):
                    pass
        if complaints := await self._looked(story, LOOKING, 3):
            happened = "\n  ".join([*self._events(complaints), *self.told, *complaints])
            raise AssertionError(f"seed {story.seed}:\n  {happened}")

    async def _looked(self, story: Story, seconds: float, least: int) -> list[str]:
        """What was not as it should be in so many seconds, when at least so much of each track was to come."""
        start, before = asyncio.get_running_loop().time(), await self._received(story)
        await asyncio.sleep(seconds)
        complaints = self.complaints(story, start, least) + await self._surplus(story, before)
        published = {
            name: {self.people[name].own[kind].publication.sid: is_muted for kind, is_muted in kinds.items()}
            for name, kinds in story.present.items()
        }
        if (listed := await self.listed()) != published:
            complaints.append(f"the server knows of {listed}, not {published}")
        return complaints

    async def listed(self) -> dict[str, dict[str, bool]]:
        """Who the server says is there → the tracks they publish → whether they are muted."""
        told = await self.moderator.list_participants(api.ListParticipantsRequest(room=self.room))
        return {info.identity: {track.sid: track.muted for track in info.tracks} for info in told.participants}

    async def _received(self, story: Story) -> dict[tuple[str, str], dict[int, int]]:
        """Who receives, and of which kind → by SSRC, how many frames of video, or packets of audio, so far.

        Packets of video are no measure: some are padding, sent to probe the way.
        """
        received: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
        for name in story.present:
            for incoming in await self.people[name].caller.received():
                kind = incoming.stream.kind
                is_video = kind == "video"
                count = incoming.inbound.frames_received if is_video else incoming.received.packets_received
                received[name, kind][incoming.stream.ssrc] = count
        return received

    async def _surplus(self, story: Story, before: dict[tuple[str, str], dict[int, int]]) -> list[str]:
        """Complaints about media of more tracks than should be: a client hides what it did not ask for."""
        found: list[str] = []
        for (name, kind), counts in (await self._received(story)).items():
            news = {ssrc: count - before[name, kind].get(ssrc, 0) for ssrc, count in counts.items()}
            wanted = sum(
                not publication.muted and publication not in self.people[name].unsubscribed
                for other in story.present
                if (publication := self.people[name].publications(other).get(kind))
            )
            if sum(count > FEW for count in news.values()) > wanted:
                found.append(f"{name} receives more {kind} than of {wanted} tracks: {news}")
        return found

    def _events(self, complaints: list[str]) -> list[str]:
        """What those who complain have heard."""
        complaining = {complaint.split()[0] for complaint in complaints} & set(NAMES)
        return [
            f"{name} heard {event} {arguments}"[:250]
            for name in sorted(complaining)
            for event, arguments in self.people[name].caller.events
            if event not in ("active_speakers_changed", "connection_quality_changed")
        ]

    async def end(self) -> None:
        """Everybody leaves."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(person.leave() for person in self.people.values()))


@asynccontextmanager
async def world(server: MediaServer, room: str) -> AsyncIterator[World]:
    """People who are not in the room yet."""
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as moderator:
        people = World(server, room, moderator.room)
        try:
            yield people
        finally:
            await people.end()
