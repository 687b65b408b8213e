"""Create a virtual environment with this package and pinned dependencies, unless it is up to date.

It needs only the standard library, because it runs before anything is installed. It installs with uv, from the package
indexes that pip is configured to use. If uv fails, it uses pip.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 10)
PROGRESS_SECONDS = 15


def main() -> int:
    """Create the environment and return the exit code."""
    options = _parser().parse_args()
    if sys.version_info < OLDEST:
        print(
            f"Python {sys.version.split()[0]} is too old. Run make PYTHON=python3.11, or any other version from 3.10."
        )
        return 1
    if sys.version_info[:2] > options.newest_python:
        return _leave_to_older(options.newest_python)
    folder = options.folder.resolve()
    stamp, wanted = folder / "installed.txt", _fingerprint(options)
    if stamp.exists() and stamp.read_text() == wanted and _python_of(folder).exists():
        return 0
    began = time.monotonic()
    try:
        _make(folder, options)
    except subprocess.CalledProcessError as error:
        print(f"Failed: {error.cmd[0]} ended with {error.returncode}. The last lines of {_log_of(folder)}:\n")
        print(_tail(_log_of(folder)))
        return 1
    stamp.write_text(wanted)
    print(f"Installed in {time.monotonic() - began:.0f} s.", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the environment")
    parser.add_argument("--constraints", type=Path, required=True, help="file with the pinned versions")
    parser.add_argument("--extras", default="", help="extras of this package, separated by commas")
    parser.add_argument("--group", required=True, help="dependency group of pyproject.toml")
    parser.add_argument(
        "--newest-python", type=_version, default=(3, 99), help="newest Python that works, such as 3.12"
    )
    return parser


def _version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def _leave_to_older(newest: tuple[int, ...]) -> int:
    """Run this script with an older Python on the PATH."""
    for minor in range(newest[1], OLDEST[1] - 1, -1):
        python = shutil.which(f"python3.{minor}")
        # The name may belong to a Python without venv, or to a shim without a Python.
        if python and not subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True).returncode:
            return subprocess.run([python, *sys.argv]).returncode
    print(
        f"Python {sys.version.split()[0]} is too new. Python 3.{OLDEST[1]} to 3.{newest[1]} with venv is needed, "
        f"but not on the PATH. Install it, or give its path: PYTHON=/path/of/python3.{newest[1]}"
    )
    return 1


def _fingerprint(options: argparse.Namespace) -> str:
    digest = hashlib.sha256(repr((sys.version, str(ROOT), options.extras, options.group)).encode())
    for path in (ROOT / "pyproject.toml", options.constraints, Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _make(folder: Path, options: argparse.Namespace) -> None:
    print(f"Creating {_shown(folder)} with Python {sys.version.split()[0]} (only once).", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log, python = _log_of(folder), str(_python_of(folder))
    log.write_text("")
    _run(log, "Virtual environment", [sys.executable, "-m", "venv", str(folder)])
    what = ["-c", str(options.constraints), "--group", f"{ROOT / 'pyproject.toml'}:{options.group}"]
    what += ["-e", f"{ROOT}[{options.extras}]" if options.extras else str(ROOT)]
    try:
        _run(log, "uv, the installer", [python, "-m", "pip", "install", "-q", "-c", str(options.constraints), "uv"])
        uv = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python, "--compile-bytecode"]
        _run(log, "Airflow and other packages", [*uv, *what], _uv_settings(python))
    except subprocess.CalledProcessError:
        print(f"  uv failed (see {_shown(log)}). Installing with pip, which takes some minutes.", flush=True)
        # pip supports dependency groups since 25.1.
        _run(log, "A newer pip", [python, "-m", "pip", "install", "-q", "--upgrade", "pip>=25.1"])
        _run(log, "Airflow and other packages", [python, "-m", "pip", "install", "-q", *what])


def _run(log: Path, what: str, command: Sequence[str], more: dict[str, str] | None = None) -> None:
    """Run a command, with its output in the log."""
    print(f"  {what} ...", flush=True)
    # Without compiled files, Airflow would be compiled at every start.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env.update(more or {})
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, cwd=str(ROOT)
        )
    if _wait(process):
        raise subprocess.CalledProcessError(process.returncode, list(command))


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for a command, and print now and then that it is running."""
    began = time.monotonic()
    try:
        while True:
            try:
                return process.wait(PROGRESS_SECONDS)
            except subprocess.TimeoutExpired:
                print(f"    still running, {time.monotonic() - began:.0f} s", flush=True)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _uv_settings(python: str) -> dict[str, str]:
    """Return pip's indexes and certificates as settings for uv. Settings of uv itself take precedence."""
    found = _pip_settings(python)
    settings = {
        "UV_DEFAULT_INDEX": found.get("index-url", ""),
        "UV_INDEX": " ".join(_existing(found.get("extra-index-url", ""))),
        "UV_FIND_LINKS": ",".join(_existing(found.get("find-links", ""))),
        "UV_INSECURE_HOST": " ".join(found.get("trusted-host", "").split()),
        "SSL_CERT_FILE": found.get("cert", ""),
        # As pip does: the best version from all indexes, instead of the first index with the name.
        "UV_INDEX_STRATEGY": "unsafe-best-match" if found.get("extra-index-url") else "",
    }
    return {name: value for name, value in settings.items() if value and name not in os.environ}


def _pip_settings(python: str) -> dict[str, str]:
    listed = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True, cwd=ROOT)
    ranks = {"global": 0, "install": 1, ":env:": 2}
    found: dict[str, tuple[int, str]] = {}
    for line in listed.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in ranks and ranks[section] >= found.get(name, (0, ""))[0]:
            found[name] = (ranks[section], str(ast.literal_eval(value)))
    return {name: value for name, (_, value) in found.items()}


def _existing(places: str) -> list[str]:
    # pip ignores a missing folder, uv fails.
    return [place for place in places.split() if "://" in place.removeprefix("file://") or _folder_of(place).exists()]


def _folder_of(place: str) -> Path:
    return Path(place.removeprefix("file://"))


def _python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def _log_of(folder: Path) -> Path:
    return folder / "install.log"


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-15:])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
