"""X-Twilio-Signature, by which a receiver checks that a request came from us unchanged."""

import base64
import hashlib
import hmac
from collections.abc import Iterable


def sign(auth_token: str, url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return the HMAC-SHA1 of the final URL and of the form, keyed with the account's auth token.

    A GET has no form: its parameters are in the URL. Of a repeated name each value counts once, in order, as
    in the official validators (contract: messages.md §7.3).
    """
    signed = url + "".join(name + value for name, value in sorted(set(parameters)))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
