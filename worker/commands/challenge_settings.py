"""What a challenger is told: its model, its share, and settings that are those of the live workers but for its own."""

from dataclasses import dataclass

from worker.commands.bounded_source import own_group
from worker.errors import UserError
from worker.kafka.offset_spec import OffsetSpec
from worker.settings import Settings, load_settings


@dataclass(frozen=True)
class Challenge:
    """Which model, what share of the texts, and which part of the labels; all of them and what comes where None."""

    model: str
    revision: str | None = None
    share: float = 1.0
    first: OffsetSpec | None = None
    until: OffsetSpec | None = None
    group: str | None = None


class OfChallenger(Settings):
    """Settings of a challenger, as the rooms take them: it reads labels, and writes disagreements."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Its topic, and that of reviews."""
        return (self.output_topic, *filter(None, [self.review_topic]))

    @property
    def answering_topics(self) -> tuple[str, ...]:
        """Its topic."""
        return (self.output_topic,)


def own_settings(wanted: Challenge) -> tuple[Settings, tuple[str, ...]]:
    """The settings of a challenger, and the topics of the texts.

    Raises:
        UserError: A setting is wrong, or it would take something of the live workers.
    """
    settings = load_settings(model=wanted.model, model_revision=wanted.revision)
    if settings.split:
        raise UserError(
            "--challenger: with EMOTION_SPLIT a record has several labels, which have one offset",
            "label a part anew by it, `run --from … --until … --to …` with EMOTION_MODEL",
        )
    if settings.challenger_topic in settings.topics:
        raise UserError(
            f"EMOTION_CHALLENGER_TOPIC={settings.challenger_topic} is a topic of the live workers: name one of its own"
        )
    is_bounded = wanted.first is not None
    own: dict[str, object] = {
        "input_topic": settings.output_topic,
        "output_topic": settings.challenger_topic,
        "group_id": _group(settings, wanted),
        "delivery": "exactly_once",
        "http_port": 0 if is_bounded else settings.http_port,
        "page": settings.page and not is_bounded,
        "key_share": None,  # the labels of two deployments are on one topic
        "golden_set": None,  # what the live model must give
    }
    return OfChallenger.model_construct(**(dict(settings) | own)), settings.input_topics


def _group(settings: Settings, wanted: Challenge) -> str:
    """The consumer group of the challenger.

    Raises:
        UserError: It is that of the live workers.
    """
    group = wanted.group or settings.challenger_group_id
    if wanted.first is not None and wanted.until is not None:
        what = [settings.output_topic, settings.challenger_topic, wanted.model, wanted.revision, wanted.share]
        what += [wanted.first.text, wanted.until.text]
        group = own_group(settings.group_id, "challenger", what, wanted.group)
    group = group or f"{settings.group_id}-challenger"
    if group == settings.group_id:
        named_by = "--group" if wanted.group else "EMOTION_CHALLENGER_GROUP_ID"
        raise UserError(f"{named_by} {group} is EMOTION_GROUP_ID: the challenger needs a group of its own")
    return group
