"""The application: every path with its token, its limits, its metrics, and every refusal in words."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from worker.observe.endpoint import answer
from worker.observe.health import Health
from worker.observe.metrics import Meters, Registry
from worker.observe.request_metrics import REQUEST_SECONDS, REQUESTS
from worker.observe.tracing import TracedRequest, not_traced
from worker.page.page import Page
from worker.serve.body import read_body
from worker.serve.label_route import LabelRoute
from worker.serve.openapi import document
from worker.serve.page_route import page_endpoints
from worker.serve.paths import PAGE_PATHS, PATHS, Path
from worker.serve.predict_route import PredictRoute
from worker.serve.protocol import is_gone
from worker.serve.refusals import ClientGoneError, RefusedError
from worker.serve.token import Token
from worker.settings import Settings

_JSON = "application/json"
_GONE = 499  # nobody reads it; as proxies count such requests

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Served:
    """What the application needs beside its settings."""

    label: LabelRoute
    predict: PredictRoute
    token: Token
    health: Health
    registry: Registry
    meters: Meters
    page: Page | None
    traced: TracedRequest


class App:
    """Starlette's application, with a short way to its paths: its routing takes a fifth of the time of a request."""

    def __init__(self, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
        routes = [Route(path, endpoint, methods=[method]) for (method, path), endpoint in endpoints.items()]
        self._starlette = Starlette(routes=routes, exception_handlers={HTTPException: _no_such_path})
        self._starlette.router.redirect_slashes = False  # it would redirect to the scheme that a proxy speaks to us
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; the rest, as HEAD and paths that there are not, is left to Starlette."""
        endpoint = self._endpoints.get((scope["method"], scope["path"]))
        if endpoint is None:
            await self._starlette(scope, receive, send)
            return
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


def make_app(settings: Settings, served: Served) -> App:
    """All paths of PATHS, and those of the page if there is one."""

    async def observed(request: Request) -> Response:
        path, accept = request.url.path, request.headers.get("accept", "")
        status, content_type, body = answer(served.health, served.registry, path, accept)
        return Response(body, status, {"Content-Type": content_type})

    async def openapi(_: Request) -> Response:
        return Response(described, media_type=_JSON)

    async def label(request: Request) -> Response:
        return _json(*await served.label.answer(await body_of(request), is_gone(request)))

    async def predict(request: Request) -> Response:
        return _json(*await served.predict.answer(await body_of(request), request.url.path == "/", is_gone(request)))

    async def body_of(request: Request) -> bytes:
        return await read_body(request, settings.serve_max_body_bytes, settings.serve_timeout_ms)

    described = orjson.dumps(document(has_token=settings.serve_token_file is not None))
    endpoints: dict[str, Endpoint] = {"/label": label, "/predict": predict, "/": predict, "/openapi.json": openapi}
    paths: tuple[Path, ...] = PATHS
    if served.page is not None:
        paths += PAGE_PATHS
        endpoints |= page_endpoints(served.page)
    return App({(path.method, path.path): _guarded(path, endpoints.get(path.path, observed), served) for path in paths})


def _guarded(path: Path, endpoint: Endpoint, served: Served) -> Endpoint:
    """The endpoint with its token asked for, its refusals told and its time taken."""
    traced = served.traced if path.method == "POST" else not_traced  # probes come every few seconds
    seconds = served.meters[REQUEST_SECONDS].labels(path.path)

    async def guarded(request: Request) -> Response:
        started = time.perf_counter()
        with traced(path.method, path.path, request.headers) as tell_status:
            try:
                if path.needs_token:
                    served.token.check(request.headers.get("authorization", ""))
                response = await endpoint(request)
            except RefusedError as refused:
                response = _refusal(refused)
            except ClientGoneError:
                response = Response(status_code=_GONE)
            tell_status(response.status_code)
        seconds.observe(time.perf_counter() - started)
        served.meters[REQUESTS].labels(path.path, response.status_code).inc()
        return response

    return guarded


def _json(status: int, body: bytes) -> Response:
    return Response(body, status, media_type=_JSON)


def _refusal(refused: RefusedError) -> Response:
    body = orjson.dumps({"error": refused.words, "error_type": refused.kind})
    return Response(body, refused.status, refused.headers, _JSON)


async def _no_such_path(_: Request, error: Exception) -> Response:
    """Starlette's 404 and 405, in words."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these alone
    words = "there are: " + ", ".join(f"{path.method} {path.path}" for path in PATHS)
    return _refusal(RefusedError(error.status_code, "NotFound", words, error.headers))
