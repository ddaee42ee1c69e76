"""A real SMTP server on loopback, that answers as a test wants and keeps what it accepted."""

import asyncio
import email
import email.policy
import threading
from functools import partial

from aiosmtpd.smtp import SMTP, AuthResult

from tests.receivers import WAIT_SECONDS

PASSWORD = "s3cret&"


class MailServer:
    """`answer(message)` gives the reply to a message, `refuse(address)` to a recipient; None accepts."""

    def __init__(self, port=0, *, login=False, **options):
        self.messages, self.envelopes, self.logins = [], [], []
        self.answer = self.refuse = lambda told: None
        self._came = threading.Condition()
        if login:
            options |= {"authenticator": self.authenticate, "auth_require_tls": False}
        self._loop = asyncio.new_event_loop()
        started = self._loop.create_server(partial(SMTP, self, loop=self._loop, **options), "127.0.0.1", port)
        self._server = self._loop.run_until_complete(started)
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def authenticate(self, *told):
        data = told[-1]
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    async def handle_RCPT(self, *told):  # noqa: N802 - the name that is looked for
        _, _, envelope, address, _ = told
        refused = self.refuse(address)
        if refused is None:
            envelope.rcpt_tos.append(address)
        return refused or "250 OK"

    async def handle_DATA(self, *told):  # noqa: N802 - the name that is looked for
        envelope = told[-1]
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        reply = self.answer(message)
        if reply is None:
            with self._came:
                self.messages.append(message)
                self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
                self._came.notify_all()
        return reply or "250 OK"

    def wait_for(self, count):
        with self._came:
            assert self._came.wait_for(lambda: len(self.messages) >= count, WAIT_SECONDS), len(self.messages)
            return self.messages[:count]

    def stop(self):
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(WAIT_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self):
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
