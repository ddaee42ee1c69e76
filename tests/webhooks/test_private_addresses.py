"""Which addresses are private, and which servers may send requests to them on behalf of callers."""

import pytest

from parlour.config import Config
from parlour.webhooks.private_addresses import is_private
from tests.files import wait_until

HERE, THERE = "+15550100001", "+15550100009"


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254"),
        *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1"),
        *("192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
        *("::", "::1", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::1"),
        *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:db8::1", "3fff::1"),
        *("100::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "5f00::1"),
    ],
)
def test_these_addresses_are_private(address):
    assert is_private(address)


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "172.32.0.1", "192.0.1.1", "198.20.0.1", "223.255.255.255"),
        *("2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8"),
    ],
)
def test_these_are_not(address):
    assert not is_private(address)


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        ({}, True),
        ({"host": "localhost"}, True),
        ({"host": "::1"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "chat.internal"}, False),
        ({"public_url": "https://chat.example.org"}, False),
        ({"public_url": "http://localhost:8080"}, False),
        ({"public_url": "https://chat.example.org", "webhook_private": "allow"}, True),
        ({"webhook_private": "forbid"}, False),
    ],
)
def test_by_default_only_a_server_that_nobody_else_reaches_goes_there(settings, allowed):
    assert Config(**settings).allows_private_targets() is allowed


@pytest.mark.parametrize("public", [True, False])
@pytest.mark.long
def test_server_and_worker_agree(launch, receiver, public):
    server = first = launch()
    if public:
        # Such a server does not tell its port.
        first.stop()
        port = first.url.rpartition(":")[2]
        server = launch("--port", port, "--public-url", "https://chat.example.org")
    with first.api() as api:
        form = {"PostWebhookUrl": f"{receiver.url}/post", "Filters": ["onMessageAdded"]}
        assert api.request("POST", "Configuration/Webhooks", data=form).status_code == 200
        room = api.post("Conversations").json()["sid"]
        binding = {"MessagingBinding.Address": HERE, "MessagingBinding.ProxyAddress": THERE}
        assert api.post(f"Conversations/{room}/Participants", binding).status_code == 201
        message = {"From": HERE, "To": THERE}
        inbound = f"{api.url}/parlour/v1/Inbound"
        refused = api.post(inbound, message | {"MediaUrl": f"{receiver.url}/media"}).status_code
        assert refused == (400 if public else 201)
        api.post(inbound, message)
        listing = f"{api.url}/parlour/v1/WebhookDeliveries"
        wait_until(lambda: settled(api.get(listing, EventType="onMessageAdded").json()))
    server.stop()

    assert {hook.path for hook in receiver.hooks} == (set() if public else {"/media", "/post"})


def settled(page):
    found = page["webhook_deliveries"]
    return found and all(each["status"] != "pending" for each in found)
