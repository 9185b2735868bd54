"""POST /label: messages in, labels out, as `emotion-worker label` reads and writes them."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.codec import BYTE_ORDER_MARK, encode_label
from schemas.dead_letter import Reason
from schemas.emotion_label import EmotionLabel
from schemas.errors import InvalidMessageError
from schemas.lenient_json import load_json
from worker.flow import Prediction, Rejected, Skipped, Tombstone
from worker.messages.decode import ReadMessage, decode_texts
from worker.messages.encode import encode_rejected
from worker.messages.split import written
from worker.serve.batching import BatchingQueue
from worker.serve.refusals import InvalidRequestError, TooLargeError

_WHITE = b" \t\r\n"
_NO_JSON = (Reason.INVALID_JSON, Reason.INVALID_UTF8)

Unlabelled = Rejected | Skipped | Tombstone


@dataclass(frozen=True)
class LabelRoute:
    """What stands between a body and its labels. `on_unlabelled` is told of what never becomes one."""

    queue: BatchingQueue
    read: ReadMessage
    make_label: Callable[[Prediction], EmotionLabel]
    max_texts: int
    skip_without_text: bool
    on_unlabelled: Callable[[Unlabelled], None]

    async def answer(self, body: bytes, is_gone: Callable[[], bool]) -> tuple[int, bytes]:
        """Status and JSON: of a message its label, of an array an array. `is_gone` says whether nobody waits any more.

        In place of a label stand a dead letter, whose id is the message's place from 1 on, and `null` for what the
        settings skip. A message alone that is a dead letter is no success: 422, or 424 where the model failed.

        Raises:
            RefusedError: It is no JSON, has too many texts, or the queue is full.
        """
        body = body.removeprefix(BYTE_ORDER_MARK)
        if body.lstrip(_WHITE).startswith(b"["):
            labelled = await self._labelled(self._elements(body), is_gone)
            return 200, b"[%b]" % b",".join([answer for answer, _ in labelled])
        ((answer, rejected),) = await self._labelled([body], is_gone)
        if rejected is None:
            return 200, answer
        if rejected.reason in _NO_JSON:
            raise InvalidRequestError(f"the body is no JSON: {rejected.detail}", 400)
        return 424 if rejected.reason == Reason.MODEL_FAILED else 422, answer

    async def _labelled(
        self, messages: list[bytes], is_gone: Callable[[], bool]
    ) -> list[tuple[bytes, Rejected | None]]:
        """The answer to each, in order, and what it is if no label."""
        names = [str(place + 1) for place in range(len(messages))]
        requests, others = decode_texts(self.read, zip(names, messages, strict=True), self.skip_without_text)
        for request in requests:
            names[request.index] = request.id
        found: list[tuple[bytes, Rejected | None]] = [(b"null", None)] * len(messages)
        for answer in [*await self.queue.answers(requests, is_gone), *others]:
            if isinstance(answer, Prediction):
                found[answer.request.index] = encode_label(self.make_label(answer)), None
                continue
            self.on_unlabelled(answer)
            if isinstance(answer, Rejected):
                found[answer.index] = encode_rejected(names[answer.index], answer), answer
        return found

    def _elements(self, body: bytes) -> list[bytes]:
        """The messages of an array."""
        try:
            found = load_json(body)
            if len(found) > self.max_texts:
                raise TooLargeError(
                    f"{len(found)} texts, more than {self.max_texts} (EMOTION_SERVE_MAX_TEXTS): send fewer at once"
                )
            return [written(element) for element in found]
        except InvalidMessageError as error:
            raise InvalidRequestError(f"the body is no JSON: {error.detail}", 400) from None
        except RecursionError:
            raise InvalidRequestError("the body is no JSON: nested too deep", 400) from None
