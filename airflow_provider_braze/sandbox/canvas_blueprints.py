"""The kinds of canvases in the made-up workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Idle = Literal["zeros", "empty"]
"""A day without activity has zeros everywhere, or ``"total_stats": {}`` and no variants and steps."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What a step of a kind of canvas is.

    :param channels: channels of its messages, by their keys in the series; none for a delay or a split.
    :param rows: message rows per channel.
    :param has_row_ids: whether rows have ``variation_name`` and ``variation_api_id``.
    :param is_sparse: whether its days lack ``messages``, revenue and ``…_by_entry_time``.
    """

    name: str
    channels: tuple[str, ...] = ()
    rows: int = 1
    type: str = "message"
    has_row_ids: bool = False
    is_sparse: bool = False
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class CanvasBlueprint:
    """What canvases of one kind have in common; the kinds repeat.

    :param variants: names of its variants.
    :param events: number of conversion events, 0 to 4.
    :param window_days: how long an entry may still convert, at most 30 days.
    :param is_daily: whether it also runs at weekends.
    :param has_recipients: whether its steps have the undocumented ``unique_recipients``.
    :param has_integral_revenue: whether revenue of variants is written without a fraction, as on older pages.
    """

    title: str
    steps: tuple[StepPlan, ...]
    variants: tuple[str, ...] = ("Variant 1",)
    events: int = 1
    window_days: int = 30
    is_daily: bool = True
    idle: Idle = "zeros"
    has_recipients: bool = False
    has_integral_revenue: bool = False
    is_archived: bool = False
    is_draft: bool = False
    tags: tuple[str | None, ...] = ()


_DELAY: Final = StepPlan("Wait a day", type="delay", is_sparse=True)
_CONTROL: Final = StepPlan("Control", type="full")
BLUEPRINTS: Final = (
    CanvasBlueprint(
        "Welcome journey",
        (
            StepPlan("Welcome", ("email",)),
            _DELAY,
            StepPlan("Nudge", ("ios_push", "android_push")),
            StepPlan("Old reminder", ("email", "sms"), is_deleted=True),
            _CONTROL,
        ),
        variants=("Variant 1", "Variant 2", "Control"),
        events=2,
        has_recipients=True,
        tags=("lifecycle", None),
    ),
    CanvasBlueprint(
        "Abandoned basket",
        (StepPlan("Basket email", ("email",)), StepPlan("Basket SMS", ("sms",))),
        window_days=3,
        is_daily=False,
        idle="empty",
        tags=("lifecycle",),
    ),
    CanvasBlueprint(
        "Onboarding, many messages",
        (StepPlan("Three subjects", ("email",), rows=3), StepPlan("Two pushes", ("web_push",), 2, has_row_ids=True)),
        variants=("A", "B"),
        events=4,
        window_days=14,
        tags=("test", "日本"),
    ),
    CanvasBlueprint(
        "Win-back on other channels",
        (
            StepPlan("Chat", ("whats_app", "line")),
            StepPlan("Hook", ("webhook",), type="full"),
            StepPlan("In app", ("content_cards", "trigger_in_app_message", "in_app_message"), 2),
        ),
        events=3,
        is_daily=False,
        has_integral_revenue=True,
    ),
    CanvasBlueprint("Split only", (StepPlan("Which group?", type="decision_split"), _DELAY), events=0, idle="empty"),
    CanvasBlueprint("Retired journey", (StepPlan("Bye", ("email",)),), is_archived=True, tags=("archive",)),
    CanvasBlueprint("Draft, never entered", (), events=0, is_draft=True, tags=("draft",)),
    CanvasBlueprint(
        "Loyalty tiers",
        (StepPlan("Silver", ("email",), has_row_ids=True), StepPlan("Gold", ("email", "kindle_push"), is_deleted=True)),
        variants=("Silver", "Gold"),
        window_days=7,
        has_recipients=True,
    ),
)
