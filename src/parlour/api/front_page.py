"""The page that a browser gets at `/`: what this is, that it runs, and where to go. Others get 404 there."""

import base64
import hashlib
from html import escape
from string import Template
from typing import NoReturn

from parlour import __version__, errors
from parlour.api.exchange import ApiRequest, ApiResponse

HTML = "text/html"
STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 42rem; margin: 3rem auto; padding: 0 1rem }
pre { padding: 1rem; overflow: auto; border: 1px solid; border-radius: .3rem }
"""
PAGE = Template(
    """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Parlour</title>
<style>$style</style>
<main>
<h1>Parlour is running</h1>
<p>This is Parlour $version, a server with the Conversations REST API (v1) of Twilio. It is made for programs;
there is nothing else to see in a browser.</p>
<p>Create a conversation, with the SID and the auth token that the server printed at its first start:</p>
<pre>curl -u "$$TWILIO_ACCOUNT_SID:$$TWILIO_AUTH_TOKEN" -d FriendlyName=Hello $url/v1/Conversations</pre>
<p>If you have lost the token, <code>parlour account rotate-token</code> makes a new one.</p>
<ul>
<li><a href="openapi.json">openapi.json</a> describes everything that is served.</li>
<li><a href="readyz">readyz</a> says whether the storage works.</li>
<li><code>parlour help</code> lists the commands. The folder <code>docs</code> of the sources has the
manual.</li>
</ul>
</main>
</html>
"""
)


class FrontPage:
    """`/`: the page for browsers, which ask for HTML."""

    def __init__(self, url: str) -> None:
        page = PAGE.substitute(style=STYLE, version=escape(__version__), url=escape(url))
        digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
        policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none';"
            " frame-ancestors 'none'"
        )
        headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept",
        }
        self._page = ApiResponse(200, page.encode(), f"{HTML}; charset=utf-8", headers)

    async def get(self, request: ApiRequest, __: dict[str, str]) -> ApiResponse:
        if HTML in (request.header("Accept") or "").lower():
            return self._page
        return self._refuse()

    async def post(self, _: ApiRequest, __: dict[str, str]) -> ApiResponse:
        return self._refuse()

    async def delete(self, _: ApiRequest, __: dict[str, str]) -> ApiResponse:
        return self._refuse()

    def _refuse(self) -> NoReturn:
        raise errors.NOT_FOUND(path="/")
