"""Landing tasks, one class per analytics series of Braze."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow_provider_braze.core.series import Subject
from airflow_provider_braze.fetch.outcome import OnError
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.task.arguments import read_campaign_ids
from airflow_provider_braze.transfers.series_to_object_storage import SeriesToObjectStorageOperator

__all__ = ["CampaignDataSeriesToObjectStorageOperator", "SeriesToObjectStorageOperator"]


class CampaignDataSeriesToObjectStorageOperator(SeriesToObjectStorageOperator):
    """Land the daily analytics of campaigns. All common arguments are those of the base class.

    Without ``campaign_ids`` all campaigns of the workspace land, archived ones too. The default lookback is 30 days:
    Braze books conversions on the day of the send for up to 30 days. ``lookback_days="auto"`` takes the longest
    conversion window in the details of the run's campaigns, in whole days, plus three days. That costs one call per
    campaign before all others. It is 30 if no details have one, and at least 30 if some details fail. It follows the
    details at the time of the run, so a cleared run may get another number. With ``parts`` each task uses its own
    campaigns, so the first days of their windows may differ.

    Tables: ``campaign_days``, ``campaign_messages``, ``campaigns``; on request ``campaign_raw`` and
    ``campaign_details``, which costs one call per campaign and needs the permission ``campaigns.details``.

    :param campaign_ids: API identifiers to land instead of the whole list (templated).
    :param on_campaign_error: what to do when campaigns or their details fail, after all others have landed: ``fail`` or
        ``skip``.
    """

    series: ClassVar = CAMPAIGNS
    on_error_argument: ClassVar = "on_campaign_error"
    template_fields: Sequence[str] = (*SeriesToObjectStorageOperator.template_fields, "campaign_ids")

    def __init__(
        self,
        *,
        campaign_ids: str | Sequence[str] | None = None,
        on_campaign_error: OnError = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(on_error=on_campaign_error, **kwargs)
        self.campaign_ids = campaign_ids
        self.on_campaign_error = on_campaign_error

    def given_subjects(self) -> list[Subject] | None:
        """Return the campaigns of ``campaign_ids``, None when it is not given."""
        ids = read_campaign_ids(self.campaign_ids)
        return None if ids is None else [self.series.subject(id_) for id_ in ids]

    @property
    def _is_listing(self) -> bool:
        return self.campaign_ids is None
