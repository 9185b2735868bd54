"""Records to requests: bytes that keep the contract go on, the others are rejected with their reason."""

from collections.abc import Callable, Iterable
from functools import partial

from schemas.codec import decode_json, decode_text
from schemas.dead_letter import Reason
from schemas.errors import DeletedRowError, InvalidMessageError, NoTextError, SkippedMessageError
from schemas.fields import Fields
from schemas.text_message import DecodedMessage, SkipReason
from schemas.wire_format import read_prefixed
from worker.flow import Decoded, Record, Rejected, Request, Skipped, Tombstone

ReadMessage = Callable[[bytes], DecodedMessage]


def message_reader(input_format: str, fields: Fields, max_bytes: int, prefixed: bool = False) -> ReadMessage:
    """The function that reads one value of `input_format`, `json` or `text`; of more than `max_bytes` not at all.

    `fields` are those of a JSON object. `prefixed`: what a schema registry's serializer puts before it may stand there.
    """
    if input_format == "text":
        return partial(read_bounded, decode_text, max_bytes)
    read: ReadMessage = partial(decode_json, fields=fields)
    return partial(read_bounded, partial(read_prefixed, read) if prefixed else read, max_bytes)


def read_bounded(read: ReadMessage, max_bytes: int, value: bytes) -> DecodedMessage:
    """Read a value, but one that is larger not at all.

    Raises:
        InvalidMessageError: It is larger, or what `read` raises.
    """
    if len(value) > max_bytes:
        detail = f"{len(value)} bytes, more than EMOTION_MAX_MESSAGE_BYTES={max_bytes}"
        raise InvalidMessageError(Reason.MESSAGE_TOO_LARGE, detail)
    return read(value)


def decode(read: ReadMessage, records: Iterable[Record], skip_without_text: bool = False) -> Decoded:
    """Read every record of a window.

    `skip_without_text`: a record whose text is absent, null or empty is none to complain of.
    """
    requests: list[Request] = []
    others: list[Rejected | Tombstone | Skipped] = []
    for index, record in enumerate(records):
        if record.value is None:
            others.append(_nothing(index, record, skip_without_text))
            continue
        origin = record.origin
        try:
            message = read(record.value)
        except DeletedRowError:
            others.append(_nothing(index, record, skip_without_text))
        except SkippedMessageError as skipped:
            others.append(Skipped(index, skipped.reason))
        except InvalidMessageError as error:
            others.append(refused(index, error, skip_without_text))
        else:
            identity = message.id
            if identity is None:
                identity = f"{origin.topic}-{origin.partition}-{origin.offset}"
                if record.part is not None:
                    identity = f"{identity}-{record.part}"
            requests.append(Request(index, identity, message.text, origin, message.copied))
    return requests, others


def decode_texts(read: ReadMessage, texts: Iterable[tuple[str, bytes]], skip_without_text: bool = False) -> Decoded:
    """Read texts that no record holds, each with what it is called if it has no id of its own."""
    requests: list[Request] = []
    others: list[Rejected | Tombstone | Skipped] = []
    for index, (name, text) in enumerate(texts):
        try:
            message = read(text)
        except SkippedMessageError as skipped:
            others.append(Skipped(index, skipped.reason))
        except InvalidMessageError as error:
            others.append(refused(index, error, skip_without_text))
        else:
            identity = name if message.id is None else message.id
            requests.append(Request(index, identity, message.text, None, message.copied))
    return requests, others


def refused(index: int, error: InvalidMessageError, skip_without_text: bool) -> Rejected | Skipped:
    """What stands in for a value that breaks the contract."""
    if skip_without_text and isinstance(error, NoTextError):
        return Skipped(index, SkipReason.WITHOUT_TEXT)
    return Rejected(index, error.reason, error.detail)


def _nothing(index: int, record: Record, skip_without_text: bool) -> Rejected | Tombstone | Skipped:
    if record.key is not None:
        return Tombstone(index)
    if skip_without_text:
        return Skipped(index, SkipReason.WITHOUT_TEXT)
    what = "key and value are null" if record.value is None else "the value is a delete, and the key is null"
    return Rejected(index, Reason.NULL_KEY_AND_VALUE, what)
