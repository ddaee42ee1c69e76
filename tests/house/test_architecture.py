"""ARCHITECTURE.md shows the layers that `make check` verifies; files that documents name exist."""

import re
import tomllib

from tests.documents import ROOT, code_of, ensure_none, read, rows_of

DOCUMENTS = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"]
DOCUMENTS += [path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md")]
# The folders that documents name files from.
CODE = ("", "src/parlour")

LAYERS = [
    each.replace(" | ", ", ")
    for each in tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"][0]["layers"]
]


def test_the_table_lists_the_layers_from_top_to_bottom():
    rows = [row[0].replace("`", "") for row in rows_of("ARCHITECTURE.md")]

    assert rows[2 : 2 + len(LAYERS)] == LAYERS


def test_the_picture_shows_the_same_layers_in_the_same_order():
    [picture] = re.findall(r"^```mermaid\n(.*?)^```", read("ARCHITECTURE.md"), re.DOTALL | re.MULTILINE)
    chains = [line.strip().split(" --> ") for line in picture.splitlines() if line.startswith(" " * 8)]
    shown = [re.sub(r'\w+\["(.+)"\]', r"\1", each) for chain in chains for each in chain]

    assert [each for each in shown if not each.startswith("direction")] == LAYERS


def test_every_python_file_that_a_document_names_exists():
    names = {
        (name, each)
        for name in DOCUMENTS
        for each in re.findall(r"\b[\w/]+/\w+\.py\b", code_of(name))
        if not any((ROOT / at / each).exists() for at in CODE)
    }

    ensure_none(sorted(names))
