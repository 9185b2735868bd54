"""A log that became shorter: which positions an error is about."""

import pytest
from kafka import TopicPartition
from kafka.errors import LogTruncationError
from kafka.structs import OffsetAndMetadata

from worker.kafka.patches.truncation import is_of_left_positions

FIRST, SECOND = TopicPartition("in", 0), TopicPartition("in", 1)


class Positions(dict[TopicPartition, int]):
    """A consumer that stands there."""

    def position(self, partition: TopicPartition, **_: int) -> int:
        return self[partition]


@pytest.mark.parametrize(
    ("second", "end", "is_left"),
    [(20, 20, True), (0, 20, True), (21, 20, False), (0, None, False)],
    ids=["at the end", "set back", "behind the end", "an end that is not known"],
)
def test_only_an_error_about_positions_that_the_logs_hold_is_of_those_that_were_left(
    second: int, end: int | None, is_left: bool
) -> None:
    ends = {FIRST: OffsetAndMetadata(5, "", 0), SECOND: None if end is None else OffsetAndMetadata(end, "", 0)}
    assert is_of_left_positions(Positions({FIRST: 0, SECOND: second}), LogTruncationError(ends), 100) is is_left
