"""What must hold for every input, judged by other code than ours: the JSON reader of Python itself, and librdkafka."""

import itertools
import json
from collections import Counter
from typing import Any

from schemas.codec import decode_json
from schemas.dead_letter import Reason
from schemas.errors import InvalidMessageError
from tests.fuzz.generator import inputs
from tests.harness.independent import NewRecord, StoredRecord, produce

_MARK = b"\xef\xbb\xbf"


def check_decode(value: bytes) -> str:
    """Decode one value and compare with Python's reader; gives what it became: `message`, or the reason.

    Raises:
        AssertionError: The two readers do not agree, or the text leaked into the refusal.
    """
    try:
        message = decode_json(value)
    except InvalidMessageError as refusal:
        _check_refusal(value, refusal)
        return refusal.reason.value
    expected = _read(value)
    assert isinstance(expected, dict), value
    identity = expected.get("id")
    assert message.text == _whole(expected["text"]), value
    if type(identity) is not int or -(2**63) <= identity < 2**64:  # larger ones are floats to some readers
        assert message.id == (_whole(str(identity)) if type(identity) in (str, int) else None), value
    assert message.text.strip(), value
    return "message"


def _check_refusal(value: bytes, refusal: InvalidMessageError) -> None:
    if refusal.reason is Reason.INVALID_UTF8:
        assert not _is_utf8(value), value
        return
    assert _is_utf8(value), value
    if refusal.reason is Reason.INVALID_JSON:
        return  # Python's reader goes deeper; the next ones are exact
    read = _read(value)
    if refusal.reason is Reason.NOT_AN_OBJECT:
        assert not isinstance(read, dict), value
    elif refusal.reason is Reason.MISSING_TEXT:
        assert read.get("text") is None, value
    elif refusal.reason is Reason.WRONG_TYPE:
        assert not isinstance(read["text"], str), value
    else:
        assert refusal.reason is Reason.EMPTY_TEXT, value
        assert not any(c.isalnum() for c in read["text"]), value


def _read(value: bytes) -> Any:
    return json.loads(value.removeprefix(_MARK))


def _whole(text: str) -> str:
    """Halves of surrogate pairs replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def send_inputs(servers: str, topic: str, seed: int, count: int) -> None:
    """Write so many inputs, each under its number as the key; one in fifty is a tombstone."""
    values = itertools.islice(inputs(seed), count)
    records = (
        NewRecord(None if index % 50 == 49 else value, str(index).encode(), (("trace", None), ("odd \u2603", b"\xff")))
        for index, value in enumerate(values)
    )
    produce(servers, topic, records)


def check_answers(answers: list[StoredRecord], count: int) -> None:
    """Each input must have exactly one answer.

    Raises:
        AssertionError: One has none, or several.
    """
    times = Counter(int(answer.key or b"-1") for answer in answers)
    assert sorted(times) == list(range(count)), f"{count - len(times)} inputs have no answer"
    assert set(times.values()) == {1}, f"{sum(times.values()) - count} answers too many"
