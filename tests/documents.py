"""Reads the project's documents: their text, the rows of their tables, what is set as code."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def rows_of(name):
    """The cells of every row of every table."""
    lines = [line for line in read(name).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def code_of(name):
    """All that is set as code, in blocks and in lines."""
    text = read(name)
    blocks = re.findall(r"^```.*?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    return "\n".join(blocks + spans)


def ensure_none(found):
    """Fail with a line for each of what was found, which pytest by itself cuts short."""
    assert not found, "\n" + "\n".join(map(str, found))
