"""Reads the landed files and records for the demo."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

TABLES = ("campaign_days", "campaign_messages")


class Lake:
    """The destination folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rows_by_day(self, first: date) -> list[tuple[Any, ...]]:
        """Count the rows of each table: all days before `first` together, then day by day."""
        counts = ", ".join(f"count(*) FILTER (source = '{table}')" for table in TABLES)
        sources = " UNION ALL ".join(f"SELECT day, '{table}' AS source FROM {self._files(table)}" for table in TABLES)
        sql = f"""
            SELECT greatest(day, $first - 1) AS shown, min(day), max(day), count(DISTINCT day), {counts}
            FROM ({sources}) GROUP BY shown ORDER BY shown
        """
        return self._query(sql, first=first)

    def channels(self) -> list[tuple[Any, ...]]:
        """Sum sends and opens by channel. A channel without opens has null, not 0."""
        sql = f"""
            SELECT channel, count(DISTINCT campaign_id), count(*), sum(sent), sum(delivered),
                   sum(coalesce(unique_opens, direct_opens)), sum(coalesce(clicks, total_clicks, body_clicks))
            FROM {self._files("campaign_messages")} GROUP BY channel ORDER BY sum(sent) DESC NULLS LAST, channel
        """
        return self._query(sql)

    def conversions(self, days: Sequence[date]) -> dict[date, int]:
        """Sum the conversions of each day in the current files."""
        sql = f"""
            SELECT day, sum(conversions_by_send_time)::BIGINT
            FROM {self._files("campaign_days")} WHERE day IN $days GROUP BY day
        """
        return dict(self._query(sql, days=list(days)))

    def canvases(self) -> list[tuple[Any, ...]]:
        """Sum entries and conversions of each canvas, and the sends of its steps."""
        sql = f"""
            WITH sends AS (
                SELECT canvas_id, count(DISTINCT step_id) AS steps, sum(sent) AS sent, sum(clicks) AS clicks
                FROM {self._files("canvas_step_messages")} GROUP BY canvas_id
            )
            SELECT name, steps, sum(entries)::BIGINT, sum(conversions_by_entry_time)::BIGINT, any_value(sent),
                   any_value(clicks)
            FROM {self._files("canvas_days")} AS days JOIN {self._list("canvases")} AS names USING (canvas_id)
            LEFT JOIN sends USING (canvas_id) GROUP BY name, steps ORDER BY sum(entries) DESC NULLS LAST, name
        """
        return self._query(sql)

    def kpis(self, days: Sequence[date]) -> list[tuple[Any, ...]]:
        """Return the KPIs of some days, a row per day."""
        metrics = ", ".join(
            f"max(value) FILTER (metric = '{metric}')"
            for metric in ("dau", "mau", "new_users", "uninstalls", "sessions")
        )
        sql = f"""
            SELECT strftime(day, '%a %d %b'), {metrics} FROM {self._files("kpi_days")}
            WHERE day IN $days AND app_id IS NULL AND segment_id IS NULL GROUP BY day ORDER BY day
        """
        return self._query(sql, days=list(days))

    def record(self, summary: dict[str, Any]) -> dict[str, Any]:
        """Read the record of a run.

        :param summary: the result of its task.
        """
        content: dict[str, Any] = json.loads(Path(summary["record"].removeprefix("file://")).read_bytes())
        return content

    def sizes(self) -> list[tuple[str, int, int]]:
        """Return the number of files and bytes in each folder."""
        found = []
        for folder in sorted(path for path in self.folder.iterdir() if path.is_dir()):
            files = [path for path in folder.rglob("*") if path.is_file()]
            found.append((folder.name, len(files), sum(path.stat().st_size for path in files)))
        return found

    def _files(self, table: str) -> str:
        return f"read_parquet('{_quoted(self.folder)}/{table}/*/*.parquet')"

    def _list(self, table: str) -> str:
        return f"read_parquet('{_quoted(self.folder)}/{table}/*.parquet')"

    def _query(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            return connection.execute(sql, values or None).fetchall()


def _quoted(folder: Path) -> str:
    return str(folder).replace("'", "''")
