"""On our own server's sockets: who does not read is not waited for."""

import asyncio
import socket
from contextlib import suppress

import pytest
import uvicorn
from starlette.websockets import WebSocket
from websockets.frames import Frame, Opcode

from handshake import HANDSHAKE
from visavis.signalling.carrying import GONE, carry
from visavis.signalling.outlet import Outlet
from visavis.websocket import SignallingSocket, SocketServer

UNREAD = 3 << 20


@pytest.mark.parametrize("last", [Opcode.BINARY, Opcode.CLOSE], ids=["the session ends", "the client closes"])
async def test_a_session_that_ends_while_its_client_does_not_read_is_over_soon(last):
    over, freed = asyncio.Event(), asyncio.Event()

    class Socket(SignallingSocket):
        def connection_lost(self, exc):
            super().connection_lost(exc)
            freed.set()

    async def application(scope, receive, send):
        websocket, outlet = WebSocket(scope, receive, send), Outlet()
        await websocket.accept()
        outlet.send(bytes(UNREAD))
        with suppress(*GONE):
            await carry(websocket, outlet, lambda _: outlet.close())
        over.set()

    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as client:
        config = uvicorn.Config(application, ws=Socket, ws_per_message_deflate=False, lifespan="off", log_config=None)
        server = SocketServer(config)
        serving = asyncio.create_task(server.serve([listening]))
        # Else the kernel takes it all.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(30):
            await loop.sock_connect(client, listening.getsockname())
            await loop.sock_sendall(client, HANDSHAKE)
            assert (await loop.sock_recv(client, 1 << 10)).startswith(b"HTTP/1.1 101")
            await loop.sock_sendall(client, Frame(last, b"").serialize(mask=True))
            await over.wait()
            await freed.wait()
        server.should_exit = True
        await serving
