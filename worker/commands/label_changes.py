"""Which labels a new model changes: the old labels of a range, and what became of them."""

from array import array
from collections import Counter

from pydantic import ValidationError

from schemas.emotion_label import EmotionLabel, Source
from schemas.wire_format import read_label
from worker.errors import UserError
from worker.flow import Partition
from worker.kafka.clients import KafkaClients
from worker.kafka.topic_range import TopicRange, read_range, whole_topic


class Changes:
    """Counts old and new labels of the same record, found by the partition and offset that they both came from.

    The old ones take two bytes a record: a range of a hundred million needs 200 MB.
    """

    def __init__(self, clients: KafkaClients, topic: str, extent: TopicRange) -> None:
        """Read all old labels.

        Args:
            clients: Makes the reader.
            topic: Where the old labels are; the last one of a record counts.
            extent: Offsets of the input that are labelled anew.

        Raises:
            UserError: The topic cannot be read, or something else than labels is in it.
        """
        self._starts = extent.starts
        self._names = [""]  # 0: no old label
        self._old = {p: array("H", bytes(2 * max(0, end - extent.starts[p]))) for p, end in extent.ends.items()}
        self._pairs: Counter[tuple[str, str]] = Counter()
        for record in read_range(clients, topic, whole_topic(clients, topic)):
            if record.value is None:
                continue
            try:
                self._remember(read_label(record.value))
            except ValidationError:
                raise UserError(
                    f"--compare {topic}: partition {record.origin.partition}, offset {record.origin.offset} holds no "
                    "label: name a topic of labels"
                ) from None

    def count(self, value: bytes) -> None:
        """Compare a new label, as it was sent, with the old one of the same record."""
        label = read_label(value)
        labels, index = self._place(label.source)
        if index is not None and labels[index]:
            self._pairs[self._names[labels[index]], label.label] += 1

    def summary(self) -> dict[str, object]:
        """How many labels had an old one, and how often which became which; the most frequent first."""
        changed = [
            {"old": old, "new": new, "records": records}
            for (old, new), records in self._pairs.most_common()
            if old != new
        ]
        return {"compared": self._pairs.total(), "changed": changed}

    def _remember(self, label: EmotionLabel) -> None:
        labels, index = self._place(label.source)
        if index is not None:
            if label.label not in self._names:
                self._names.append(label.label)
            labels[index] = self._names.index(label.label)

    def _place(self, source: Source | None) -> "tuple[array[int], int | None]":
        """Where the old label of a record is kept; nowhere if the record is not in the range."""
        if source is not None and (partition := Partition(source.topic, source.partition)) in self._old:
            labels, index = self._old[partition], source.offset - self._starts[partition]
            return labels, index if 0 <= index < len(labels) else None
        return array("H"), None
