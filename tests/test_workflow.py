"""The workflow runs each target that tests a line of Airflow, and caches environments by that line's constraints."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = (ROOT / "Makefile").read_text()
JOB = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text())["jobs"]["tests"]
CASES = JOB["strategy"]["matrix"]["include"]


def constraints_of(target: str) -> str:
    line = {"test": "airflow-3.3", "test-lowest": "lowest"}.get(target)
    return line or f"airflow-{target.removeprefix('test-')}"


def test_workflow_runs_every_target_of_tests() -> None:
    targets = set(re.findall(r"^(test[\w.-]*): .*## ", MAKEFILE, flags=re.M))
    assert {case["target"] for case in CASES} == targets
    assert "test-3.0" in targets


def test_environment_is_cached_by_its_constraints() -> None:
    cached = {(case["target"], case["constraints"]) for case in CASES if "constraints" in case}
    assert cached == {(case["target"], constraints_of(case["target"])) for case in CASES if "may-fail" not in case}
    assert all((ROOT / f"constraints/{name}.txt").exists() for _, name in cached)


def test_newest_python_of_a_line_equals_that_of_make() -> None:
    newest = dict(re.findall(r"^PYTHON_OF_([\d.]+) := ([\d.]+)$", MAKEFILE, flags=re.M))
    for line, python in newest.items():
        assert {"target": f"test-{line}", "python": python, "constraints": f"airflow-{line}"} in CASES
