"""Stands for an application in another container of compose.yaml: it sends a message and prints it.

It needs only the standard library, PARLOUR_URL and the account of PARLOUR_ACCOUNT_SID and PARLOUR_AUTH_TOKEN.
"""

import base64
import json
import os
import urllib.parse
import urllib.request
from typing import Any


def post(path: str, **form: str) -> Any:
    credentials = f"{os.environ['PARLOUR_ACCOUNT_SID']}:{os.environ['PARLOUR_AUTH_TOKEN']}"
    request = urllib.request.Request(  # noqa: S310 - the URL is the one of compose.yaml
        f"{os.environ['PARLOUR_URL']}/v1/{path}",
        urllib.parse.urlencode(form).encode(),
        {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"},
    )
    # Without a proxy that the environment may name.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return json.load(answer)


def main() -> None:
    conversation = post("Conversations", FriendlyName="From another container")
    message = post(f"Conversations/{conversation['sid']}/Messages", Author="alice", Body="Is anybody here?")
    print(message["index"], message["author"], message["body"])


if __name__ == "__main__":
    main()
