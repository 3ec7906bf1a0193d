"""The simulation of the control plane, small. It fails by itself if a list or the history is wrong."""

import json
import re

from google.protobuf import json_format
from livekit.protocol.webhook import WebhookEvent

from control import table
from control.cluster import Cluster
from control.plan import Plan
from control.simulation import simulate
from control.webhooks import Signer, Texts
from visavis.auth import KeyRing

SECRET = "a secret of the tests, 32 bytes or more"


def a_token() -> str:
    import jwt

    claims = {"name": "Alice", "attributes": {"visavis.visitor": "1"}, "roomConfig": {"maxParticipants": 50}}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def test_what_is_posted_is_the_clusters_own_message() -> None:
    cluster, texts = Cluster(), Texts()
    room, person, _ = cluster.join("atrium", "alice", a_token())
    joined = json_format.Parse(texts.make("participant_joined", room, person), WebhookEvent())
    assert (joined.event, joined.room) == ("participant_joined", room.info())
    assert joined.participant == person.info(has_tracks=False)
    published = json_format.Parse(texts.make("audio", room, person, person.track_sids[0]), WebhookEvent())
    assert (published.room.sid, published.participant.sid) == (room.sid, person.sid)
    assert published.track == person.tracks()[0]
    assert joined.id != published.id


def test_what_is_posted_is_signed_as_livekit_signs() -> None:
    KeyRing({"key": SECRET}).verify_body(Signer("key", SECRET)(b"body"), b"body")


def test_everybody_comes_once_and_rooms_fill_together() -> None:
    plan = Plan(people=200, processes=1, filling=5)
    arrivals = plan.arrivals()
    assert len(set(arrivals)) == 200
    assert len({room for room, _ in arrivals}) == plan.rooms == 20
    assert len({room for room, _ in arrivals[:30]}) > 2


async def test_lists_and_history_are_right_after_all_have_come_and_gone() -> None:
    plan = Plan(people=200, processes=2, at_once=8, filling=5, pages=1, churn=20, steady=1.0, empties=True)
    told = await simulate(plan, lambda _: None)
    assert told["memory"]["rows"] == {"rooms": 20, "sessions": 200, "tracks": 400}
    for phase in ("ramp", "steady", "emptying"):
        # A process that reads the cluster just now may have found out what the webhook tells, and be writing it.
        again, posted = told[phase]["webhooks_tried_again"], told[phase]["webhooks_per_second"] * told[phase]["seconds"]
        assert all("another process is at it" in why for why in again)
        assert sum(again.values()) <= posted / 50
        assert all(cores > 0 for cores in told[phase]["app_cpu"])
    assert told["ramp"]["token_ms"]["count"] == 200
    assert 0 < told["restart"]["answers_after_seconds"] <= told["restart"]["exact_after_seconds"]
    assert told["restart"]["cluster_calls"] > 20
    assert sum(told[phase]["lag_ms"]["count"] for phase in ("ramp", "steady", "emptying")) > 0
    where = dict.fromkeys(("date", "commit", "cpu", "cores", "kernel", "python"), "x")
    page = table.markdown({"machine": where, "runs": [json.loads(json.dumps(told))], "failed": []})
    assert re.search(r"\| rows \| 20 rooms, 200 sessions, 400 tracks \|", page)


async def test_a_process_that_begins_where_all_are_lists_and_writes_them() -> None:
    told = await simulate(Plan(people=200, processes=1, found=True), lambda _: None)
    assert told["restart"]["answers_after_seconds"] <= told["restart"]["exact_after_seconds"]
    where = dict.fromkeys(("date", "commit", "cpu", "cores", "kernel", "python"), "x")
    assert "an empty history" in table.markdown({"machine": where, "runs": [told], "failed": []})
