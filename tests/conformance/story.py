"""What people do in a call, in an order made of a seed, and how things are in the end. A plan only: no client."""

from dataclasses import dataclass, field
from random import Random

NAMES = ("alice", "bob", "carol", "dave")
KINDS = ("audio", "video")
CONNECTIONS = ("one", "two")
"""How many peer connections a client has."""
DEEDS = 14
LONGEST_PAUSE = 0.4
"""Seconds between the beginnings of two deeds, at most; nobody waits for the end of another's."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody does.

    Attributes:
        who: does it.
        what: one of the verbs below, which are methods of `Person`.
        about: the kind of a track, or whose and which.
        pause: seconds until the next deed begins.
    """

    who: str
    what: str
    about: tuple[str, ...] = ()
    pause: float = 0.0

    def __str__(self) -> str:
        return " ".join([self.who, self.what, *self.about])


@dataclass(slots=True)
class Story:
    """The deeds, and what they come to.

    Attributes:
        deeds: in their order.
        present: who is in the room after them → the kinds that they publish → whether that is muted.
    """

    seed: int
    deeds: list[Deed] = field(default_factory=list[Deed])
    present: dict[str, dict[str, bool]] = field(default_factory=dict[str, dict[str, bool]])
    _connections: dict[str, str] = field(default_factory=dict[str, str])
    _unsubscribed: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    _random: Random = field(default_factory=Random)

    def __post_init__(self) -> None:
        self._random.seed(self.seed)
        for name in NAMES[:3]:
            self._do(name, "join", self._random.choice(CONNECTIONS))
            for kind in KINDS:
                self._do(name, "publish", kind)
        while len(self.deeds) < DEEDS + 9:
            self._choose()

    def _choose(self) -> None:
        choice = self._random.choice
        absent = [name for name in NAMES if name not in self.present]
        if absent and (len(self.present) < 2 or self._random.random() < 0.2):
            self._do(choice(absent), "join", choice(CONNECTIONS))
            return
        who = choice(list(self.present))
        own = self.present[who]
        match self._random.randrange(20):
            case 0 | 1 | 2:
                self._do(who, choice(["leave", "vanish", "be_removed"]))
            case 3:
                self._do(who, "begin_anew", choice(CONNECTIONS))
            case 4 | 5 | 6 | 7:
                kind = choice(KINDS)
                self._do(who, "unpublish" if kind in own else "publish", kind)
            case 8 | 9 | 10 if own:
                kind = choice(list(own))
                self._do(who, "unmute" if own[kind] else choice(["mute", "mute", "be_muted"]), kind)
            case 11 | 12 | 13 | 14 | 15:
                tracks = [(other, kind) for other, kinds in self.present.items() if other != who for kind in kinds]
                if tracks:
                    self._toggle(who, *choice(tracks))
            case 16 | 17 | 18:
                self._do(who, "resume")
            case 19:
                self._do(who, "reconnect")
            case _:
                pass

    def _toggle(self, who: str, other: str, kind: str) -> None:
        wish = (who, other, kind)
        if wish not in self._unsubscribed:
            self._unsubscribed.add(wish)
            self._do(who, "unsubscribe", other, kind)
        elif self._connections[who] == "one":
            # With two the client never gets a track again that it did not want, at livekit-server neither.
            self._unsubscribed.remove(wish)
            self._do(who, "subscribe", other, kind)

    def _do(self, who: str, what: str, *about: str) -> None:
        self.deeds.append(Deed(who, what, about, self._random.uniform(0, LONGEST_PAUSE)))
        match what:
            case "join" | "begin_anew":
                self.present[who] = {}
                self._connections[who] = about[0]
                self._unsubscribed = {wish for wish in self._unsubscribed if who not in wish}
            case "leave" | "vanish" | "be_removed":
                del self.present[who]
            case "publish" | "unmute":
                self.present[who][about[0]] = False
            case "mute" | "be_muted":
                self.present[who][about[0]] = True
            case "unpublish":
                del self.present[who][about[0]]
            case _:
                pass
