"""Which labels a new model changes: the old labels of a range, and what became of them."""

from array import array
from collections import Counter
from typing import NamedTuple

from schemas.emotion_label import EmotionLabel, Source
from worker.errors import UserError
from worker.flow import Partition
from worker.kafka.clients import KafkaClients
from worker.kafka.topic_range import TopicRange, read_range, whole_topic
from worker.messages.schema_registry import ReadLabel


class _Answer(NamedTuple):
    """The best label of a text; of a multi-label model all that it was given, too."""

    best: str
    labels: frozenset[str] | None

    @classmethod
    def of(cls, label: EmotionLabel) -> "_Answer":
        return cls(label.label, None if label.labels is None else frozenset(label.labels))

    @property
    def given(self) -> frozenset[str]:
        return frozenset([self.best]) if self.labels is None else self.labels


class Changes:
    """Counts old and new labels of the same record, found by the partition and offset that they both came from.

    The old ones take four bytes a record: a range of a hundred million needs 400 MB.
    """

    def __init__(self, clients: KafkaClients, topic: str, extent: TopicRange, read_label: ReadLabel) -> None:
        """Read all old labels.

        Args:
            clients: Makes the reader.
            topic: Where the old labels are; the last one of a record counts.
            extent: Offsets of the input that are labelled anew.
            read_label: Reads a label, old or new, or raises ValueError.

        Raises:
            UserError: The topic cannot be read, or something else than labels is in it.
        """
        self._starts = extent.starts
        self._read_label = read_label
        self._numbers: dict[_Answer, int] = {}  # from 1 on; 0: no old label
        self._old = {p: array("I", bytes(4 * max(0, end - extent.starts[p]))) for p, end in extent.ends.items()}
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._has_several = False
        self._other_labels = 0
        self._added: Counter[str] = Counter()
        self._removed: Counter[str] = Counter()
        for record in read_range(clients, topic, whole_topic(clients, topic)):
            if record.value is None:
                continue
            try:
                self._remember(read_label(record.value))
            except ValueError:
                raise UserError(
                    f"--compare {topic}: partition {record.origin.partition}, offset {record.origin.offset} holds no "
                    "label: name a topic of labels"
                ) from None
        self._answers = list(self._numbers)

    def count(self, value: bytes) -> None:
        """Compare a new label, as it was sent, with the old one of the same record."""
        label = self._read_label(value)
        numbers, index = self._place(label.source)
        if index is not None and numbers[index]:
            old, new = self._answers[numbers[index] - 1], _Answer.of(label)
            self._pairs[old.best, new.best] += 1
            self._has_several |= (old.labels, new.labels) != (None, None)
            self._other_labels += old.given != new.given
            self._added.update(new.given - old.given)
            self._removed.update(old.given - new.given)

    def summary(self) -> dict[str, object]:
        """How many labels had an old one, and how often which became which; the most frequent first.

        Where a multi-label model was one of the two, also how many records were given other labels, and which ones.
        """
        changed = [
            {"old": old, "new": new, "records": records}
            for (old, new), records in self._pairs.most_common()
            if old != new
        ]
        summary: dict[str, object] = {"compared": self._pairs.total(), "changed": changed}
        if self._has_several:
            added, removed = dict(self._added.most_common()), dict(self._removed.most_common())
            summary |= {"other_labels": self._other_labels, "added": added, "removed": removed}
        return summary

    def _remember(self, label: EmotionLabel) -> None:
        numbers, index = self._place(label.source)
        if index is not None:
            numbers[index] = self._numbers.setdefault(_Answer.of(label), len(self._numbers) + 1)

    def _place(self, source: Source | None) -> "tuple[array[int], int | None]":
        """Where the old label of a record is kept; nowhere if the record is not in the range."""
        if source is not None and (partition := Partition(source.topic, source.partition)) in self._old:
            numbers, index = self._old[partition], source.offset - self._starts[partition]
            return numbers, index if 0 <= index < len(numbers) else None
        return array("I"), None
