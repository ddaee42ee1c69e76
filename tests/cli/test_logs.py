"""Log lines: for people, and still so that a program can take them apart."""

import json
import shlex

import pytest
import structlog

from parlour.logs import configure_events, render_console, render_json

HEAD = {"timestamp": "2024-01-01T00:00:00.000Z", "level": "warning", "event": "purge_failed"}


@pytest.mark.parametrize(
    "value", ["a b=c", 'say "no"', "two\nlines", "", "back\\slash", "tab\there", "ü = 1"]
)
def test_a_value_with_blanks_or_quotes_cannot_be_taken_for_another_field(value):
    line = render_console({**HEAD, "error": value, "count": 3})

    assert "\n" not in line
    name, _, rest = line.partition(" purge_failed ")[2].partition("=")
    assert name == "error"
    quoted = rest.removesuffix(" count=3")
    assert json.loads(quoted) == value
    assert len(shlex.split(line)) == 5


def test_a_plain_value_is_as_it_is():
    assert render_console({**HEAD, "table": "media"}).endswith("purge_failed table=media")


def test_json_has_every_field_as_it_was():
    assert json.loads(render_json({**HEAD, "error": 'a "b"', "n": 1})) == {**HEAD, "error": 'a "b"', "n": 1}


def test_an_event_of_structlog_begins_with_its_time_level_and_name(capsys):
    before = structlog.get_config()
    try:
        configure_events("info", "console")
        structlog.get_logger().bind(table="media").warning("purge_failed", error="a b", code=None)
    finally:
        structlog.configure(**before)

    words = capsys.readouterr().err.split(" ", 3)
    assert words[1:] == ["warning", "purge_failed", 'table=media error="a b"\n']
