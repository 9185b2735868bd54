"""A share of the keys, as one of two deployments has it: what it labels, what it skips, what it commits."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from schemas.text_message import SkipReason
from worker.errors import UserError
from worker.flow import Decoded, Record, Skipped
from worker.kafka.key_share import share_of

_MARK = "/keys="
_BETWEEN_NUMBERS = re.compile("(?<!e)-")  # very small ones are written as 1e-05


@dataclass(frozen=True)
class KeyShare:
    """The keys of one deployment: those whose number is from `low` up to and without `high`, 0 to 1."""

    low: float = 0.0
    high: float = 1.0

    def __str__(self) -> str:
        return f"{self.low * 100:g}-{self.high * 100:g}"

    def holds(self, record: Record) -> bool:
        """Whether the record is of this share."""
        return self.is_whole or self.low <= share_of(record) < self.high

    @property
    def is_whole(self) -> bool:
        """Whether it is of all keys."""
        return (self.low, self.high) == (0.0, 1.0)

    def marked(self, topic_id: str) -> str:
        """What is committed beside an offset: the topic's id, and whose records were answered up to there."""
        return topic_id if self.is_whole else f"{topic_id}{_MARK}{self.low}-{self.high}"

    def check(self, committed: str, group_id: str) -> None:
        """See what was committed beside an offset.

        Raises:
            UserError: Up to there others of these keys were skipped than this worker skips.
        """
        _, mark, numbers = committed.partition(_MARK)
        if not mark:
            return
        before = KeyShare(*map(float, _BETWEEN_NUMBERS.split(numbers)))
        if self.low < before.low or self.high > before.high:
            raise UserError(
                f"EMOTION_KEY_SHARE: group {group_id} has read on for the keys {before} alone, and this worker is to "
                f"label {self}: texts of the others, up to the group's offsets, may have no label",
                "see `Two deployments` in docker/README.md, and EMOTION_GROUP_ID: each share has a group of its own",
            )


ALL_KEYS = KeyShare()


def without_mark(committed: str) -> str:
    """The topic's id of what was committed beside an offset."""
    return committed.partition(_MARK)[0]


def decode_own(share: KeyShare, decode: Callable[[list[Record]], Decoded], records: list[Record]) -> Decoded:
    """Decode a window; what is not of the share is skipped, whatever it holds."""
    requests, others = decode(records)
    foreign = {index for index, record in enumerate(records) if not share.holds(record)}
    skipped = [Skipped(index, SkipReason.OTHER_SHARE) for index in sorted(foreign)]
    return (
        [request for request in requests if request.index not in foreign],
        [other for other in others if other.index not in foreign] + skipped,
    )
