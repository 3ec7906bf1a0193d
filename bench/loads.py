"""The loads: who joins, what each sends, and what is looked at. Values only; run.py puts them on servers."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Participant = dict[str, Any]
"""As `ParticipantPlan` of the generator, without the token; `room` names its room."""

VOICE = {"interval_ms": 20, "bytes": 80}
LONG_VOICE = {"interval_ms": 60, "bytes": 240}
"""For a thousand: 20 ms would be more packets than a server that takes 20 µs for each can carry on one core."""
SILENT_VOICE = {"interval_ms": 4000, "bytes": 80}
LAYERS = [
    {"width": 320, "height": 180, "bitrate": 150_000},
    {"width": 640, "height": 360, "bitrate": 450_000},
    {"width": 1280, "height": 720, "bitrate": 1_500_000},
]
VIDEO = {"codec": "vp8", "fps": 30, "layers": LAYERS[-1:]}
SIMULCAST = {"codec": "vp8", "fps": 30, "layers": LAYERS}
SMALL_VIDEO = {"codec": "vp8", "fps": 30, "layers": [{"width": 640, "height": 360, "bitrate": 600_000}]}
"""For 500: 45 000 packets a second, about 70 % of a core to a server that takes 16 µs for each."""
TINY_VIDEO = {"codec": "vp8", "fps": 15, "layers": [{"width": 320, "height": 180, "bitrate": 150_000}]}
"""For 1000."""
H264 = VIDEO | {"codec": "h264"}

Kind = Literal["media", "join", "idle", "data"]


@dataclass(frozen=True, slots=True)
class Load:
    """One load, the same for every server."""

    title: str
    participants: list[Participant]
    kind: Kind = "media"
    rate: float | None = 25
    """Joins a second; None: one after another."""
    loss: float = 0
    meeting: dict[str, float] | None = None
    seconds: tuple[float, float] = (8, 3)
    """Measured, normally and in a quick run."""
    warmup: float = 1
    lossy_twin: bool = False
    """It is run with loss, too."""
    measures: tuple[str, ...] = field(default=())
    """What is told; of its kind when empty."""


def _listeners(count: int, expects: int, **more: Any) -> list[Participant]:
    return [{"subscribe": True, "expects": expects} | more] * count


def _in_rooms(rooms: int, people: list[Participant]) -> list[Participant]:
    return [person | {"room": f"room-{room}"} for room in range(rooms) for person in people]


def _meeting(count: int, cameras: int) -> list[Participant]:
    person = {"voices": [VOICE], "subscribe": True, "adaptive": True, "expects": count - 1}
    people = [person] * count
    # Not from the first seat on: in the turns that are measured, whoever is large has one.
    stride = count // cameras
    for camera in range(cameras):
        people[(1 + camera * stride) % count] = person | {"videos": [SIMULCAST]}
    return people


def _hundred_tracks(sending: int) -> list[Participant]:
    """One video that sends, beside so many voices that are silent."""
    silent = [{"voices": [SILENT_VOICE] * 11}] * (sending // 11)
    return [{"videos": [VIDEO]}, *silent, *_listeners(20, 1 + sending // 11 * 11)]


def _loads() -> dict[str, Load]:
    def video(count: int, source: Participant = VIDEO) -> list[Participant]:
        return [{"videos": [source]}, *_listeners(count, 1)]

    def voices(speakers: int, count: int, voice: Participant = VOICE) -> list[Participant]:
        return [*[{"voices": [voice]}] * speakers, *_listeners(count, speakers)]

    loads = {
        "forward": Load("1 video and 1 voice → 50", [{"videos": [VIDEO], "voices": [VOICE]}, *_listeners(50, 2)]),
        "video-50": Load("1 video → 50", video(50), lossy_twin=True),
        "video-150": Load("1 video → 150", video(150)),
        "video-500": Load("1 video (360p) → 500", video(500, SMALL_VIDEO), rate=40),
        "h264-50": Load("1 video (H264) → 50", video(50, H264)),
        "low-150": Load("low layer → 150", [{"videos": [SIMULCAST]}, *_listeners(150, 1, quality=0)]),
        "voice-100": Load("1 voice → 100", voices(1, 100), lossy_twin=True),
        "voice-1000": Load("1 voice (60 ms) → 1000", voices(1, 1000, LONG_VOICE), rate=40),
        "voices-10x20": Load("10 voices × 20", voices(10, 20), lossy_twin=True),
        "meeting-16": Load(
            "meeting of 16",
            _meeting(16, 16),
            meeting={"tiles": 15, "speakers": 2, "period": 3},
            seconds=(9, 6),
            warmup=2,
            lossy_twin=True,
        ),
        "meeting-50": Load(
            "meeting of 50, 16 cameras",
            _meeting(50, 16),
            meeting={"tiles": 9, "speakers": 3, "period": 3},
            seconds=(9, 6),
            warmup=52,
            rate=5,
        ),
        "rooms-200x2": Load(
            "200 rooms of 2",
            _in_rooms(200, [{"voices": [VOICE], "subscribe": True, "expects": 1}] * 2),
        ),
        "calls-1": Load("1 video (180p) → 49", _in_rooms(1, video(49, TINY_VIDEO))),
        "calls-20": Load("20 calls of that: 1000 participants", _in_rooms(20, video(49, TINY_VIDEO)), rate=40),
        "crowd-1000": Load(
            "1 video → 50, beside 949 others",
            [*video(50), *[{"room": f"other-{index % 50}", "subscribe": True} for index in range(949)]],
            rate=40,
        ),
        "tracks-1": Load("1 track → 20", video(20)),
        "tracks-100": Load("the same beside 99 silent tracks", _hundred_tracks(99)),
        "idle-1000": Load(
            "1000 idle, in 50 rooms",
            [{"room": f"room-{index % 50}", "subscribe": True} for index in range(1000)],
            kind="idle",
            rate=40,
            warmup=4,
        ),
        "join-sequence": Load("50 joins one after another", [{"subscribe": True}] * 50, kind="join", rate=None),
        "join-20": Load("100 joins, 20 a second", [{"subscribe": True}] * 100, kind="join", rate=20),
        "join-100": Load("300 joins, 100 a second", [{"subscribe": True}] * 300, kind="join", rate=100),
        "join-media": Load(
            "40 joins to a video, one after another", [{"videos": [VIDEO]}, *_listeners(40, 1)], kind="join", rate=None
        ),
        "data-100": Load(
            "data, 100 messages a second → 100",
            [{"data": {"rate": 100, "bytes": 200, "reliable": False}}, *_listeners(100, 1)],
            kind="data",
        ),
    }
    lossy = {
        f"{name}-loss": replace(load, title=f"{load.title}, 2 % loss", loss=0.02, lossy_twin=False)
        for name, load in loads.items()
        if load.lossy_twin
    }
    # With three seconds an idle or joined crowd says all that it has to say.
    return {
        name: replace(load, seconds=(3, 2)) if load.kind == "join" else load for name, load in (loads | lossy).items()
    }


LOADS = _loads()
GROUPS: dict[str, Callable[[str, Load], bool]] = {
    "all": lambda _name, _load: True,
    "lossless": lambda _name, load: load.loss == 0,
    "idle": lambda _name, load: load.kind == "idle",
    "joins": lambda _name, load: load.kind == "join",
}


def chosen(names: list[str]) -> dict[str, Load]:
    """The loads of these names, which may be groups; the order is that of the loads."""
    unknown = [name for name in names if name not in LOADS and name not in GROUPS]
    if unknown:
        raise KeyError(f"no load is called {', '.join(unknown)}; there are {', '.join([*GROUPS, *LOADS])}")
    picks = [GROUPS[name] for name in names if name in GROUPS]
    return {name: load for name, load in LOADS.items() if name in names or any(pick(name, load) for pick in picks)}
