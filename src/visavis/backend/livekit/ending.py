"""Ends tasks for certain."""

import asyncio

_AGAIN_SECONDS = 0.2


async def end(*tasks: "asyncio.Task[None]") -> None:
    """Cancels, and returns when all are done.

    Again, if need be: the client of Redis takes a cancellation that comes while it connects for a failure to connect.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_SECONDS)
