"""Servers for the tests: one in a thread, with a clock of the test's own, and one as a real process."""

import asyncio
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urljoin

import requests
import uvicorn.server

from parlour import app, server
from parlour.bootstrap import Parts
from parlour.config import Config
from parlour.http.sockets import listen, port_of, public_url, url_of
from parlour.resources.accounts import create_key, find_account
from parlour.resources.new_accounts import create_account
from parlour.resources.purge import RetentionPolicy, purge
from parlour.resources.remover import remove_all
from parlour.store import Database, dump
from parlour.store.blobs import open_blobs
from parlour.store.credentials import Vault
from parlour.store.migrate import migrate

ACCOUNT_SID = "AC" + "a" * 32
OTHER_ACCOUNT_SID = "AC" + "b" * 32
AUTH_TOKEN = "5" * 32
SECRET_KEY = "c2l4dGVlbiBieXRlcyB0d2ljZSBpbiBiYXNlIDY0LiE="
TIMEOUT_SECONDS = 60


class Impatient:
    """asyncio as uvicorn's server sees it here: it looks every 5 ms, not every 100, whether it is to stop."""

    def __getattr__(self, name):
        return getattr(asyncio, name)

    async def sleep(self, seconds):
        await asyncio.sleep(min(seconds, 0.005))


uvicorn.server.asyncio = Impatient()


class Clock:
    """Milliseconds since 1970, and they pass only when told."""

    def __init__(self):
        self.now = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1_000)

    def __call__(self):
        return self.now

    def reset(self):
        self.now = Clock().now

    def advance(self, **delta):
        self.now += timedelta(**delta) // timedelta(milliseconds=1)


class Api:
    """A caller with credentials; paths are relative to `/v1/`."""

    def __init__(self, url, username=ACCOUNT_SID, password=AUTH_TOKEN):
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = (username, password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()

    def request(self, method, path, **options):
        address = path if path.startswith("http") else urljoin(f"{self.url}/v1/", path)
        return self.session.request(method, address, timeout=TIMEOUT_SECONDS, **options)

    def get(self, path, **query):
        return self.request("GET", path, params=query)

    def post(self, path, form=None, **parameters):
        """Parameters as keywords, or as a dict or list of pairs where their names have dots."""
        return self.request("POST", path, data=form or parameters)

    def delete(self, path):
        return self.request("DELETE", path)


class ServerThread:
    """The real server on a free port, over a database of its own, with a clock that stands still."""

    def __init__(self, folder, clock, storage, first=1, **settings):
        """SIDs count from `first`; `settings` are some of those of a Config."""
        config = Config(**{"host": "127.0.0.1", "port": 0} | settings)
        self.folder, self.storage = folder, storage
        engine = storage.engine()
        migrate(engine)
        self._numbers = itertools.count(first)
        self.clock, self.vault = clock, Vault(SECRET_KEY)
        self.database = Database(engine, clock, self._new_sid)
        self._own = Database(storage.plain_engine(), clock, self._new_sid)
        self.in_database(self.ensure_accounts)
        self._listener = listen(config)
        port = port_of(self._listener)
        self.url = url_of(Config(), port, "http" if config.tls_certificate is None else "https")
        self.blobs = open_blobs(config.media or str(folder / "parlour.db.media"))
        parts = Parts(config.in_effect(public_url(config, port)), self.database, self.vault, self.blobs)
        built = app.build(parts)
        self._forget = built.forget
        self._server = server.create_server(parts, built.asgi)
        # A test that fails before it stops the server does not keep the run from ending.
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)
        self._thread.start()

    def _new_sid(self, prefix):
        return f"{prefix}{next(self._numbers):032x}"

    def ensure_accounts(self, tx):
        for sid in (ACCOUNT_SID, OTHER_ACCOUNT_SID):
            if find_account(tx, sid) is None:
                create_account(tx, self.vault, "Test", sid, AUTH_TOKEN)

    def in_database(self, work):
        """Do what no request can, and look where none may."""
        return self._own.run(work)

    def purge(self, unattached_hours=24, purge_days=0):
        policy = RetentionPolicy(unattached_hours, purge_days)
        asyncio.run(remove_all(self.database))
        return asyncio.run(purge(self.database, self.blobs, policy, thoroughly=True))

    def create_key(self):
        """An API key of the first account: its SID and its secret."""
        key, secret = self.in_database(lambda tx: create_key(tx, find_account(tx, ACCOUNT_SID), "Test"))
        return key.sid, secret

    @property
    def is_stopped(self):
        return not self._thread.is_alive()

    def stop(self):
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
        self.database.close()
        self._own.close()


class SharedServer(ServerThread):
    """A server that tests use one after the other: `reset` makes it as it was at its start."""

    def __init__(self, folder, storage):
        super().__init__(folder, Clock(), storage)
        self._first_free = next(self._numbers)
        self._at_start = self.in_database(dump.copy)
        self.reset()

    def reset(self):
        self.in_database(lambda tx: dump.put_back(tx, self._at_start))
        self.clock.reset()
        self._numbers = itertools.count(self._first_free)
        for folder in (self.folder / "parlour.db.media").iterdir():
            shutil.rmtree(folder)
        self._forget()


# In a session of their own, servers do not get the Ctrl-C of a terminal: the system stops them when the
# process of the tests is gone, whatever has ended it.
ENDS_WITH_US = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()


class ServerProcess:
    """`parlour serve` as its users start it; `output` is what it printed before it was ready."""

    PROGRAM = Path(sys.executable).with_name("parlour")

    def __init__(self, folder, *options, stdin=None, **environment):
        self.folder = folder
        self.errors = (folder / "errors.log").open("ab")
        preset = {"PARLOUR_ACCOUNT_SID": ACCOUNT_SID, "PARLOUR_AUTH_TOKEN": AUTH_TOKEN}
        self.process = subprocess.Popen(
            [*ENDS_WITH_US, self.PROGRAM, "serve", "--port", "0", *options],
            cwd=folder,
            env={**os.environ, **preset, **environment},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            start_new_session=True,
        )
        self.output = ""
        self.url = None
        for line in self.process.stdout:
            self.output += line
            found = re.match(r"Parlour answers at (\S+?),", line)
            if found:
                self.url = found[1]
            if "curl" in line or "rotate-token" in line:
                break

    def api(self, username=ACCOUNT_SID, password=AUTH_TOKEN):
        return Api(self.url, username, password)

    def kill(self):
        self.process.kill()
        self._wait()

    def crash(self):
        """Kill it, and all that it has started, with no word to any of them."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self._wait()

    def stop(self):
        """Stop it with SIGTERM; its exit code."""
        self.process.terminate()
        return self._wait()

    def _wait(self):
        code = self.process.wait(TIMEOUT_SECONDS)
        self.process.stdout.close()
        self.errors.close()
        return code
