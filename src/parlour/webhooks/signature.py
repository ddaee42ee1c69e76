"""X-Twilio-Signature: that a request came from us, and was not changed on its way."""

import base64
import hashlib
import hmac
from collections.abc import Iterable


def sign(auth_token: str, url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """HMAC-SHA1 of the final URL and of the form, keyed with the account's auth token.

    Contract: messages.md §7.3. A GET has no form: its parameters are in the URL. Of a name that is
    repeated each value counts once, in order, as the official validators have it.
    """
    signed = url + "".join(name + value for name, value in sorted(set(parameters)))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
