"""Arrow's memory: its allocator, and when unused memory is returned to the system."""

from __future__ import annotations

import os
from typing import Final

_ALLOCATOR: Final = "ARROW_DEFAULT_MEMORY_POOL"


def load_arrow() -> None:
    """Load Arrow with the allocator of C, unless the user chose one.

    Arrow's own allocator keeps what each of many short-lived threads once used: a third more memory at the peak. The
    allocator is chosen when Arrow is loaded, by an environment variable, which is restored.
    """
    chosen = os.environ.get(_ALLOCATOR)
    os.environ[_ALLOCATOR] = chosen or "system"
    try:
        import pyarrow

        pyarrow.default_memory_pool()
    finally:
        if chosen is None:
            del os.environ[_ALLOCATOR]


def release_memory() -> None:
    """Return unused memory to the system.

    The allocator of C keeps it per thread, so the peak would be a sum that was never needed at one time.
    """
    import pyarrow

    pyarrow.default_memory_pool().release_unused()
