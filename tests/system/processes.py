"""Servers as children of the tests: each with its own process group and log. They end with the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from tests.emulators import SERVERS

MARK = "BRAZE_SYSTEM_TESTS"
RUN = uuid.uuid4().hex
"""The value of ``MARK`` in the environment of all processes of these tests."""
PAUSE_SECONDS = 0.3
STARTED: list[tuple[str, float]] = []
"""What was started, and how many seconds it took until it was ready."""

Found = TypeVar("Found")


class Process:
    """A command that runs until it is killed.

    :param name: name for logs and the summary at the end. The log is ``<folder>/<name>.log``.
    :param user: user that it runs as. None is the user of the tests.
    """

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str], user: str | None = None
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = list(command)
        self._environment = {**environment, MARK: RUN}
        self._user = user
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self._user,
                group=None if self._user is None else _group_of(self._user),
                extra_groups=None if self._user is None else [],
            )
        SERVERS.add(self._popen.pid)

    @property
    def is_wanted(self) -> bool:
        """Return whether it was started and not killed since."""
        return self._popen is not None

    @property
    def is_running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def kill(self, with_signal: int = signal.SIGKILL) -> None:
        """Kill the process and its children at once, as when its machine crashes."""
        if self._popen is None:
            return
        # Tasks of Airflow are in process groups of their own.
        for each in _descendants(self._popen.pid) if with_signal == signal.SIGKILL else ():
            with suppress(psutil.NoSuchProcess):
                each.kill()
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, with_signal)
        self._popen.wait()
        self._popen = None

    def tail(self, lines: int = 12) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


def end_the_orphans() -> None:
    """Kill the remaining processes of this run, such as a task whose worker was killed."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(MARK) == RUN:
                process.kill()


def timed(what: str, start: Callable[[], Found]) -> Found:
    """Start something, and record how long it took."""
    began = time.monotonic()
    result = start()
    STARTED.append((what, time.monotonic() - began))
    return result


def wait_for(
    what: str, condition: Callable[[], Found | None], seconds: float, processes: Sequence[Process] = ()
) -> Found:
    """Poll a condition until its result is true, and return the result.

    :param what: description of the awaited condition.
    :param seconds: seconds until it gives up.
    :param processes: processes that must run until then.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        for each in processes:
            assert each.is_running, f"{each.name} has ended. Its log, {each.log}, ends with:\n{each.tail()}"
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"Not within {seconds:.0f} s: {what}")


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid
