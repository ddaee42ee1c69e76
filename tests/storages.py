"""Storages for the tests: a file in the test's folder, or a database on a PostgreSQL server of their own."""

import functools
import itertools
import os
import shutil
from pathlib import Path
from typing import ClassVar

import psycopg

from parlour.store import postgresql
from parlour.store.migrate import known_migrations, migrate, statements_of
from parlour.store.postgresql import PostgreSQL
from parlour.store.sqlite import SQLite
from tests.postgresql import TEMPLATE, ensure_template

# A machine that is busy with tests may take longer than callers of a server would wait.
postgresql.CONNECT_SECONDS = 30


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


class QuickSQLite(SQLite):
    """What a server in the test's own process writes must survive no power cut."""

    def connect(self, **options):
        connection = super().connect(**options)
        connection.execute("PRAGMA synchronous = OFF")
        return connection


class RecordingSQLite(Recording, QuickSQLite):
    pass


class RecordingPostgreSQL(Recording, PostgreSQL):
    pass


class File:
    """The embedded engine's storage: a file, which may be a copy of one that has the schema."""

    kind = "sqlite"

    def __init__(self, folder, template=None):
        self.setting = str(folder / "parlour.db")
        if template is not None:
            shutil.copyfile(template, self.setting)

    def engine(self):
        return RecordingSQLite(Path(self.setting))

    def plain_engine(self):
        """For what a test looks up by itself, and for what may look everywhere."""
        return QuickSQLite(Path(self.setting))

    def remove(self):
        pass


def make_template(folder):
    """An SQLite file with the schema and nothing in it."""
    engine = RecordingSQLite(folder / "template.db")
    migrate(engine)
    # All of it in the one file, with nothing in a log beside it.
    engine.truncate_log()
    return engine.path


class Databases:
    """On one server, one for each test: copies of a template that was brought to the schema."""

    def __init__(self, server):
        self.server = server
        self._count = itertools.count(1)
        self._made = set()
        ensure_template(server)

    def _connect(self):
        return psycopg.connect(self.server.url_of("postgres"), autocommit=True)

    def make(self):
        name = f"test_{os.getpid()}_{next(self._count)}"
        # Of the two ways to copy the one that is quicker when nothing has to be on the disk.
        self.execute(f'CREATE DATABASE {name} TEMPLATE "{TEMPLATE}" STRATEGY FILE_COPY')
        self._made.add(name)
        return OnServer(self, name)

    def remove(self, name):
        self._made.discard(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def remove_all(self):
        for name in list(self._made):
            self.remove(name)

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
        self._databases.remove(self._name)
