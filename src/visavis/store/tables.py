"""The tables of the history, as the newest migration leaves them.

Times are milliseconds since the epoch, which every database and language reads alike. No foreign keys: an event that
was lost shall cost its own row, and not those that name it. `server_id` says whose rows are open, so that another
process closes those of one that crashed.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table

metadata = MetaData()

SID_LENGTH = 64
TEXT_LENGTH = 512


def _life() -> tuple[Column[Any], ...]:
    """Of everything that begins and ends."""
    return (
        Column("server_id", String(SID_LENGTH), nullable=False),
        Column("started_at", BigInteger, nullable=False),
        Column("ended_at", BigInteger),
        Column("end_reason", String(SID_LENGTH)),
    )


servers = Table(
    "servers",
    metadata,
    Column("id", String(SID_LENGTH), primary_key=True),
    Column("host", String(TEXT_LENGTH), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    # Of the processes with one `place` each can tell whether another lives; `born` tells it from a later one's pid.
    Column("place", String(TEXT_LENGTH), nullable=False, server_default=""),
    Column("born", String(SID_LENGTH), nullable=False, server_default=""),
    # By the database's clock, for those of machines differ.
    Column("lease_until", BigInteger),
)

rooms = Table(
    "rooms",
    metadata,
    Column("sid", String(SID_LENGTH), primary_key=True),
    Column("name", String(TEXT_LENGTH), nullable=False),
    *_life(),
    Index("rooms_started_at", "started_at"),
    Index("rooms_ended_at", "ended_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("sid", String(SID_LENGTH), primary_key=True),
    Column("room_sid", String(SID_LENGTH), nullable=False),
    Column("room_name", String(TEXT_LENGTH), nullable=False),
    Column("identity", String(TEXT_LENGTH), nullable=False),
    Column("name", String(TEXT_LENGTH), nullable=False),
    Column("kind", String(SID_LENGTH), nullable=False),
    *_life(),
    Column("bytes_in", BigInteger),
    Column("bytes_out", BigInteger),
    Index("sessions_started_at", "started_at"),
    Index("sessions_ended_at", "ended_at"),
    Index("sessions_room_sid", "room_sid"),
)

tracks = Table(
    "tracks",
    metadata,
    Column("sid", String(SID_LENGTH), primary_key=True),
    Column("room_sid", String(SID_LENGTH), nullable=False),
    Column("session_sid", String(SID_LENGTH), nullable=False),
    Column("kind", String(SID_LENGTH), nullable=False),
    Column("source", String(SID_LENGTH), nullable=False),
    Column("mime_type", String(SID_LENGTH), nullable=False),
    Column("name", String(TEXT_LENGTH), nullable=False),
    *_life(),
    Column("bytes", BigInteger),
    Column("packets", BigInteger),
    Column("lost", BigInteger),
    Index("tracks_started_at", "started_at"),
    Index("tracks_ended_at", "ended_at"),
    Index("tracks_session_sid", "session_sid"),
)

HISTORY = (rooms, sessions, tracks)
"""Those whose rows begin and end."""
