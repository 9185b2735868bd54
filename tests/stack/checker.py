"""What is wrong with the labels of a stream: a pure function over what was written and what was read."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

# Partition and offset of a text.
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many records went wrong, and in which way; `phantom` are labels of texts that nobody wrote."""

    written: int
    labelled: int
    lost: int
    twice: int
    out_of_order: int
    phantom: int

    @property
    def is_right(self) -> bool:
        """Whether each text has one label, in order."""
        return not (self.lost or self.twice or self.out_of_order or self.phantom)


def judge(written: Iterable[Place], labelled: Iterable[Place]) -> Verdict:
    """Hold the places of the texts against those that the labels name, in the order in which they were read."""
    texts, labels = set(written), list(labelled)
    seen = Counter(labels)
    by_partition: defaultdict[int, list[int]] = defaultdict(list)
    for partition, offset in labels:
        by_partition[partition].append(offset)
    return Verdict(
        written=len(texts),
        labelled=len(labels),
        lost=len(texts - seen.keys()),
        twice=sum(count - 1 for count in seen.values()),
        out_of_order=sum(later < earlier for offsets in by_partition.values() for earlier, later in pairwise(offsets)),
        phantom=len(seen.keys() - texts),
    )
