"""Hosts that are not the service's under `parlour run`: refused so that clients show it, or led to a stub."""

import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import threading

import pytest
import requests

from tests.api.test_unserved import UNSERVED
from tests.dropin.test_intercept import Intercepting
from tests.dropin.test_samples import NODE_MODULES
from tests.servers import ACCOUNT_SID, TIMEOUT_SECONDS, ServerProcess

API = "https://api.twilio.com"
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
CREDENTIALS = 'Client(os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"])'
# An application that also sends an SMS by the other API, as most do.
PYTHON = f"""
import os
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

client = {CREDENTIALS}
print(client.conversations.v1.conversations.create().sid[:2])
try:
    print(client.messages.create(to="+15550100001", from_="+15550100000", body="Hi").body)
except TwilioRestException as error:
    print(error.status, error.code, error.msg)
"""
NODE = """
const client = require("twilio")(process.env.TWILIO_ACCOUNT_SID, process.env.TWILIO_AUTH_TOKEN);
client.messages.create({ to: "+15550100001", from: "+15550100000", body: "Hi" }).then(
  (message) => console.log(message.body),
  (error) => console.log(error.status, error.code, error.message),
);
"""
REFUSAL = (
    "Parlour does not serve api.twilio.com: to send its requests to a server of yours, use --intercept-route"
    " api.twilio.com=http://127.0.0.1:9000; to let them through to the real one, use --intercept-others pass"
)


class Stub(http.server.BaseHTTPRequestHandler):
    """Answers as the other API would, and notes what it was asked."""

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.seen.append((self.headers["Host"], self.path, form))
        body = json.dumps({"sid": "SM" + "a" * 32, "body": "from the stub"}).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def stub():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def url_of(stub):
    return f"http://127.0.0.1:{stub.server_address[1]}"


def run(folder, *words, options=(), **environment):
    return subprocess.run(
        [ServerProcess.PROGRAM, "run", *options, "--", *words],
        cwd=folder,
        env={**os.environ, "PARLOUR_ACCOUNT_SID": ACCOUNT_SID, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def test_the_clients_own_error_says_which_host_and_how_to_go_on(tmp_path):
    ended = run(tmp_path, sys.executable, "-c", PYTHON)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["CH", f"403 20403 Unable to create record: {REFUSAL}"]
    assert "parlour run: hosts that were refused: api.twilio.com (1)" in ended.stderr.splitlines()
    assert "--intercept-route HOST=http://127.0.0.1:9000" in ended.stderr


@pytest.mark.long
@pytest.mark.skipif(not NODE_MODULES.exists(), reason="Node's client is not at hand")
def test_nodes_error_says_it_too(tmp_path):
    (tmp_path / "sample.js").write_text(NODE)
    ended = run(tmp_path, "node", "sample.js", NODE_PATH=str(NODE_MODULES))

    assert ended.stdout == f"403 20403 {REFUSAL}\n", ended.stderr


@pytest.mark.long
def test_the_tunnel_to_a_foreign_host_is_refused_with_the_reason(tmp_path):
    program = "import requests; requests.get('https://example.com')"
    ended = run(tmp_path, sys.executable, "-c", program)

    assert "Tunnel connection failed: 403 Forbidden: Parlour does not serve example.com" in ended.stderr
    assert "parlour run: hosts that were refused: example.com (" in ended.stderr


def test_a_host_is_led_to_a_stub(tmp_path, stub):
    route = f"--intercept-route=api.twilio.com={url_of(stub)}"
    ended = run(tmp_path, sys.executable, "-c", PYTHON, options=[route])

    assert ended.stdout.splitlines() == ["CH", "from the stub"], ended.stderr
    [(host, path, form)] = stub.seen
    assert (host, path) == ("api.twilio.com", MESSAGES)
    assert "Body=Hi" in form
    assert ended.stderr == ""


def test_unserved_paths_are_summed_up_and_a_reset_does_not_hide_them(tmp_path):
    ask = 'curl --globoff -sS -o /dev/null -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN"'
    often, once = UNSERVED[-1], UNSERVED[0]
    paths = (often, "/parlour/v1/Reset --request POST", often, once)
    ended = run(tmp_path, "bash", "-c", "\n".join(f"{ask} $PARLOUR_URL{path}" for path in paths))

    assert ended.stderr.splitlines()[-1] == (
        f"parlour run: paths that are not served yet: GET {often} (2), GET {once} (1)"
    )


@pytest.fixture
def intercept(serve, tmp_path):
    def intercept(**settings):
        return Intercepting(serve(intercept=True, **settings), tmp_path)

    return intercept


def test_routes_are_chosen_by_the_nearest_name_and_several_can_be_given(intercept, stub):
    routes = f"*.twilio.com=refuse API.twilio.com={url_of(stub)} *.example.org={url_of(stub)}/"
    intercepting = intercept(intercept_route=routes)

    for host in ("api.twilio.com", "API.Twilio.com", "a.b.example.org"):
        assert intercepting.request("POST", f"https://{host}/x", data={"a": "b"}).status_code == 201
    plain = intercepting.request("POST", "http://api.twilio.com/x", data={"a": "b"})
    refused = [
        intercepting.request("POST", f"{each}/x")
        for each in ("https://x.y.twilio.com", "http://x.twilio.com")
    ]

    assert plain.status_code == 201
    assert {seen[0].lower() for seen in stub.seen} == {"api.twilio.com", "a.b.example.org"}
    assert [(each.status_code, each.json()["code"]) for each in refused] == [(403, 20403)] * 2
    # The service's own hosts are never led elsewhere, and other ports are not meant.
    assert intercepting.request("GET", "https://content.twilio.com/v1/Content").status_code == 200
    with pytest.raises(requests.exceptions.ProxyError):
        intercepting.request("GET", "https://api.twilio.com:8443/")
    with pytest.raises(requests.exceptions.ProxyError):
        intercepting.request("GET", "https://example.org/")


def test_a_host_with_a_long_name_is_refused_like_another(intercept):
    host = f"{'a' * 63}.bucket.s3.amazonaws.com"
    refused = intercept(intercept_route="*.amazonaws.com=refuse").request("GET", f"https://{host}/x")

    assert (refused.status_code, refused.json()["code"]) == (403, 20403)


def test_a_stub_that_does_not_answer_is_told(intercept):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    answer = intercept(intercept_route=f"api.twilio.com=http://127.0.0.1:{port}").request("GET", f"{API}/")

    assert answer.status_code == 502
    assert answer.json()["message"] == f"Bad Gateway: 127.0.0.1:{port} cannot be reached"


def test_an_authority_that_cannot_sign_for_a_route_is_replaced_once(intercept, tmp_path):
    path = tmp_path / "parlour.db.authority" / "authority.pem"
    intercept()
    first = path.read_bytes()
    routed = intercept(intercept_route="api.twilio.com=refuse", port=0)
    second = path.read_bytes()
    intercept()

    assert first != second
    assert path.read_bytes() == second
    assert routed.request("GET", API).status_code == 403
    assert not list(path.parent.glob("tmp*"))


def test_a_client_without_trust_in_the_authority_is_counted_and_ends_nothing(intercept):
    intercepting = intercept(intercept_route="*.twilio.com=refuse", control=True)
    with requests.Session() as session:
        session.proxies = {"https": intercepting.proxy}
        with pytest.raises(requests.exceptions.SSLError):
            session.get(API, timeout=30)
    context = ssl.create_default_context(cafile=intercepting.folder / "parlour.db.authority" / "ca.pem")
    with socket.create_connection(("127.0.0.1", intercepting.port), timeout=30) as connection:
        connection.sendall(b"CONNECT verify.twilio.com:443 HTTP/1.1\r\n\r\n")
        connection.recv(1_000)
        with context.wrap_socket(connection, server_hostname="verify.twilio.com") as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert tls.recv(1_000).startswith(b"HTTP/1.1 403 ")
    with intercepting.running.api() as api:
        counts = api.get(f"{intercepting.running.url}/parlour/v1/Refusals").json()

    assert counts == {"hosts": {"api.twilio.com": 1, "verify.twilio.com": 1}, "paths": {}}
