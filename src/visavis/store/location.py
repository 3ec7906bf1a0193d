"""Where the history is kept if nobody says."""

import os
import sys
from pathlib import Path

IN_MEMORY = "sqlite://"
"""It ends with the process."""


def default_database_url() -> str:
    """A file in the folder where this user's programs, or this systemd unit, keep their data."""
    state = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if state:
        folder = Path(state)
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support" / "visavis"
    else:
        folder = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "visavis"
    return f"sqlite:///{folder / 'history.sqlite3'}"
