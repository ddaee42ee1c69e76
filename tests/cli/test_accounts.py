"""`parlour account` and `parlour key`, against a server that goes on running."""

import re

import pytest

from parlour.resources.accounts import delete_account, find_account
from parlour.store import Database
from tests.commands import refused, run, run_process
from tests.servers import ACCOUNT_SID

PRESET = {"PARLOUR_ACCOUNT_SID": ACCOUNT_SID, "PARLOUR_AUTH_TOKEN": "5" * 32}


@pytest.fixture
def parlour(tmp_path):
    """Runs `parlour …` in the folder of the test's database; what it printed, or its complaint."""

    def parlour(*words, code=0):
        ended = run(tmp_path, *words, **PRESET)
        assert ended.returncode == code, ended.stderr
        return ended.stdout if code == 0 else ended.stderr

    return parlour


def values(output):
    return re.findall(r"=(\S+)", output)


def is_let_in(api):
    return api.get("Services").status_code == 200


def test_an_account_that_is_made_while_the_server_runs(serve, parlour):
    server = serve()
    sid, token = values(parlour("account", "create", "Second"))

    assert is_let_in(server.api(sid, token))
    assert re.findall(r"^(AC\w+)  \S+ \S+  (.*)$", parlour("account", "list"), re.MULTILINE) == [
        (ACCOUNT_SID, "My account"),
        (sid, "Second"),
    ]
    assert token not in parlour("account", "list")


def test_a_new_token_replaces_the_old(serve, parlour):
    server = serve()
    sid, old = values(parlour("account", "create"))
    [new] = values(parlour("account", "rotate-token", sid))

    assert is_let_in(server.api(sid, new))
    assert not is_let_in(server.api(sid, old))


def test_a_key_works_until_it_is_revoked(serve, parlour):
    server = serve()
    key, secret = values(parlour("key", "create", ACCOUNT_SID, "CI"))
    made = server.api(key, secret).post("Conversations").json()

    assert made["account_sid"] == ACCOUNT_SID
    assert server.api().get(f"Conversations/{made['sid']}").status_code == 200
    assert not is_let_in(server.api(key, secret[:-1]))
    assert f"{key}  " in parlour("key", "list", ACCOUNT_SID)
    assert secret not in parlour("key", "list", ACCOUNT_SID)

    parlour("key", "revoke", key)
    assert parlour("key", "list", ACCOUNT_SID) == ""


def test_a_secret_of_a_key_is_stored_as_its_hash_only(serve, parlour, tmp_path):
    serve()
    _, secret = values(parlour("key", "create", ACCOUNT_SID))

    assert not any(
        secret.encode() in file.read_bytes() for file in tmp_path.glob("parlour.db*") if file.is_file()
    )


@pytest.mark.parametrize(
    "words",
    [
        ("account", "rotate-token", "AC" + "0" * 32),
        ("key", "create", "AC" + "0" * 32),
        ("key", "list", "AC" + "0" * 32),
        ("key", "revoke", "SK" + "0" * 32),
    ],
)
def test_what_does_not_exist_is_told_in_a_line(parlour, words):
    parlour("migrate")
    complaint = parlour(*words, code=1)

    assert complaint == f"Error: there is no {'key' if words[1] == 'revoke' else 'account'} {words[2]}\n"


def test_migrate_openapi_and_version(tmp_path):
    """The first as a process: that the program itself is there, and ends as it should."""
    said = [run_process(tmp_path, "migrate")]
    said += [run(tmp_path, word) for word in ("migrate", "openapi", "version", "--version")]

    assert [(each.returncode, each.stderr) for each in said] == [(0, "")] * 5
    assert said[0].stdout.startswith("applied 0001_")
    assert said[1].stdout == "nothing to do\n"
    assert '"openapi": "3.1.0"' in said[2].stdout
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", said[3].stdout)
    assert said[4].stdout == f"parlour {said[3].stdout}"


def test_a_new_account_is_all_that_is_printed(tmp_path):
    done = run_process(tmp_path, "account", "create", "Acme")

    assert re.fullmatch(r"TWILIO_ACCOUNT_SID=AC\w{32}\nTWILIO_AUTH_TOKEN=\w{32}\n", done.stdout)
    assert done.stderr == ""


def test_help_can_be_read(parlour):
    help_text = parlour("serve", "--help")

    for each in ("--database", "PARLOUR_DATABASE", "default: 8080", "PARLOUR_AUTH_TOKEN"):
        assert each in help_text


def test_a_deletion_that_was_interrupted_is_finished_before_its_account_is_made_again(
    serve, parlour, storage, tmp_path
):
    server = serve()
    server.api().post("Conversations", FriendlyName="Room")
    server.stop()
    # As after `parlour account delete` was killed.
    database = Database(storage.plain_engine())
    database.run(lambda tx: delete_account(tx, find_account(tx, ACCOUNT_SID)))
    assert parlour("account", "list") == ""
    assert "there is no account" in parlour("account", "delete", ACCOUNT_SID, "--yes", code=1)
    assert "`parlour purge`" in refused(tmp_path, **PRESET).stderr
    parlour("purge")

    assert database.run(lambda tx: tx.select("SELECT sid FROM accounts")) == []
    assert serve().api().get("Conversations").json()["conversations"] == []
