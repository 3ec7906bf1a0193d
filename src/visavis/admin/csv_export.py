"""The history as CSV, for spreadsheets: one line at a time, times in ISO 8601, nothing that runs as a formula."""

import csv
import io
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from visavis.store.found import HistoryFilter, Row

if TYPE_CHECKING:
    from visavis.store.history import History

COLUMNS = {
    "rooms": ("sid", "name", "started_at", "ended_at", "end_reason", "people"),
    "sessions": (
        "sid",
        "room_sid",
        "room_name",
        "identity",
        "name",
        "kind",
        "started_at",
        "ended_at",
        "end_reason",
        "bytes_in",
        "bytes_out",
    ),
    "tracks": (
        "sid",
        "room_sid",
        "room_name",
        "session_sid",
        "identity",
        "participant_name",
        "kind",
        "source",
        "name",
        "mime_type",
        "started_at",
        "ended_at",
        "end_reason",
        "bytes",
        "packets",
        "lost",
    ),
}
# Spreadsheets take what begins so for a formula (OWASP, CSV injection); names are whatever people typed.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def csv_lines(history: "History", kind: str, wanted: HistoryFilter) -> AsyncGenerator[str]:
    """The header and a line for each row of ``rooms``, ``sessions`` or ``tracks``."""
    columns = COLUMNS[kind]
    yield _line(columns)
    async for row in history.all(kind, wanted):
        yield _line([_cell(row, column) for column in columns])


def _cell(row: Row, column: str) -> Any:
    value = row[column]
    if value is None:
        return ""
    if column.endswith("_at"):
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _line(cells: Any) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()
