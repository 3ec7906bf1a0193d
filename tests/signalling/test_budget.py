"""What a join takes in Python, counted in calls, which do not depend on how busy the machine is."""

import sys
from collections import Counter

import pytest
from test_time import KEYS, World

from visavis.auth import Claims, VideoGrants
from visavis.signalling.connect import parse_connect


def calls_of(work):
    """How many functions `work` calls, Python's and C's."""
    counted = Counter()

    def count(_frame, event, _argument):
        counted[event] += 1

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted["call"] + counted["c_call"]


def test_a_token_is_read_with_few_calls():
    grants = VideoGrants(room_join=True, room="atrium", can_publish=True, can_subscribe=True)
    token = KEYS.mint(Claims(identity="alice", video=grants))
    query = {"access_token": token, "protocol": "16", "sdk": "js"}
    parse_connect(query, {}, KEYS)
    assert calls_of(lambda: parse_connect(query, {}, KEYS)) <= 760


def calls_of_a_join(people):
    """Of one who joins and connects where so many are."""
    world = World()
    for number in range(people):
        world.join(f"guest{number}")
        world.now += 0.01
    return calls_of(lambda: world.join("late"))


@pytest.mark.parametrize(("people", "limit"), [(1, 760), (15, 1050), (200, 960)])
def test_a_join_takes_few_calls(people, limit):
    assert calls_of_a_join(people) <= limit


def test_time_passes_with_few_calls_however_many_are_there():
    calls = []
    for people in (1, 200):
        world = World()
        members = [world.join(f"guest{number}") for number in range(people)]
        world.pass_time(7, *members)
        world.now += 0.5
        calls.append(calls_of(world.registry.tick))
    assert calls[0] == calls[1] <= 40
