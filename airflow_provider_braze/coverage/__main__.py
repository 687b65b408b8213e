"""The command line of coverage: ``python -m airflow_provider_braze.coverage DESTINATION``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

from airflow_provider_braze.exceptions import BrazeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the coverage of a destination.

    :param arguments: command-line arguments. Default: those of this process.
    :return: the exit status.
    """
    options = build_parser().parse_args(arguments)
    try:
        return _print_coverage(options.destination, options.object_storage_conn_id, options.html)
    except (BrazeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_braze.coverage",
        description="Print which days of Braze's analytics a destination holds, and how to land those that it lacks.",
    )
    parser.add_argument("destination", metavar="DESTINATION", help="such as s3://lake/braze or file:///data/braze")
    parser.add_argument("--object-storage-conn-id", metavar="ID", help="connection of the store in Airflow")
    parser.add_argument("--html", metavar="FILE", type=Path, help="also write the page to this file")
    return parser


def _print_coverage(destination: str, conn_id: str | None, html: Path | None) -> int:
    from airflow_provider_braze.coverage.page import render_page
    from airflow_provider_braze.coverage.report import read_coverage
    from airflow_provider_braze.coverage.terminal import format_coverage
    from airflow_provider_braze.landing import journal
    from airflow_provider_braze.landing.store import Store

    coverage = read_coverage(Store(destination, conn_id), None, journal.now())
    if html is not None:
        html.write_text(render_page(coverage), encoding="utf-8")
    # A name may have characters that the terminal cannot encode.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    print(format_coverage(coverage), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
