"""The sandbox's command line: ``python -m airflow_provider_braze.sandbox``."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, get_args

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.sandbox.instants import EndingAtReading
from airflow_provider_braze.sandbox.permissions import PERMISSIONS
from airflow_provider_braze.sandbox.settings import ProductPages, RowOrder, SandboxSettings

if TYPE_CHECKING:
    from airflow_provider_braze.sandbox.server import Sandbox

_PORT: Final = 8099
_ABOUT: Final = """\
A local Braze: a made-up workspace with the API of Braze for campaigns, canvases, segments, KPIs, sessions, custom
events, purchases and sends. Keys, permissions, rate limits, headers and errors work as in Braze. It needs no account
and listens on 127.0.0.1 only. Figures depend only on the seed, the subject, the day and the clock.
"""
_COUNTS: Final = ("campaigns", "canvases", "segments", "events", "products", "apps")
_EXAMPLES: Final = """\
examples, with the sandbox running on port 8099:

  list the campaigns, then get the last three days of one:
    curl -H 'Authorization: Bearer sandbox-key-that-opens-nothing' 'http://127.0.0.1:8099/campaigns/list'
    curl -H 'Authorization: Bearer sandbox-key-that-opens-nothing' \\
        'http://127.0.0.1:8099/campaigns/data_series?length=3&campaign_id=ID_FROM_THE_LIST'

  do the same for canvases, with the figures of each step:
    curl -H 'Authorization: Bearer sandbox-key-that-opens-nothing' 'http://127.0.0.1:8099/canvas/list'
    curl -H 'Authorization: Bearer sandbox-key-that-opens-nothing' \\
        'http://127.0.0.1:8099/canvas/data_series?length=3&include_step_breakdown=true&canvas_id=ID_FROM_THE_LIST'

  see how Braze restates a day: stop the clock, get a day, advance the clock by a week, get the same day again:
    python -m airflow_provider_braze.sandbox --as-of 2026-11-19T06:00:00Z
    curl -X PATCH -d '{"as_of": "2026-11-26T06:00:00Z"}' http://127.0.0.1:8099/_sandbox/settings

  make 10 % of the requests fail, then none:
    curl -X PATCH -d '{"faults": {"rate_500": 0.1}}' http://127.0.0.1:8099/_sandbox/settings
    curl -X PATCH -d '{"faults": null}' http://127.0.0.1:8099/_sandbox/settings

  reject one campaign, and leave a day out of all series:
    curl -X PATCH -d '{"faults": {"bad_subjects": {"ID_FROM_THE_LIST": 400}, "missing_days": {"*": ["2026-11-18"]}}}' \\
        http://127.0.0.1:8099/_sandbox/settings

  allow ten requests per minute of the bucket that lists of events and all purchase series share:
    curl -X PATCH -d '{"rate_limits": {"events": {"requests": 10, "seconds": 60}}}' \\
        http://127.0.0.1:8099/_sandbox/settings

  show the settings, and count the requests:
    curl http://127.0.0.1:8099/_sandbox/settings
    curl http://127.0.0.1:8099/_sandbox/requests

  point Airflow at it: run the line that the sandbox prints, in the shell that starts the scheduler and the workers:
    export AIRFLOW_CONN_BRAZE_DEFAULT='{"conn_type": "braze", "host": "http://127.0.0.1:8099", ...}'
"""


def main(arguments: Sequence[str] | None = None, wait: Callable[[], object] | None = None) -> int:
    """Run the sandbox until it is interrupted.

    :param arguments: command-line arguments; default those of this process.
    :param wait: returns, or raises ``KeyboardInterrupt``, when the sandbox has to stop; default on Ctrl-C.
    :return: the exit status.
    """
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    port = options.pop("port")
    try:
        settings = SandboxSettings().merged({name: value for name, value in options.items() if value is not None})
    except BrazeConfigError as error:
        parser.error(str(error))
    try:
        from airflow_provider_braze.sandbox import Sandbox

        return _serve(Sandbox(settings, port), wait or threading.Event().wait)
    except (BrazeConfigError, ImportError) as error:
        print(error, file=sys.stderr)
        return 1


def _serve(sandbox: Sandbox, wait: Callable[[], object]) -> int:
    # SIGTERM stops a container; handle it like Ctrl-C.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with sandbox as braze:
            print(_welcome(braze), flush=True)
            wait()
    except KeyboardInterrupt:
        print("Stopped.", flush=True)
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def _welcome(braze: Sandbox) -> str:
    return f"""\
The Braze sandbox listens on {braze.url}. Its clock shows {braze.settings.now().isoformat()}. Stop it with Ctrl-C.
Change its settings at {braze.url}/_sandbox/settings. To point Airflow at it:

export AIRFLOW_CONN_BRAZE_DEFAULT={shlex.quote(braze.connection_json())}
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_braze.sandbox",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=_PORT, help="port on 127.0.0.1; 0 for a free one (default %(default)s)")
    add("--seed", type=int, help="number of the made-up workspace (default 0)")
    for name in _COUNTS:
        add(f"--{name}", type=int, help=f"number of {name} (default {getattr(SandboxSettings(), name)})")
    add("--timezone", metavar="ZONE", help="zone in which the company counts its days (default UTC)")
    add("--as-of", metavar="TIME", help="ISO 8601 time at which to stop the clock (default the real clock)")
    add("--product-pages", choices=get_args(ProductPages), help="first page of the list of products (default from_0)")
    add("--ending-at-reading", choices=get_args(EndingAtReading), help="which day is the last (default inclusive)")
    add("--latency-seconds", type=float, metavar="SECONDS", help="delay of each response (default 0)")
    add("--rate-limit", type=int, metavar="REQUESTS", help="limit of /campaigns/data_series (default: not enforced)")
    add("--rate-window-seconds", type=float, metavar="SECONDS", help="seconds until that limit resets (default 60)")
    add("--rate-limits", type=_json, metavar="JSON", help="enforced limits by bucket (default none); see the examples")
    add("--canvas-max-length", type=int, metavar="DAYS", help="most days of a canvas series (default 14)")
    add("--canvas-extra-steps", type=int, metavar="STEPS", help="email steps added to each canvas (default 0)")
    add("--omit-inactive-days", action="store_const", const=True, help="leave out days without activity")
    add(
        "--unknown-keys", action="store_const", const=True, help="add figures and channels that Braze does not document"
    )
    add("--row-order", choices=get_args(RowOrder), help="order of rows and days (default stable)")
    add("--api-key", metavar="KEY", help="the accepted key; make one up")
    add(
        "--permissions",
        type=_words,
        metavar="NAMES",
        help=f"of that key, by commas (default all: {', '.join(PERMISSIONS)})",
    )
    add("--missing-permissions", type=_words, metavar="NAMES", help="permissions that the key lacks (default none)")
    add("--faults", type=_json, metavar="JSON", help='what goes wrong, such as \'{"rate_429": 0.1, "rate_cut": 0.02}\'')
    return parser


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
