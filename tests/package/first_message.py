"""Tries an installed Parlour: `python first_message.py …/bin/parlour` sends a message and prints its body.

It needs nothing but the standard library, so it also runs where only the wheel is installed.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

ACCOUNT_SID, AUTH_TOKEN = "AC" + "a" * 32, "5" * 32
TIMEOUT_SECONDS = 60


def post(url, **form):
    credentials = base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
    request = urllib.request.Request(
        url, urllib.parse.urlencode(form).encode(), {"Authorization": f"Basic {credentials}"}
    )
    # Without a proxy that the environment may name: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
        return json.load(answer)


def main(program):
    subprocess.run([program, "--help"], stdout=subprocess.DEVNULL, check=True)
    preset = {"PARLOUR_ACCOUNT_SID": ACCOUNT_SID, "PARLOUR_AUTH_TOKEN": AUTH_TOKEN}
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [program, "serve", "--port", "0"],
            cwd=folder,
            env={**os.environ, **preset},
            stdout=subprocess.PIPE,
            text=True,
        ) as server,
    ):
        try:
            url = next(found[1] for line in server.stdout if (found := re.search(r"(http://[^ ,]+)", line)))
            conversation = post(f"{url}/v1/Conversations", FriendlyName="Support")
            message = post(conversation["links"]["messages"], Author="alice", Body="Is anybody here?")
        finally:
            server.terminate()
            # It ends after it has printed all; what is printed must be read for that.
            server.communicate(timeout=TIMEOUT_SECONDS)
    sys.stdout.write(f"{message['index']} {message['author']} {message['body']}\n")
    return server.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
