"""The wheel installs by plain pip under the versions of each release's date, and lands a day there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.deployment import ROOT

PERIODS = sorted((ROOT / "constraints/period").glob("*.txt"))
SHOWN = (
    "apache-airflow",
    "httpx",
    "msgspec",
    "pendulum",
    "pyarrow",
    "requests",
    "tenacity",
    "urllib3",
    "universal-pathlib",
)
DAG = "example_braze_daily"
DISTRIBUTION = "airflow-provider-braze-analytics"


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, env=env, timeout=1000)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    code = "import os, sys, hatchling.build as b; os.chdir(sys.argv[1]); b.build_wheel(sys.argv[2])"
    run(sys.executable, "-I", "-c", code, ROOT, folder)
    (path,) = folder.iterdir()
    return path


@pytest.fixture(params=PERIODS, ids=lambda path: path.stem)
def installed(request, wheel, tmp_path):
    """A Python in which pip has installed Airflow and the wheel, and the versions that it chose."""
    constraints = request.param
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    run(python, "-m", "pip", "install", "-q", "-c", constraints, f"apache-airflow=={constraints.stem}", wheel)
    listed = json.loads(run(python, "-m", "pip", "list", "--format", "json"))
    yield python, {each["name"].lower().replace("_", "-"): each["version"] for each in listed}
    shutil.rmtree(tmp_path / "venv")


@pytest.fixture
def environment(tmp_path, braze_sandbox):
    braze_sandbox.configure(as_of="2026-11-10T11:00:00Z", campaigns=5)
    home = tmp_path / "home"
    (home / "dags").mkdir(parents=True)
    shutil.copy(ROOT / f"example_dags/{DAG}.py", home / "dags")
    return {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_VAR_BRAZE_DESTINATION": f"file://{tmp_path}/lake",
    }


def test_wheel_lands_the_daily_example(installed, environment, tmp_path, capsys):
    python, versions = installed
    with capsys.disabled():
        print("", *(f"{name}=={versions[name]}" for name in SHOWN), sep="\n  ")
    run(python, "-m", "airflow", "db", "migrate", env=environment)
    shown = run(python, "-m", "airflow", "providers", "get", DISTRIBUTION, "--output", "json", env=environment)
    assert DISTRIBUTION in shown
    run(python, "-m", "airflow", "dags", "test", DAG, "2026-11-10T11:00:00+00:00", env=environment)
    days = sorted(path.name for path in (tmp_path / "lake/campaign_days").iterdir())
    assert days[-1] in {"dt=2026-11-09", "dt=2026-11-10"}
    assert len(days) >= 31
