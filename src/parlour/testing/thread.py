"""A server of one's own in this very process, for those who want to step into it."""

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import structlog

from parlour import bootstrap, server
from parlour.config import Config
from parlour.dropin.listeners import InterceptingServer
from parlour.logs import configure_events
from parlour.store.credentials import new_secret
from parlour.testing.process import Running


@contextlib.contextmanager
def running() -> Iterator[Running]:
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
        with server.prepared(config) as ready:
            thread = threading.Thread(target=ready.server.run, args=([ready.listener],), name="parlour")
            thread.start()
            try:
                yield where(config, ready)
            finally:
                ready.server.should_exit = True
                thread.join()


def where(config: Config, ready: server.Prepared) -> Running:
    if not isinstance(ready.server, InterceptingServer):
        raise TypeError("it must intercept")
    proxy_url = bootstrap.url_of(config, ready.server.port)
    sid, token = str(config.account_sid), str(config.auth_token)
    return Running(ready.ground.url, proxy_url, sid, token, config.authority_folder())
