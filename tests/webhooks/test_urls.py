"""One check of URLs for every field that is one: what could not be requested is refused, and nothing else."""

import ipaddress

import pytest

from parlour.webhooks.outbox import WebhookDelivery
from parlour.wire.urls import as_sent, is_http_url

IMPOSSIBLE = [
    "http://exa mple.com/",
    "http://example.com/a b",
    " http://example.com/",
    "http://example.com/\u00a0",
    "http://example.com/\ta",
    "http://example.com/\x7f",
    "example.com/hook",
    "//example.com/hook",
    "ftp://example.com/",
    "http:example.com",
    "http:///hook",
    "http://:80/",
    "http://?a=b",
    "http://user@/",
    "http://@example.com/",
    "http://a@b@example.com/",
    "http://a\\@example.com/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:/",
    "http://example.com:+80/",
    "http://example.com:\uff18\uff10/",
    "http://example.com:80:80/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.0.1./",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://[::1/",
    "http://[::g]/",
    "http://[fe80::1%25eth0]/",
    "http://.example.com/",
    "http://example..com/",
    "http://-example.com/",
    "http://example%2ecom/",
    f"http://{'a' * 64}.com/",
    "http://☃☃.example/",
]

# As they are written, and as they are requested.
POSSIBLE = [
    ("http://example.com", "http://example.com/"),
    ("HTTPS://Example.com:8443/Hook?a=1", "https://Example.com:8443/Hook?a=1"),
    ("http://127.0.0.1:5000/", "http://127.0.0.1:5000/"),
    ("http://[::1]:5000/", "http://[::1]:5000/"),
    ("http://localhost/", "http://localhost/"),
    ("http://my_container:80/", "http://my_container:80/"),
    ("http://example.com./", "http://example.com./"),
    ("http://user:s%40cret@example.com/", "http://user:s%40cret@example.com/"),
    ("http://example.com/ü?q={ö}", "http://example.com/%C3%BC?q=%7B%C3%B6%7D"),
    ("http://example.com/#rc=2&rp=all", "http://example.com/"),
    ("http://bücher.example:80/ü", "http://xn--bcher-kva.example:80/%C3%BC"),
    ("http://user@BÜCHER.example", "http://user@xn--bcher-kva.example/"),
    ("http://xn--bcher-kva.example", "http://xn--bcher-kva.example/"),
]


@pytest.mark.parametrize("url", IMPOSSIBLE)
def test_what_could_not_be_requested_is_no_url(url):
    assert not is_http_url(url)


@pytest.mark.parametrize(("url", "sent"), POSSIBLE)
def test_a_url_is_sent_in_the_characters_of_the_wire(url, sent):
    assert as_sent(url) == sent
    assert as_sent(sent) == sent


def account_and_service(api, service, field, url):
    for path in ("Configuration/Webhooks", f"{service}/Configuration/Webhooks"):
        yield api.request("POST", path, data={field: url}), 50054


def of_conversation(api, room, form, url):
    yield api.request("POST", f"{room}/Webhooks", data=form | {"Configuration.Url": url}), 50054
    made = api.request("POST", f"{room}/Webhooks", data=form | {"Configuration.Url": "http://example.com"})
    yield api.request("POST", made.json()["url"], data={"Configuration.Url": url}), 50054
    api.delete(made.json()["url"])


def inbound(api, url):
    form = {"From": "+15550100001", "To": "+15550100009", "MediaUrl": url}
    yield api.request("POST", f"{api.url}/parlour/v1/Inbound", data=form), 20001


def answers(api, service, room, url):
    """What every parameter that is a URL is answered with, and the code of a refusal."""
    for field in ("PreWebhookUrl", "PostWebhookUrl"):
        yield from account_and_service(api, service, field, url)
    yield from of_conversation(
        api, room, {"Target": "webhook", "Configuration.Filters": "onMessageAdded"}, url
    )
    yield from of_conversation(api, room, {"Target": "trigger", "Configuration.Triggers": "help"}, url)
    yield from inbound(api, url)


@pytest.mark.both_engines
def test_every_parameter_that_is_a_url_refuses_it(api, service, room):
    for url in IMPOSSIBLE:
        found = [
            (answer.status_code, answer.json()["code"], code)
            for answer, code in answers(api, service, room, url)
        ]
        assert found == [(400, code, code) for _, code, _ in found], url
        assert len(found) == 9
    assert api.get(f"{room}/Webhooks").json()["webhooks"] == []


def test_every_parameter_that_is_a_url_takes_one_and_shows_it_as_it_was_sent(api, service, room):
    for url, _ in POSSIBLE:
        *webhooks, media = answers(api, service, room, url)
        assert {answer.status_code for answer, _ in webhooks} <= {200, 201}, url
        # It is fetched only for a conversation that holds the addresses.
        assert media[0].status_code == 404
        shown = webhooks[4][0].json()["configuration"]["url"]
        assert shown == url
        for webhook in api.get(f"{room}/Webhooks").json()["webhooks"]:
            api.delete(webhook["url"])


def test_a_webhook_goes_to_the_name_by_idna_and_is_signed_for_it(
    hooked, room, receiver, dispatch, settled, monkeypatch
):
    asked = []

    async def resolve(_, host, port=0, family=0):
        asked.append(host)
        number = int(ipaddress.IPv4Address("127.0.0.1"))
        address = str(ipaddress.IPv4Address(number))
        return [{"hostname": host, "host": address, "port": port, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", resolve)
    url = f"http://bücher.example:{receiver.port}/ü"
    form = {"Target": "webhook", "Configuration.Url": url, "Configuration.Filters": "onMessageAdded"}
    assert hooked.request("POST", f"{room}/Webhooks", data=form).status_code == 201
    hooked.post(f"{room}/Messages", Body="Hi")
    dispatch()
    settled(1)
    [hook] = receiver.hooks

    assert asked == ["xn--bcher-kva.example"]
    assert hook.url == f"http://xn--bcher-kva.example:{receiver.port}/%C3%BC"
    assert hook.is_signed


@pytest.mark.both_engines
def test_a_url_that_was_stored_before_is_shown_and_fails_at_once(
    hooked, room, listen, running, dispatch, settled
):
    stored, urls = listen(), ["http://[bad", "http://2130706433/", "http://example.com:99999/"]
    for _ in urls:
        hooked.post(f"{room}/Messages", Body="Hi")

    def store(tx):
        tx.execute("UPDATE service_webhooks SET post_webhook_url = ? WHERE TRUE", urls[0])
        found = tx.find_all(WebhookDelivery, conversation_sid=room.split("/")[3])
        for each, url in zip(found, urls, strict=True):
            tx.update(each, target_url=url)

    running.in_database(store)
    dispatch()
    done = settled(3)

    assert hooked.get(stored["url"]).json()["post_webhook_url"] == urls[0]
    assert [each["status"] for each in done] == ["failed"] * 3
    assert [[attempt["error"] for attempt in each["attempts"]] for each in done] == [
        ["the URL is not valid: the URL has no valid host"],
        ["the URL is not valid: the host is not an IP address in its usual form"],
        ["the URL is not valid: the port must be a number from 1 to 65535"],
    ]
