"""Logging with structlog: one line on standard error for each event, of Parlour and of libraries."""

import asyncio
import contextlib
import logging
import re
import sys
import time
from collections.abc import Callable, MutableMapping
from itertools import islice
from typing import Any, TextIO

import msgspec
import structlog

from parlour.wire.field_types import show_millisecond

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

AMBIGUOUS = re.compile(r'[\s"=\\\x00-\x1f\x7f]')

Event = MutableMapping[str, Any]
encode = msgspec.json.Encoder(enc_hook=str).encode


class LineWriter:
    """Writes log lines to a stream. A line that cannot be written is dropped without an error.

    On an event loop, the lines of one turn are written together, to save system calls.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []

    def write(self, line: str) -> None:
        self._waiting.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._flush()
        else:
            if len(self._waiting) == 1:
                loop.call_soon(self._flush)

    debug = info = warning = error = write

    def _flush(self) -> None:
        lines, self._waiting = self._waiting, []
        with contextlib.suppress(OSError, ValueError):
            self._stream.write("\n".join([*lines, ""]))
            self._stream.flush()


def configure_logs(level: str, style: str) -> None:
    """Send the log lines of Parlour and of libraries to standard error, in a program of Parlour's own."""
    render = configure_events(level, style)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LibraryFormatter(render))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def configure_events(level: str, style: str) -> Callable[[Event], str]:
    """Configure Parlour's own log lines only; the program keeps its logging. Returns the renderer."""
    render = render_json if style == "json" else render_console
    structlog.configure(
        processors=[LineProcessor(LEVELS[level], render)],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: LineWriter(sys.stderr),
        cache_logger_on_first_use=True,
    )
    return render


class LineProcessor:
    """The only processor of structlog: it makes a line of an event. `level` is the least that is logged."""

    def __init__(self, level: int, render: Callable[[Event], str]) -> None:
        self.level, self.render = level, render

    def __call__(self, _: object, name: str, event: Event) -> str:
        return self.render(complete(name, event))


def event_writer(level: str = "info") -> Callable[[Event], None]:
    """Return a function that logs an event at this level, for the line of each request.

    structlog's own way to the same line takes half as long again.
    """
    processor = structlog.get_config()["processors"][-1]
    if not isinstance(processor, LineProcessor):
        # In a program that has configured structlog for itself.
        return lambda event: getattr(structlog.get_logger(), level)(**event)
    if processor.level > LEVELS[level]:
        return lambda _: None
    lines = LineWriter(sys.stderr)
    return lambda event: lines.write(processor.render(complete(level, event)))


class LibraryFormatter(logging.Formatter):
    """Formats log records of libraries like Parlour's own lines."""

    def __init__(self, render: Callable[[Event], str]) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        event = {"event": record.getMessage(), "logger": record.name, "exc_info": record.exc_info}
        return self._render(complete(record.levelname.lower(), event))


def complete(level: str, event: Event) -> Event:
    """Return the event: its time, level and name first, its traceback as text, without None values."""
    traceback = event.pop("exc_info", None)
    if traceback:
        event["exception"] = structlog.processors.format_exc_info(None, level, {"exc_info": traceback})[
            "exception"
        ]
    name = event.pop("event")
    values = {name: value for name, value in event.items() if value is not None}
    now = show_millisecond(time.time_ns() // 1_000_000)
    return {"timestamp": now, "level": level, "event": name, **values}


def render_json(event: Event) -> str:
    return encode(event).decode()


def render_console(event: Event) -> str:
    """Return `2024-01-01T00:00:00.000Z info request status=200 …`, a traceback on lines of its own.

    structlog's own renderers took 5 to 8 times as long, once for each request.
    """
    traceback = event.pop("exception", None)
    timestamp, level, name, *values = map(str, event.values())
    if AMBIGUOUS.search("|".join(values)) or "" in values:
        values = list(map(quoted, values))
    # The first three fields stand without their names.
    fields = map("=".join, zip(islice(event, 3, None), values, strict=True))
    line = " ".join([timestamp, level, name, *fields])
    return line if traceback is None else f"{line}\n{traceback}"


def quoted(text: str) -> str:
    """Return a value so that a line can be taken apart: as JSON where it has blanks, quotes or `=`."""
    return encode(text).decode() if AMBIGUOUS.search(text) or not text else text
