"""Tokens: what goes in comes out, and LiveKit's own library agrees with ours."""

import datetime
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit import api

from visavis.auth import Claims, KeyRing, VideoGrants
from visavis.errors import ErrorKind, VisavisError

KEY, SECRET = "key", "a secret of more than thirty-two bytes"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
maybe = st.sampled_from([None, True, False])


@pytest.fixture
def keys():
    return KeyRing({KEY: SECRET})


@given(
    st.builds(
        Claims,
        identity=texts.filter(bool),
        name=texts,
        metadata=texts,
        attributes=st.dictionaries(texts, texts, max_size=3),
        kind=st.sampled_from(["", "agent", "sip"]),
        video=st.builds(
            VideoGrants,
            room_join=st.booleans(),
            room=texts,
            can_publish=maybe,
            can_subscribe=maybe,
            can_publish_data=maybe,
            can_update_own_metadata=maybe,
            can_publish_sources=st.lists(st.sampled_from(["camera", "microphone"])).map(tuple),
            hidden=st.booleans(),
        ),
    )
)
def test_claims_survive_the_way_through_a_token(claims):
    keys = KeyRing({KEY: SECRET})
    read = keys.verify(keys.mint(claims))
    assert (read.identity, read.name, read.metadata, read.kind) == (
        claims.identity,
        claims.name,
        claims.metadata,
        claims.kind,
    )
    assert (read.attributes, read.video) == (claims.attributes, claims.video)
    assert read.issuer == KEY


def test_livekits_library_reads_our_tokens(keys):
    grants = VideoGrants(room_join=True, room="atrium", can_publish=False, can_publish_sources=("camera",))
    read = api.TokenVerifier(KEY, SECRET).verify(keys.mint(Claims(identity="alice", name="Alice", video=grants)))
    assert (read.identity, read.name) == ("alice", "Alice")
    assert read.video is not None
    assert (read.video.room_join, read.video.room, read.video.can_publish) == (True, "atrium", False)
    assert read.video.can_publish_sources == ["camera"]


def test_we_read_tokens_of_livekits_library(keys):
    grants = api.VideoGrants(room_join=True, room="atrium", can_subscribe=False, hidden=True)
    token = (
        api.AccessToken(KEY, SECRET)
        .with_identity("alice")
        .with_kind("agent")
        .with_attributes({"a": "b"})
        .with_ttl(datetime.timedelta(minutes=1))
        .with_grants(grants)
        .to_jwt()
    )
    claims = keys.verify(token)
    assert (claims.identity, claims.kind, claims.attributes) == ("alice", "agent", {"a": "b"})
    assert claims.video is not None
    assert (claims.video.room, claims.video.can_subscribe, claims.video.hidden) == ("atrium", False, True)


def test_times_have_a_minute_of_leeway(keys):
    claims = Claims(identity="alice")
    now = time.time()
    assert keys.verify(keys.mint(claims, ttl=10, now=now - 60)).identity == "alice"
    assert keys.verify(keys.mint(claims, now=now + 50)).identity == "alice"
    with pytest.raises(VisavisError, match="expired"):
        keys.verify(keys.mint(claims, ttl=10, now=now - 80))
    with pytest.raises(VisavisError, match="not valid yet"):
        keys.verify(keys.mint(claims, now=now + 90))


def test_each_key_verifies_and_the_first_signs():
    both = KeyRing({"new": "n" * 32, "old": "o" * 32})
    assert both.verify(KeyRing({"old": "o" * 32}).mint(Claims(identity="alice"))).issuer == "old"
    assert both.verify(both.mint(Claims(identity="alice"))).issuer == "new"


def test_a_short_secret_raises_no_warning():
    keys = KeyRing({"devkey": "secret"})
    assert keys.verify(keys.mint(Claims(identity="alice"))).identity == "alice"


def test_a_key_ring_needs_a_key():
    with pytest.raises(ValueError, match="no API key"):
        KeyRing({})


def test_a_token_without_room_is_exchanged_for_one_with(keys):
    grants = VideoGrants(room_join=True, can_publish=True)
    token = keys.mint(Claims(identity="alice", name="Alice", attributes={"a": "b"}, video=grants), ttl=77)
    before, after = keys.verify(token), keys.claims_for(token, "atrium")
    assert after.video is not None
    assert after.video.room == "atrium"
    assert (after.identity, after.name, after.attributes) == ("alice", "Alice", {"a": "b"})
    assert after.expires_at == before.expires_at


def test_a_token_for_one_room_is_not_exchanged_for_another(keys):
    token = keys.mint(Claims(identity="alice", video=VideoGrants(room_join=True, room="atrium")))
    assert keys.claims_for(token, "atrium").identity == "alice"
    with pytest.raises(VisavisError, match="for room 'atrium', not 'cellar'") as refused:
        keys.claims_for(token, "cellar")
    assert (refused.value.kind, refused.value.status) == (ErrorKind.WRONG_ROOM, 403)


def test_who_may_not_join_exchanges_nothing(keys):
    with pytest.raises(VisavisError) as refused:
        keys.claims_for(keys.mint(Claims(identity="alice", video=VideoGrants(room_list=True))), "atrium")
    assert refused.value.kind == ErrorKind.NOT_PERMITTED
