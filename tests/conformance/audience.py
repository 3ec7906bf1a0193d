"""Nine viewers in a program of their own, on the Go SDK: they decode nothing, so that a small machine bears them."""

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from participant import token

from servers import MediaServer

SIZE = 9
COMPILING = 110.0
"""Seconds until the program runs; once compiled it takes one."""
PATIENCE = 40.0
_GO = Path(__file__).parent / "go"


@dataclass(frozen=True, slots=True)
class Count:
    """The packets of one viewer's video."""

    packets: int
    lost: int


class Audience:
    """The viewers. Make them with `audience`."""

    def __init__(self, program: Process) -> None:
        self.widths: dict[int, int] = {}
        """How wide the pictures of each viewer are now."""
        self.changes: list[str] = []
        """Whenever they became another width."""
        self._counts: dict[int, Count] = {}
        self._program = program
        self._heard = asyncio.Event()

    async def all_see(self, width: int) -> None:
        """Waits until everybody's pictures are so wide."""
        await self._until(lambda: list(self.widths.values()) == [width] * SIZE, f"pictures {width} wide")

    async def count(self) -> list[Count]:
        """What came and what was lost since this was asked last."""
        assert self._program.stdin is not None
        self._counts.clear()
        self._program.stdin.write(b"\n")
        await self._until(lambda: len(self._counts) == SIZE, "counts")
        return list(self._counts.values())

    async def listen(self) -> None:
        """Reads what the program says."""
        assert self._program.stdout is not None
        clock = asyncio.get_running_loop().time
        start = clock()
        async for line in self._program.stdout:
            said = json.loads(line)
            who = said.pop("who")
            if "width" in said:
                self.widths[who] = said["width"]
                self.changes.append(f"viewer {who} has {said['width']} at {clock() - start:.1f} s")
            else:
                self._counts[who] = Count(**said)
            self._heard.set()

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            raise AssertionError(f"the audience waited {PATIENCE} s in vain for {what}: {self.changes}") from None


@asynccontextmanager
async def audience(server: MediaServer, room: str, folder: Path) -> AsyncIterator[Audience]:
    """Lets the audience in.

    Args:
        server: where the room is.
        room: its name; it must hold them all.
        folder: where the program is built.
    """
    compiler = shutil.which("go")
    assert compiler, "go is needed for this test"
    binary = folder / "audience"
    compiling = await asyncio.create_subprocess_exec(compiler, "build", "-o", binary, "./audience", cwd=_GO)
    assert await asyncio.wait_for(compiling.wait(), COMPILING) == 0
    tokens = [token(server, f"viewer-{who}", room) for who in range(SIZE)]
    program = await asyncio.create_subprocess_exec(binary, server.url, *tokens, stdin=PIPE, stdout=PIPE)
    viewers = Audience(program)
    listening = asyncio.create_task(viewers.listen())
    try:
        yield viewers
    finally:
        assert program.stdin is not None
        program.stdin.close()
        try:
            await asyncio.wait_for(program.wait(), 10)
        except TimeoutError:
            program.kill()
            await program.wait()
        await listening
