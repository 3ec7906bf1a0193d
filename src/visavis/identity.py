"""Who a caller is: the host application's own answer, or what the request says of itself."""

import inspect
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class User:
    """A signed-in user of the host application.

    Attributes:
        identity: unique and stable; one identity is in a room once.
        name: shown to others; empty: what the caller gives.
        moderator: True: of every room that it joins; False: not because it makes a room or has been there longest;
            None: as everybody, who makes a room moderates it.
    """

    identity: str
    name: str = ""
    moderator: bool | None = None


Identify = Callable[[Request], User | str | Awaitable[User | str | None] | None]
"""Tells who sends a request. None: nobody whom the host knows. To refuse, raise Starlette's `HTTPException`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request.

    Attributes:
        user: who it is.
        is_known: whether that is the host's word, or the request's own.
    """

    user: User
    is_known: bool


async def caller_of(request: Request, identify: Identify | None) -> Caller:
    """The caller: whom the host names, else `?identity=`, else somebody new; `?name=` where the host gives no name."""
    name = request.query_params.get("name", "")
    known = identify(request) if identify is not None else None
    if inspect.isawaitable(known):
        known = await known
    if isinstance(known, str):
        known = User(known)
    if known is not None:
        return Caller(replace(known, name=known.name or name), is_known=True)
    return Caller(User(request.query_params.get("identity") or str(uuid.uuid4()), name), is_known=False)
