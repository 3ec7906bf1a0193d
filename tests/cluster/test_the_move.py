"""From one server with its file to a cluster, by the commands of docs/operations.md, with all of the history."""

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from caller import Caller
from livekit import api, rtc
from units import Units

from clusters import ADMIN_TOKEN, WEBHOOK
from databases import Postgres, postgres
from ports import port
from servers import LIVEKIT_SERVER, MediaServer, RedisServer, livekit_server, redis_server

# Some ten processes start, one after the other.
pytestmark = pytest.mark.timeout(300)

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"
OLD, APPS = port(820), (port(830), port(831))
KINDS = ("rooms", "sessions", "tracks")
SECRET = "a secret of the tests, 32 bytes or more"

History = dict[str, dict[str, dict[str, Any]]]


def documented() -> list[str]:
    """The blocks of commands under "Moving to a cluster", in their order."""
    section = re.search(r"(?ms)^## Moving to a cluster\n(.*?)^## ", DOCUMENT.read_text())
    assert section is not None
    blocks = re.findall(r"(?ms)^( *)```\n(.*?)^\1```$", section[1])
    return [re.sub(f"(?m)^{indent}", "", text) for indent, text in blocks]


class Shell:
    """One shell, as the document has it: what one command sets holds for the next."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, commands: str, within: float = 60.0) -> tuple[int, str]:
        """The status of the last of them, and what all of them have printed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        mark = uuid4().hex
        self._process.stdin.write(f"{commands}\necho {mark} $?\n".encode())
        said = ""
        async with asyncio.timeout(within):
            while not said.endswith("\n") or mark not in said.splitlines()[-1]:
                said += (await self._process.stdout.readline()).decode()
        said, _, status = said.rpartition(mark)
        return int(status), said


@dataclass
class Place:
    """The machine on which somebody types the commands, and what they reach."""

    shell: Shell
    units: Units
    node: MediaServer
    adapted: Callable[[str], str]

    async def does(self, block: str) -> tuple[int, str]:
        if block.startswith("systemctl"):
            await asyncio.to_thread(self.units.systemctl, block)
            return 0, ""
        return await self.shell.run(self.adapted(block))


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server(port(800)) as server:
        yield server


@pytest.fixture
def node(redis: RedisServer) -> Iterator[MediaServer]:
    hook = f"http://127.0.0.1:{APPS[0]}{WEBHOOK}"
    with livekit_server(port(810), binary=str(LIVEKIT_SERVER), webhook_url=hook, redis=redis.address) as server:
        yield server


@pytest.fixture
def database() -> Iterator[Postgres]:
    with postgres(port(805)) as cluster:
        yield cluster


@pytest.fixture
async def place(redis: RedisServer, node: MediaServer, database: Postgres, tmp_path: Path) -> AsyncIterator[Place]:
    settings, state = tmp_path / "etc", tmp_path / "lib"
    here = {
        "/opt/visavis/bin/visavis": f"{sys.executable} -m visavis",
        "/etc/visavis": str(settings),
        "/var/lib/visavis": str(state / "visavis"),
        "wss://livekit.example.com": node.url,
        "redis://redis.example.com:6379/0": redis.url,
        "postgresql://visavis:password@db.example.com/visavis?sslmode=require": await database.make_database(),
        "7870": str(APPS[0]),
        "7871": str(APPS[1]),
    }
    commands = "\n".join(documented())
    assert [each for each in here if each not in commands] == [], "the document names other things than this test"

    def adapted(text: str) -> str:
        for there, value in here.items():
            text = text.replace(there, value)
        return text

    settings.mkdir()
    # As docs/operations.md has it under "With systemd", with a proxy for TLS.
    (settings / "visavis.env").write_text(
        f"VISAVIS_API_KEY={node.api_key}\nVISAVIS_API_SECRET='{SECRET}'\nVISAVIS_ADMIN_TOKEN='{ADMIN_TOKEN}'\n"
    )
    ports = {"port": OLD, "tcp_port": OLD + 1, "udp_port": OLD + 2, "departure_timeout": 0.2}
    lines = ['behind_proxy = "127.0.0.1"', *(f"{name} = {value}" for name, value in ports.items())]
    (settings / "visavis.toml").write_text("\n".join(lines))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("VISAVIS_", "LIVEKIT_"))}
    shell = await asyncio.create_subprocess_exec(
        *("bash", "--noprofile", "--norc"),
        env=clean,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    units = Units(adapted, clean, state, ports={"visavis": OLD})
    yield Place(Shell(shell), units, node, adapted)
    units.stop_all()
    assert shell.stdin is not None
    shell.stdin.close()
    await shell.wait()


class Person(Caller):
    """Somebody who came in by a service's page."""

    token: str


@dataclass
class Service:
    """One process, as people's pages and the operator see it."""

    http: httpx.AsyncClient

    async def enter(self, identity: str, room: str, held: str | None = None) -> Person:
        headers = {} if held is None else {"Authorization": f"Bearer {held}"}
        params = {"identity": identity, "name": identity.title(), "room": room}
        answer = await self.http.get("/api/video/token", params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        person = Person(identity)
        person.token = answer.json()["token"]
        await person.room.connect(answer.json()["url"], person.token)
        return person

    async def listed(self) -> dict[str, int]:
        return {room["name"]: room["participantCount"] for room in (await self.http.get("/api/video/rooms")).json()}

    async def history(self) -> History:
        """All of it, by kind and id."""
        headers, found = {"Authorization": f"Bearer {ADMIN_TOKEN}"}, {}
        for kind in KINDS:
            answer = await self.http.get(f"/api/admin/history/{kind}?limit=500", headers=headers)
            assert answer.status_code == 200, answer.text
            found[kind] = {row["sid"]: row for row in answer.json()["rows"]}
        return found

    async def until(self, holds: Callable[[History], bool], within: float = 20.0) -> History:
        deadline = time.monotonic() + within
        while not holds(found := await self.history()):
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.05)
        return found


async def speak(person: Person) -> None:
    track = rtc.LocalAudioTrack.create_audio_track("sound", rtc.AudioSource(48000, 1))
    await person.me.publish_track(track)


def is_open(row: dict[str, Any]) -> bool:
    return row["endedAt"] is None


def every_row(found: History) -> list[dict[str, Any]]:
    return [row for kind in KINDS for row in found[kind].values()]


def of(found: History, kind: str, **values: Any) -> list[dict[str, Any]]:
    return [row for row in found[kind].values() if all(row[name] == value for name, value in values.items())]


async def test_a_running_server_moves_to_a_cluster_as_the_documentation_says(place: Place) -> None:
    write_down, doctor, copy, start_apps, stop_old, copy_again = documented()
    async with AsyncExitStack() as stack:
        old, *apps = [
            Service(await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{each}", timeout=30)))
            for each in (OLD, *APPS)
        ]
        # What was: a room that is over, and one in which people talk.
        await asyncio.to_thread(place.units.start, "visavis")
        past = [await old.enter(identity, "yesterday") for identity in ("alice", "bob")]
        await speak(past[0])
        await past[1].event("track_subscribed")
        for person in past:
            await person.room.disconnect()
        was = await old.until(lambda found: bool(found["rooms"]) and not any(map(is_open, found["rooms"].values())))
        assert [len(was[kind]) for kind in KINDS] == [1, 2, 1]
        alice, bob = [await old.enter(identity, "atrium") for identity in ("alice", "bob")]
        await speak(alice)
        await bob.event("track_subscribed")
        roomless = await old.http.get("/api/video/token", params={"identity": "carol", "name": "Carol"})
        await old.until(lambda found: [len(found[kind]) for kind in KINDS] == [2, 4, 2])

        # Beside them, step by step.
        assert await place.does(write_down) == (0, "")
        status, said = await place.does(doctor)
        assert status == 0, said
        for leg in ("cluster", "keys", "webhook", "redis", "database"):
            assert re.search(rf"(?m)^well +{leg} ", said), said
        status, said = await place.does(copy)
        assert "Sessions  4 read, 4 of them written" in said
        await place.does(start_apps)
        early = await apps[1].enter("early", "a first call")
        await early.room.disconnect()
        assert (alice.all("disconnected"), bob.all("disconnected")) == ([], [])

        await place.does(stop_old)
        for person in (alice, bob):
            assert await person.event("disconnected") == (rtc.DisconnectReason.SERVER_SHUTDOWN,)
        status, said = await place.does(copy_again)
        assert status == 0, said
        assert "All of it is in postgresql" in said
        assert "a password of the tests" not in said

        # The history of before is there, to the last word; what was open has its true end.
        moved = await apps[0].history()
        for kind in KINDS:
            assert was[kind].items() <= moved[kind].items()
        ends = {row["identity"]: row["endReason"] for row in of(moved, "sessions", roomName="atrium")}
        assert ends == {"alice": "server_shutdown", "bob": "server_shutdown"}
        assert not any(map(is_open, [*of(moved, "rooms", name="atrium"), *moved["tracks"].values()]))

        # People join again: by the page, by a token got before from the old server, by one that their host signed.
        alice = await apps[0].enter("alice", "atrium", held=alice.token)
        bearer = {"Authorization": f"Bearer {roomless.json()['token']}"}
        entry = (await apps[1].http.post("/api/video/rooms/atrium/token", headers=bearer)).json()
        carol, dave = Caller("carol"), Caller("dave")
        await carol.room.connect(entry["url"], entry["token"])
        await dave.room.connect(place.node.url, place.node.token("dave", "atrium"))
        for other in (carol, dave):
            await alice.sees(other)
        async with asyncio.timeout(20):
            while [await app.listed() for app in apps] != [{"atrium": 3}] * 2:  # noqa: ASYNC110 - of HTTP
                await asyncio.sleep(0.05)
        # The host's program goes on with its key.
        client = api.LiveKitAPI(place.node.http_url, place.node.api_key, SECRET)
        told = await client.room.list_participants(api.ListParticipantsRequest(room="atrium"))
        assert sorted(each.identity for each in told.participants) == ["alice", "carol", "dave"]
        for person in (alice, carol):
            await person.room.disconnect()
        await client.room.delete_room(api.DeleteRoomRequest(room="atrium"))
        await client.aclose()
        await dave.event("disconnected")

        # The new history goes on from the old one.
        done = await apps[1].until(lambda found: not any(map(is_open, every_row(found))))
        for kind in KINDS:
            assert moved[kind].keys() <= done[kind].keys()
            assert was[kind].items() <= done[kind].items()
        new = [row for sid, row in done["sessions"].items() if sid not in moved["sessions"]]
        ends = {row["identity"]: row["endReason"] for row in new}
        assert [ends[name] for name in ("alice", "carol", "dave")] == [*["client_initiated"] * 2, "room_deleted"]
        assert len(of(done, "rooms", name="atrium")) == 2
        assert [row["identity"] for row in of(done, "sessions", roomName="a first call")] == ["early"]
