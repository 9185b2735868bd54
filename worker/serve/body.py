"""The body of a request, within its limits."""

import asyncio

from starlette.requests import Request

from worker.serve.refusals import ClientGoneError, InvalidRequestError, RefusedError, TooLargeError


async def read_body(request: Request, max_bytes: int, timeout_ms: int) -> bytes:
    """All of it.

    Raises:
        ClientGoneError: The client went away before its end.
        RefusedError: It is larger, compressed, or comes more slowly; of one that says so itself nothing is read.
    """
    if (coding := request.headers.get("content-encoding", "")).lower() not in ("", "identity"):
        raise InvalidRequestError(f"Content-Encoding: {coding} is not taken: send the body as it is", 415)
    if int(request.headers.get("content-length", "0")) > max_bytes:
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            return await _read(request, max_bytes)
    except TimeoutError:
        words = f"the request did not come within {timeout_ms} ms (EMOTION_SERVE_TIMEOUT_MS)"
        raise RefusedError(408, "Timeout", words, {"Connection": "close"}) from None


async def _read(request: Request, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        parts.append(message["body"])
        size += len(parts[-1])
        if size > max_bytes:
            raise _too_large(max_bytes)
        if not message["more_body"]:
            return b"".join(parts)


def _too_large(max_bytes: int) -> TooLargeError:
    return TooLargeError(f"the body has more than {max_bytes} bytes (EMOTION_SERVE_MAX_BODY_BYTES): send fewer texts")
