"""The house rules on code that a machine can check."""

import ast
import functools
from pathlib import Path

from tests.documents import ensure_none

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / name for name in ("src", "bench", "containers", "examples", "tests")]
FILES = sorted(file for folder in SOURCES for file in folder.rglob("*.py"))
OURS = sorted((ROOT / "src").rglob("*.py"))

MAX_FUNCTION_LINES = 40
MAX_FILE_LINES = 300

# Who may know the time, or throw dice: the database hands both to everyone else.
SOURCES_OF_CHANCE = {"time", "random", "secrets", "uuid"}
READS_THE_CLOCK = {"datetime.now", "datetime.utcnow", "date.today"}
MAY_KNOW = {
    "logs.py": "when a line was logged",
    "api/auth.py": "a key that no caller can guess",
    "api/access_log.py": "how long a request took, and its id",
    "store/credentials.py": "new tokens and secrets",
    "store/database.py": "the clock",
    "store/sqlite.py": "how long the write lock was held",
    "webhooks/sender.py": "how long a target took",
    "wire/sids.py": "the source of SIDs",
}
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "base"}


@functools.cache
def parsed(file):
    return ast.parse(file.read_text())


def at(file, line, what):
    return f"{file.relative_to(ROOT)}:{line}: {what}"


def test_a_file_fits_in_a_sitting_and_says_what_it_is_for():
    found = []
    for file in FILES:
        text = file.read_text()
        if text.count("\n") > MAX_FILE_LINES:
            found.append(at(file, MAX_FILE_LINES, f"{text.count(chr(10))} lines"))
        if not text.startswith(('"""', 'r"""')):
            found.append(at(file, 1, "its first line must say what it is for"))
        if file.stem in DRAWERS:
            found.append(at(file, 1, "its name says nothing"))

    ensure_none(found)


def test_a_function_fits_on_a_screen():
    ensure_none(
        [
            at(file, node.lineno, f"{node.name} has {node.end_lineno - node.lineno + 1} lines")
            for file in FILES
            for node in ast.walk(parsed(file))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
        ]
    )


def test_time_and_chance_are_handed_in():
    found = []
    for file in OURS:
        may_know = str(file.relative_to(ROOT / "src/parlour")) in MAY_KNOW
        for node in ast.walk(parsed(file)):
            if not may_know:
                found += [at(file, node.lineno, each) for each in imported_by(node) & SOURCES_OF_CHANCE]
            if isinstance(node, ast.Attribute) and ast.unparse(node) in READS_THE_CLOCK:
                found.append(at(file, node.lineno, ast.unparse(node)))

    ensure_none(found)


def imported_by(node):
    if isinstance(node, ast.Import):
        return {name.name for name in node.names}
    return {node.module} if isinstance(node, ast.ImportFrom) else set()


def test_every_error_is_raised_somewhere():
    catalogue = (ROOT / "src/parlour/errors.py").read_text()
    names = [
        target.id
        for node in ast.parse(catalogue).body
        if isinstance(node, ast.Assign)
        for target in node.targets
    ]
    code = "\n".join(file.read_text() for file in OURS if file.name != "errors.py")

    assert [name for name in names if name != "MORE_INFO" and f"errors.{name}" not in code] == []


def test_a_class_has_a_name_of_its_own():
    places = {}
    for file in OURS:
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(at(file, node.lineno, node.name))

    ensure_none([place for found in places.values() if len(found) > 1 for place in found])
