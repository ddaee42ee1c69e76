"""Arguments and settings that are not UTF-8, as Python hands them on: every command refuses them."""

import click
import pytest
from click.testing import CliRunner

from parlour import server
from parlour.cli import main
from parlour.cli.options import PLACES
from tests.commands import all_commands

NOT_UTF_8 = "caf\udcc3"


ARGUMENTS = [
    (words, parameter.name)
    for words, command in all_commands().items()
    for parameter in command.params
    if isinstance(parameter, click.Argument) and parameter.type is click.STRING
]
SETTINGS = [
    parameter.name
    for parameter in all_commands()["serve",].params
    if parameter.type is click.STRING and parameter.name not in PLACES
]


def complaint_of(words, **environment):
    done = CliRunner().invoke(main, words, env=environment)
    assert done.exit_code == 1, done.output
    return done.output


@pytest.mark.parametrize(("words", "name"), ARGUMENTS, ids=str)
def test_an_argument_that_is_not_utf_8_is_refused(words, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    count = [name for each, name in ARGUMENTS if each == words]
    given = [NOT_UTF_8 if each == name else "x" for each in count]

    said = complaint_of([*words, *given, *(["--yes"] if "delete" in words else [])])

    assert said == f"Error: {name.replace('_', ' ')}: it is not UTF-8\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_is_not_utf_8_is_refused(name, monkeypatch):
    monkeypatch.setattr(server, "serve", lambda config: pytest.fail("it started"))

    assert complaint_of(["serve", f"--{name.replace('_', '-')}", NOT_UTF_8]).endswith("it is not UTF-8\n")


@pytest.mark.parametrize("name", ["AUTH_TOKEN", "SMTP_URL", "SECRET_KEY", "ACCOUNT_SID"])
def test_a_secret_that_is_not_utf_8_is_refused(name, monkeypatch):
    monkeypatch.setattr(server, "serve", lambda config: pytest.fail("it started"))
    said = complaint_of(["serve"], **{f"PARLOUR_{name}": NOT_UTF_8})

    assert said == f"Error: {name.lower().replace('_', ' ')}: it is not UTF-8\n"
