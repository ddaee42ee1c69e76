"""Attempts that break in Parlour itself: they fail like others, and callers learn nothing of its inside."""

import pytest

from parlour.webhooks.sender import Sender

pytestmark = pytest.mark.both_engines


@pytest.fixture
def heard(receiver):
    return lambda: [hook.parameters["Body"] for hook in receiver.hooks]


@pytest.fixture(autouse=True)
def said(hooked, room, listen):
    """Two messages, of which the receiver is to be told."""
    listen(filters=["onMessageAdded"])
    for body in ("first", "second"):
        assert hooked.post(f"{room}/Messages", Body=body).status_code == 201


@pytest.mark.parametrize("parameters", ["[]", '{"Body": 7}'])
def test_a_delivery_that_cannot_be_read_fails_and_the_next_one_goes_on(
    running, dispatch, settled, heard, parameters
):
    # As an import may bring it.
    spoil = "UPDATE webhook_deliveries SET parameters = ? WHERE number = 0"
    running.in_database(lambda tx: tx.execute(spoil, parameters))
    dispatch()
    first, second = settled(2)

    assert [attempt["error"] for attempt in first["attempts"]] == ["its parameters cannot be read"]
    assert (first["status"], second["status"]) == ("failed", "delivered")
    assert heard() == ["second"]


def test_an_error_of_ours_is_a_failed_attempt_that_does_not_name_it(
    monkeypatch, dispatch, clock, tried, heard
):
    send, failures = Sender.send, [RuntimeError("secret")]

    async def fail_once(sender, *arguments):
        if failures:
            raise failures.pop()
        return await send(sender, *arguments)

    monkeypatch.setattr(Sender, "send", fail_once)
    dispatch()
    tried(1)
    clock.advance(seconds=1)
    first, _ = tried(3)

    assert [attempt["error"] for attempt in first["attempts"]] == ["the attempt failed", None]
    assert heard() == ["first", "second"]
