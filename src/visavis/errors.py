"""The errors that Visavis tells to people and programs: one table of kinds, each with its HTTP status.

Not here: bugs. Those stay ordinary exceptions and are logged where a task ends.
"""

from enum import StrEnum


class ErrorKind(StrEnum):
    """What went wrong, as programs see it. `STATUS` has the HTTP status of each."""

    NO_TOKEN = "no_token"  # noqa: S105 - a kind of error, no secret
    INVALID_TOKEN = "invalid_token"  # noqa: S105
    NOT_PERMITTED = "not_permitted"
    INVALID_IDENTITY = "invalid_identity"
    INVALID_ROOM_NAME = "invalid_room_name"
    INVALID_REQUEST = "invalid_request"
    WRONG_ROOM = "wrong_room"
    NOT_IN_ROOM = "not_in_room"
    ROOM_FULL = "room_full"
    TOO_MANY_REQUESTS = "too_many_requests"
    ADMIN_OFF = "admin_off"
    HISTORY_OFF = "history_off"
    HISTORY_UNREADABLE = "history_unreadable"
    ROOM_NOT_FOUND = "room_not_found"
    TRACK_NOT_FOUND = "track_not_found"
    ROOM_LOCKED = "room_locked"
    ROOM_EXISTS = "room_exists"
    NO_SUCH_PERSON = "no_such_person"
    MUST_KNOCK = "must_knock"
    REFUSED = "refused"
    REMOVED = "removed"
    IDENTITY_TAKEN = "identity_taken"
    NOT_A_MODERATOR = "not_a_moderator"
    SERVER_STOPPING = "server_stopping"
    BIND_FAILED = "bind_failed"
    INVALID_SETTING = "invalid_setting"
    NO_PUBLIC_ADDRESS = "no_public_address"
    CLUSTER_UNREACHABLE = "cluster_unreachable"
    CLUSTER_REFUSED = "cluster_refused"
    REDIS_UNREACHABLE = "redis_unreachable"
    DOES_NOT_LIVE_HERE = "does_not_live_here"


STATUS: dict[ErrorKind, int] = {
    ErrorKind.NO_TOKEN: 401,
    ErrorKind.INVALID_TOKEN: 401,
    ErrorKind.NOT_PERMITTED: 401,
    ErrorKind.INVALID_IDENTITY: 400,
    ErrorKind.INVALID_ROOM_NAME: 400,
    ErrorKind.INVALID_REQUEST: 400,
    ErrorKind.WRONG_ROOM: 403,
    ErrorKind.NOT_IN_ROOM: 403,
    # 403 and not 429: livekit-client shows the text of a 401 or 403 to the application and hides every other one's.
    ErrorKind.ROOM_FULL: 403,
    ErrorKind.TOO_MANY_REQUESTS: 429,
    ErrorKind.ADMIN_OFF: 404,
    ErrorKind.HISTORY_OFF: 404,
    ErrorKind.HISTORY_UNREADABLE: 503,
    ErrorKind.ROOM_NOT_FOUND: 404,
    ErrorKind.TRACK_NOT_FOUND: 404,
    ErrorKind.ROOM_LOCKED: 403,
    ErrorKind.ROOM_EXISTS: 409,
    ErrorKind.NO_SUCH_PERSON: 404,
    ErrorKind.MUST_KNOCK: 403,
    ErrorKind.REFUSED: 403,
    ErrorKind.REMOVED: 403,
    ErrorKind.IDENTITY_TAKEN: 403,
    ErrorKind.NOT_A_MODERATOR: 403,
    ErrorKind.SERVER_STOPPING: 503,
    ErrorKind.BIND_FAILED: 500,
    ErrorKind.INVALID_SETTING: 500,
    ErrorKind.NO_PUBLIC_ADDRESS: 500,
    ErrorKind.CLUSTER_UNREACHABLE: 503,
    ErrorKind.CLUSTER_REFUSED: 502,
    ErrorKind.REDIS_UNREACHABLE: 503,
    ErrorKind.DOES_NOT_LIVE_HERE: 404,
}


class VisavisError(Exception):
    """Something that the caller can understand and mend.

    Attributes:
        kind: for programs.
        message: for people: what was wrong, with the value, and what to do.
    """

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status that tells this error."""
        return STATUS[self.kind]
