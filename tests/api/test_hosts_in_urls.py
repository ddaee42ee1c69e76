"""URLs in answers follow the `Host` of the request, where it is allowed."""

import contextlib
import resource
import socket

import pytest

from parlour.api.client_url import MAX_REMEMBERED
from tests.servers import Api

LOCAL = [
    "localhost:8080",
    "LocalHost",
    "127.0.0.1:1",
    "127.0.0.2:8080",
    "[::1]:8080",
    "parlour:8080",
    "my_app-1",
    "x.localhost:8080",
    "host.docker.internal:8080",
    "host.containers.internal:8080",
    socket.gethostname(),
    f"{socket.gethostname().partition('.')[0]}.local",
]
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "localhost.evil.example.",
    "198.51.100.1:8080",
    "[2001:db8::1]",
    "224.0.0.1",
    "2130706433",
    "0x7f.1",
    "localhost:0",
    "localhost:99999",
    "localhost:x",
    "localhost@evil",
    "localhost/evil",
    "[::1",
    "::1",
    "-evil",
    "a" * 64,
    "a" * 5_000,
    "evil.example localhost",
    "évil",
]


@pytest.fixture
def room_of():
    """A caller of a server, and the path of a conversation on it."""
    callers = []

    def room_of(running):
        api = Api(running.url)
        callers.append(api)
        return api, "Conversations/" + api.post("Conversations").json()["sid"]

    yield room_of
    for each in callers:
        each.session.close()


def own_addresses():
    """The address of this machine that others reach it by, if it has one. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("203.0.113.1", 9))
        return [probe.getsockname()[0]]
    return []


def urls_in(body):
    """All URLs of a body, at any depth."""
    if isinstance(body, dict):
        body = list(body.values())
    if isinstance(body, list):
        return [url for each in body for url in urls_in(each)]
    return [body] if isinstance(body, str) and body.startswith("http") else []


def starts(api, path, host):
    """What the URLs of the answer to a request to this host begin with."""
    answer = api.request("GET", path, headers={"Host": host.encode()})
    assert answer.status_code == 200, (host, answer.text)
    found = urls_in(answer.json())
    assert found
    return {url.partition("/v1/")[0] for url in found}


@pytest.mark.parametrize("host", LOCAL)
def test_a_local_host_is_repeated(api, room, host):
    assert starts(api, room, host) == {f"http://{host.lower()}"}


def test_an_address_of_the_machine_is_repeated(api, room):
    for address in own_addresses():
        assert starts(api, room, f"{address}:8080") == {f"http://{address}:8080"}


@pytest.mark.parametrize("host", FOREIGN)
def test_a_forged_host_gets_nowhere(api, room, host):
    answer = api.request("GET", room, headers={"Host": host.encode()})

    # Some are no valid `Host` and refused before.
    assert answer.status_code == 400 or {u.partition("/v1/")[0] for u in urls_in(answer.json())} == {api.url}
    assert "evil" not in answer.text


def test_pages_are_followed_by_another_name(api, room):
    for _ in range(5):
        api.post(f"{room}/Messages")
    path, found, host = f"{room}/Messages?PageSize=2", [], "parlour:8080"
    while path is not None:
        page = api.request("GET", path, headers={"Host": host}).json()
        assert {url.partition("/v1/")[0] for url in urls_in(page)} == {f"http://{host}"}
        found += [each["index"] for each in page["messages"]]
        following = page["meta"]["next_page_url"]
        # By the name that the link has, as another container would, to the address that is reachable here.
        path = following and following.replace(f"http://{host}", api.url)

    assert found == list(range(5))


def test_an_answer_is_kept_for_each_host(api, room):
    for host in ["a", "b", "evil.example"] * 3:
        assert starts(api, f"{room}/Messages?PageSize=1", host) == {
            api.url if "." in host else f"http://{host}"
        }


def test_a_write_and_a_link_to_content_have_the_host_too(api, room):
    made = api.request("POST", f"{room}/Messages", data={"Body": "Hi"}, headers={"Host": "parlour:1"}).json()
    service = made["url"].partition("/Conversations")[0].rpartition("/v1/")[2]
    file = api.request("POST", f"{service}/Media", data=b"a", headers={"Content-Type": "text/plain"}).json()
    link = api.request("GET", f"{service}/Media/{file['sid']}", headers={"Host": "parlour:1"}).json()["links"]

    assert {url.partition("/v1/")[0] for url in urls_in(made)} == {"http://parlour:1"}
    assert link["content_direct_temporary"].startswith("http://parlour:1/v1/")


def test_with_a_public_url_no_host_is_repeated(start, room_of):
    api, room = room_of(start(public_url="https://chat.example.com"))

    for host in (*LOCAL, "none", "chat.example.com"):
        assert starts(api, room, host) == {"https://chat.example.com"}


@pytest.mark.parametrize(
    ("allowed", "hosts", "others"),
    [
        ("none", [], ["none", "localhost", "parlour"]),
        ("*", ["evil.example:80", "198.51.100.1", "[2001:db8::1]"], ["-evil", "2130706433"]),
        (
            "chat.Example.org",
            ["chat.example.org:8080", "CHAT.example.org."],
            ["parlour", "x.chat.example.org"],
        ),
        (
            "*.example.org [::1]",
            ["a.example.org", "a.b.example.org", "[::1]:8080"],
            ["example.org", "aexample.org"],
        ),
        ("local 198.51.100.1", ["198.51.100.1:8080", "parlour"], ["198.51.100.2", "evil.example"]),
    ],
)
def test_the_setting_bounds_the_hosts(start, room_of, allowed, hosts, others):
    running = start(allowed_hosts=allowed)
    api, room = room_of(running)

    for host in hosts:
        assert starts(api, room, host) == {f"http://{host.lower()}"}
    for host in others:
        assert starts(api, room, host) == {running.url}


def test_with_a_public_url_hosts_can_be_allowed_beside_it(start, room_of):
    api, room = room_of(start(public_url="https://chat.example.com", allowed_hosts="parlour"))

    assert starts(api, room, "parlour:8080") == {"http://parlour:8080"}
    assert starts(api, room, "localhost") == {"https://chat.example.com"}


@pytest.mark.long
def test_hosts_without_end_take_no_memory(api, room):
    def ask(numbers):
        for number in numbers:
            api.request("GET", f"{room}/Messages", headers={"Host": f"{number:0200x}"[:250]})

    ask(range(MAX_REMEMBERED))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ask(range(MAX_REMEMBERED, 3 * MAX_REMEMBERED))

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8_192
