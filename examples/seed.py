"""All that the reference page of the Message resource shows, done with the official Python client.

Run it against a Parlour that is up:

    export TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=…
    .venv/bin/python examples/seed.py

PARLOUR_URL says where it is, http://127.0.0.1:8080 unless it is set. The example works in a service
of its own, which it deletes again, and stops with an error when an answer is not as expected.
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
        conversation = service_scoped(client, service.sid).create(unique_name="lobby")
        print(f"Conversation {conversation.sid}, by its name: {conversation.unique_name}")
        room = service_scoped(client, service.sid)(conversation.unique_name)
        create(room)
        create_with_media(room, upload(client, f"{url}/v1/Services/{service.sid}/Media"))
        create_from_content(client, room)
        fetch(room)
        read(room)
        update(room)
        delete(room)
    finally:
        client.conversations.v1.services(service.sid).delete()
    print("All as expected.")


def service_scoped(client: Client, service_sid: str) -> Any:
    return client.conversations.v1.services(service_sid).conversations


def create(room: Any) -> None:
    message = room.messages.create()
    expect("create, nothing given", (message.index, message.author, message.body), (0, "system", None))

    message = room.messages.create(body="Hello", author=AUTHOR, attributes=ATTRIBUTES, **DATES)
    expect("create, with attributes", message.attributes, ATTRIBUTES)
    expect("create, with dates", dates_of(message), (str(CREATED), str(UPDATED)))

    message = room.messages.create(body="Hello", author=AUTHOR, **DATES)
    expect("create, without attributes", message.attributes, "{}")

    message = room.messages.create(body="message body", author=AUTHOR, subject="message subject", **DATES)
    expect("create, with a subject", (message.index, message.body), (3, "message body"))


def upload(client: Client, url: str) -> str:
    """The official client has no media: they are uploaded by HTTP alone."""
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


def create_with_media(room: Any, media_sid: str) -> None:
    message = room.messages.create(author=AUTHOR, attributes=ATTRIBUTES, media_sid=media_sid)
    expect("create, with media", message.media[0]["filename"], "hello.txt")
    refused(
        "create, with media that were sent already",
        lambda: room.messages.create(author=AUTHOR, media_sid=media_sid),
        (409, 50508),
    )


def create_from_content(client: Client, room: Any) -> None:
    types = ContentInstance.Types({"twilio/text": {"body": "Hello {{name}}"}})
    content = client.content.v1.contents.create(
        ContentInstance.ContentCreateRequest({"language": "en", "types": types})
    )
    try:
        message = room.messages.create(
            author=AUTHOR, content_sid=content.sid, content_variables='{"name": "John"}'
        )
        expect("create, with content", message.body, "Hello John")
    finally:
        content.delete()


def fetch(room: Any) -> None:
    message = room.messages.list(limit=2)[-1]
    fetched = room.messages(message.sid).fetch()
    expect("fetch", (fetched.sid, fetched.body, fetched.author), (message.sid, "Hello", AUTHOR))


def read(room: Any) -> None:
    def indexes(messages: list[Any]) -> list[int]:
        return [message.index for message in messages]

    expect("list", indexes(room.messages.list(limit=20)), [0, 1, 2, 3, 4, 5])
    expect("list, latest first", indexes(room.messages.list(order="desc", limit=20)), [5, 4, 3, 2, 1, 0])
    expect("list, in pages of one", indexes(room.messages.list(page_size=1)), [0, 1, 2, 3, 4, 5])

    first = room.messages.page(page_size=3)
    second = first.next_page()
    expect("page, the second", indexes(list(second)), [3, 4, 5])
    expect("page, back to the first", indexes(list(second.previous_page())), [0, 1, 2])


def update(room: Any) -> None:
    sid = room.messages.list(limit=1)[0].sid
    message = room.messages(sid).update(author="Author")
    expect("update, the author", (message.sid, message.author, message.body), (sid, "Author", None))

    message = room.messages(sid).update(body="Hello", author=AUTHOR, attributes=ATTRIBUTES, **DATES)
    expect("update, all of it", (message.body, message.attributes), ("Hello", ATTRIBUTES))
    expect("update, the dates", dates_of(message), (str(CREATED), str(UPDATED)))


def delete(room: Any) -> None:
    sid = room.messages.list(limit=1)[0].sid
    expect("delete", room.messages(sid).delete(), True)
    refused("fetch what was deleted", lambda: room.messages(sid).fetch(), (404, 20404))


def dates_of(message: Any) -> tuple[str, str]:
    return str(message.date_created), str(message.date_updated)


def expect(what: str, given: object, expected: object) -> None:
    if given != expected:
        raise SystemExit(f"{what}: expected {expected!r}, got {given!r}")
    print(f"{what}: {given!r}")


def refused(what: str, call: Callable[[], object], expected: tuple[int, int]) -> None:
    try:
        call()
    except TwilioRestException as error:
        expect(what, (error.status, error.code), expected)
    else:
        raise SystemExit(f"{what}: it was not refused")


if __name__ == "__main__":
    main()
