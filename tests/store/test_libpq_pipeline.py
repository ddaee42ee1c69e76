"""What the PostgreSQL engine relies on of psycopg's wrapper of libpq, whose version is bounded for that."""

import psycopg
import pytest
from psycopg import errors as problems

from parlour.store.libpq_pipeline import COMMIT, LibpqPipeline

pytestmark = pytest.mark.parametrize("storage", ["postgresql"], indirect=True)

# More than the buffers of a socket hold, in both directions.
LARGE = "x" * 8_000_000


@pytest.fixture
def pipeline(storage):
    connection = psycopg.connect(storage.setting, autocommit=True)
    yield LibpqPipeline(connection)
    connection.close()


def rows(pipeline, *statements):
    return [result.fetchall() for result in pipeline.send(statements)]


def test_each_statement_has_its_rows_and_columns(pipeline):
    values = (b"SELECT $1::bigint AS number, $2::text AS word", [7, "seven"])

    [first, second] = pipeline.send([values, (b"SELECT NULL", [])])

    assert [name for (name,) in first.description] == ["number", "word"]
    assert first.fetchone() == (7, "seven")
    assert first.fetchone() is None
    assert second.fetchall() == [(None,)]


def test_a_statement_is_prepared_once_and_known_again(pipeline):
    statement = (b"SELECT $1::text", ["a"])

    assert [rows(pipeline, statement) for _ in range(3)] == [[[("a",)]]] * 3
    assert rows(pipeline, (b"SELECT count(*) FROM pg_prepared_statements", [])) == [[(2,)]]


def test_the_first_error_is_raised_and_nothing_after_it_is_done(pipeline):
    with pytest.raises(problems.DivisionByZero):
        pipeline.send(
            [
                (b"CREATE TEMPORARY TABLE first ()", []),
                (b"SELECT 1 / 0", []),
                (b"CREATE TEMPORARY TABLE second ()", []),
            ]
        )

    exist = b"SELECT to_regclass('first')::text, to_regclass('second')::text"
    assert rows(pipeline, (exist, [])) == [[(None, None)]]


def test_what_failed_before_is_not_taken_for_committed(pipeline):
    with pytest.raises(problems.DivisionByZero):
        pipeline.send([(b"BEGIN", []), (b"SELECT 1 / 0", [])])

    with pytest.raises(problems.InFailedSqlTransaction):
        pipeline.send([(COMMIT, [])])


def test_more_than_the_sockets_hold_goes_both_ways(pipeline):
    statement = (b"SELECT $1::text", [LARGE])

    assert rows(pipeline, statement, statement) == [[(LARGE,)], [(LARGE,)]]


def test_a_value_that_cannot_be_sent_leaves_nothing_half_sent(pipeline):
    with pytest.raises(psycopg.DataError):
        pipeline.send([(b"SELECT $1::text", ["a"]), (b"SELECT $1::text", ["\0"])])

    assert rows(pipeline, (b"SELECT 1", [])) == [[(1,)]]


def test_a_lost_connection_is_an_operational_error(pipeline):
    end = b"SELECT pg_terminate_backend(pg_backend_pid())"

    with pytest.raises(psycopg.OperationalError):
        pipeline.send([(end, []), (b"SELECT 1", [])])
