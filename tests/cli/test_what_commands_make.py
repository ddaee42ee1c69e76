"""Which commands make a database or a key: `serve`, and those that create accounts or bring them along."""

import pytest
from click.testing import CliRunner

from parlour.cli import main
from tests.commands import all_commands
from tests.files import names_in

SID = "AC" + "0" * 32
# What needs a database that is there, and how it is called.
NEEDS = {
    "account list": [],
    "account delete": [SID, "--yes"],
    "account rotate-token": [SID],
    "answer": ["0"],
    "backup": ["copy.db"],
    "env": ["--credentials"],
    "export": ["all.jsonl"],
    "key create": [SID],
    "key list": [SID],
    "key revoke": ["SK" + "0" * 32],
    "logs": [],
    "purge": ["--strays", "--yes"],
    "webhooks tail": [],
    "work": [],
}
# What makes one, each with its own tests.
MAKES = {"serve", "account create", "import", "migrate"}
# What has no database, or none of its own.
NONE = {"db distribute", "help", "openapi", "run", "version", "webhooks listen"}


@pytest.fixture
def parlour(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARLOUR_URL", raising=False)
    return lambda *words: CliRunner().invoke(main, words)


def test_it_is_known_of_every_command():
    assert sorted(map(" ".join, all_commands())) == sorted([*NEEDS, *MAKES, *NONE])


@pytest.mark.parametrize("command", NEEDS)
def test_a_command_that_needs_a_database_says_that_there_is_none_and_makes_nothing(
    parlour, tmp_path, command
):
    done = parlour(*command.split(), *NEEDS[command], "--database", "missing.db")

    assert done.exit_code == 1
    assert done.stderr == (
        f"Error: there is no database missing.db in {tmp_path}: name that of your server with --database or"
        " PARLOUR_DATABASE, or create one with `parlour serve`\n"
    )
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"something else" * 999])
def test_a_file_that_is_no_database_is_told_and_stays_as_it_is(parlour, tmp_path, content):
    (tmp_path / "other.db").write_bytes(content)
    done = parlour("account", "list", "--database", "other.db")

    assert done.exit_code == 1
    assert "database" in done.stderr
    assert names_in(tmp_path) == ["other.db"]
    assert (tmp_path / "other.db").read_bytes() == content


@pytest.mark.parametrize("command", ["account list", "webhooks tail", "export", "logs", "env"])
def test_no_key_is_made_by_what_reads(parlour, tmp_path, command):
    assert parlour("migrate").exit_code == 0
    if command != "webhooks tail":
        parlour(*command.split(), *NEEDS[command])

    assert not (tmp_path / "parlour.db.key").exists()


def test_of_the_commands_that_make_a_database_only_those_that_create_accounts_make_a_key(parlour, tmp_path):
    assert parlour("migrate", "--database", "a.db").exit_code == 0
    assert parlour("account", "create", "--database", "b.db").exit_code == 0

    assert sorted(each.name for each in tmp_path.glob("*.key")) == ["b.db.key"]


def test_an_account_is_not_created_with_a_key_that_others_cannot_be_read_with(parlour, tmp_path):
    assert parlour("account", "create").exit_code == 0
    (tmp_path / "parlour.db.key").unlink()
    done = parlour("account", "create")

    assert done.exit_code == 1
    assert "the secret key is missing: parlour.db.key" in done.stderr
    assert not (tmp_path / "parlour.db.key").exists()
