"""`parlour serve` without its process: all that it runs, in threads of the test's own process."""

import contextlib
import io
import threading
from unittest import mock

from parlour import bootstrap, server
from parlour.config import Config
from parlour.worker.thread import WorkerThread
from tests.servers import ACCOUNT_SID, AUTH_TOKEN, TIMEOUT_SECONDS, Api


class WholeServer:
    """The server as `serve` puts it together, with what goes on beside it; `output` is what it announces."""

    def __init__(self, folder, storage, **settings):
        fixed = {"port": 0, "intercept_port": 0, "stop_seconds": TIMEOUT_SECONDS, "database": storage.setting}
        fixed |= {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN}
        # Beside the file of the embedded engine, as it is by itself; another engine has no place of its own.
        fixed["media"] = str(folder / "parlour.db.media")
        self.folder = folder
        self._stack = contextlib.ExitStack()
        with (
            mock.patch.object(bootstrap, "open_engine", return_value=storage.plain_engine()),
            mock.patch.object(server, "delivery_worker", worker_in_a_thread),
            contextlib.chdir(folder),
        ):
            parts, self._server, listener, created = self._stack.enter_context(
                server.prepared(Config(**fixed | settings))
            )
        self.url = parts.url
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._thread.start()
        with contextlib.redirect_stdout(io.StringIO()) as said:
            server.print_start(parts, created, self._server)
        self.output = said.getvalue()

    def api(self, username=ACCOUNT_SID, password=AUTH_TOKEN):
        return Api(self.url, username, password)

    def stop(self):
        self._server.should_exit = True
        self._thread.join()
        self._stack.close()


@contextlib.contextmanager
def worker_in_a_thread(parts):
    worker = WorkerThread(parts)
    try:
        yield
    finally:
        worker.stop()
