"""POST /predict: the same scores for clients of TEI and of the hub."""

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from schemas.codec import BYTE_ORDER_MARK, decode_text
from schemas.errors import InvalidMessageError
from schemas.lenient_json import load_json
from worker.flow import ModelInfo, Prediction, Rejected, Request
from worker.messages.decode import decode_texts
from worker.serve.batching import Answer, BatchingQueue
from worker.serve.predict_shapes import PredictShape
from worker.serve.refusals import InvalidRequestError, RefusedError, TooLargeError


@dataclass(frozen=True)
class PredictRoute:
    """What stands between a body and its scores. One text that cannot be labelled fails all of its request."""

    queue: BatchingQueue
    model: ModelInfo
    max_texts: int

    async def answer(self, body: bytes, is_hub: bool, is_gone: Callable[[], bool]) -> tuple[int, bytes]:
        """Status and JSON.

        Args:
            body: A TEI client's request, or a hub client's.
            is_hub: It was sent where the hub's clients send.
            is_gone: Whether nobody waits for an answer any more.

        Raises:
            RefusedError: It is not labelled, and why.
        """
        function = "softmax" if self.model.thresholds is None else "sigmoid"
        shape = PredictShape(_object(body), is_hub, function)
        if len(shape.texts) > self.max_texts:
            raise TooLargeError(
                f"batch size {len(shape.texts)} > maximum allowed batch size {self.max_texts} (EMOTION_SERVE_MAX_TEXTS)"
            )
        answers = await self.queue.answers(_requests(shape.texts), is_gone, shape.is_raw)
        found = dict(_checked(answer) for answer in answers)
        scores = [shape.scores(found[index], self.model.labels) for index in range(len(shape.texts))]
        return 200, orjson.dumps(scores if shape.is_nested else scores[0])


def _object(body: bytes) -> dict[str, object]:
    try:
        found = load_json(body.removeprefix(BYTE_ORDER_MARK))
    except InvalidMessageError as error:
        raise InvalidRequestError(f"the body is no JSON: {error.detail}", 400) from None
    if not isinstance(found, dict):
        raise InvalidRequestError('the body must be an object with "inputs"')
    return found


def _requests(texts: list[str]) -> list[Request]:
    named = [(str(place + 1), text.encode()) for place, text in enumerate(texts)]
    requests, others = decode_texts(decode_text, named)
    if others:
        raise TooLargeError(f"`inputs` cannot be empty: text {others[0].index + 1} holds no visible character")
    return requests


def _checked(answer: Answer) -> tuple[int, Prediction]:
    if isinstance(answer, Rejected):
        raise RefusedError(424, "Backend", f"the model fails on text {answer.index + 1}: {answer.detail}")
    return answer.request.index, answer
