"""The house rules on code that a machine can check."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / name for name in ("src", "bench", "examples", "tests")]
FILES = sorted(file for folder in SOURCES for file in folder.rglob("*.py"))
OURS = sorted((ROOT / "src").rglob("*.py"))

MAX_FUNCTION_LINES = 40
MAX_FILE_LINES = 300

# Who may know the time, or throw dice: the database hands both to everyone else.
SOURCES_OF_CHANCE = {"time", "random", "secrets", "uuid"}
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


def name_of(file):
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_file_fits_in_a_sitting_and_says_what_it_is_for(file):
    text = file.read_text()

    assert text.count("\n") <= MAX_FILE_LINES
    assert text.startswith(('"""', 'r"""')), "its first line must say what it is for"
    assert file.stem not in DRAWERS


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_function_fits_on_a_screen(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, node.name


@pytest.mark.parametrize("file", OURS, ids=name_of)
def test_time_and_chance_are_handed_in(file):
    imported = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
        elif isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in {"datetime.now", "datetime.utcnow", "date.today"}
    if imported & SOURCES_OF_CHANCE:
        assert str(file.relative_to(ROOT / "src/parlour")) in MAY_KNOW


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
