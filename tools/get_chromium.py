"""See to it that the machine has a Chromium: the one that is there, else the system's package, else Playwright's own.

To be run with the Python of the environment that has Playwright in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> int:
    """Find a Chromium or install one, and tell what is done."""
    if find_chromium() or _is_playwrights():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Debian's Chromium ...", flush=True)
        install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium"]
        if _run(["apt-get", "update", "--quiet"]) and _run(install) and find_chromium():
            return 0
    print("Installing Playwright's Chromium ...", flush=True)
    if _run([sys.executable, "-m", "playwright", "install", "chromium"]):
        return 0
    print(
        f"There is no Chromium, and none could be installed. Install one that is on the PATH as {' or '.join(NAMES)}."
    )
    return 1


def find_chromium() -> str | None:
    """Find a Chromium, or its kin, on the PATH."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def _is_playwrights() -> bool:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def _run(command: Sequence[str]) -> bool:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
    if done.returncode:
        print(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}", flush=True)
    return not done.returncode


if __name__ == "__main__":
    sys.exit(main())
