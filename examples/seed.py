"""Runs every example of the Message resource's reference page with the official Python client.

Start Parlour, then run:

    export TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=…
    .venv/bin/python examples/seed.py

The server is at PARLOUR_URL, by default http://127.0.0.1:8080. The example creates a service and deletes it
at the end. It stops with an error if an answer is not as expected.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import requests
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client
from twilio.rest.content.v1.content import ContentInstance

DEFAULT_URL = "http://127.0.0.1:8080"
AUTHOR = "message author"
ATTRIBUTES = '{ "importance": "high" }'
CREATED = datetime(2015, 12, 16, 22, 18, 37, tzinfo=UTC)
UPDATED = datetime(2015, 12, 16, 22, 18, 38, tzinfo=UTC)
DATES = {"date_created": CREATED, "date_updated": UPDATED}


def main() -> None:
    client = Client(os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"])
    url = os.environ.get("PARLOUR_URL", DEFAULT_URL)
    client.conversations.base_url = client.content.base_url = url

    service = client.conversations.v1.services.create(friendly_name="Example")
    print(f"Service {service.sid}")
    try:
        created = conversations_of(client, service.sid).create(unique_name="lobby")
        print(f"Conversation {created.sid}, with the unique name {created.unique_name}")
        conversation = conversations_of(client, service.sid)(created.unique_name)
        create(conversation)
        create_with_media(conversation, upload(client, f"{url}/v1/Services/{service.sid}/Media"))
        create_from_content(client, conversation)
        fetch(conversation)
        list_and_page(conversation)
        update(conversation)
        delete(conversation)
    finally:
        client.conversations.v1.services(service.sid).delete()
    print("All as expected.")


def conversations_of(client: Client, service_sid: str) -> Any:
    return client.conversations.v1.services(service_sid).conversations


def create(conversation: Any) -> None:
    message = conversation.messages.create()
    check("create, nothing given", (message.index, message.author, message.body), (0, "system", None))

    message = conversation.messages.create(body="Hello", author=AUTHOR, attributes=ATTRIBUTES, **DATES)
    check("create, with attributes", message.attributes, ATTRIBUTES)
    check("create, with dates", dates_of(message), (str(CREATED), str(UPDATED)))

    message = conversation.messages.create(body="Hello", author=AUTHOR, **DATES)
    check("create, without attributes", message.attributes, "{}")

    message = conversation.messages.create(
        body="message body", author=AUTHOR, subject="message subject", **DATES
    )
    check("create, with a subject", (message.index, message.body), (3, "message body"))


def upload(client: Client, url: str) -> str:
    """Upload a file by plain HTTP, because the official client has no method for it."""
    answer = requests.post(
        url,
        params={"Filename": "hello.txt"},
        data=b"Hello, file",
        headers={"Content-Type": "text/plain"},
        auth=(client.username, client.password),
        timeout=60,
    )
    answer.raise_for_status()
    return str(answer.json()["sid"])


def create_with_media(conversation: Any, media_sid: str) -> None:
    message = conversation.messages.create(author=AUTHOR, attributes=ATTRIBUTES, media_sid=media_sid)
    check("create, with media", message.media[0]["filename"], "hello.txt")
    check_refused(
        "create, with media that were sent already",
        lambda: conversation.messages.create(author=AUTHOR, media_sid=media_sid),
        (409, 50508),
    )


def create_from_content(client: Client, conversation: Any) -> None:
    types = ContentInstance.Types({"twilio/text": {"body": "Hello {{name}}"}})
    content = client.content.v1.contents.create(
        ContentInstance.ContentCreateRequest({"language": "en", "types": types})
    )
    try:
        message = conversation.messages.create(
            author=AUTHOR, content_sid=content.sid, content_variables='{"name": "John"}'
        )
        check("create, with content", message.body, "Hello John")
    finally:
        content.delete()


def fetch(conversation: Any) -> None:
    message = conversation.messages.list(limit=2)[-1]
    fetched = conversation.messages(message.sid).fetch()
    check("fetch", (fetched.sid, fetched.body, fetched.author), (message.sid, "Hello", AUTHOR))


def list_and_page(conversation: Any) -> None:
    def indexes(messages: list[Any]) -> list[int]:
        return [message.index for message in messages]

    check("list", indexes(conversation.messages.list(limit=20)), [0, 1, 2, 3, 4, 5])
    check(
        "list, latest first", indexes(conversation.messages.list(order="desc", limit=20)), [5, 4, 3, 2, 1, 0]
    )
    check("list, in pages of one", indexes(conversation.messages.list(page_size=1)), [0, 1, 2, 3, 4, 5])

    first = conversation.messages.page(page_size=3)
    second = first.next_page()
    check("page, the second", indexes(list(second)), [3, 4, 5])
    check("page, back to the first", indexes(list(second.previous_page())), [0, 1, 2])


def update(conversation: Any) -> None:
    sid = conversation.messages.list(limit=1)[0].sid
    message = conversation.messages(sid).update(author="Author")
    check("update, the author", (message.sid, message.author, message.body), (sid, "Author", None))

    message = conversation.messages(sid).update(body="Hello", author=AUTHOR, attributes=ATTRIBUTES, **DATES)
    check("update, all of it", (message.body, message.attributes), ("Hello", ATTRIBUTES))
    check("update, the dates", dates_of(message), (str(CREATED), str(UPDATED)))


def delete(conversation: Any) -> None:
    sid = conversation.messages.list(limit=1)[0].sid
    check("delete", conversation.messages(sid).delete(), True)
    check_refused("fetch what was deleted", lambda: conversation.messages(sid).fetch(), (404, 20404))


def dates_of(message: Any) -> tuple[str, str]:
    return str(message.date_created), str(message.date_updated)


def check(what: str, given: object, expected: object) -> None:
    if given != expected:
        raise SystemExit(f"{what}: expected {expected!r}, got {given!r}")
    print(f"{what}: {given!r}")


def check_refused(what: str, call: Callable[[], object], expected: tuple[int, int]) -> None:
    try:
        call()
    except TwilioRestException as error:
        check(what, (error.status, error.code), expected)
    else:
        raise SystemExit(f"{what}: it was not refused")


if __name__ == "__main__":
    main()
