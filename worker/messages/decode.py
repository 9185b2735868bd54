"""Records to requests: bytes that keep the contract go on, the others are rejected with their reason."""

from collections.abc import Callable, Iterable
from functools import partial

from schemas.codec import DeletedRowError, InvalidMessageError, decode_json, decode_text
from schemas.dead_letter import Reason
from schemas.text_message import DecodedMessage, Fields
from schemas.wire_format import read_prefixed
from worker.flow import Record, Rejected, Request, Tombstone

ReadMessage = Callable[[bytes], DecodedMessage]


def message_reader(input_format: str, fields: Fields, max_bytes: int, prefixed: bool = False) -> ReadMessage:
    """The function that reads one value of `input_format`, `json` or `text`; of more than `max_bytes` not at all.

    `fields` are those of a JSON object. `prefixed`: what a schema registry's serializer puts before it may stand there.
    """
    if input_format == "text":
        return partial(_read_bounded, decode_text, max_bytes)
    read: ReadMessage = partial(decode_json, fields=fields)
    return partial(_read_bounded, partial(read_prefixed, read) if prefixed else read, max_bytes)


def _read_bounded(read: ReadMessage, max_bytes: int, value: bytes) -> DecodedMessage:
    if len(value) > max_bytes:
        detail = f"{len(value)} bytes, more than EMOTION_MAX_MESSAGE_BYTES={max_bytes}"
        raise InvalidMessageError(Reason.MESSAGE_TOO_LARGE, detail)
    return read(value)


def decode(read: ReadMessage, records: Iterable[Record]) -> tuple[list[Request], list[Rejected | Tombstone]]:
    """Read every record of a window: the requests, and what stands in for the others."""
    requests: list[Request] = []
    others: list[Rejected | Tombstone] = []
    for index, record in enumerate(records):
        if record.value is None:
            others.append(_nothing(index, record))
            continue
        origin = record.origin
        try:
            message = read(record.value)
        except DeletedRowError:
            others.append(_nothing(index, record))
        except InvalidMessageError as error:
            others.append(Rejected(index, error.reason, error.detail))
        else:
            identity = message.id if message.id is not None else f"{origin.topic}-{origin.partition}-{origin.offset}"
            requests.append(Request(index, identity, message.text, origin, message.copied))
    return requests, others


def _nothing(index: int, record: Record) -> Rejected | Tombstone:
    if record.key is not None:
        return Tombstone(index)
    return Rejected(index, Reason.NULL_KEY_AND_VALUE, "key and value are null")
