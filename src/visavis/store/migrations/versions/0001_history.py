"""Servers, rooms, sessions and tracks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "servers",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("host", sa.String(512), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
    )
    op.create_table("rooms", sa.Column("name", sa.String(512), nullable=False), *_life())
    op.create_table(
        "sessions",
        sa.Column("room_sid", sa.String(64), nullable=False),
        sa.Column("room_name", sa.String(512), nullable=False),
        sa.Column("identity", sa.String(512), nullable=False),
        sa.Column("name", sa.String(512), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        *_life(),
        sa.Column("bytes_in", sa.BigInteger),
        sa.Column("bytes_out", sa.BigInteger),
    )
    op.create_table(
        "tracks",
        sa.Column("room_sid", sa.String(64), nullable=False),
        sa.Column("session_sid", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("mime_type", sa.String(64), nullable=False),
        sa.Column("name", sa.String(512), nullable=False),
        *_life(),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("packets", sa.BigInteger),
        sa.Column("lost", sa.BigInteger),
    )
    for table, column in _INDEXES:
        op.create_index(f"{table}_{column}", table, [column])


def downgrade() -> None:
    """Drops the tables, and with them the history."""
    for table in ("tracks", "sessions", "rooms", "servers"):
        op.drop_table(table)


_INDEXES = (
    ("rooms", "started_at"),
    ("rooms", "ended_at"),
    ("sessions", "started_at"),
    ("sessions", "ended_at"),
    ("sessions", "room_sid"),
    ("tracks", "ended_at"),
    ("tracks", "session_sid"),
)


def _life() -> list[sa.Column[object]]:
    return [
        sa.Column("sid", sa.String(64), primary_key=True),
        sa.Column("server_id", sa.String(64), nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("end_reason", sa.String(64)),
    ]
