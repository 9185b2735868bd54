"""A source that ends, at the ends of a topic that were recorded at the start; and the group that reads it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import orjson

from worker import loop
from worker.errors import UserError
from worker.flow import Partition, Record, Window
from worker.kafka.topic_range import TopicRange


class BoundedSource:
    """Windows of another source, cut at the ends. It is finished once every partition was delivered up to its end.

    Its group has one member.
    """

    def __init__(self, source: loop.Source, extent: TopicRange, progress: Callable[[int], object]) -> None:
        """Wrap.

        Args:
            source: One that reads on from the committed offsets.
            extent: From where the group stands to behind the last record that is wanted, in every partition.
            progress: Told by how many offsets the run has gone on.
        """
        self._source = source
        self._starts = extent.starts
        self._ends = extent.ends
        self._topic_id = extent.topic_id
        self._progress = progress
        self._delivered = dict(self._starts)
        self._handed_over: Mapping[Partition, int] = {}

    @property
    def finished(self) -> bool:
        """Whether all that was wanted is delivered, as far as `poll` was told."""
        return all(self._delivered[partition] >= end for partition, end in self._ends.items())

    def poll(self) -> Window:
        """The next window, without the records that are not wanted; to ask says that the last one was delivered."""
        for partition, offset in self._handed_over.items():
            self._progress(offset - self._delivered[partition])
            self._delivered[partition] = offset
        window = self._source.poll()
        self._handed_over = {
            partition: min(offset, self._ends[partition])
            for partition, offset in window.next_offsets.items()
            if self._delivered.get(partition, 0) < self._ends.get(partition, 0)  # a new partition is not wanted
        }
        records = [record for record in window.records if self._is_wanted(record)]
        ids = partial(self._checked, window.topic_ids)
        return replace(window, records=records, next_offsets=self._handed_over, topic_ids=ids)

    def rewind(self) -> None:
        """The last window was not delivered, and those before it may be undone: the next one tells where all stand."""
        self._progress(-sum(offset - self._starts[partition] for partition, offset in self._delivered.items()))
        self._delivered = dict(self._starts)
        self._handed_over = {}
        self._source.rewind()

    def _checked(self, ask: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
        """The ids of the window's topics, asked before anything of it is sent.

        Raises:
            UserError: The ends are those of another topic.
        """
        ids = ask()
        for topic, topic_id in ids.items():
            if self._topic_id not in (None, topic_id):
                raise UserError(
                    f"topic {topic} was made anew while its range was read, which is gone with the old one",
                    "begin it again, and it takes the range from the new one",
                )
        return ids

    def _is_wanted(self, record: Record) -> bool:
        return record.origin.offset < self._ends.get(Partition(record.origin.topic, record.origin.partition), 0)


def own_group(live: str, purpose: str, what: Sequence[object], named: str | None) -> str:
    """The consumer group of a run: the same `what` goes on where it was stopped, another begins anew.

    Args:
        live: The workers' group.
        purpose: A part of the name.
        what: All that tells runs apart, as JSON can hold it.
        named: What the user calls it, in place of all that.

    Raises:
        UserError: It is the workers' own.
    """
    if named == live:
        raise UserError(f"--group {named} is EMOTION_GROUP_ID: it would move the live workers' offsets")
    return named or f"{live}-{purpose}-{hashlib.sha256(orjson.dumps(what)).hexdigest()[:8]}"
