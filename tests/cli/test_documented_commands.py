"""Every line with `parlour` that a document prints is one that the command line takes, with its options."""

import re
import shlex

import pytest
from click.testing import CliRunner

from parlour.cli import main
from tests.documents import ROOT, read

DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{each.name}" for each in (ROOT / "docs").glob("*.md")),
]
BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
# Where the command ends and the shell goes on.
END = re.compile(r"\s(?:\||\|\||&&|&|>|>>|2>&1|#)(?:\s|$)|\)\"?$|;")
START = re.compile(r"(?:^|\(|\s)(?:\.venv/bin/)?parlour\s+(?=[a-z-])")


def lines_with_commands(document):
    for block in BLOCK.findall(read(document)):
        for line in block.replace("\\\n", " ").splitlines():
            text = line.strip().removeprefix("$ ")
            found = START.search(text)
            # Not in the output of another command, nor in the text of a file of another kind.
            if found and not re.match(r"(Parlour|Usage|Error|image|command|FROM|ENTRYPOINT|CMD|\")", text):
                yield END.split(text[found.end() :])[0].strip()


COMMANDS = [(document, line) for document in DOCUMENTS for line in lines_with_commands(document)]


@pytest.mark.parametrize(("document", "line"), COMMANDS, ids=lambda each: each)
def test_a_printed_command_is_one_that_the_program_takes(document, line):
    words = shlex.split(line)
    group = 2 if words[0] in {"account", "key", "db", "webhooks"} else 1
    # With --help nothing is done; options that do not exist are refused all the same.
    done = CliRunner().invoke(main, [*words[:group], "--help", *words[group:]])

    assert done.exit_code == 0, (document, done.output)
    assert done.output.startswith("Usage: parlour ")


def test_there_are_many_of_them():
    assert len(COMMANDS) >= 30
