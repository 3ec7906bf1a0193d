"""What `systemctl` does with the units of deploy/, where there is no systemd: the same commands and variables."""

import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from servers import wait_for_port

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"


class Units:
    """Starts and stops services by the lines of their unit files.

    Args:
        adapted: makes what a file says hold here: paths and ports.
        environment: of systemd itself.
        state: where `StateDirectory` is.
        ports: of services that are not named by theirs.
    """

    def __init__(
        self, adapted: Callable[[str], str], environment: Mapping[str, str], state: Path, ports: Mapping[str, int]
    ) -> None:
        self._adapted = adapted
        self._environment = environment
        self._state = state
        self._ports = ports
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def systemctl(self, line: str) -> None:
        """Does what a command line of `systemctl` asks for.

        Raises:
            AssertionError: a service does not start, or does not end well in its time.
        """
        program, verb, *units = shlex.split(line)
        assert program == "systemctl"
        assert verb in ("enable", "disable")
        assert units.pop(0) == "--now"
        for unit in units:
            (self.start if verb == "enable" else self.stop)(unit)

    def start(self, unit: str) -> None:
        """Starts one, and returns when it listens."""
        name, at, instance = unit.partition("@")
        lines = self._adapted((FOLDER / f"{name}{at}.service").read_text()).splitlines()
        said = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
        environment = dict(self._environment)
        for line in Path(said["EnvironmentFile"]).read_text().splitlines():
            variable, _, value = line.partition("=")
            environment[variable] = shlex.split(value)[0]
        if "StateDirectory" in said:
            environment["STATE_DIRECTORY"] = str(self._state / said["StateDirectory"])
        instance = self._adapted(instance)
        command = shlex.split(said["ExecStart"].replace("%i", instance))
        self._running[unit] = subprocess.Popen(command, env=environment)
        wait_for_port(int(instance) if at else self._ports[name])

    def stop(self, unit: str) -> None:
        """Ends one as systemd does, and sees that it has ended well."""
        process = self._running.pop(unit)
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        assert status == 0, f"{unit} ended with status {status}"

    def stop_all(self) -> None:
        """Ends those that run."""
        for unit in list(self._running):
            self.stop(unit)
