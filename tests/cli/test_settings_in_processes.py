"""The server's processes get all of its settings: each is changed, and read as the process would read it."""

import dataclasses
import typing
from pathlib import Path

import pytest
from click.testing import CliRunner

from parlour import server
from parlour.cli import main
from parlour.config import Config, environment_name
from parlour.supervisor import command_line, environment
from parlour.worker import process

FIELDS = dataclasses.fields(Config)
TYPES = typing.get_type_hints(Config)
# For texts: the first that the setting takes is used, so a new setting needs no line here.
ROUTE = "changed.example=http://127.0.0.1:9"
TEXTS = ("changed", "http://changed.example", "2", "AC" + "f" * 32, "f" * 43 + "=", ROUTE)
INHERITED = {
    "PATH": "/bin",
    environment_name("host"): "inherited",
    environment_name("gateway_url"): "inherited",
}
COMMANDS = {"work": (process, "work", ()), "answer": (server, "answer", (7,))}


def changed(field):
    """A value of the setting that is not its default."""
    hint = TYPES[field.name]
    if hint is bool:
        return not field.default
    if hint is int:
        return field.default + 1
    if typing.get_origin(hint) is typing.Literal:
        return next(each for each in typing.get_args(hint) if each != field.default)
    if Path in typing.get_args(hint):
        return Path("changed")
    return next(each for each in TEXTS if each != field.default and is_accepted(field, each))


def is_accepted(field, value):
    try:
        (field.metadata["check"] or str)(value)
    except ValueError:
        return False
    return True


def all_changed():
    return Config(**{field.name: changed(field) for field in FIELDS})


@pytest.fixture(params=COMMANDS)
def child(request, monkeypatch):
    """What the command is called with in a process that is started with some settings."""
    module, function, descriptors = COMMANDS[request.param]
    called = []
    monkeypatch.setattr(module, function, lambda config, *rest: called.append((config, rest)))
    for field in FIELDS:
        monkeypatch.delenv(environment_name(field.name), raising=False)

    def child(config):
        words = command_line(request.param, config, descriptors)
        done = CliRunner().invoke(main, words, env=environment(config, INHERITED))
        assert done.exit_code == 0, done.output
        [(held, rest)] = called
        assert rest == descriptors
        return held

    return child


def test_every_setting_has_another_value_here():
    assert [field.name for field in FIELDS if changed(field) == field.default] == []


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_setting_that_is_changed_is_changed_in_the_process(child, field):
    config = dataclasses.replace(Config(), **{field.name: changed(field)})

    assert child(config) == config


def test_all_settings_together_reach_the_process(child):
    assert child(all_changed()) == all_changed()


def test_settings_without_a_value_are_not_inherited(child):
    assert child(Config()) == Config()


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_an_empty_text_is_not_taken_for_the_default(child, field):
    if TYPES[field.name] is str and is_accepted(field, ""):
        config = dataclasses.replace(Config(), **{field.name: ""})
        assert child(config) == config


def test_adapters_see_every_setting_but_credentials():
    assert set(all_changed().for_adapters()) == {field.name for field in FIELDS} - {
        "account_sid",
        "auth_token",
        "secret_key",
    }


def test_the_settings_in_effect_name_the_url_and_decide_about_private_targets():
    config = all_changed()
    settled = config.in_effect("http://here")

    assert settled == dataclasses.replace(config, public_url="http://here")
    assert Config().in_effect("http://here").webhook_private == "allow"
    assert Config(host="0.0.0.0").in_effect("http://here").webhook_private == "forbid"
    assert settled.in_effect("http://here") == settled
