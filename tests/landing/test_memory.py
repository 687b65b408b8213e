from __future__ import annotations

import os
import subprocess
import sys

import pytest

ALLOCATOR = "ARROW_DEFAULT_MEMORY_POOL"
LOAD = f"""
import os
from airflow_provider_braze.landing.memory import load_arrow
load_arrow()
import pyarrow
print(pyarrow.default_memory_pool().backend_name, os.environ.get({ALLOCATOR!r}))
"""


@pytest.mark.parametrize(("chosen", "printed"), [(None, "system None"), ("mimalloc", "mimalloc mimalloc")])
def test_load_arrow_uses_the_system_allocator_unless_the_user_chose_one(chosen, printed):
    environment = {key: value for key, value in os.environ.items() if key != ALLOCATOR}
    environment |= {ALLOCATOR: chosen} if chosen else {}
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == printed


@pytest.mark.parametrize("chosen", [None, "mimalloc"])
def test_load_arrow_restores_the_environment(chosen, monkeypatch):
    from airflow_provider_braze.landing.memory import load_arrow

    monkeypatch.delenv(ALLOCATOR, raising=False)
    if chosen:
        monkeypatch.setenv(ALLOCATOR, chosen)
    load_arrow()
    assert os.environ.get(ALLOCATOR) == chosen
