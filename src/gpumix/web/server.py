"""The process that serves: uvicorn on the application, bounded in what it holds open."""

from __future__ import annotations

import uvicorn

from gpumix.web.app import create_app
from gpumix.web.settings import Settings

_MOST_OPEN = 200
"""Connections at once; further ones are told to come back."""
_KEEP_ALIVE_S = 5
_MOST_HEADER_BYTES = 16_384


def run(settings: Settings) -> None:
    """Serve until Ctrl-C."""
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        limit_concurrency=_MOST_OPEN,
        timeout_keep_alive=_KEEP_ALIVE_S,
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
        lifespan="on",
    )
