"""The three ways a hub connection travels: WebSocket, server-sent events, long polling.

ASGI on one side, `Connection` on the other; nothing here knows what the messages mean.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from visavis.hub.connection import Connection, Transport

_NO_CACHE = {"Cache-Control": "no-cache, no-store", "Pragma": "no-cache"}


async def serve_websocket(websocket: WebSocket, connection: Connection) -> None:
    """Accepts the WebSocket and carries the connection until either is over."""
    taken_over = connection.serve(Transport.WEB_SOCKETS)
    try:
        await websocket.accept()
        await _first_of(_read(websocket, connection), _write(websocket, connection), connection.wait_over())
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, OSError):  # the client may have closed it first
            await websocket.close()
    finally:
        connection.leave(taken_over)


class EventStream(StreamingResponse):
    """The response to an `Accept: text/event-stream` request. The client's own messages come by POST.

    Starlette's own streaming learns of a client's going only when it writes, under some servers; this one watches.
    """

    def __init__(self, connection: Connection) -> None:
        headers = {**_NO_CACHE, "Content-Encoding": "identity", "X-Accel-Buffering": "no"}
        super().__init__((), headers=headers, media_type="text/event-stream")
        self._connection = connection
        # Taken at once, not when the response begins: a second stream in between must find it taken.
        self._taken_over = connection.serve(Transport.SERVER_SENT_EVENTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Streams until the connection is over or the client has gone."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            # A comment, so that proxies and browsers let the headers through: `onopen` waits for them.
            await send({"type": "http.response.body", "body": b":\r\n", "more_body": True})
            await _first_of(self._write(send), _until_gone(receive), self._connection.wait_over())
            with contextlib.suppress(OSError):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._connection.leave(self._taken_over)

    async def _write(self, send: Send) -> None:
        while batch := await self._connection.next_batch():
            # JSON in one line holds no line breaks, so one data line is enough.
            event = f"data: {batch}\r\n\r\n".encode()
            await send({"type": "http.response.body", "body": event, "more_body": True})


async def serve_poll(request: Request, connection: Connection, poll_timeout: float) -> Response:
    """Answers one GET of long polling: 200 with messages, 200 empty, or 204 for "it is over"."""
    is_first = connection.transport is None
    taken_over = connection.serve(Transport.LONG_POLLING)
    try:
        if is_first:
            return PlainTextResponse("", headers=_NO_CACHE)
        if not connection.is_finished:
            # Nothing is taken here, only waited for: a client that goes away in the middle loses no message.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(poll_timeout):
                    await _first_of(connection.wait_news(), _until_gone(request.receive), _until_set(taken_over))
        if connection.is_finished or taken_over.is_set():
            return Response(status_code=204, headers=_NO_CACHE)
        return PlainTextResponse(connection.take(), headers=_NO_CACHE)
    finally:
        connection.leave(taken_over)


async def _read(websocket: WebSocket, connection: Connection) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text: str | None = message.get("text")
        # The JSON protocol is text, but .NET takes it in binary frames too.
        connection.receive(text if text is not None else message["bytes"].decode(errors="replace"))


async def _write(websocket: WebSocket, connection: Connection) -> None:
    with contextlib.suppress(WebSocketDisconnect, OSError):  # gone; the reader sees it too
        while batch := await connection.next_batch():
            await websocket.send_text(batch)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _until_set(event: asyncio.Event) -> None:
    await event.wait()


async def _first_of(*runners: Coroutine[Any, Any, None]) -> None:
    """Runs all until the first ends, then cancels the others; an error of the first comes out."""
    tasks = [asyncio.ensure_future(runner) for runner in runners]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
