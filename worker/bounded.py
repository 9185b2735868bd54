"""A source that ends: the part of a topic that lies before the ends that were recorded at the start."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from worker import loop
from worker.flow import Partition, Record, Window
from worker.topic_range import TopicRange


class BoundedSource:
    """Windows of another source, cut at the ends. It is finished once every partition was delivered up to its end."""

    def __init__(self, source: loop.Source, extent: TopicRange, progress: Callable[[int], object]) -> None:
        """Wrap.

        Args:
            source: One that reads on from the committed offsets.
            extent: From where the group stands to behind the last record that is wanted, in every partition.
            progress: Told by how many offsets the run has gone on.
        """
        self._source = source
        self._ends = extent.ends
        self._progress = progress
        self._delivered = dict(extent.starts)
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
        return replace(window, records=records, next_offsets=self._handed_over)

    def rewind(self) -> None:
        """The last window was not delivered."""
        self._handed_over = {}
        self._source.rewind()

    def _is_wanted(self, record: Record) -> bool:
        return record.origin.offset < self._ends.get(Partition(record.origin.topic, record.origin.partition), 0)
