"""Random histories of many conversations, by HTTP, against a model of a few lines."""

import json

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

pytestmark = pytest.mark.core

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
ATTRIBUTES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
).map(json.dumps)


class Room:
    def __init__(self, path):
        self.path = path
        self.messages = {}
        self.next_index = 0
        self.is_closed = False


class Conversations(RuleBasedStateMachine):
    """Each rule does the same to the server and to the model, and compares what they say."""

    def __init__(self, api):
        super().__init__()
        self.api = api
        self.rooms = []

    rooms_made = Bundle("rooms_made")
    messages_made = Bundle("messages_made")

    @rule(target=rooms_made)
    def create_conversation(self):
        room = Room("Conversations/" + self.api.post("Conversations").json()["sid"])
        self.rooms.append(room)
        return room

    @rule(target=messages_made, room=rooms_made, body=TEXTS, author=TEXTS, attributes=ATTRIBUTES)
    def create_message(self, room, body, author, attributes):
        answer = self.api.post(f"{room.path}/Messages", Body=body, Author=author, Attributes=attributes)
        if room.is_closed:
            assert answer.json()["code"] == 50377
            return multiple()
        message = answer.json()
        assert answer.status_code == 201
        assert message["index"] == room.next_index
        assert (message["body"], message["author"]) == (body, author or "system")
        assert message["attributes"] == attributes
        room.messages[message["sid"]] = message
        room.next_index += 1
        return room, message["sid"]

    @rule(made=messages_made, body=TEXTS)
    def update_message(self, made, body):
        room, sid = made
        answer = self.api.post(f"{room.path}/Messages/{sid}", Body=body)
        if room.is_closed:
            assert answer.json()["code"] == 50377
        elif sid not in room.messages:
            assert answer.json()["code"] == 20404
        else:
            expected = room.messages[sid] | {"body": body, "date_updated": answer.json()["date_updated"]}
            assert answer.json() == expected
            room.messages[sid] = expected

    @rule(made=messages_made)
    def delete_message(self, made):
        room, sid = made
        answer = self.api.delete(f"{room.path}/Messages/{sid}")
        assert answer.status_code == (204 if room.messages.pop(sid, None) else 404)

    @rule(made=messages_made)
    def fetch_message(self, made):
        room, sid = made
        answer = self.api.get(f"{room.path}/Messages/{sid}")
        if sid in room.messages:
            assert answer.json() == room.messages[sid]
        else:
            assert answer.json()["code"] == 20404

    @rule(room=rooms_made)
    def close_conversation(self, room):
        answer = self.api.post(room.path, State="closed")
        assert answer.status_code == (400 if room.is_closed else 200)
        room.is_closed = True

    @rule(room=rooms_made, size=st.integers(1, 5), order=st.sampled_from(["asc", "desc"]))
    def list_messages(self, room, size, order):
        found, url = [], f"{room.path}/Messages?PageSize={size}&Order={order}"
        while url:
            page = self.api.get(url).json()
            assert len(page["messages"]) <= size
            found += page["messages"]
            url = page["meta"]["next_page_url"]
        expected = list(room.messages.values())
        assert found == (expected if order == "asc" else expected[::-1])

    @invariant()
    def no_conversation_knows_of_another(self):
        for room in self.rooms:
            listed = self.api.get(f"{room.path}/Messages", PageSize=100).json()["messages"]
            assert listed == list(room.messages.values())


@pytest.mark.parametrize("examples", [6, pytest.param(40, marks=pytest.mark.long)])
def test_random_histories(api, examples):
    run_state_machine_as_test(
        lambda: Conversations(api),
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
