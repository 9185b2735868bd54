"""The parts of a challenger: its topics, its model, and what its loop goes through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.review_record import ReviewReason
from worker import build, loop
from worker.errors import UserError
from worker.flow import Attention, Refusals, Reviews, some_in_order
from worker.kafka.challenge_topics import challenge_topic_problems
from worker.kafka.clients import KafkaClients
from worker.kafka.topics import Topic
from worker.labelling import load_model, now_ms, planner
from worker.messages.comparison import Comparer, Comparison, DisagreementReviewer
from worker.messages.review_draw import DISAGREEING
from worker.reviewing import make_review_writer, make_sampler
from worker.settings import Settings

if TYPE_CHECKING:
    from worker.model.model import Model
    from worker.model.tokenizer import Tokenizer


@dataclass
class WindowAtHand:
    """What is known of the window on its way, but for what the loop itself hands on."""

    comparison: Comparison = field(default_factory=Comparison)
    refusals: Refusals = field(default_factory=Refusals)
    reviews: Reviews = field(default_factory=Reviews)


def checked_challenge_topics(clients: KafkaClients, settings: Settings, texts: Sequence[str]) -> dict[str, Topic]:
    """The topics of a challenger, once all are fit for use.

    Raises:
        UserError: Everything that is wrong with them.
    """
    with clients.admin() as admin:
        topics = admin.topics([settings.input_topic, *texts, *settings.outputs])
    if problems := challenge_topic_problems(topics, settings, texts):
        raise UserError("\n".join(map(str, problems)))
    return topics


def load_challenger(settings: Settings) -> "tuple[Model, Tokenizer]":
    """The model and its tokenizer.

    Raises:
        UserError: There is no such model, device or dtype, or it does not label here as it did where it was made.
    """
    try:
        return load_model(settings)
    except UserError as error:
        raise UserError(_by_option(error.detail), error.mend and _by_option(error.mend)) from error


def _by_option(words: str) -> str:
    """What is said of the live model's settings, of the options that stand for them."""
    return words.replace("EMOTION_MODEL_REVISION", "--challenger-revision").replace("EMOTION_MODEL", "--challenger")


def make_challenge_stages(
    settings: Settings,
    topics: Mapping[str, Topic],
    loaded: "tuple[Model, Tokenizer]",
    at_hand: WindowAtHand,
    source: loop.Source,
    sink: loop.Sink,
    is_bounded: bool,
) -> loop.Stages:
    """All stages between a source of answered texts and a sink, which shares what is known of the window at hand.

    Disagreements of a bounded run bear its group.
    """
    model, tokenizer = loaded
    run = settings.group_id if is_bounded else None
    prefixed = settings.schema_registry_url is not None and settings.input_format == "json"
    target = build.make_target(topics[settings.output_topic])
    return loop.Stages(
        source=source,
        decode=build.make_decoder(settings, prefixed),
        tokenize=tokenizer.tokenize,
        plan=planner(model),
        predict=model.predict,
        encode=Comparer(model.info, target, now_ms, at_hand.refusals, at_hand.comparison, run).encode,
        circuit_breaker=lambda _: None,  # what cannot be labelled is the live workers' to tell
        sink=sink,
        review=_make_review(settings, topics, at_hand.refusals),
        order=some_in_order,
    )


def _make_review(settings: Settings, topics: Mapping[str, Topic], refusals: Refusals) -> loop.Review:
    if settings.review_topic is None:
        return loop.no_reviews
    per_million = {ReviewReason.DISAGREEMENT: settings.review_disagreement_per_million}
    sampler = make_sampler(settings, lambda _: DISAGREEING, per_million, Attention())
    write = make_review_writer(settings, build.make_target(topics[settings.review_topic]), refusals)
    return DisagreementReviewer(sampler, write).review
