from __future__ import annotations

import json
import re
import runpy
import signal
import subprocess
import sys

import httpx
import pytest

from airflow_provider_braze.sandbox import Sandbox, SandboxSettings
from airflow_provider_braze.sandbox.__main__ import main

MODULE = "airflow_provider_braze.sandbox"


def interrupt() -> None:
    raise KeyboardInterrupt


def url_of(printed: str) -> str:
    return re.search(r"http://127\.0\.0\.1:\d+", printed).group()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    """Return a function that runs the command line, and returns its exit status and the served settings."""
    served = {}

    def look() -> None:
        served.update(httpx.get(url_of(capsys.readouterr().out) + "/_sandbox/settings", trust_env=False).json())

    return main(["--port", "0", *arguments], look), served


def test_main_options_become_settings(capsys):
    status, settings = run(
        capsys,
        *("--seed=3", "--campaigns=7", "--timezone=Asia/Seoul", "--as-of=2026-11-19T06:00:00Z"),
        *("--ending-at-reading=exclusive", "--latency-seconds=0.5", "--rate-limit=9", "--rate-window-seconds=2"),
        *("--omit-inactive-days", "--row-order=shuffled", "--api-key=k", "--permissions=campaigns.list"),
        *("--canvases=6", "--segments=5", "--events=4", "--products=3", "--apps=1"),
        *(
            "--product-pages=from_1",
            "--canvas-max-length=13",
            "--canvas-extra-steps=2",
            "--unknown-keys",
            "--missing-permissions=events.list",
        ),
        '--rate-limits={"events": {"requests": 10, "seconds": 60}}',
        '--faults={"rate_429": 0.5}',
    )
    assert status == 0
    assert settings.pop("faults")["rate_429"] == 0.5
    assert settings == {
        "seed": 3,
        "campaigns": 7,
        "timezone": "Asia/Seoul",
        "as_of": "2026-11-19T06:00:00Z",
        "ending_at_reading": "exclusive",
        "latency_seconds": 0.5,
        "rate_limit": 9,
        "rate_window_seconds": 2.0,
        "omit_inactive_days": True,
        "row_order": "shuffled",
        "api_key": "k",
        "permissions": ["campaigns.list"],
        "missing_permissions": ["events.list"],
        "canvases": 6,
        "segments": 5,
        "events": 4,
        "products": 3,
        "apps": 1,
        "canvas_max_length": 13,
        "product_pages": "from_1",
        "canvas_extra_steps": 2,
        "unknown_keys": True,
        "rate_limits": {"events": {"requests": 10, "seconds": 60}},
    }


def test_main_without_options_has_the_defaults(capsys):
    _, settings = run(capsys)
    assert settings == json.loads(json.dumps(SandboxSettings().to_json()))


def test_main_prints_a_connection_that_a_shell_can_run(capsys):
    main(["--port", "0", "--timezone", "Europe/Berlin"], lambda: None)
    printed = capsys.readouterr().out
    line = next(each for each in printed.splitlines() if each.startswith("export "))
    shell = subprocess.run(
        ["sh", "-c", f'{line}; printf %s "$AIRFLOW_CONN_BRAZE_DEFAULT"'], capture_output=True, check=True
    )
    connection = json.loads(shell.stdout)
    assert (connection["host"], connection["extra"]) == (url_of(printed), {"timezone": "Europe/Berlin"})


def test_main_interrupted_ends_with_status_zero(capsys):
    before = signal.getsignal(signal.SIGTERM)
    assert main(["--port", "0"], interrupt) == 0
    assert "Stopped." in capsys.readouterr().out
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.fixture
def interruptible():
    # What a shell runs in the background ignores SIGINT, and so do its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_main_signal_stops_the_process_cleanly(number):
    command = [sys.executable, "-m", MODULE, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert httpx.get(url_of(process.stdout.readline()) + "/_sandbox/health", trust_env=False).status_code == 200
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_main_used_port_is_an_error_that_names_it(capsys):
    with Sandbox() as braze:
        port = braze.url.rsplit(":", 1)[1]
        assert main(["--port", port], lambda: None) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("--timezone=Mars", "timezone"),
        ("--faults={", "--faults"),
        ('--faults={"x": 1}', "faults.x"),
        ("--permissions=a", "permissions"),
    ],
)
def test_main_wrong_option_is_named(capsys, option, named):
    with pytest.raises(SystemExit) as caught:
        main([option])
    assert caught.value.code == 2
    assert named in capsys.readouterr().err


def test_main_help_has_examples_of_use(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sandbox", "--help"])
    monkeypatch.delitem(sys.modules, f"{MODULE}.__main__")
    with pytest.raises(SystemExit) as caught:
        runpy.run_module(MODULE, run_name="__main__")
    printed = capsys.readouterr().out
    assert caught.value.code == 0
    assert all(text in printed for text in ("curl", "AIRFLOW_CONN_BRAZE_DEFAULT", "_sandbox/settings", "as_of"))


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_main_without_the_extra_names_what_to_install(capsys, monkeypatch, missing):
    for name in list(sys.modules):
        if name.partition(".")[0] in ("starlette", "uvicorn") or name in {
            f"{MODULE}.{each}" for each in ("server", "app", "wire")
        }:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    assert main([], lambda: None) == 1
    printed = capsys.readouterr().err
    assert "pip install 'airflow-provider-braze-analytics[sandbox]'" in printed
    assert missing in printed


def test_sandbox_imports_neither_airflow_nor_pyarrow():
    code = f"import sys, {MODULE}.server, {MODULE}.__main__; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    assert {"airflow", "pyarrow", "requests", "airflow_provider_braze.hooks"}.isdisjoint(loaded)


def test_settings_and_data_import_neither_starlette_nor_uvicorn():
    code = f"import sys, {MODULE}.data; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    assert {"starlette", "uvicorn"}.isdisjoint(loaded)
