"""A landing run in a process of its own, which can kill itself at a given step."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any


def land(
    arguments: dict[str, Any],
    environment: dict[str, str],
    try_number: int,
    die_at: int | None,
    result: Any,
    barrier: Any,
) -> None:
    """Run the transfer once.

    :param die_at: number of the step at which the process kills itself, as SIGKILL would; None to live.
    :param result: end of a pipe that receives the number of steps and the summary.
    :param barrier: awaited before the first step, so that several processes begin together.
    """
    os.environ.update(environment)
    from airflow_provider_braze.landing.store import Store
    from airflow_provider_braze.transfers import braze_to_object_storage

    steps = 0

    def step() -> None:
        nonlocal steps
        if steps == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1

    for name in ("read", "write", "delete", "list"):
        setattr(Store, name, _stepping(getattr(Store, name), step))
    os.write = _halving(os.write, step)
    operator_name = arguments.pop("operator", "CampaignDataSeriesToObjectStorageOperator")
    operator = getattr(braze_to_object_storage, operator_name)(task_id="land", **arguments)
    if barrier is not None:
        barrier.wait(60)
    summary = operator.execute(_context(try_number))
    result.send((steps, json.dumps(summary)))


def _stepping(function: Callable[..., Any], step: Callable[[], None]) -> Callable[..., Any]:
    def stepping(*args: Any) -> Any:
        step()
        value = function(*args)
        step()
        return value

    return stepping


def _halving(write: Callable[..., int], step: Callable[[], None]) -> Callable[..., int]:
    """Write files in two halves, with a step between, so that a death leaves half a file."""

    def halving(descriptor: int, content: Any) -> int:
        if len(content) > 100:
            step()
            content = content[: len(content) // 2]
        return write(descriptor, content)

    return halving


def _context(try_number: int) -> dict[str, Any]:
    ti = SimpleNamespace(dag_id="dag", run_id="run", task_id="land", map_index=-1, try_number=try_number)
    run_after = datetime(2026, 11, 19, 6, tzinfo=timezone.utc)
    return {"ti": ti, "dag": None, "dag_run": SimpleNamespace(run_type="manual", run_after=run_after)}
