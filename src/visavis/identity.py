"""Who a caller is: the host application's own answer, or what the request says of itself."""

import inspect
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class User:
    """A signed-in user of the host application.

    Attributes:
        identity: unique and stable; one identity is in a room once.
        name: shown to others; empty: what the caller gives.
    """

    identity: str
    name: str = ""


Identify = Callable[[Request], User | str | Awaitable[User | str | None] | None]
"""Tells who sends a request. None: nobody whom the host knows. To refuse, raise Starlette's `HTTPException`."""


async def caller_of(request: Request, identify: Identify | None) -> User:
    """The caller: whom the host names, else `?identity=`, else somebody new; `?name=` where the host gives no name."""
    name = request.query_params.get("name", "")
    known = identify(request) if identify is not None else None
    if inspect.isawaitable(known):
        known = await known
    if isinstance(known, str):
        known = User(known)
    if known is not None:
        return User(known.identity, known.name or name)
    return User(request.query_params.get("identity") or str(uuid.uuid4()), name)
