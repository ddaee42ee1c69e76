"""Runs a server in a thread of this process, so that a debugger can step into it."""

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import structlog
import uvicorn

from parlour import server
from parlour.bootstrap import Parts
from parlour.config import Config
from parlour.dropin.listeners import InterceptingServer
from parlour.http.sockets import url_of
from parlour.logs import configure_events
from parlour.testing.process import Running
from parlour.wire.sids import new_secret


@contextlib.contextmanager
def running() -> Iterator[Running]:
    """Run a server during the block."""
    if not structlog.is_configured():
        configure_events("warning", "console")
    with tempfile.TemporaryDirectory(prefix="parlour-", ignore_cleanup_errors=True) as name:
        config = Config(
            port=0,
            database=str(Path(name) / "parlour.db"),
            intercept=True,
            intercept_port=0,
            control=True,
            stop_seconds=1,
            account_sid=f"AC{new_secret()}",
            auth_token=new_secret(),
        )
        with server.prepared(config) as (parts, built, listener, _):
            thread = threading.Thread(target=built.run, args=([listener],), name="parlour")
            thread.start()
            try:
                yield running_at(parts, built)
            finally:
                built.should_exit = True
                thread.join()


def running_at(parts: Parts, built: uvicorn.Server) -> Running:
    if not isinstance(built, InterceptingServer):
        raise TypeError("the server must be an InterceptingServer")
    config = parts.config
    proxy_url = url_of(config, built.port)
    return Running(
        parts.url, proxy_url, str(config.account_sid), str(config.auth_token), config.authority_folder()
    )
