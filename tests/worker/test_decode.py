"""A value too large is not read."""

import pytest

from schemas.codec import InvalidMessageError
from schemas.dead_letter import Reason
from schemas.text_message import Fields
from worker.decode import message_reader


@pytest.mark.parametrize("input_format", ["json", "text"])
def test_a_value_larger_than_the_limit_is_refused_unread_and_one_of_its_size_is_read(input_format: str) -> None:
    value = b'{"text": "x"}'
    assert message_reader(input_format, Fields(), max_bytes=len(value))(value).text
    with pytest.raises(InvalidMessageError) as refusal:
        message_reader(input_format, Fields(), max_bytes=len(value) - 1)(value)
    assert refusal.value.reason == Reason.MESSAGE_TOO_LARGE
    assert refusal.value.detail == "13 bytes, more than EMOTION_MAX_MESSAGE_BYTES=12"
