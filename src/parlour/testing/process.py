"""Starts a server as a process on free ports, with an empty database in a temporary folder."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from parlour.config import environment_name
from parlour.control.client import ControlClient
from parlour.dropin.environment import variables
from parlour.errors import UserError
from parlour.wire.sids import new_secret

ANSWERS_AT = re.compile(r"Parlour answers at (\S+),")
INTERCEPTS_AT = re.compile(r"Intercepting at (\S+):")
STOP_SECONDS = 35


class NotStarted(UserError):
    """The server ended before it was ready."""


@dataclass(frozen=True)
class Running:
    """The addresses of a running server, and the credentials of its account."""

    url: str
    proxy_url: str
    account_sid: str
    auth_token: str
    authority: Path

    def control(self) -> ControlClient:
        return ControlClient(self.url, self.account_sid, self.auth_token)

    def environment(self) -> dict[str, str]:
        """Return the variables that send a program's official client to this server, with its credentials."""
        return {
            **variables(self.proxy_url, self.authority, os.environ),
            "PARLOUR_URL": self.url,
            "TWILIO_ACCOUNT_SID": self.account_sid,
            "TWILIO_AUTH_TOKEN": self.auth_token,
        }


@contextlib.contextmanager
def running(options: Sequence[str] = ()) -> Iterator[Running]:
    """Run a server during the block. PARLOUR_… variables apply, except for addresses and folders."""
    with tempfile.TemporaryDirectory(prefix="parlour-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        preset = preset_account()
        words = [sys.executable, "-m", "parlour", "serve", "--host", "127.0.0.1", "--port", "0"]
        words += ["--intercept", "--intercept-port", "0", "--control", "--stop-with-input"]
        words += ["--database", str(folder / "parlour.db"), "--authority", str(folder / "authority")]
        inherited = {environment_name("log_level"): "warning", **os.environ}
        # These variables are meant for another server: this one has another address, without TLS.
        for each in ("public_url", "tls_certificate", "tls_key"):
            inherited.pop(environment_name(each), None)
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*words, *options],
            env={**inherited, **preset},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl+C is for the command that uses the server, not for the server.
            start_new_session=True,
        )
        try:
            url, proxy_url = read_addresses(process)
            sid, token = preset.values()
            yield Running(url, proxy_url, sid, token, folder / "authority")
        finally:
            stop(process)


def preset_account() -> dict[str, str]:
    """Return the variables with the account of the environment, or with a new one."""
    sid, token = environment_name("account_sid"), environment_name("auth_token")
    return {
        sid: os.environ.get(sid) or f"AC{new_secret()}",
        token: os.environ.get(token) or new_secret(),
    }


def read_addresses(process: subprocess.Popen[str]) -> tuple[str, str]:
    url = None
    for line in process.stdout or ():
        if found := ANSWERS_AT.match(line):
            url = found[1]
        elif url is not None and (found := INTERCEPTS_AT.match(line)):
            return url, found[1]
    raise NotStarted(f"the server did not start; it ended with status {process.wait()}")


def stop(process: subprocess.Popen[str]) -> None:
    """Close the server's standard input, which makes it stop, and wait for its end."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
