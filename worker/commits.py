"""What a process knows to be committed, beside what the group's coordinator says.

Apache Kafka 4.3 can forget commits: a coordinator that loses and regains its partition while loading it goes on with
the part that it has read by then ("Ignored load completion … because context is in ACTIVE state"). It then answers
with offsets of long ago, and the group's generation has gone back, which it never does otherwise.
"""

import logging
from collections.abc import Callable, Collection, Mapping

from worker.flow import Partition

_log = logging.getLogger(__name__)

FindAnswered = Callable[[Collection[int]], Mapping[Partition, int] | None]


class Commits:
    """The offsets that a group has at least."""

    def __init__(self, find_answered: FindAnswered = lambda _: {}) -> None:
        """Know nothing yet.

        Args:
            find_answered: Tells the offset behind the last record that is known to be answered in each of these
                partitions, or None while that cannot be known. Asked from when the coordinator has forgotten something.
        """
        self._find_answered = find_answered
        self._known: dict[Partition, int] = {}
        self._generation = 0
        self._is_forgetful = False
        self._answered: frozenset[Partition] = frozenset()  # what the outputs told when this generation began

    def add(self, offsets: Mapping[Partition, int]) -> None:
        """These were committed by this process."""
        self._known |= offsets

    def join(self, generation: int, assigned: Collection[int]) -> bool:
        """A generation of the group begins, with these partitions; gives whether `at_least` can be asked already."""
        if generation < self._generation:
            self._is_forgetful = True
            _log.error("generation_went_back", extra={"generation": generation, "before": self._generation})
        self._generation = generation
        if not self._is_forgetful:
            return True
        answered = self._find_answered(assigned)
        for partition, offset in (answered or {}).items():
            self._known[partition] = max(offset, self._known.get(partition, 0))
        self._answered = frozenset(answered or ())
        return answered is not None

    def is_answered(self, partition: Partition) -> bool:
        """Whether the outputs told of it when this generation began, so that `at_least` needs no coordinator."""
        return partition in self._answered

    def at_least(self, partition: Partition, committed: int | None) -> int | None:
        """The group's offset as the coordinator has it, but for one that lies before what is known."""
        known = self._known.get(partition)
        if known is None or (committed is None and not self._is_forgetful):
            return committed
        if committed is None or committed < known:
            _log.error(
                "offset_went_back",
                extra={"partition": partition.number, "broker_offset": committed, "offset": known},
            )
            return known
        return committed
