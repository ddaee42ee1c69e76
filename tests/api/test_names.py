"""Names by which paths lead to conversations and participants: each that is taken can be fetched by."""

from urllib.parse import quote

import pytest

pytestmark = pytest.mark.core

NAMES = ["...", ". .", "./x", "%2E%2E", "a/b", "/", " ", "?", "#", ";", "é", "\n", "MB", "CH" + "1" * 31]


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_clients_take_out_of_a_path_is_refused(api, service, room, name):
    refused = [
        api.post(f"{service}/Conversations", UniqueName=name),
        api.post(room, UniqueName=name),
        api.post(f"{room}/Participants", Identity=name),
    ]

    for answer, parameter in zip(refused, ["UniqueName", "UniqueName", "Identity"], strict=True):
        assert (answer.status_code, answer.json()["code"]) == (400, 20001)
        reason = "must not be . or .., because no URL can name it"
        assert answer.json()["message"] == f"Invalid parameter {parameter}: {reason}"


def test_every_other_name_leads_to_what_has_it(api, service, room):
    for name in NAMES:
        conversation = api.post(f"{service}/Conversations", UniqueName=name).json()
        participant = api.post(f"{room}/Participants", Identity=name).json()

        assert api.get(f"{service}/Conversations/{quote(name, safe='')}").json() == conversation
        assert api.get(f"{room}/Participants/{quote(name, safe='')}").json() == participant


def test_an_identity_of_the_form_of_a_sid_leads_to_who_has_it(api, room):
    identity = "MB" + "e" * 32
    participant = api.post(f"{room}/Participants", Identity=identity).json()
    path = f"{room}/Participants/{identity}"

    assert api.get(path).json() == participant
    assert api.get(f"{room}/Participants/{participant['sid']}").json() == participant
    assert api.post(path, Attributes="[]").json()["sid"] == participant["sid"]
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_the_sid_of_another_participant_is_no_identity(api, room):
    taken = api.post(f"{room}/Participants", Identity="alice").json()["sid"]
    answer = api.post(f"{room}/Participants", Identity=taken)

    assert (answer.status_code, answer.json()["code"]) == (409, 50433)
    assert len(api.get(f"{room}/Participants").json()["participants"]) == 1
