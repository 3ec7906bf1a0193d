"""A link to a server that is slow, hangs, or is cut: for tests of what waits for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class SlowLink:
    """Passes TCP on, each piece of it after `delay` seconds; nothing while `hangs`."""

    def __init__(self, to_port: int) -> None:
        self.delay = 0.0
        self.port = 0
        self._to_port = to_port
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def hang(self) -> None:
        self._goes_on.clear()

    def go_on(self) -> None:
        self._goes_on.set()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["SlowLink"]:
        server = await asyncio.start_server(self._pass_both_ways, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self.go_on()
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass_both_ways(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            there = await asyncio.open_connection("127.0.0.1", self._to_port)
            await asyncio.gather(self._pass(reader, there[1]), self._pass(there[0], writer))
        except OSError:
            pass
        finally:
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await asyncio.sleep(self.delay)
                await self._goes_on.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()
