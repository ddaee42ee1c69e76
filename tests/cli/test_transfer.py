"""`parlour export` and `parlour import`: all that is stored, from one storage into another."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.commands import run, run_process
from tests.servers import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    SECRET_KEY,
    Api,
    ServerThread,
)
from tests.storages import File

ROOM = "CH" + "1" * 32
MESSAGE = {
    "sid": "IM" + "1" * 32,
    "account_sid": ACCOUNT_SID,
    "conversation_sid": ROOM,
    "chat_service_sid": "IS" + "1" * 32,
    "index": 7,
    "date_created": "2015-12-16T22:18:37Z",
    "author": "alice",
    "body": "from elsewhere",
}

# Each engine says it in its own words.
NOT_NULL = {"sqlite": "NOT NULL", "postgresql": "NotNullViolation"}


def parlour(folder, *words, text=None, **environment):
    """A command; the text is in a file, which it gets to read."""
    if text is not None:
        (folder / "text.jsonl").write_text(text)
        words += ("text.jsonl",)
    return run(folder, *words, PARLOUR_SECRET_KEY=SECRET_KEY, **environment)


def fill(api):
    """Something of everything."""
    service = "Services/" + api.post("Services", FriendlyName="Support").json()["sid"]
    room = f"{service}/Conversations/" + api.post(f"{service}/Conversations", UniqueName="room").json()["sid"]
    binding = {"MessagingBinding.Address": "+15550100001", "MessagingBinding.ProxyAddress": "+15550100002"}
    api.post(f"{room}/Participants", binding)
    api.post(f"{room}/Participants", Identity="alice")
    form = {
        "Target": "webhook",
        "Configuration.Url": "http://localhost/",
        "Configuration.Filters": "onMessageAdded",
    }
    api.post(f"{room}/Webhooks", form)
    media = api.request("POST", f"{service}/Media", data=b"a cat", headers={"Content-Type": "image/png"})
    for number in range(5):
        api.post(f"{room}/Messages", Author="alice", Body=f"é {number}", Attributes=f'{{"n": {number}}}')
    api.post(f"{room}/Messages", MediaSid=media.json()["sid"])
    deleted = api.post(f"{room}/Messages", Body="deleted").json()
    api.delete(deleted["url"])
    return room


def everything(api, room):
    """All that is shown, by path."""
    paths = [room, f"{room}/Participants", f"{room}/Webhooks", f"{room}/Messages", "Services"]
    found = {path: api.get(path).json() for path in paths}
    for message in found[f"{room}/Messages"]["messages"]:
        path = f"{room}/Messages/{message['sid']}/Receipts"
        found[path] = api.get(path).json()
    return json.loads(json.dumps(found).replace(api.url, ""))


@pytest.fixture
def elsewhere(tmp_path, databases):
    """A storage of the other engine than the test's."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()

    def elsewhere(storage):
        return databases.make() if storage.kind == File.kind else File(folder)

    return elsewhere


@pytest.mark.both_engines
def test_a_move_keeps_all_that_is_shown_and_the_count_goes_on(tmp_path, clock, running, api, elsewhere):
    room = fill(api)
    before = everything(api, room)
    there = elsewhere(running.storage)
    exported = parlour(tmp_path, "export", "all.jsonl", PARLOUR_DATABASE=running.storage.setting)
    imported = [parlour(tmp_path, "import", "all.jsonl", PARLOUR_DATABASE=there.setting) for _ in range(2)]
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    moved = ServerThread(tmp_path, clock, there, first=1_000)
    with Api(moved.url) as other:
        after = everything(other, room)
        following = other.post(f"{room}/Messages", Body="after").json()
    moved.stop()

    assert exported.returncode == 0, exported.stderr
    assert [each.returncode for each in imported] == [0, 0], imported[0].stderr
    first, *rows, last = lines
    assert first == {"parlour_export": 1}
    assert last == {"rows": dict(Counter(row["table"] for row in rows))}
    assert imported[0].stderr.split()[0] == str(len(rows))
    assert imported[1].stderr == f"{len(rows)} rows read, 0 of them new\n"
    # Timers and counters aside, the version of a conversation is the only thing that may differ.
    assert after == before
    assert following["index"] == 7


def test_a_history_from_elsewhere_needs_no_more_than_it_has(tmp_path, running, api):
    service = api.post("Services", FriendlyName="Support").json()["sid"]
    lines = [
        {
            "table": "conversations",
            "row": {
                "sid": ROOM,
                "account_sid": ACCOUNT_SID,
                "chat_service_sid": service,
                "unique_name": "history",
                "date_created": "2015-12-16T22:00:00+01:00",
                "date_updated": 1_450_300_000_000,
            },
        },
        {"table": "messages", "row": MESSAGE | {"chat_service_sid": service}},
    ]
    text = "\n\n".join(map(json.dumps, lines))
    # From standard input, which takes a process.
    where = {"PARLOUR_DATABASE": running.storage.setting, "PARLOUR_SECRET_KEY": SECRET_KEY}
    done = run_process(tmp_path, "import", text=text, **where)
    path = f"Services/{service}/Conversations/{ROOM}"
    [message] = api.get(f"{path}/Messages").json()["messages"]

    assert done.returncode == 0
    assert done.stderr.startswith("2 rows read, 2 of them new\nThe file does not say how many rows it has")
    assert message["index"] == 7
    assert (message["body"], message["author"], message["attributes"]) == ("from elsewhere", "alice", "{}")
    assert message["date_created"] == "2015-12-16T22:18:37Z"
    assert api.get(path).json()["date_created"] == "2015-12-16T21:00:00Z"
    assert api.get(f"Services/{service}/Conversations/history").json() == api.get(path).json()
    assert api.post(f"{path}/Messages").json()["index"] == 8


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "line 2: is not JSON"),
        ('{"table": "messages"}', "line 2: row is missing"),
        ('{"table": "services", "row": {"sid": ' + "[" * 100_000, "line 2: is nested too deeply"),
        ('{"table": "secrets", "row": {}}', "line 2: there is no table secrets"),
        ('{"table": "services", "row": {"colour": "red"}}', "line 2: services have no column colour"),
        ('{"table": "services", "row": {"sid": ["IS"]}}', "sid must be"),
        ('{"table": "services", "row": {"date_created": "soon"}}', "line 2: services : date_created must be"),
        ('{"table": "services", "row": {"sid": "IS1"}}', NOT_NULL),
    ],
)
def test_a_line_that_is_none_is_told_and_the_way_back_is_to_mend_it(tmp_path, running, line, reason):
    good = {"table": "services", "row": {"sid": "IS1", "account_sid": ACCOUNT_SID, "friendly_name": "x"}}
    good["row"] |= {"date_created": 1, "date_updated": 1}
    text = f"{json.dumps(good)}\n{line}\n"
    done = parlour(tmp_path, "import", text=text, PARLOUR_DATABASE=running.storage.setting)

    assert done.returncode == 1
    assert (reason[running.storage.kind] if reason is NOT_NULL else reason) in done.stderr
    count = len(running.in_database(lambda tx: tx.select("SELECT sid FROM services WHERE sid = 'IS1'")))
    assert f"{count} rows were read before that, {count} of them new: they stay" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.both_engines
def test_a_row_that_is_refused_is_told_by_where_it_is_and_not_by_what_is_in_it(tmp_path, running):
    row = MESSAGE | {"chat_service_sid": "IS", "author": "SECRET", "conversation_sid": "CHSECRET"}
    text = "\n\n" + json.dumps({"table": "messages", "row": row})
    done = parlour(tmp_path, "import", text=text, PARLOUR_DATABASE=running.storage.setting)

    assert done.returncode == 1
    assert "line 3: " in done.stderr
    assert "foreign" in done.stderr.lower()
    assert "SECRET" not in done.stderr


NUL_ROWS = [
    {"table": "conversations", "row": {"sid": ROOM, "account_sid": ACCOUNT_SID, "chat_service_sid": "IS1"}},
    {
        "table": "messages",
        "row": MESSAGE | {"chat_service_sid": "IS1", "body": "a\0b", "content": r'{"a":"\u0000"}'},
    },
    {
        "table": "channel_metadata",
        "row": {
            "sid": MESSAGE["sid"],
            "conversation_sid": ROOM,
            "type": "x",
            "data": r'{"\u0000":["\u0000"]}',
        },
    },
]


@pytest.mark.both_engines
def test_texts_that_an_older_version_stored_are_named_or_mended(tmp_path, running, api):
    service = api.get("Services").json()["services"][0]["sid"]
    NUL_ROWS[0]["row"] |= {"date_created": 1, "date_updated": 1, "unique_name": "a\0b"}
    text = "\n".join(map(json.dumps, NUL_ROWS)).replace('"IS1"', f'"{service}"')
    setting = running.storage.setting
    named = parlour(tmp_path, "import", text=text, PARLOUR_DATABASE=setting)
    done = parlour(tmp_path, "import", "--mend", text=text, PARLOUR_DATABASE=setting)
    conversation = api.get("Conversations/a%EF%BF%BDb").json()
    [message] = api.get(f"Conversations/{ROOM}/Messages").json()["messages"]
    metadata = api.get(message["links"]["channel_metadata"]).json()

    assert named.returncode == 1
    assert f"line 1: conversations {ROOM}: unique_name holds a NUL character; --mend puts" in named.stderr
    assert done.returncode == 0, done.stderr
    # The last line says that the file does not tell how many rows it has.
    assert done.stderr.splitlines()[:-1] == [
        "3 rows read, 3 of them new",
        "mended 1 texts in channel_metadata.data",
        "mended 1 texts in conversations.unique_name",
        "mended 1 texts in messages.body",
        "mended 1 texts in messages.content",
    ]
    assert conversation["sid"] == ROOM
    assert message["body"] == "a\ufffdb"
    assert metadata["data"] == {"\ufffd": ["\ufffd"]}


def test_what_is_exported_is_for_its_owner_only(tmp_path, running):
    parlour(tmp_path, "export", "all.jsonl", PARLOUR_DATABASE=running.storage.setting)

    assert (tmp_path / "all.jsonl").stat().st_mode & 0o077 == 0
    assert AUTH_TOKEN not in (tmp_path / "all.jsonl").read_text()


def test_a_million_is_a_matter_of_minutes_and_of_little_memory(tmp_path, running, api):
    """Twenty thousand, and a bound that holds at the same pace."""
    room = api.post("Conversations").json()
    path = Path(tmp_path / "many.jsonl")
    with path.open("w") as file:
        for n in range(20_000):
            row = MESSAGE | {"sid": f"IM{n + 10**9:032x}", "index": n, "conversation_sid": room["sid"]}
            file.write(json.dumps({"table": "messages", "row": row | {"chat_service_sid": "IS"}}) + "\n")
    done = parlour(tmp_path, "import", str(path), PARLOUR_DATABASE=running.storage.setting)

    assert done.stderr.startswith("20,000 rows read, 20,000 of them new\n")
    assert api.post(room["links"]["messages"]).json()["index"] == 20_000
