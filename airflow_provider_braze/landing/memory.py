"""Arrow's memory: which allocator it has, and when what it no longer uses goes back to the system."""

from __future__ import annotations

import os
from typing import Final

_ALLOCATOR: Final = "ARROW_DEFAULT_MEMORY_POOL"


def load_arrow() -> None:
    """Load Arrow, unless it is already, with C's allocator, unless the user chose one.

    Arrow's own keeps what each of many short-lived threads has once used: a third more memory at the peak. It is chosen
    when Arrow is loaded, by an environment variable, which is left as it was.
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
    """Give memory that is free back to the system.

    C's allocator keeps it, threads' by thread, and so the peak would be a sum of what was never needed at one time.
    """
    import pyarrow

    pyarrow.default_memory_pool().release_unused()
