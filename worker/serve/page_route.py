"""The page to look at, over Starlette."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from worker.page.page import EVENTS_PATH, PATH, Page


def page_endpoints(page: Page) -> dict[str, Callable[[Request], Awaitable[Response]]]:
    """What answers on each of its paths."""

    async def document(_: Request) -> Response:
        return Response(page.document, headers=page.headers, media_type="text/html")

    async def events(_: Request) -> Response:
        return StreamingResponse(_events(page), headers=page.headers, media_type="text/event-stream")

    return {PATH: document, EVENTS_PATH: events}


async def _events(page: Page) -> AsyncIterator[bytes]:
    """Until the server stops, or Starlette cancels it: the browser is gone, or did not read in time."""
    with closing(page.events()) as events:
        for event in events:
            yield event
            await asyncio.sleep(page.interval_seconds)
