"""The two fidelity profiles, side by side."""

import pytest


@pytest.fixture(params=["documented", "observed"])
def profile(request):
    return request.param


@pytest.fixture
def running(start, profile):
    return start(profile=profile)


def test_a_new_messages_date_updated(api, room, profile):
    message = api.post(f"{room}/Messages").json()

    assert message["date_updated"] == (None if profile == "documented" else message["date_created"])


def test_a_date_created_that_is_given_is_the_observed_date_updated(api, room, profile):
    given = "2015-12-16T22:18:37Z"
    message = api.post(f"{room}/Messages", DateCreated=given).json()

    assert message["date_updated"] == (None if profile == "documented" else given)


@pytest.mark.parametrize(
    ("body", "longest"),
    [
        ("x" * 1_600, "documented"),
        ("x" * 1_601, "observed"),
        ("😀" * 1_600, "documented"),
        ("😀" * 8_192, "observed"),
        ("x" * 32_768, "observed"),
        ("x" * 32_769, None),
        ("ü" * 16_385, None),
    ],
)
def test_the_longest_body(api, room, profile, body, longest):
    taken = longest in {"documented", profile}
    answer = api.post(f"{room}/Messages", Body=body)

    assert answer.status_code == (201 if taken else 400)
    assert answer.json().get("code") == (None if taken else 50504)


def test_both_agree_on_an_edited_message(api, room, clock):
    message = api.post(f"{room}/Messages").json()
    clock.advance(seconds=1)

    assert api.post(message["url"], Body="edited").json()["date_updated"] == "2024-01-01T00:00:01Z"
