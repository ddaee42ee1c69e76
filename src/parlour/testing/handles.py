"""The objects that fixtures return: the server with its addresses and a client, its clock, its faults."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from parlour.control.client import ControlClient
from parlour.testing.process import Running


class Clock:
    """The server's clock. Timestamps, timers and retries follow it."""

    def __init__(self, control: ControlClient) -> None:
        self._control = control

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self._control.get("Clock")["now"])

    def stop(self, at: datetime | str | None = None) -> None:
        """Stop the clock now, or at a moment: `stop("2024-01-01T00:00:00Z")`."""
        moment = at.isoformat() if isinstance(at, datetime) else at
        self._control.post("Clock", {"stopped": True} | ({} if moment is None else {"now": moment}))

    def advance(self, **delta: float) -> None:
        """Advance the clock. Takes the arguments of a timedelta: `advance(hours=1, seconds=1)`."""
        self._control.post("Clock", {"advance": timedelta(**delta).total_seconds()})

    def resume(self) -> None:
        """Let the stopped clock run again."""
        self._control.post("Clock", {"stopped": False})

    # The former name.
    go_on = resume


class Faults:
    """Makes requests fail. Each method takes `path`, `method`, `skip`, `rate` and `count` (docs/testing.md).

    Returns the fault's number, for `remove`.
    """

    def __init__(self, control: ControlClient) -> None:
        self._control = control

    def latency(self, seconds: float, **which: Any) -> int:
        return self._add("latency", seconds=seconds, **which)

    def status(self, status: int = 503, **which: Any) -> int:
        return self._add("status", status=status, **which)

    def drop_before(self, **which: Any) -> int:
        return self._add("drop_before", **which)

    def drop_after(self, **which: Any) -> int:
        return self._add("drop_after", **which)

    def lose_answer(self, seconds: float = 0, **which: Any) -> int:
        return self._add("lose_answer", seconds=seconds, **which)

    def remove(self, number: int) -> None:
        self._control.delete(f"Faults/{number}")

    def clear(self) -> None:
        self._control.delete("Faults")

    def _add(self, kind: str, **options: Any) -> int:
        number: int = self._control.post("Faults", {"kind": kind, **options})["id"]
        return number


class Parlour:
    """A server for tests."""

    def __init__(self, running: Running) -> None:
        self.url, self.proxy_url = running.url, running.proxy_url
        self.account_sid, self.auth_token = running.account_sid, running.auth_token
        self.environment = running.environment()
        self.control = running.control()
        self.clock, self.faults = Clock(self.control), Faults(self.control)
        self._client: Any = None

    @property
    def client(self) -> Any:
        """A client of the official library, for this server. Needs the package `twilio`."""
        if self._client is None:
            from twilio.http.http_client import TwilioHttpClient  # noqa: PLC0415 - only installed for some
            from twilio.rest import Client  # noqa: PLC0415 - the same

            http = TwilioHttpClient()
            if http.session is not None:
                # Ignore proxies of the environment.
                http.session.trust_env = False
            self._client = Client(self.account_sid, self.auth_token, http_client=http)
            self._client.conversations.base_url = self.url
        return self._client

    def reset(self, seed: int | None = None) -> None:
        self.control.post("Reset", {} if seed is None else {"seed": seed})

    def load(self, fixture: Path | str | Mapping[str, Any]) -> Any:
        """Load a fixture from a file or a mapping. Returns the new SIDs in the shape of the fixture."""
        if isinstance(fixture, Mapping):
            return self.control.post("Fixtures", fixture)
        return self.control.load(Path(fixture))

    def snapshot(self, name: str = "default") -> None:
        self.control.post("Snapshots", {"name": name})

    def restore(self, name: str = "default") -> None:
        self.control.post(f"Snapshots/{quote(name, safe='')}")

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests that the server has received since the last reset."""
        found: list[dict[str, Any]] = self.control.get("Requests")["requests"]
        return found

    def close(self) -> None:
        session = None if self._client is None else self._client.http_client.session
        if session is not None:
            session.close()
