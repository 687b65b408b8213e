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


@pytest.mark.parametrize(("chosen", "told"), [(None, "system None"), ("mimalloc", "mimalloc mimalloc")])
def test_load_arrow_takes_the_allocator_of_c_unless_the_user_chose_one(chosen, told):
    environment = {key: value for key, value in os.environ.items() if key != ALLOCATOR}
    environment |= {ALLOCATOR: chosen} if chosen else {}
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == told


@pytest.mark.parametrize("chosen", [None, "mimalloc"])
def test_load_arrow_leaves_the_environment_as_it_was(chosen, monkeypatch):
    from airflow_provider_braze.landing.memory import load_arrow

    monkeypatch.delenv(ALLOCATOR, raising=False)
    if chosen:
        monkeypatch.setenv(ALLOCATOR, chosen)
    load_arrow()
    assert os.environ.get(ALLOCATOR) == chosen
