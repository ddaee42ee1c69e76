"""X-Twilio-Signature, checked by the official package's own validator."""

import pytest
from twilio.request_validator import RequestValidator

from parlour.webhooks.sender import as_signed, with_query
from parlour.webhooks.signature import sign
from parlour.wire.urls import as_sent
from tests.servers import AUTH_TOKEN

URLS = [
    "http://example.com/hook",
    "https://example.com:8443/hook?a=1&b=2",
    "https://example.com/hook?a=1&a=2",
    "http://example.com/ü/ß?q=ö&r=%C3%BC",
    "http://example.com/a%20b/?x=%2B%26",
    "http://user:secret@example.com/hook",
    "http://[::1]:5000/hook",
]
FORMS = [
    {"a": "1"},
    {"Body": "Hi", "Author": "alice"},
    {"Body": "ü 😀 & = +", "Attributes": '{ "a": "b" }'},
    {"MessagingBinding.Address": "+15550100001", "a": "", "A": " "},
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("form", FORMS)
def test_a_post_and_a_get_are_valid(url, form):
    validator = RequestValidator(AUTH_TOKEN)
    posted = as_signed(as_sent(url))
    got = with_query(posted, form)

    assert validator.validate(posted, form, sign(AUTH_TOKEN, posted, form.items()))
    assert validator.validate(got, {}, sign(AUTH_TOKEN, got, ()))
    assert not validator.validate(got, {}, sign(AUTH_TOKEN + "0", got, ()))


def test_repeated_parameters_count_once_each():
    class Form(dict):
        """As web frameworks hand forms to the validator."""

        def getlist(self, name):
            return self[name]

    pairs = [("a", "2"), ("a", "1"), ("a", "2"), ("b", "x")]
    signature = sign(AUTH_TOKEN, URLS[0], pairs)

    assert RequestValidator(AUTH_TOKEN).validate(URLS[0], Form(a=["2", "1", "2"], b=["x"]), signature)
