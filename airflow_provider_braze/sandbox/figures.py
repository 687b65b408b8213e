"""Deterministic noise, and how much of a day's figures has arrived at a given time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from airflow_provider_braze.sandbox.instants import day_start

Paces = tuple[float, float, float]
"""Arrived shares of the final figures, by :data:`~airflow_provider_braze.sandbox.channels.AT_ONCE` and its siblings."""

UNKNOWN_KEYS: Final[Mapping[str, Any]] = {"unknown_figure": 7, "unknown_object": {"depth": None}}
"""Keys that Braze does not document."""

_DAY_SECONDS: Final = 86_400
_WEEKEND: Final = 0.6


def digest(seed: int, *parts: object) -> bytes:
    """Return 64 bytes that look random and depend only on the arguments."""
    return blake2b("|".join(map(str, (seed, *parts))).encode()).digest()


def made_up_id(seed: int, *parts: object) -> str:
    """Return an identifier in the form of a UUID."""
    return str(UUID(bytes=digest(seed, "id", *parts)[:16], version=4))


def created_at(first: datetime, number: int) -> datetime:
    """Return when a subject was created, by its place in the workspace.

    The distances shrink, so a later number is always younger, for any number of subjects.

    :param first: when the one with the number 0 was created.
    """
    return (first + timedelta(days=1000) * (1 - 1 / (1 + number / 50))).replace(microsecond=0)


@lru_cache(maxsize=65_536)
def draw(seed: int, *parts: object) -> float:
    """Return a number from 0 to 1 that looks random and depends only on the arguments."""
    return int.from_bytes(digest(seed, *parts)[:4], "big") / 0xFFFF_FFFF


def busyness(day: date, noise: float) -> float:
    """Return the factor by which a day differs from an average day: 0.5 to 1.5, less at weekends.

    :param noise: from 0 to 1.
    """
    return (0.5 + noise) * (_WEEKEND if day.weekday() >= 5 else 1.0)


def arrived(day: date, zone: str, now: datetime, late_days: float) -> tuple[float, float]:
    """Return the elapsed share of a day, and the elapsed share of the days after it in which figures still change.

    :param late_days: days after the end of ``day`` until its figures are final.
    """
    moment = now.timestamp()
    start, end = day_start(day, zone), day_start(day + timedelta(days=1), zone)
    elapsed = min(1.0, max(0.0, (moment - start) / max(1.0, end - start)))
    return elapsed, min(1.0, max(0.0, (moment - end) / (late_days * _DAY_SECONDS)))


def paces(day: date, zone: str, now: datetime, window_days: int) -> Paces:
    """Return the arrived shares of a day's figures: at once, engaged, converted.

    :param window_days: conversion window in days.
    """
    elapsed, late = arrived(day, zone, now, window_days)
    return elapsed, 0.7 * elapsed + 0.3 * late, 0.4 * elapsed + 0.6 * late
