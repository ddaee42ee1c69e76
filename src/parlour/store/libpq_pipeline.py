"""Statements pipelined by libpq: sent to PostgreSQL in one packet, their results read together.

psycopg's own pipeline sends each statement at once, which wakes the server for each. Here libpq's is used
through psycopg, which connects, converts types and raises the errors.
"""

import itertools
import select
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import errors as problems
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

STATEMENTS_KEPT = 500
COMMIT = b"COMMIT"

Statement = tuple[bytes, Sequence[Any]]


class Rows:
    """The result of a statement, as a cursor."""

    def __init__(self, result: PGresult | None = None, rows: Sequence[tuple[Any, ...]] = ()) -> None:
        self._result, self._rows = result, iter(rows)

    @property
    def description(self) -> list[tuple[str]]:
        """The names of the columns, as DB-API describes them."""
        if self._result is None:
            return []
        return [((self._result.fname(place) or b"").decode(),) for place in range(self._result.nfields)]

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return list(self._rows)


class SentStatement(NamedTuple):
    """A statement that was sent. If it only prepares one, `prepares` is the name of that one."""

    sql: bytes
    prepares: bytes | None = None


class LibpqPipeline:
    """A connection on which each statement is prepared once. Its parameters are `$1`, `$2` and so on."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection, self._libpq = connection, connection.pgconn
        self._types = Transformer(connection)
        self._numbers = itertools.count()
        self._prepared: dict[bytes, bytes] = {}
        self._input, self._both = select.poll(), select.poll()
        self._input.register(self._libpq.socket, select.POLLIN)
        self._both.register(self._libpq.socket, select.POLLIN | select.POLLOUT)

    def send(self, statements: Sequence[Statement]) -> list[Rows]:
        """Send statements together and return each one's rows.

        Raises the first error; the statements after it were not run.
        """
        # Before anything is sent, because a value may be impossible to convert.
        values = [self._dump(parameters) for _, parameters in statements]
        self._libpq.enter_pipeline_mode()
        sent: list[SentStatement] = []
        for (sql, _), each in zip(statements, values, strict=True):
            self._put(sql, each, sent)
        self._libpq.pipeline_sync()
        while self._libpq.flush():
            self._both.poll()
            self._libpq.consume_input()
        results = [self._result_of_one() for _ in sent]
        end = self._next()
        if end is None or end.status != ExecStatus.PIPELINE_SYNC:
            raise failure(results) or psycopg.OperationalError("the connection is lost")
        self._libpq.exit_pipeline_mode()
        if (error := failure(results)) is not None:
            raise error
        self._prepared.update((each.sql, each.prepares) for each in sent if each.prepares)
        return [
            self._load(each, result) for each, result in zip(sent, results, strict=True) if not each.prepares
        ]

    def _dump(self, parameters: Sequence[Any]) -> Sequence[Any]:
        return self._types.dump_sequence(parameters, [PyFormat.TEXT] * len(parameters)) if parameters else ()

    def _put(self, sql: bytes, values: Sequence[Any], sent: list[SentStatement]) -> None:
        name = self._prepared.get(sql)
        if name is None and len(self._prepared) < STATEMENTS_KEPT:
            # A new number, because the server may or may not know the name of a PREPARE that failed.
            name = b"s%d" % next(self._numbers)
            self._libpq.send_prepare(name, sql)
            sent.append(SentStatement(sql, prepares=name))
        if name is None:
            self._libpq.send_query_params(sql, values)
        else:
            self._libpq.send_query_prepared(name, values)
        sent.append(SentStatement(sql))

    def _next(self) -> PGresult | None:
        while self._libpq.is_busy():
            self._input.poll()
            self._libpq.consume_input()
        return self._libpq.get_result()

    def _result_of_one(self) -> PGresult | None:
        result = following = self._next()
        while following is not None:
            following = self._next()
        return result

    def _load(self, sent: SentStatement, result: PGresult | None) -> Rows:
        if result is None or result.status != ExecStatus.TUPLES_OK:
            if sent.sql == COMMIT and (result is None or result.command_status != COMMIT):
                raise problems.InFailedSqlTransaction("what failed before cannot be committed")
            return Rows()
        self._types.set_pgresult(result)
        return Rows(result, self._types.load_rows(0, result.ntuples, tuple))


def failure(results: Sequence[PGresult | None]) -> psycopg.Error | None:
    """Return the first error; the later ones only say that a statement was not run."""
    failed = (each for each in results if each is not None and each.status == ExecStatus.FATAL_ERROR)
    first = next(failed, None)
    return None if first is None else problems.error_from_result(first)
