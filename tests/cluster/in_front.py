"""Stands between an app and a real livekit-server, and lies: of the time, or of the version."""

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime

import aiohttp
from aiohttp import web
from livekit.protocol import rtc

from servers import MediaServer


@contextlib.asynccontextmanager
async def in_front_of(node: MediaServer, at: int, *, seconds: float = 0, version: str = "") -> AsyncIterator[str]:
    """The node, seen through one that tells another time, or another version."""
    session = aiohttp.ClientSession()

    async def pass_on(request: web.Request) -> web.StreamResponse:
        url = node.http_url + request.path_qs
        if request.headers.get("upgrade", "").lower() == "websocket":
            async with session.ws_connect(url.replace("http", "ws", 1)) as there:
                told = rtc.SignalResponse.FromString(await there.receive_bytes())
                told.join.server_info.version = told.join.server_version = version
                here = web.WebSocketResponse()
                await here.prepare(request)
                await here.send_bytes(told.SerializeToString())
                await here.receive()
                return here
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with session.request(request.method, url, headers=headers, data=await request.read()) as answer:
            told_headers = {"content-type": answer.headers.get("content-type", "text/plain")}
            if seconds:
                at_ = parsedate_to_datetime(answer.headers["date"]) + timedelta(seconds=seconds)
                told_headers["date"] = format_datetime(at_, usegmt=True)
            return web.Response(status=answer.status, body=await answer.read(), headers=told_headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", pass_on)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", at).start()
    try:
        yield f"ws://127.0.0.1:{at}"
    finally:
        await session.close()
        await runner.cleanup()
