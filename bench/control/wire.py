"""An HTTP/1.1 client that costs the generator little: connections are kept, heads are written by hand."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

_LIMIT = 1 << 20
# uvicorn closes what is idle for five.
_IDLE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: of HTTP.
        headers: names in lower case.
        body: as it was sent, compressed or not.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Connections to one server.

    Args:
        port: on loopback.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """One request, on a connection of its own as long as it takes.

        Raises:
            OSError: there is no answer.
        """
        reader, writer = self._kept() or await self._open()
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        length = f"content-length: {len(body)}\r\n" if body or method == "POST" else ""
        try:
            writer.write(f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{lines}{length}\r\n".encode() + body)
            answer = await _read(reader)
        except (OSError, asyncio.IncompleteReadError) as error:
            writer.close()
            raise ConnectionError(str(error)) from error
        self._idle.append((time.monotonic(), reader, writer))
        return answer

    async def aclose(self) -> None:
        """Closes what is open."""
        idle, self._idle = self._idle, []
        for _, _, writer in idle:
            writer.close()

    def _kept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """The one that was used last, if it is still good."""
        while self._idle:
            since, reader, writer = self._idle.pop()
            # On a machine that stands still for a moment the server may have closed it sooner.
            if time.monotonic() - since < _IDLE_SECONDS and not reader.at_eof():
                return reader, writer
            writer.close()
        return None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=_LIMIT)


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines) if name}
    length = int(headers.get("content-length", "0"))
    return Answer(int(status.split(" ", 2)[1]), headers, await reader.readexactly(length) if length else b"")
