"""Windows of live labels to windows of the texts that they answer, each with its label."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from schemas.emotion_label import EmotionLabel
from worker import loop
from worker.errors import NotAnsweredError, NotDeliveredError
from worker.flow import AnsweredRecord, Partition, Record, Window
from worker.messages.comparison import Comparison, Unmatched
from worker.messages.outcome_origin import BOUNDED_RUN_HEADER
from worker.messages.schema_registry import ReadLabel

_log = logging.getLogger(__name__)

Texts = Mapping[tuple[Partition, int], Record]
FindTexts = Callable[[Mapping[Partition, Sequence[int]]], Texts]
"""Takes offsets of each partition, ascending; gives those records that are there, or raises NotDeliveredError."""

_AT_ONCE = 500  # texts that are looked up together; each may be large
_WINDOW_BYTES = 4 << 20  # of texts, at most, but for what is looked up at once
_PATIENCE_SECONDS = 1.0


class AnsweredSource:
    """Windows of another source, whose records are labels: texts take their place, in the order of their labels.

    What a window's offsets are stays: the group goes on behind the labels. A label that is not looked at leaves no
    text, and neither does one whose text is gone.
    """

    def __init__(
        self,
        source: loop.Source,
        read_label: ReadLabel,
        find_texts: FindTexts,
        input_topics: Sequence[str],
        is_meant: Callable[[Record], bool],
        comparison: Comparison,
        most_repeated: int,
        wait: Callable[[float], object],
    ) -> None:
        """Wrap.

        Args:
            source: Gives windows of labels.
            read_label: Reads one, or raises ValueError; NotAnsweredError where a registry does not say by what.
            find_texts: Looks up the texts.
            input_topics: Those that hold them.
            is_meant: Whether a text, of which key and origin alone are known, is to be looked at.
            comparison: Told what is not compared, and why.
            most_repeated: So many labels are remembered, to know one that comes again.
            wait: Sleeps seconds, less if told to stop.
        """
        self._source = source
        self._read_label = read_label
        self._find_texts = find_texts
        self._input_topics = frozenset(input_topics)
        self._is_meant = is_meant
        self._comparison = comparison
        self._most_repeated = most_repeated
        self._wait = wait
        self._window = Window([], {}, None)
        self._waiting: deque[Record] = deque()  # labels of the window, not handed on yet
        self._seen: dict[tuple[str, int, int, int | None], None] = {}  # places of texts; the latest are the last

    def poll(self) -> Window:
        """The next window; asking for it says that the last one was delivered."""
        if not self._waiting:
            self._window = self._source.poll()
            self._waiting = deque(self._window.records)
        self._comparison.clear()
        texts: list[Record] = []
        offsets: dict[Partition, int] = {}
        size = 0
        while self._waiting and size < _WINDOW_BYTES:
            labels = list(islice(self._waiting, _AT_ONCE))
            try:
                found = self._texts_of(labels)
            except (NotDeliveredError, NotAnsweredError) as error:
                if not offsets:
                    self._wait_for_others(error)
                break
            for label in labels:
                self._waiting.popleft()
                offsets[Partition(label.origin.topic, label.origin.partition)] = label.origin.offset + 1
            texts += found
            size += sum(len(text.value or b"") for text in found)
        return replace(
            self._window, records=texts, next_offsets=offsets if self._waiting else self._window.next_offsets
        )

    def rewind(self) -> None:
        """Start again at the committed offsets."""
        self._waiting.clear()
        self._seen.clear()
        self._source.rewind()

    def _wait_for_others(self, error: NotDeliveredError | NotAnsweredError) -> None:
        if isinstance(error, NotAnsweredError):
            _log.warning("schema_registry_away", extra={"error": str(error)})
        else:
            _log.warning("texts_not_read", extra={"error": str(error)})
        self._wait(_PATIENCE_SECONDS)

    def _texts_of(self, records: Sequence[Record]) -> list[Record]:
        unmatched: Counter[str] = Counter()
        seen: dict[tuple[str, int, int, int | None], None] = {}
        answered = [each for record in records if (each := self._answered(record, unmatched, seen))]
        wanted: dict[Partition, set[int]] = {}
        for each in answered:
            wanted.setdefault(_partition(each), set()).add(each.origin.offset)
        texts = self._find_texts({partition: sorted(offsets) for partition, offsets in wanted.items()})
        found: list[Record] = []
        for each in answered:
            text = texts.get((_partition(each), each.origin.offset))
            if text is None or text.origin.timestamp_ms != each.origin.timestamp_ms:
                unmatched[Unmatched.TEXT_GONE] += 1
            else:
                each.value, each.headers = text.value, text.headers
                found.append(each)
        self._comparison.unmatched += unmatched
        self._seen |= seen
        for place in list(islice(self._seen, max(0, len(self._seen) - self._most_repeated))):
            del self._seen[place]
        return found

    def _answered(
        self, record: Record, unmatched: Counter[str], seen: dict[tuple[str, int, int, int | None], None]
    ) -> AnsweredRecord | None:
        """The text of a live label, without its value yet; None if it is not looked at."""
        if record.value is None:  # a tombstone says nothing of a text
            return None
        label = self._read(record.value)
        if label is None or (source := label.source) is None:
            unmatched[Unmatched.NO_LABEL] += 1
            return None
        text = AnsweredRecord(source, record.key, None, [], label=label, answer=record.origin)
        if source.topic not in self._input_topics or source.partition != record.origin.partition:
            unmatched[Unmatched.OTHER_INPUT] += 1
            return None
        if not self._is_meant(text):
            return None
        place = (source.topic, source.partition, source.offset, source.timestamp_ms)
        if any(name == BOUNDED_RUN_HEADER for name, _ in record.headers):
            unmatched[Unmatched.BOUNDED_RUN] += 1
            return None
        if place in self._seen or place in seen:
            unmatched[Unmatched.REPEATED] += 1
            return None
        seen[place] = None
        return text

    def _read(self, value: bytes) -> EmotionLabel | None:
        try:
            return self._read_label(value)
        except ValueError:
            return None


def _partition(record: Record) -> Partition:
    return Partition(record.origin.topic, record.origin.partition)
