"""Serves an application on a free port, by uvicorn with the options that Parlour uses."""

from typing import Any

import uvicorn

from parlour.api.access_log import COMMON_HEADERS
from parlour.config import Config
from parlour.http.sockets import listen, port_of, public_url


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
        headers=list(COMMON_HEADERS),
    )
    settings = Config(port=0)
    with listen(settings) as listener:
        url = public_url(settings, port_of(listener))
        print(f"{name} answers at {url}, until it is stopped.", flush=True)
        uvicorn.Server(config).run([listener])
