"""A value too large is not read."""

import pytest

from schemas.dead_letter import Reason
from schemas.errors import InvalidMessageError
from schemas.fields import Fields
from worker.messages.decode import message_reader


@pytest.mark.parametrize("input_format", ["json", "text"])
def test_a_value_larger_than_the_limit_is_refused_unread_and_one_of_its_size_is_read(input_format: str) -> None:
    value = b'{"text": "x"}'
    assert message_reader(input_format, Fields(), max_bytes=len(value))(value).text
    with pytest.raises(InvalidMessageError) as refusal:
        message_reader(input_format, Fields(), max_bytes=len(value) - 1)(value)
    assert refusal.value.reason == Reason.MESSAGE_TOO_LARGE
    assert refusal.value.detail == "13 bytes, more than EMOTION_MAX_MESSAGE_BYTES=12"


@pytest.mark.parametrize(
    ("input_format", "prefixed", "reason"),
    [("json", False, Reason.INVALID_JSON), ("json", True, None), ("text", True, None)],
)
def test_a_prefix_is_taken_off_json_and_only_where_a_registry_is_set(
    input_format: str, prefixed: bool, reason: Reason | None
) -> None:
    read = message_reader(input_format, Fields(), max_bytes=100, prefixed=prefixed)
    value = b'\0\0\0\0\x07{"text": "x"}'
    if reason:
        with pytest.raises(InvalidMessageError) as refusal:
            read(value)
        assert refusal.value.reason == reason
    else:
        assert read(value).text == {"json": "x", "text": value.decode()}[input_format]
