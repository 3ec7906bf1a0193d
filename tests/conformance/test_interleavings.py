"""Whatever people do, in whatever order: once things settle, everyone who should hear and see someone does.

And nobody else does. Real clients, three or four, each with a tone and a colour of their own. A thousand such stories
are told in virtual time (`crates/sfu/tests/calls/interleavings.rs`), here `SEEDS` (50 unless told) from `FIRST_SEED`
on.
"""

import os

import pytest
from story import Story
from storyteller import Person, world

from servers import MediaServer

FIRST = int(os.environ.get("FIRST_SEED", "0"))
SEEDS = int(os.environ.get("SEEDS", "50"))
AT_ONCE = range(3)
"""The seeds that are told without being asked for, with our server."""


def test_stories_have_all_deeds_in_them() -> None:
    told = [deed for seed in range(50) for deed in Story(seed).deeds]

    assert {deed.what for deed in told} == {
        *("join", "leave", "vanish", "be_removed", "begin_anew", "resume", "reconnect"),
        *("publish", "unpublish", "mute", "unmute", "be_muted", "subscribe", "unsubscribe"),
    }
    assert all(hasattr(Person, deed.what) for deed in told)


async def tell(server: MediaServer, room: str, seed: int) -> None:
    story = Story(seed)
    async with world(server, room) as people:
        await people.tell(story)
        await people.check(story)


@pytest.mark.parametrize("server", ["visavis"], indirect=True)
@pytest.mark.parametrize("seed", AT_ONCE)
async def test_some_stories_end_well(server: MediaServer, room: str, seed: int) -> None:
    await tell(server, room, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
async def test_every_story_ends_well(server: MediaServer, room: str, seed: int) -> None:
    await tell(server, room, seed)
