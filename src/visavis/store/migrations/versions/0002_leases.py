"""Leases of servers by the database's clock, where each of them runs, and an index for the newest tracks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns, with values that servers of the version before leave as they are."""
    op.add_column("servers", sa.Column("place", sa.String(512), nullable=False, server_default=""))
    op.add_column("servers", sa.Column("born", sa.String(64), nullable=False, server_default=""))
    op.add_column("servers", sa.Column("lease_until", sa.BigInteger))
    op.create_index("tracks_started_at", "tracks", ["started_at"])


def downgrade() -> None:
    """Takes them away."""
    op.drop_index("tracks_started_at", "tracks")
    for column in ("lease_until", "born", "place"):
        op.drop_column("servers", column)
