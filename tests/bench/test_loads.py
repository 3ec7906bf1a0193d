"""The loads, by their names."""

import pytest

from loads import LOADS, chosen


def test_each_load_of_media_has_a_twin_with_loss():
    of_media = [name for name, load in LOADS.items() if load.lossy_twin]
    assert of_media
    assert all(LOADS[f"{name}-loss"].loss == 0.02 for name in of_media)


def test_loads_are_chosen_by_name_and_by_group():
    assert list(chosen(["idle", "forward"])) == ["forward", "idle-1000"]
    assert chosen(["all"]) == LOADS


def test_an_unknown_load_is_refused_with_those_that_there_are():
    with pytest.raises(KeyError, match=r"nonsense.*video-150"):
        chosen(["forward", "nonsense"])


def test_a_room_holds_as_many_as_it_is_allowed():
    import processes

    assert max(len(load.participants) for load in LOADS.values()) < processes.CAPACITY


def test_the_meeting_of_50_has_a_camera_large_while_it_is_measured():
    load = LOADS["meeting-50"]
    assert load.meeting is not None
    cameras = [seat for seat, person in enumerate(load.participants) if "videos" in person]
    assert (len(load.participants), len(cameras)) == (50, 16)
    period, speakers = load.meeting["period"], int(load.meeting["speakers"])
    turns = range(int(load.warmup // period), int((load.warmup + max(load.seconds)) // period) + 1)
    assert turns.start * speakers >= 50, "everybody has spoken before"
    assert all(turn * speakers % 50 in cameras for turn in turns)
