"""A client of the control API. It uses the standard library only."""

import base64
import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from parlour.errors import UserError

TIMEOUT_SECONDS = 90
TYPES = {".json": "application/json", ".yaml": "application/yaml", ".yml": "application/yaml"}


class Refused(UserError):
    """The server has refused a request, with `status`, or does not answer; the message says why."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ControlClient:
    """Sends requests with an account's credentials. Paths are relative to `/parlour/v1/`."""

    def __init__(self, url: str, account_sid: str, auth_token: str) -> None:
        self._url = f"{url}/parlour/v1/"
        credentials = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._authorization = f"Basic {credentials}"
        # Ignores proxies of the environment, since they may be the server's own.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str) -> Any:
        return self._send("GET", path)

    def post(self, path: str, document: Any = None) -> Any:
        return self._send("POST", path, json.dumps(document or {}).encode(), "application/json")

    def delete(self, path: str) -> None:
        self._send("DELETE", path)

    def load(self, fixture: Path) -> Any:
        """Load a fixture from a file, whose suffix gives its format."""
        content_type = TYPES.get(fixture.suffix.lower())
        if content_type is None:
            raise Refused(f"{fixture}: a fixture's name ends in {', '.join(TYPES)}")
        return self._send("POST", "Fixtures", fixture.read_bytes(), content_type)

    def _send(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Any:
        headers = {"Authorization": self._authorization, "Content-Type": content_type}
        request = urllib.request.Request(self._url + path, body, headers, method=method)  # noqa: S310 - it is our own
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error_message_of(error.read()) or str(error), error.code) from None
        except urllib.error.URLError as error:
            raise Refused(f"no server answers at {self._url}: {error.reason}") from None
        except (ConnectionError, http.client.HTTPException):
            raise Refused(
                f"the server at {self._url} has closed the connection without an answer; if it speaks TLS,"
                " its URL begins with https://"
            ) from None
        return json.loads(raw) if raw else None


def error_message_of(raw: bytes) -> str:
    """Return the message in an error body; "" if there is none."""
    try:
        return str(json.loads(raw)["message"])
    except (ValueError, KeyError, TypeError):
        return ""
