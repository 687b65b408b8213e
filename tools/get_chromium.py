"""Find Chromium, or install the system's package or Playwright's build.

Run it with the Python of the environment that contains Playwright.
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
    """Find or install Chromium, and return the exit code."""
    if find_chromium() or _has_playwrights():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Debian's Chromium ...", flush=True)
        install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium"]
        if _run(["apt-get", "update", "--quiet"]) and _run(install) and find_chromium():
            return 0
    print("Installing Playwright's Chromium ...", flush=True)
    if _run([sys.executable, "-m", "playwright", "install", "chromium"]):
        return 0
    print(f"Chromium is missing and could not be installed. Install it and put it on the PATH as {' or '.join(NAMES)}.")
    return 1


def find_chromium() -> str | None:
    """Return the path of Chromium or a related browser on the PATH."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def _has_playwrights() -> bool:
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
