"""`emotion-worker check --challenger MODEL`: what `run --challenger` needs."""

from collections.abc import Iterator, Sequence

from worker.commands.challenge_parts import checked_challenge_topics, load_challenger
from worker.commands.check_model import described
from worker.commands.check_result import Result
from worker.kafka.clients import KafkaClients
from worker.model.artifact import pinning_hint
from worker.settings import Settings


def check_challenge_topics(settings: Settings, texts: Sequence[str]) -> Iterator[Result]:
    """Look at the topics, and the rights to them."""
    topics = checked_challenge_topics(KafkaClients(settings), settings, texts)
    partitions = ", ".join(f"{topic.name} ({topic.partitions} partitions)" for topic in topics.values())
    yield Result("topics", True, partitions)


def check_challenger(settings: Settings) -> Iterator[Result]:
    """Load the model as `run --challenger` does, and say what it is."""
    model, tokenizer = load_challenger(settings)
    yield from described(model, tokenizer)
    if hint := pinning_hint(settings.model, settings.model_revision):
        yield Result("model", True, hint.detail, hint.mend.replace("EMOTION_MODEL_REVISION", "--challenger-revision"))
