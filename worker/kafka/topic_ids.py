"""Whether a topic is still the one that it was: one that was deleted and made again has another id.

An id is asked after a window's records were fetched, so that they are all of that topic, and is committed with its
offsets. Should the topic be made anew just before the commit, it names the old one, and nobody takes it for the new
one's.
"""

from collections.abc import Callable, Collection, Mapping
from functools import cache

from kafka import KafkaConsumer

from worker.errors import NotDeliveredError
from worker.kafka.own_keys import ALL_KEYS, KeyShare, without_mark
from worker.kafka.patches.topic_ids import ask_topic_ids

LOOKUP_MS = 5_000


class TopicIds:
    """The ids of the topics that one consumer reads. Before Apache Kafka 2.8 there are none, and nothing is told."""

    def __init__(self, consumer: KafkaConsumer, share: KeyShare = ALL_KEYS) -> None:
        self._consumer = consumer
        self._share = share
        self._known: dict[str, str] = {}

    def look(self, topics: Collection[str]) -> Collection[str] | None:
        """Ask for these; gives those that were made anew since they were looked at, None while one is gone.

        Raises:
            kafka.errors.KafkaError: There is no answer.
        """
        found = ask_topic_ids(self._consumer, topics, LOOKUP_MS)() if topics else {}
        if any(topic in self._known and topic not in found for topic in topics):
            return None
        made_anew = [topic for topic, now in found.items() if self._known.get(topic, now) != now]
        self._known |= found
        return made_anew

    def known(self, topic: str) -> str | None:
        """Its id when it was looked at last."""
        return self._known.get(topic)

    def are_other(self) -> bool:
        """Whether one was made anew, or is gone, since it was looked at.

        Raises:
            kafka.errors.KafkaError: There is no answer.
        """
        return bool(self._known) and ask_topic_ids(self._consumer, self._known, LOOKUP_MS)() != self._known

    def ask(self) -> Callable[[], Mapping[str, str]]:
        """Ask whether they are the same, without waiting; what is given back waits, and gives what to commit of each.

        It raises a NotDeliveredError where one was made anew, and a kafka.errors.KafkaError where there is no answer.
        """
        if not self._known:
            return dict
        known = dict(self._known)
        marked = {topic: self._share.marked(topic_id) for topic, topic_id in known.items()}
        answer = ask_topic_ids(self._consumer, known, LOOKUP_MS)

        @cache
        def check() -> Mapping[str, str]:
            if others := [topic for topic, now in answer().items() if known.get(topic) != now]:
                raise NotDeliveredError(f"topic {others[0]} was deleted and made again")
            return marked

        return check

    def is_of_another(self, topic: str, committed: str) -> bool:
        """Whether an offset with this metadata was committed for a topic that had this name before."""
        return is_of_another(self._known.get(topic), committed)


def is_of_another(known: str | None, committed: str) -> bool:
    """Whether an offset with this metadata was committed for another topic than that of the id.

    One of another cluster was translated by whoever brought it here, and counts.
    """
    committed = without_mark(committed)
    return known is not None and committed != known and committed.split("/")[0] == known.split("/")[0]
