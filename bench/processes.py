"""The servers that are measured and the load generator, each on cores of its own. Not what is measured: see run.py."""

import functools
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

ROOT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "visavis"
LIVEKIT_VERSION = "1.13.5"
CAPACITY = 1100
"""Of each room: more than any load here puts into one."""

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = CORES[:1]
LOAD_CORES = CORES[1:] or CORES
"""The generator works harder than the server, so it must not run where the server does."""

_STEERING = Path("/sys/class/net/lo/queues/rx-0/rps_cpus")

# Three sockets for each participant are more than the usual limit.
_most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (_most, _most))


class BenchError(Exception):
    """What stands in the way of measuring, in a sentence."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    port: int
    secret: str
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time of all its threads since it started."""
        # As clock_getcpuclockid(3) makes it of a process: in nanoseconds, where /proc/PID/stat has ticks of 10 ms.
        return time.clock_gettime((~self.pid << 3) | 2)

    def memory_kb(self) -> int:
        """Resident memory."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@contextmanager
def receiving_steered() -> Iterator[None]:
    """Has the generator's cores do the kernel's work of receiving on loopback, which is the sender's otherwise.

    This is receive packet steering (RPS), a setting of the whole machine: what was set before is set again.

    Raises:
        BenchError: it cannot be set.
    """
    mask = f"{sum(1 << core for core in LOAD_CORES):x}"
    words = [mask[max(0, end - 8) : end] for end in range(len(mask), 0, -8)]
    if LOAD_CORES == SERVER_CORES:
        raise BenchError("receiving cannot be steered: server and generator have but one core")
    try:
        before = _STEERING.read_text()
        _STEERING.write_text(before)
    except OSError as error:
        raise BenchError(
            f"receiving cannot be steered ({error}): it takes root, and a kernel with CONFIG_RPS"
        ) from error
    try:
        _STEERING.write_text(",".join(reversed(words)))
        yield
    finally:
        _STEERING.write_text(before)


@contextmanager
def visavis(port: int) -> Iterator[Server]:
    """Our server, as `visavis dev` starts it."""
    ports = ["--port", str(port), "--tcp-port", str(port + 1), "--udp-port", str(port + 2)]
    command = [str(ROOT / ".venv/bin/visavis"), "dev", *ports, "--max-participants", str(CAPACITY)]
    with _running("visavis", command, port) as pid:
        yield Server(port, "secret", pid)


@contextmanager
def livekit(port: int) -> Iterator[Server]:
    """The real livekit-server, on loopback, logging as in production: `--dev` would log every step."""
    secret = "a secret of 32 bytes is its minimum"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "livekit.yaml"
        config.write_text(
            f"""
port: {port}
bind_addresses: ["127.0.0.1"]
keys: {{devkey: "{secret}"}}
logging: {{level: info}}
room: {{max_participants: {CAPACITY}}}
rtc:
  udp_port: {port + 2}
  tcp_port: {port + 1}
  node_ip: 127.0.0.1
  use_external_ip: false
  enable_loopback_candidate: true
  interfaces: {{includes: [lo]}}
  ips: {{includes: ["127.0.0.1/32"]}}
  stun_servers: ["127.0.0.1:3478"]
"""
        )
        with _running("livekit-server", [str(livekit_path()), "--config", str(config)], port) as pid:
            yield Server(port, secret, pid)


@contextmanager
def load(plan: dict[str, Any], clients: str = "str0m") -> Iterator["Load"]:
    """A load generator at work on a plan (bench/generator/src/plan.rs); it stops at the end of the block.

    Args:
        clients: what the load is made with, of `GENERATORS`.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(plan | {"threads": len(LOAD_CORES)}, file)
        file.flush()
        command = [*_pinned(LOAD_CORES), str(GENERATORS[clients]()), file.name]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield Load(process)
                process.communicate(timeout=60)
            finally:
                process.kill()


@dataclass(frozen=True, slots=True)
class Load:
    """A running load generator."""

    process: "subprocess.Popen[str]"

    def event(self, name: str) -> dict[str, Any]:
        """Waits for what it says next, which must be this event."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise BenchError(f"the load generator ended with status {self.process.wait()} before {name!r}")
        message: dict[str, Any] = json.loads(line)
        if message["event"] == "failed":
            raise BenchError(message["why"])
        if message["event"] != name:
            raise BenchError(f"the load generator said {message!r}, not {name!r}")
        return message


def token(server: Server, room: str, identity: str) -> str:
    """Who joins may do everything."""
    grant = {"room": room, "roomJoin": True, "canPublish": True, "canSubscribe": True, "canPublishData": True}
    claims = {"iss": "devkey", "sub": identity, "exp": int(time.time()) + 3600, "video": grant}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the development secret's length
        return jwt.encode(claims, server.secret, "HS256")


def free_ports(first: int) -> Iterator[int]:
    """Ports from `first` on that a server can have with the two above each.

    Raises:
        BenchError: there are no more.
    """
    for port in range(first, 1 << 16, 10):
        if (
            _is_free(port, socket.SOCK_STREAM)
            and _is_free(port + 1, socket.SOCK_STREAM)
            and _is_free(port + 2, socket.SOCK_DGRAM)
        ):
            yield port
    raise BenchError(f"no free ports from {first} on: choose others (--port)")


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def load_path() -> Path:
    """The load generator, built if its sources are newer."""
    return _cargo_build("bench-load")


@functools.cache
def go_load_path() -> Path:
    """The load generator on LiveKit's Go SDK, built if its sources are newer."""
    binary = CACHE / "go-load"
    _go_build(ROOT / "bench/go", binary, ".")
    return binary


GENERATORS: dict[str, Callable[[], Path]] = {"str0m": load_path, "go-sdk": go_load_path}
"""By what their clients are."""


def bare_path() -> Path:
    """The bare forwarder, built if its sources are newer."""
    return _cargo_build("bench-bare")


@functools.cache
def _cargo_build(name: str) -> Path:
    target = Path(os.environ.get("CARGO_TARGET_DIR", CACHE / "target"))
    command = ["cargo", "build", "--release", "--quiet", "--package", "visavis-bench", "--bin", name]
    if subprocess.run(command, cwd=ROOT, env=os.environ | {"CARGO_TARGET_DIR": str(target)}, check=False).returncode:
        raise BenchError(f"{name} cannot be built: see above")
    return target / "release" / name


def livekit_path() -> Path:
    """The real livekit-server: the one that is named, as for the tests, or built if it is not there."""
    if named := os.environ.get("TEST_LIVEKIT_SERVER"):
        return Path(named)
    binary = CACHE / f"livekit-server-{LIVEKIT_VERSION}"
    if not binary.exists():
        _go_build(ROOT / "tools/livekit-server", binary, "github.com/livekit/livekit-server/cmd/server")
    return binary


def _go_build(folder: Path, binary: Path, package: str) -> None:
    if shutil.which("go") is None:
        raise BenchError(f"{binary.name} is built with Go, and there is no `go` here")
    binary.parent.mkdir(parents=True, exist_ok=True)
    command = ["go", "build", "-o", str(binary), package]
    if subprocess.run(command, cwd=folder, check=False).returncode != 0:
        raise BenchError(f"{binary.name} cannot be built: see above")
    binary.touch()  # Go leaves a binary alone that would come out the same


def _pinned(cores: list[int]) -> list[str]:
    return ["taskset", "--cpu-list", ",".join(map(str, cores))]


@contextmanager
def _running(name: str, command: list[str], port: int) -> Iterator[int]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*_pinned(SERVER_CORES), *command], stdout=log, stderr=log)
        try:
            _wait_for_port(process, port)
            yield process.pid  # taskset has become the server by now
        except BenchError as error:
            log.seek(0)
            raise BenchError(f"{name}: {error}\n{log.read()[-2000:].decode(errors='replace')}") from None
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_port(process: "subprocess.Popen[bytes]", port: int, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise BenchError(f"nothing listens on port {port} after {seconds:.0f} s") from None
            time.sleep(0.05)
        else:
            return
    raise BenchError(f"ended with status {process.returncode}")
