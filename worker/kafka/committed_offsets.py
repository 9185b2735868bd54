"""What a process knows to be committed, beside what the group's coordinator says.

Apache Kafka 4.3 can forget commits: a coordinator that loses and regains its partition while loading it goes on with
the part that it has read by then ("Ignored load completion … because context is in ACTIVE state"). It then answers
with offsets of long ago, and the group's generation has gone back, which it never does otherwise.

It can also undo a commit that it has acknowledged: where it forgot the transaction's markers (see `end_what_is_open`),
the abort of the next one takes the outcomes and offsets along that are still open, and not in every partition. What
readers of committed records see of the outcomes tells in which.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from worker.flow import Partition

_log = logging.getLogger(__name__)

Written = tuple[Partition, int]  # partition of an output topic, and the offset of an outcome there
FindAnswered = Callable[[Collection[Partition]], Mapping[Partition, int] | None]
FindVisible = Callable[[Collection[Written]], Mapping[Written, bool] | None]


@dataclass(frozen=True)
class _Doubt:
    """A transaction that failed, and the last one before it that had something of this partition of the input."""

    before: int | None  # where the last one began
    after: int | None  # where it ended
    end: int  # where the failed one would have ended
    last: Collection[Written]  # the last outcome of the last one in each topic
    failed: Collection[Written]  # of the failed one, if it came to a commit


class CommittedOffsets:
    """The offsets that a group has at least."""

    def __init__(
        self,
        find_answered: FindAnswered = lambda _: {},
        find_visible: FindVisible = lambda _: {},
    ) -> None:
        """Know nothing yet.

        Args:
            find_answered: Tells the offset behind the last record that is known to be answered in each of these
                partitions, or None while that cannot be known. Asked from when the coordinator has forgotten something.
            find_visible: Tells which of these outcomes are committed, or None while that cannot be known. Asked after a
                transaction that failed.
        """
        self._find_answered = find_answered
        self._find_visible = find_visible
        self._known: dict[Partition, int | None] = {}
        # Of each partition's last commit by this process that had outcomes: where it began, and what was written.
        self._last: dict[Partition, tuple[int | None, Collection[Written]]] = {}
        self._doubts: dict[Partition, _Doubt] = {}
        self._generation = 0
        self._is_forgetful = False
        self._answered: Mapping[Partition, int] = {}  # what the outputs told when this generation began
        self._seen: Mapping[Written, bool] = {}

    def add(self, offsets: Mapping[Partition, int], written: Collection[Written] = ()) -> None:
        """These were committed by this process, with outcomes of which `written` are the last ones."""
        for partition in offsets:
            if last := _of(partition, written):  # else what is open in the outputs is still of the one before
                self._last[partition] = self._known.get(partition), last
        self._known |= offsets
        for partition in offsets:
            self._doubts.pop(partition, None)

    def doubt(self, offsets: Mapping[Partition, int], written: Collection[Written]) -> None:
        """A transaction up to these failed. It may be committed all the same, and the last one may not be any more."""
        for partition in self._last.keys() | offsets.keys():
            known = self._known.get(partition)
            before, last = self._last.get(partition, (known, ()))
            self._doubts[partition] = _Doubt(
                before, known, offsets.get(partition, known or 0), last, _of(partition, written)
            )

    def forget(self, topic: str) -> None:
        """The topic was made anew: what is known is of the old one."""
        for known in (self._known, self._last, self._doubts):
            for partition in [each for each in known if each.topic == topic]:
                del known[partition]

    def join(self, generation: int, assigned: Collection[Partition]) -> bool:
        """A generation of the group begins, with these partitions; gives whether `at_least` can be asked already."""
        if generation < self._generation:
            self._is_forgetful = True
            _log.error("generation_went_back", extra={"generation": generation, "before": self._generation})
        self._generation = generation
        # Whoever else had a partition in the meantime went by the coordinator.
        self._last = {partition: last for partition, last in self._last.items() if partition in assigned}
        self._doubts = {partition: doubt for partition, doubt in self._doubts.items() if partition in assigned}
        seen = self._find_visible([each for doubt in self._doubts.values() for each in (*doubt.last, *doubt.failed)])
        answered = self._find_answered(assigned) if self._is_forgetful else {}
        self._seen, self._answered = seen or {}, answered or {}
        return seen is not None and answered is not None

    def known(self, partition: Partition) -> int | None:
        """What this process knows, without asking anybody; None if nothing."""
        return self._known.get(partition)

    def is_answered(self, partition: Partition) -> bool:
        """Whether the outputs told of it when this generation began, so that `at_least` needs no coordinator."""
        return partition in self._answered

    def at_least(self, partition: Partition, committed: int | None) -> int | None:
        """Where to go on: the group's offset as the coordinator has it, unless more is known; None if nowhere yet."""
        known, doubt = self._known.get(partition), self._doubts.get(partition)
        found = self._delivered(partition, committed, doubt) if doubt else self._remembered(partition, committed)
        if (found or 0) > (committed or 0):
            _log.error(
                "offset_went_back",
                extra={"partition": partition.number, "broker_offset": committed, "offset": found},
            )
        elif doubt and (found or 0) < max(committed or 0, known or 0):
            _log.error(
                "commit_undone", extra={"partition": partition.number, "broker_offset": committed, "offset": found}
            )
        if found == committed:  # else the coordinator will say the same at the next rejoin
            self._doubts.pop(partition, None)
        if found != known:  # others went on, or it was undone
            self._last.pop(partition, None)
            self._known[partition] = found
        return found

    def _remembered(self, partition: Partition, committed: int | None) -> int | None:
        """The furthest of what the coordinator, this process and, if they were asked, the outputs know."""
        known = self._known.get(partition)
        if known is None and partition not in self._answered:
            return committed
        if committed is None and not self._is_forgetful:
            return None
        return max(committed or 0, known or 0, self._answered.get(partition, 0))

    def _delivered(self, partition: Partition, committed: int | None, doubt: _Doubt) -> int | None:
        """A window's outcomes are committed in a partition as a whole or not at all."""
        if committed is not None and committed > doubt.end:  # others went on
            return committed
        if doubt.failed and all(map(self._seen.get, doubt.failed)):
            return doubt.end
        if (doubt.last or doubt.failed) and all(outcome in self._seen for outcome in doubt.last):
            found = doubt.after if all(map(self._seen.get, doubt.last)) else doubt.before
            return max(found or 0, self._answered.get(partition, 0)) or found
        # None, or outcomes that are gone, tell nothing; an undone commit is most likely undone in the group as well.
        return self._remembered(partition, committed) if self._is_forgetful else committed


def _of(partition: Partition, written: Collection[Written]) -> Collection[Written]:
    """Outcomes have the partition number of what they answer."""
    return [(target, offset) for target, offset in written if target.number == partition.number]
