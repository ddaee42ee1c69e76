"""A worker that writes all the time lets the server's writer go first: SQLite's lock knows no queue."""

import statistics
import threading

import pytest

from parlour.store.sqlite import SQLite

TRIES = 15
# Work of some milliseconds, so that the lock is nearly always held.
FILL = """INSERT INTO numbers WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000)
SELECT n FROM n"""


def open_both(path):
    busy, other = SQLite(path, yields=True).open(), SQLite(path).open()
    busy.begin()
    busy.execute("CREATE TABLE numbers (n INTEGER)")
    busy.commit()
    return busy, other


@pytest.mark.embedded
def test_one_that_yields_writes_once_or_twice_while_another_waits(tmp_path):
    busy, other = open_both(tmp_path / "parlour.db")
    written, holds, stop = [], threading.Event(), threading.Event()

    def write_on_and_on():
        while not stop.is_set():
            busy.begin()
            holds.set()
            busy.execute(FILL)
            busy.commit()
            written.append(1)

    thread = threading.Thread(target=write_on_and_on)
    thread.start()
    meanwhile = []
    try:
        for _ in range(TRIES):
            holds.clear()
            holds.wait()
            before = len(written)
            other.begin()
            meanwhile.append(len(written) - before)
            other.commit()
    finally:
        stop.set()
        thread.join()
        busy.close()
        other.close()

    assert written
    assert statistics.median(meanwhile) <= 2
