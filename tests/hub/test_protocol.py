"""The JSON hub protocol as values."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.hub import protocol
from visavis.hub.protocol import Close, Framer, Ignored, Invocation, Ping, ProtocolError, parse_message


@given(st.lists(st.text(st.characters(exclude_characters="\x1e", exclude_categories=["Cs"]), max_size=20)), st.data())
def test_records_come_out_whole_however_the_text_is_cut(records: list[str], data: st.DataObject) -> None:
    text = "".join(record + "\x1e" for record in records)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    framer = Framer(max_record=100)
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert [record for piece in pieces for record in framer.feed(piece)] == records


@pytest.mark.parametrize("text", ["x" * 11, "x" * 11 + "\x1e", "ok\x1e" + "x" * 11])
def test_too_long_a_record_is_refused_finished_or_not(text: str) -> None:
    with pytest.raises(ProtocolError, match="11 characters; at most 10"):
        Framer(max_record=10).feed(text)


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ('{"protocol":"json","version":1}', None),
        ('{"protocol":"json","version":2}', None),
        ('{"protocol":"json","version":0}', None),
        ('{"protocol":"json","version":3}', "The server does not support version 3 of the 'json' protocol."),
        ('{"protocol":"messagepack","version":1}', "The protocol 'messagepack' is not supported."),
        ('{"protocol":"json"}', "An unexpected error occurred during connection handshake."),
        ('{"protocol":"json","version":"1"}', "An unexpected error occurred during connection handshake."),
        ('{"protocol":1,"version":1}', "An unexpected error occurred during connection handshake."),
        ("[]", "An unexpected error occurred during connection handshake."),
        ("", "An unexpected error occurred during connection handshake."),
        ("GET / HTTP/1.1", "An unexpected error occurred during connection handshake."),
    ],
)
def test_handshake_is_answered_in_asp_net_cores_words(record: str, error: str | None) -> None:
    assert protocol.check_handshake(record) == error


def test_the_seeds_call_is_understood() -> None:
    record = '{"arguments":[true],"streamIds":[],"target":"RoomsUpdated","type":1}'
    assert parse_message(record) == Invocation("RoomsUpdated", (True,), None, (), is_streaming=False)


def test_a_streaming_call_is_told_from_a_plain_one() -> None:
    record = '{"type":4,"target":"T","arguments":[],"invocationId":"7","streamIds":["1"]}'
    assert parse_message(record) == Invocation("T", (), "7", ("1",), is_streaming=True)


@pytest.mark.parametrize(
    ("record", "kind"),
    [('{"type":6}', Ping), ('{"type":7,"error":"x"}', Close), ('{"type":3,"invocationId":"1"}', Ignored)]
    + [(f'{{"type":{n}}}', Ignored) for n in (2, 5, 8, 9, 99)],
)
def test_other_messages_are_told_apart(record: str, kind: type) -> None:
    assert isinstance(parse_message(record), kind)


@pytest.mark.parametrize(
    "record",
    [
        "",
        "{",
        "null",
        "[1]",
        "{}",
        '{"type":"1"}',
        '{"type":true}',
        '{"type":1,"arguments":[]}',
        '{"type":1,"target":5,"arguments":[]}',
        '{"type":1,"target":"T"}',
        '{"type":1,"target":"T","arguments":{}}',
        '{"type":1,"target":"T","arguments":[],"invocationId":3}',
        '{"type":1,"target":"T","arguments":[],"streamIds":[1]}',
        '{"type":4,"target":"T","arguments":[]}',
        "[" * 20_000,
    ],
)
def test_what_is_not_the_protocol_is_refused(record: str) -> None:
    with pytest.raises(ProtocolError):
        parse_message(record)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (protocol.handshake_response(), {}),
        (protocol.handshake_response("no"), {"error": "no"}),
        (protocol.invocation("T", True), {"type": 1, "target": "T", "arguments": [True]}),
        (protocol.completion("1"), {"type": 3, "invocationId": "1", "result": None}),
        (protocol.completion("1", error="no"), {"type": 3, "invocationId": "1", "error": "no"}),
        (protocol.ping(), {"type": 6}),
        (protocol.close(), {"type": 7}),
        (protocol.close("no", allow_reconnect=True), {"type": 7, "error": "no", "allowReconnect": True}),
    ],
)
def test_each_message_is_one_record_of_json(record: str, message: dict[str, object]) -> None:
    assert record.endswith("\x1e")
    assert json.loads(record[:-1]) == message
