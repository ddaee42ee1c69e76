"""Every setting is checked before anything is made: a start that is refused leaves its folder empty."""

import dataclasses
import typing

import pytest
from click.testing import CliRunner

from parlour import server
from parlour.cli import main
from parlour.config import Config, environment_name, option_name
from tests.files import names_in

# Of each setting, values that cannot be used. With some of them others are given, that make them matter.
BAD = {
    "host": ["", " ", "192.0.2.1", "no such host"],
    "port": ["-1", "65536", "http"],
    "workers": ["0", "-1", "257", "two"],
    "database": [
        "no/such/folder/parlour.db",
        ".",
        "",
        "mysql://host/name",
        "mysql://user:s3cret@host/name",
        "sqlite:///",
        "sqlite://host/parlour.db",
        "sqlite:///parlour.db?mode=ro",
        "sqlite:///:memory:",
        "sqlite:parlour.db",
        ":memory:",
        "postgresql://user:s3cret@host:port/name",
        "postgresql://user:x@s3cret@host/name",
        "postgresql://user@host/name?no_such_option=1",
    ],
    "public_url": ["ftp://x", "chat.example.com", "http://", "http://[bad", "http://a b", "https://x/?y=1"],
    "allowed_hosts": [
        "",
        " ",
        "auto chat.example.org",
        "none local",
        "a b:80",
        "http://a",
        "*.",
        "a.*",
        "ü",
        "*.1",
    ],
    "tls_certificate": ["no/such/file", ".", "/dev/null"],
    "tls_key": ["no/such/file"],
    "profile": ["loose"],
    "media": ["ftp://x", "s3:/bucket", "no/such/folder/media", "/dev/null"],
    "unattached_hours": ["-1", "8785", "day"],
    "purge_days": ["-1", "31", "x"],
    "log_level": ["loud"],
    "log_format": ["xml"],
    "webhook_delays": ["x", "1 soon", "-1", "86401", "nan"],
    "webhook_private": ["maybe"],
    "webhook_keep_days": ["-1", "31"],
    "studio_url": ["http://[bad", "http://2130706433/{FlowSid}", "studio", "ftp://x/{FlowSid}", "http:// x"],
    "channels": ["sms=nope", "sms", "fax=http", "sms=http", "email=smtp"],
    "simulated_delays": ["x", "3 1", "1 2 3 4"],
    "gateway_url": ["gateway", "http://[bad", "ftp://x"],
    "intercept_port": ["-1", "65536"],
    "intercept_others": ["maybe"],
    "intercept_route": [
        "api.twilio.com",
        "api.twilio.com=ftp://x",
        "api.twilio.com=http://127.0.0.1:9000/path",
        "api.twilio.com=http://user@127.0.0.1",
        "127.0.0.1=refuse",
        "*=refuse",
        "conversations.twilio.com=refuse",
    ],
    "authority": ["/dev/null"],
    "max_connections": ["0", "1000001"],
    "head_seconds": ["0", "86401"],
    "body_seconds": ["0", "-1"],
    "send_seconds": ["0", "x"],
    "idle_seconds": ["0", "86401"],
    "stop_seconds": ["-1", "3601"],
    "account_sid": ["me", "AC1"],
    "auth_token": ["with blank", "ü", "\x7f"],
    "smtp_url": ["smtp", "http://host", "smtp://host:port", "smtp://host?starttls=maybe"],
    "secret_key": ["short", "A" * 44, "!" * 44],
}
# Settings that are on or off, for which click refuses everything else.
SWITCHES = {name for name, hint in typing.get_type_hints(Config).items() if hint is bool}
# Settings, and what is said of them.
TOGETHER = [
    (("--workers", "2", "--control"), "--workers must be 1"),
    (("--workers", "2", "--intercept"), "--workers must be 1"),
    (("--intercept-route", "api.example=http://127.0.0.1:9000"), "is of no use without --intercept"),
]


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """`parlour serve` in an empty folder; one that should have been refused ends at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(server, "exit_on_signals", lambda: None)
    monkeypatch.setattr(server, "configure_logs", lambda *_: None)
    monkeypatch.setattr(server, "serve_with_processes", lambda _: None)
    monkeypatch.setattr("uvicorn.Server.run", lambda *_: None)
    # Told early, or every value of a setting that is not checked would start a worker.
    monkeypatch.setattr(server, "open_server_parts", refuse_to_begin)

    def serve(*options, **environment):
        return CliRunner().invoke(main, ["serve", "--port", "0", *options], env=environment)

    return serve


def refuse_to_begin(*_):
    raise AssertionError("it was not refused")


def test_of_every_setting_there_is_a_bad_value():
    assert {field.name for field in dataclasses.fields(Config)} == SWITCHES | set(BAD)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_bad_value_is_told_in_a_line_and_nothing_is_made(serve, tmp_path, name, value):
    field = next(field for field in dataclasses.fields(Config) if field.name == name)
    done = (
        serve(f"{option_name(name)}={value}")
        if field.metadata["option"]
        else serve(**{environment_name(name): value})
    )

    assert done.exit_code in {1, 2}, done.exception
    assert "Error: " in done.stderr
    assert "s3cret" not in done.output
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(("options", "text"), TOGETHER)
def test_settings_that_do_not_go_together_are_told_too(serve, tmp_path, options, text):
    done = serve(*options)

    assert done.exit_code == 1
    assert text in done.stderr
    assert names_in(tmp_path) == []


def test_a_bad_value_of_one_setting_among_good_ones_of_others_makes_nothing(serve, tmp_path):
    authority = tmp_path / "authority"
    authority.mkdir()
    (authority / "authority.pem").write_text("no certificate")
    done = serve("--intercept", "--authority", "authority")

    assert done.exit_code == 1
    assert "authority.pem cannot be read" in done.stderr
    assert names_in(tmp_path) == ["authority"]


def test_a_file_that_holds_no_key_is_told_and_stays(serve, tmp_path):
    (tmp_path / "parlour.db.key").write_text("no key")
    done = serve()

    assert done.exit_code == 1
    assert "32 bytes in URL-safe base64" in done.stderr
    assert names_in(tmp_path) == ["parlour.db.key"]
    assert (tmp_path / "parlour.db.key").read_text() == "no key"
