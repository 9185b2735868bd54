"""Records to requests: bytes that keep the contract go on, the others are rejected with their reason."""

from collections.abc import Callable, Iterable
from functools import partial

from schemas.codec import InvalidMessageError, decode_json, decode_text
from schemas.dead_letter import Reason
from schemas.text_message import TextMessage
from worker.flow import Record, Rejected, Request, Tombstone

ReadMessage = Callable[[bytes], TextMessage]


def message_reader(input_format: str, text_field: str, max_bytes: int) -> ReadMessage:
    """The function that reads one value of `input_format`, `json` or `text`; of more than `max_bytes` not at all."""
    read = decode_text if input_format == "text" else partial(decode_json, text_field=text_field)
    return partial(_read_bounded, read, max_bytes)


def _read_bounded(read: ReadMessage, max_bytes: int, value: bytes) -> TextMessage:
    if len(value) > max_bytes:
        detail = f"{len(value)} bytes, more than EMOTION_MAX_MESSAGE_BYTES={max_bytes}"
        raise InvalidMessageError(Reason.MESSAGE_TOO_LARGE, detail)
    return read(value)


def decode(read: ReadMessage, records: Iterable[Record]) -> tuple[list[Request], list[Rejected | Tombstone]]:
    """Read every record of a window: the requests, and what stands in for the others."""
    requests: list[Request] = []
    others: list[Rejected | Tombstone] = []
    for index, record in enumerate(records):
        if record.value is not None:
            origin = record.origin
            try:
                message = read(record.value)
            except InvalidMessageError as error:
                others.append(Rejected(index, error.reason, error.detail))
                continue
            identity = message.id if message.id is not None else f"{origin.topic}-{origin.partition}-{origin.offset}"
            requests.append(Request(index, identity, message.text, origin))
        elif record.key is not None:
            others.append(Tombstone(index))
        else:
            others.append(Rejected(index, Reason.NULL_KEY_AND_VALUE, "key and value are null"))
    return requests, others
