"""Work that is committed together gives what it gives one by one, and no failure harms another."""

import itertools
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parlour.api.collection import IN_SERVICE, Call, Caller
from parlour.errors import ApiError
from parlour.resources.conversations import (
    Conversation,
    create_conversation,
    delete_conversation,
    update_conversation,
)
from parlour.resources.messages import create_message, delete_message, list_messages, update_message
from parlour.resources.new_accounts import create_account
from parlour.resources.participants import create_participant, delete_participant, update_participant
from parlour.resources.webhook_targets import AccountWebhooks
from parlour.store import LockKey, Transaction
from parlour.store.credentials import Vault
from parlour.store.dump import copy, put_back
from parlour.store.migrate import migrate
from parlour.store.sqlite import SQLite
from parlour.store.writer import Failure, Job, commit_together
from parlour.webhooks.events import POST_EVENTS
from parlour.wire.field_types import write_list
from parlour.wire.profiles import DOCUMENTED
from tests.servers import ACCOUNT_SID, SECRET_KEY, Clock

pytestmark = pytest.mark.core

SERVICE_SID = "IS" + "0" * 31 + "1"
CALLER = Caller(ACCOUNT_SID, SERVICE_SID)
COMPARED = {
    "conversations": "sid, unique_name, state, next_message_index, participant_count, binding_count",
    "participants": "sid, conversation_sid, identity, address, attributes",
    "address_holders": "addresses, conversation_sid, participant_sid",
    "webhook_deliveries": "sid, conversation_sid, target_sid, number, event_type, parameters, status",
    "webhook_lanes": "sid, conversation_sid, next_number, due_at",
    "messages": 'sid, conversation_sid, "index", author, participant_sid, body, date_updated',
}


class Fault(Exception):
    """Not a refusal: something that nobody foresaw."""


def work(handler, sid=None, **changes):
    """A handler that is called in the conversation `red` or `blue`, whichever is drawn."""

    def build(name):
        path = {"ConversationSid": name, "Sid": sid or name}
        call = Call(CALLER, SERVICE_SID, path, "/x", IN_SERVICE, DOCUMENTED, "", fires=True)
        if handler in {create_conversation, fail_with_a_conversation}:
            changes["unique_name"] = name
        return partial(handler, call=with_changes(call, changes))

    return st.sampled_from(["red", "blue"]).map(build)


def with_changes(call, changes):
    values = {name: getattr(call, name) for name in call.__struct_fields__}
    return Call(**values | {"changes": dict(changes)})


def fail_with_a_conversation(tx, call):
    create_conversation(tx, call)
    raise Fault


def fail_with_a_message(tx, call):
    create_message(tx, call)
    raise Fault


def on_newest_message(handler, tx, call):
    rows = list_messages(tx, call).rows
    call.path["Sid"] = rows[-1].sid if rows else "IM" + "0" * 32
    return handler(tx, call)


WORK = st.one_of(
    work(create_conversation),
    work(fail_with_a_conversation),
    work(update_conversation, state="inactive"),
    work(update_conversation, state="closed"),
    work(update_conversation, unique_name="red"),
    work(delete_conversation),
    work(create_participant, identity="alice"),
    work(create_participant, address="+15550100001", proxy_address="+15550100009"),
    work(update_participant, sid="alice", attributes="[]"),
    work(delete_participant, sid="alice"),
    work(create_message, author="alice"),
    work(create_message, author="+15550100001"),
    work(fail_with_a_message),
    work(partial(on_newest_message, update_message), body="edited", author="alice"),
    work(partial(on_newest_message, delete_message)),
)


class Storage:
    """A database whose SIDs tell which piece of work made them, however often it was tried."""

    def __init__(self, engine):
        migrate(engine)
        self.engine, self.session = engine, engine.open()
        self.current, self.made = 0, 0
        self.commit([lambda tx: create_account(tx, Vault(SECRET_KEY), "Test", ACCOUNT_SID)])
        told = {"post_webhook_url": "http://localhost/", "filters": write_list(POST_EVENTS)}
        webhooks = AccountWebhooks(sid=ACCOUNT_SID, account_sid=ACCOUNT_SID, **told)
        self.commit([lambda tx: tx.insert(webhooks)])
        [self._empty] = self.commit([copy])

    def empty(self):
        self.current = self.made = 0
        self.commit([lambda tx: put_back(tx, self._empty)])

    def new_sid(self, prefix):
        self.made += 1
        return f"{prefix}{self.current:016x}{self.made:016x}" if self.current else SERVICE_SID

    def lock_keys(self):
        """All conversations there are, for whoever wants to find them beforehand."""
        sids = self.session.execute("SELECT sid FROM conversations").fetchall()
        return [LockKey(Conversation, sid) for (sid,) in sids]

    def numbered(self, number, work):
        def run(tx):
            self.current, self.made = number, 0
            return work(tx)

        return run

    def commit(self, works, lock_keys=()):
        jobs = [
            Job(work, lock_key=key)
            for work, key in zip(works, itertools.cycle(lock_keys or [None]), strict=False)
        ]
        return [
            outcome(each)
            for each in commit_together(self.engine, self.session, jobs, Clock()(), self.new_sid)
        ]

    def commit_alone(self, work):
        """The plainest way to do it: the whole transaction stands or falls with the work."""
        self.session.begin()
        tx = Transaction(self.session, Clock()(), self.new_sid)
        try:
            result = work(tx)
            tx.flush()
            self.session.commit()
        except (ApiError, Fault) as error:
            self.session.roll_back()
            return outcome(Failure(error))
        return result

    def rows(self):
        return {
            table: sorted(self.session.execute(f"SELECT {columns} FROM {table}").fetchall(), key=str)
            for table, columns in COMPARED.items()
        }


def outcome(result):
    if not isinstance(result, Failure):
        return result
    return str(result.error) if isinstance(result.error, ApiError) else type(result.error)


def shown(result):
    """What a caller would see: a resource's fields, without the version that counts commits."""
    if result is None or isinstance(result, str | type):
        return result
    return {name: getattr(result, name) for name in result.__struct_fields__ if name != "version"}


@pytest.fixture
def together(storage):
    together = Storage(storage.plain_engine())
    yield together
    together.session.close()


@pytest.fixture
def alone(tmp_path):
    """On the embedded engine, whichever the other is on."""
    alone = Storage(SQLite(tmp_path / "alone.db"))
    yield alone
    alone.session.close()


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(works=st.lists(WORK, max_size=25), size=st.integers(2, 25))
@pytest.mark.both_engines
def test_together_or_one_by_one_is_the_same(alone, together, works, size):
    alone.empty()
    together.empty()
    expected, given_together = [], []
    for start in range(0, len(works), size):
        batch = works[start : start + size]
        for number, each in enumerate(batch, start + 1):
            expected.append(alone.commit_alone(alone.numbered(number, each)))
        numbered = [together.numbered(number, each) for number, each in enumerate(batch, start + 1)]
        given_together += together.commit(numbered, together.lock_keys())

    assert [shown(each) for each in given_together] == [shown(each) for each in expected]
    assert together.rows() == alone.rows()
