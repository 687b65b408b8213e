"""Kill a task as Airflow does, from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def killed_once(operator: Any, is_waiting: Callable[[], object]) -> Iterator[None]:
    """Call ``on_kill`` from another thread as soon as the operator waits, which runs in this one."""
    over = threading.Event()

    def kill_once_it_waits() -> None:
        while not is_waiting() and not over.wait(0.05):
            pass
        operator.on_kill()

    killer = threading.Thread(target=kill_once_it_waits)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()
