"""Whether the topics are fit for a challenger, by what the cluster says of them."""

from collections.abc import Mapping, Sequence

from worker.errors import Problem
from worker.kafka.topics import REVIEW_BYTES, Topic, forbidden, too_few_partitions, too_small, unwritable
from worker.settings import Settings

_DISAGREEMENT_BYTES = 1 << 14
"""What a topic of disagreements must take: two models' scores have room in it."""


def challenge_topic_problems(topics: Mapping[str, Topic], settings: Settings, texts: Sequence[str]) -> list[Problem]:
    """What keeps a challenger from its work; empty if nothing does.

    Args:
        topics: Those that are there.
        settings: Of the challenger: its input are the labels.
        texts: The topics that hold the texts.
    """
    problems = _absent(topics, settings, texts)
    sources = [topics[name] for name in texts if name in topics]
    for source in [*sources, *filter(None, [topics.get(settings.input_topic)])]:
        problems += forbidden(source, "READ")
    for target in [topics[name] for name in settings.outputs if name in topics]:
        problems += forbidden(target, "WRITE") + forbidden(target, "READ")  # they tell what was delivered
        problems += unwritable(target) + too_few_partitions(target, sources)
    problems += too_small(topics.get(settings.output_topic), _DISAGREEMENT_BYTES, "a text's scores by two models")
    if settings.review_topic is not None:
        problems += too_small(topics.get(settings.review_topic), REVIEW_BYTES, "a text for review with its scores")
    return problems


def _absent(topics: Mapping[str, Topic], settings: Settings, texts: Sequence[str]) -> list[Problem]:
    named_by = {settings.input_topic: "EMOTION_OUTPUT_TOPIC", settings.output_topic: "EMOTION_CHALLENGER_TOPIC"}
    named_by |= dict.fromkeys(texts, "EMOTION_INPUT_TOPIC")
    if settings.review_topic is not None:
        named_by[settings.review_topic] = "EMOTION_REVIEW_TOPIC"
    return [
        Problem(
            f"topic {topic} ({variable}) does not exist or this user may not see it",
            "create it, name another, or grant this user Describe on it",
        )
        for topic, variable in named_by.items()
        if topic not in topics
    ]
