"""Serves an application on a free port: the uvicorn that Parlour runs on, as anyone would set it up."""

from typing import Any

import uvicorn

from parlour import ground
from parlour.api.access_log import STANDING_HEADERS
from parlour.config import Config


def serve(name: str, application: Any) -> None:
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        headers=list(STANDING_HEADERS),
    )
    settings = Config(port=0)
    with ground.listen(settings) as listener:
        print(f"{name} answers at {ground.public_url(settings, listener)}, until it is stopped.", flush=True)
        uvicorn.Server(config).run([listener])
