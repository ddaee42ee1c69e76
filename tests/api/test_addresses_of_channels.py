"""One check of addresses for every parameter that is one: each channel's form is kept to."""

import pytest

from parlour.wire.channels import is_address

pytestmark = pytest.mark.both_engines

OURS = {"sms": "+15550100009", "whatsapp": "whatsapp:+15550100009", "messenger": "messenger:9"}
OURS |= {"rcs": "rcs:brand", "email": "support@example.org"}

GOOD = {
    "sms": ["+15550100001", "12345"],
    "whatsapp": ["whatsapp:+15550100001"],
    "messenger": ["messenger:123", "messenger:user_ref:4f-1"],
    "rcs": ["rcs:+15550100001", "rcs:brand_agent.1"],
    "email": ["bob@example.org", "o'b.o+tag@mail.example.org", "jürgen@bücher.example"],
}
BAD = [
    "+1 5550100001",
    "whatsapp: 15550100001",
    "whatsapp:15550100001",
    "whatsapp:+0155",
    "whatsapp:+1555x",
    "whatsapp:bob",
    "whatsapp:",
    "WhatsApp:+15550100001",
    "messenger:",
    "messenger: 123",
    "messenger:1\u0007",
    "messenger:1,2",
    "rcs:",
    "rcs: 15550100001",
    "rcs:15550100001",
    "rcs:+1555x",
    "sms:+15550100001",
    "email:bob@example.org",
    "mailto:bob@example.org",
    "<bob@example.org>",
    "Bob <bob@example.org>",
    "bob@example.org,eve@example.org",
    "bob@eve@example.org",
    "bob@example",
    "bob@-example.org",
    "bob@example..org",
    "bob@example.org.",
    "bob@192.0.2.1",
    "bob@[192.0.2.1]",
    "b..b@example.org",
    ".bob@example.org",
    "bob\u0000@example.org",
    "bob@example.org\n",
    "bob @example.org",
]
# A form that holds NUL is refused before its parameters are read.
SENDABLE = [each for each in BAD if "\u0000" not in each]


def answers(api, room, address):
    """What every parameter that is an address is answered with, and the code of a refusal."""
    ours = next((own for name, own in OURS.items() if address.startswith(f"{name}:")), OURS["email"])

    def join(**form):
        form = {f"MessagingBinding.{name}": value for name, value in form.items()}
        return api.post(f"{room}/Participants", form)

    def arrive(**form):
        return api.post(f"{api.url}/parlour/v1/Inbound", form)

    yield join(Address=address, ProxyAddress=ours), 50407
    yield join(Address=address), 50407
    yield join(Address=ours, ProxyAddress=address), 50408
    yield join(ProjectedAddress=address), 50407
    yield arrive(From=address, To=ours), 50407
    yield arrive(From=ours, To=address), 50407
    yield arrive(From=ours, To=[OURS["sms"], address]), 50407
    identity = api.post(f"{room}/Participants", Identity="alice").json()
    yield api.post(identity["url"], {"MessagingBinding.ProjectedAddress": address}), 50407
    api.delete(identity["url"])


def test_every_parameter_that_is_an_address_refuses_what_is_none(api, room):
    for address in SENDABLE:
        found = [
            (answer.status_code, answer.json()["code"], code) for answer, code in answers(api, room, address)
        ]
        assert found == [(400, code, code) for _, _, code in found], address
    assert api.get(f"{room}/Participants").json()["participants"] == []


def test_no_form_is_one_by_mistake():
    assert [each for each in BAD if is_address(each)] == []


@pytest.mark.parametrize("channel", GOOD)
def test_every_form_of_a_channel_is_taken_and_shown_as_it_was_sent(api, room, channel):
    for address in GOOD[channel]:
        form = {"MessagingBinding.Address": address, "MessagingBinding.ProxyAddress": OURS[channel]}
        answer = api.post(f"{room}/Participants", form)
        assert answer.status_code == 201, address
        binding = {"type": channel, "address": address, "proxy_address": OURS[channel]}
        assert answer.json()["messaging_binding"] == binding
        told = api.post(f"{api.url}/parlour/v1/Inbound", From=address, To=OURS[channel], Body="Hi")
        assert (told.status_code, told.json()["author"]) == (201, address)


def test_a_conversations_own_address_is_an_e_mail_address(api, service, room):
    for address in SENDABLE:
        for path in (f"{service}/Conversations", room):
            answer = api.post(path, {"Bindings.Email.Address": address})
            assert (answer.status_code, answer.json()["code"]) == (400, 20001), address
            assert "Bindings.Email.Address" in answer.json()["message"]
    assert api.get(room).json()["bindings"] == {}


def test_a_conversations_address_can_be_taken_away(api, room):
    api.post(room, {"Bindings.Email.Address": "support@example.org"})

    assert (
        api.post(room, {"Bindings.Email.Address": ""}).json()["bindings"]["email"]["projected_address"] == ""
    )


def test_addresses_that_were_stored_before_stay_readable(api, room, running):
    form = {"MessagingBinding.Address": "whatsapp:+15550100001"}
    who = api.post(f"{room}/Participants", form | {"MessagingBinding.ProxyAddress": OURS["whatsapp"]}).json()
    old = "whatsapp: 15550100001"
    running.in_database(
        lambda tx: tx.execute(
            "UPDATE participants SET address = ? WHERE conversation_sid = ?", old, who["conversation_sid"]
        )
    )
    api.post(room, FriendlyName="so that it is looked up anew")

    assert api.get(who["url"]).json()["messaging_binding"]["address"] == old
    assert api.post(who["url"], Attributes="[]").json()["messaging_binding"]["address"] == old
    assert api.delete(who["url"]).status_code == 204
