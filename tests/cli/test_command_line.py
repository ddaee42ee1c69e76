"""The command line itself: its help, what it loads, where it writes, and what it says about mistakes."""

import json
import os
import subprocess
import sys

import pytest

from parlour import __version__
from parlour.cli import COMMANDS
from tests.commands import all_commands, refused, run, run_process
from tests.servers import ServerProcess

INTERNAL = {"answer", "work"}
# What `parlour serve` needs and `parlour --version` does not.
HEAVY = {"aiohttp", "asyncio", "cryptography", "falcon", "httptools", "msgspec", "obstore", "psycopg"}
HEAVY |= {"sqlite3", "structlog", "uvicorn", "uvloop"}
LIGHT = [["--version"], ["version"], ["--help"], [], ["help"]]


def loaded_by(words):
    program = (
        "import sys; from parlour.cli import main; main(sys.argv[1:], standalone_mode=False);"
        "print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.split()}


def completed(words):
    variables = {
        "_PARLOUR_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run(
        [ServerProcess.PROGRAM],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.removeprefix("plain,") for line in done.stdout.splitlines()]


@pytest.mark.parametrize("words", LIGHT)
def test_what_says_only_what_parlour_is_loads_nothing_of_the_server(words):
    assert loaded_by(words) & HEAVY == set()


@pytest.mark.parametrize(
    ("module", "late"),
    [
        ("serve", {"aiohttp", "psycopg", "yaml", "cryptography.x509", "parlour.control.routes"}),
        ("run", {"aiohttp", "falcon", "uvicorn", "cryptography", "structlog", "sqlite3"}),
        ("work", {"uvicorn", "psycopg", "cryptography.x509"}),
    ],
)
def test_a_command_loads_nothing_that_only_some_installations_need(module, late):
    program = f"import sys, parlour.cli.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert late & set(done.stdout.split()) == set()


def test_the_version_is_printed_by_option_and_command(tmp_path):
    assert run(tmp_path, "--version").stdout == f"parlour {__version__}\n"
    assert run(tmp_path, "version").stdout == f"{__version__}\n"


def test_parlour_alone_and_parlour_help_list_the_commands(tmp_path):
    alone = run(tmp_path)

    assert (alone.returncode, alone.stderr) == (0, "")
    assert alone == run(tmp_path, "help") == run(tmp_path, "--help")
    for command in COMMANDS:
        assert (f"\n  {command.name} " in alone.stdout) == (command.name not in INTERNAL)


def test_a_group_alone_shows_its_help(tmp_path):
    assert run(tmp_path, "account") == run(tmp_path, "account", "--help")
    assert run(tmp_path, "account").returncode == 0


def test_help_shows_the_help_of_any_command(tmp_path):
    for words in (["serve"], ["account", "create"], ["work"], ["webhooks"]):
        assert run(tmp_path, "help", *words) == run(tmp_path, *words, "--help")


@pytest.mark.parametrize(
    ("words", "reason"),
    [(["nope"], "No such command 'nope'"), (["serve", "fast"], "parlour serve has no commands")],
)
def test_help_of_what_is_no_command_is_refused(tmp_path, words, reason):
    done = run(tmp_path, "help", *words)

    assert done.returncode == 2
    assert reason in done.stderr


def test_the_list_of_commands_says_what_the_commands_say_themselves():
    for listed in COMMANDS:
        assert listed.get_short_help_str() == type(listed).load(listed).get_short_help_str()


@pytest.mark.parametrize("words", [(), ("account",), ("webhooks",), *all_commands()])
def test_no_help_is_cut_or_shows_marks_of_its_layout(tmp_path, words):
    text = run(tmp_path, *words, "--help").stdout

    assert "\b" not in text
    assert "..." not in text.replace("[ARGS]...", "").replace("]...", "").replace("COMMAND...", "")
    assert max(map(len, text.splitlines())) <= 100


def test_the_help_of_logs_is_about_the_server_whose_requests_it_prints(tmp_path):
    text = " ".join(run(tmp_path, "logs", "--help").stdout.split())

    assert "Port that the server listens on." in text
    assert "0 takes a free one" not in text


def test_a_shell_completes_commands_and_their_options():
    names = completed("parlour ")

    assert names == [command.name for command in COMMANDS if command.name not in INTERNAL]
    assert completed("parlour account ") == ["create", "delete", "list", "rotate-token"]
    assert "--intercept-port" in completed("parlour serve --int")


def test_a_command_writes_its_log_to_standard_error_and_nothing_at_debug(tmp_path):
    done = run_process(tmp_path, "account", "create")

    assert done.returncode == 0
    assert [line.partition("=")[0] for line in done.stdout.splitlines()] == [
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
    ]
    assert done.stderr == ""


def test_a_server_logs_to_standard_error_and_health_checks_at_debug_only(launch, tmp_path):
    def requests_logged(*options):
        server = launch(*options, "--log-format", "json")
        with server.api() as api:
            assert api.get("/healthz").status_code == api.get("/readyz").status_code == 200
            assert api.get("Conversations").status_code == 200
        server.process.terminate()
        assert "{" not in server.process.stdout.read()
        server.process.wait()
        lines = map(json.loads, (tmp_path / "errors.log").read_text().splitlines())
        return [line["level"] for line in lines if line["event"] == "request"]

    assert requests_logged() == ["info"]
    assert requests_logged("--log-level", "debug") == ["info", "debug", "debug", "info"]


def test_an_unknown_variable_is_warned_of_with_the_nearest_known_name(tmp_path):
    done = run(tmp_path, "migrate", PARLOUR_DATABSE="x.db", PARLOUR_URL="http://localhost")

    assert done.returncode == 0
    assert done.stderr == (
        "Warning: PARLOUR_DATABSE is not a setting and has no effect. Did you mean PARLOUR_DATABASE?\n"
    )


def test_a_server_warns_of_an_unknown_variable_in_its_log_once(launch, tmp_path):
    launch(PARLOUR_PROFIL="observed", PARLOUR_LOG_FORMAT="json").stop()
    lines = list(map(json.loads, (tmp_path / "errors.log").read_text().splitlines()))
    warnings = [line for line in lines if line["level"] == "warning"]

    assert [(each["event"], each["name"], each["did_you_mean"]) for each in warnings] == [
        ("unknown_variable", "PARLOUR_PROFIL", "PARLOUR_PROFILE")
    ]


@pytest.mark.parametrize("slashes", ["sqlite:///", "sqlite:////"])
def test_a_database_may_be_named_by_a_url(tmp_path, slashes):
    file = tmp_path / "kept.db"
    name = "kept.db" if slashes == "sqlite:///" else str(file)[1:]
    done = run(tmp_path, "account", "create", "--database", slashes + name)

    assert done.returncode == 0, done.stderr
    assert file.exists()
    assert "My account" in run(tmp_path, "account", "list", "--database", file).stdout


@pytest.mark.parametrize("url", ["mysql://user:s3cret@host/name", "mongodb+srv://host", "redis://host"])
def test_a_database_of_another_kind_is_refused_by_its_name(tmp_path, url):
    done = run(tmp_path, "account", "list", "--database", url)

    assert done.returncode == 1
    assert f"--database does not support {url.partition('//')[0]}//" in done.stderr
    assert "s3cret" not in done.stderr


def test_a_mistake_is_followed_by_what_to_do(tmp_path, serve):
    port = serve().url.rpartition(":")[2]
    (tmp_path / "other").mkdir()
    (tmp_path / "text.db").write_text("not a database " * 100)

    for options, advice in (
        (["--port", port], "choose another port with --port"),
        (["--intercept", "--intercept-port", port], "choose another port with --intercept-port"),
        (["--host", "192.0.2.1"], "--host must be an address of this machine"),
        (["--database", "none/parlour.db"], "create it, or name another file with --database"),
        (["--database", "other"], "name a file with --database, such as other/parlour.db"),
        (["--database", "text.db"], "or name another file with --database"),
    ):
        assert advice in refused(tmp_path, *options).stderr

    (tmp_path / "parlour.db.key").unlink()
    assert "`parlour account rotate-token` makes a new one" in refused(tmp_path).stderr
