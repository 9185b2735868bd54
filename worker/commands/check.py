"""`emotion-worker check`: everything that `run` needs, tried in order, with a report."""

import sys
from collections.abc import Callable, Iterator
from functools import partial

import orjson

from worker.build import make_sink
from worker.commands.challenge_settings import Challenge, own_settings
from worker.commands.check_model import check_device, check_model
from worker.commands.check_result import Result, each
from worker.errors import DeviceFailedError, NotDeliveredError, UserError
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients, trial_transactional_id
from worker.kafka.committed_offsets import CommittedOffsets
from worker.kafka.overtaken import overtaken
from worker.kafka.topics import topic_hints, topic_problems
from worker.messages.fastavro_extra import require_fastavro
from worker.messages.schema_registry import LabelSubject
from worker.observe.tracing import exporters, tracing
from worker.settings import Settings, load_settings
from worker.settings.listing import changed_settings
from worker.supervisor import process_count

_Part = Callable[[Settings], Iterator[Result]]


def check(as_json: bool, device_only: bool = False, workers: int = 1, challenger: Challenge | None = None) -> int:
    """Print what was found; returns 0 if all is well, else 1. It joins no group and writes nothing.

    Args:
        as_json: Print one list of `{check, ok, detail, mend}` at the end, in place of a line for each.
        device_only: Do what `run` does to warm up, and look at the model on its device; need no broker.
        workers: How many are to share the group at most.
        challenger: Look at what `run --challenger` needs, in place of what the live workers do.
    """
    results = []
    for result in _results(device_only, workers) if challenger is None else _of_challenger(challenger, workers):
        results.append(result)
        if not as_json:
            _print(result)
    if as_json:
        sys.stdout.write(orjson.dumps([result._asdict() for result in results]).decode() + "\n")
    return 0 if all(result.ok for result in results) else 1


def _results(device_only: bool, workers: int) -> Iterator[Result]:
    try:
        settings = load_settings()
    except UserError as error:
        yield from (Result("settings", False, line, "correct or unset it") for line in str(error).splitlines())
        return
    changed = " ".join(f"{name}={value}" for name, value in changed_settings(settings).items())
    yield Result("settings", True, changed or "all have their defaults")
    if device_only:
        yield from _tried("device", check_device, settings)
        return
    yield from _of_brokers(settings, _topics, workers)
    if exporters():
        yield from _tried("traces", _traces, settings)
    if settings.schema_registry_url:
        yield from _tried("registry", _registry, settings)
    yield from _tried("model", check_model, settings)


def _of_challenger(wanted: Challenge, workers: int) -> Iterator[Result]:
    from worker.commands.check_challenge import check_challenge_topics, check_challenger

    try:
        settings, texts = own_settings(wanted)
    except UserError as error:
        yield from (Result("settings", False, line, "correct or unset it") for line in str(error).splitlines())
        return
    yield Result("settings", True, f"a challenger of group {settings.group_id}")
    yield from _of_brokers(settings, partial(check_challenge_topics, texts=texts), workers)
    yield from _tried("model", check_challenger, settings)


def _of_brokers(settings: Settings, look_at_topics: _Part, workers: int) -> Iterator[Result]:
    connected = True
    for result in _tried("broker", _broker, settings):
        connected &= result.ok
        yield result
    if connected:
        parts: dict[str, _Part] = {
            "topics": look_at_topics,
            "group": partial(_group, workers=workers),
            "delivery": _delivery,
        }
        for name, part in parts.items():
            yield from _tried(name, part, settings)


def _tried(name: str, part: _Part, settings: Settings) -> Iterator[Result]:
    try:
        yield from part(settings)
    except UserError as error:
        for line in error.detail.splitlines():
            yield Result(name, False, line, error.mend)
    except NotDeliveredError as error:
        yield Result(name, False, f"the brokers do not take what we write: {error}", "look at the brokers; try again")
    except RuntimeError as error:
        failed = DeviceFailedError(error)
        yield Result(name, False, failed.detail, failed.mend)


def _broker(settings: Settings) -> Iterator[Result]:
    with KafkaClients(settings).admin() as admin:
        yield Result(
            "broker",
            True,
            f"{settings.bootstrap_servers} by {settings.protocol}; brokers in the cluster: {admin.brokers()}",
        )
    if settings.protocol.endswith("PLAINTEXT"):
        what = "texts and password travel" if settings.sasl_mechanism else "texts travel"
        yield Result(
            "broker", True, f"{what} unencrypted", "use EMOTION_SECURITY_PROTOCOL SASL_SSL or SSL outside of a lab"
        )


def _topics(settings: Settings) -> Iterator[Result]:
    with KafkaClients(settings).admin() as admin:
        topics = admin.topics(settings.topics)
    problems = topic_problems(topics, settings)
    if problems:
        yield from each("topics", False, problems)
        return
    partitions = ", ".join(f"{topic.name} ({topic.partitions} partitions)" for topic in topics.values())
    yield Result("topics", True, partitions)
    yield from each("topics", True, topic_hints(topics, settings))


def _group(settings: Settings, workers: int) -> Iterator[Result]:
    with KafkaClients(settings).admin() as admin:
        group = admin.group(settings.group_id)
        partitions = sum(topic.partitions for topic in admin.topics(settings.input_topics).values())
    if group.operations is not None and "READ" not in group.operations:
        raise UserError(f"this user has no right to read group {settings.group_id}", "grant it Read on the group")
    members = "members" if group.members is None else f"{group.members} members"
    yield Result(
        "group",
        True,
        f"{settings.group_id} has {members} and committed offsets of {len(group.committed)} partitions",
    )
    if group.members is None:
        yield Result(
            "group",
            True,
            f"not all members of {settings.group_id} are workers: some have group.protocol=consumer, and nobody labels "
            "the texts of their partitions",
            "give the other program a group of its own, or the workers another EMOTION_GROUP_ID",
        )
    own = [partition for partition in group.committed if partition.topic in settings.input_topics]
    for lost in overtaken(KafkaClients(settings), settings, own):
        yield Result("group", False, lost.detail, lost.mend)
    processes = process_count(settings)
    planned = f"{workers} × {processes} processes (--workers, EMOTION_PROCESSES) would be"
    yield from _spares(planned, workers * processes, partitions)
    yield from _spares(f"{settings.group_id} has", group.members or 0, partitions)


def _spares(what: str, members: int, partitions: int) -> Iterator[Result]:
    if members > partitions > 0:
        yield Result(
            "group",
            True,
            f"{what} {members} members for {partitions} partitions of the input: {members - partitions} have no work",
            "have fewer (EMOTION_PROCESSES, replicas, maxReplicaCount), or give the input more partitions",
        )


def _delivery(settings: Settings) -> Iterator[Result]:
    make_sink(
        KafkaClients(settings),
        settings,
        None,
        DEFAULT_MAX_MESSAGE_BYTES,
        CommittedOffsets(),
        name=trial_transactional_id,
    ).close()
    yield Result("delivery", True, settings.delivery)


def _traces(settings: Settings) -> Iterator[Result]:
    with tracing(settings):
        yield Result("traces", True, f"exporter: {exporters()}")


def _registry(settings: Settings) -> Iterator[Result]:
    if settings.label_format != "json":
        if settings.label_format == "avro":
            require_fastavro("EMOTION_OUTPUT_FORMAT=avro")
        subject = LabelSubject(settings)
        schema_id = subject.find()
        if schema_id is None:
            subject.rehearse()
        state = (
            "will hold the label's schema" if schema_id is None else f"holds the label's schema under id {schema_id}"
        )
        yield Result("registry", True, f"{settings.schema_registry_url}; subject {subject.name} {state}")
    if settings.input_format == "avro":
        yield from _texts_in_avro(settings)
    if settings.schema_registry_password and not str(settings.schema_registry_url).startswith("https:"):
        yield Result("registry", True, "the password travels unencrypted", "use https outside of a lab")


def _texts_in_avro(settings: Settings) -> Iterator[Result]:
    """Values name their schema themselves; where its subject has the usual name, the latest one can be looked at."""
    require_fastavro("EMOTION_INPUT_FORMAT=avro")
    from worker.messages.text_subject import TextSubject

    for topic in settings.input_topics:
        subject = TextSubject(settings, topic)
        found, mend = f"{settings.schema_registry_url}; subject {subject.name} ", None
        if (problem := subject.problem()) is None:
            found += "has a field for the text"
        else:
            found, mend = found + problem, "see EMOTION_TEXT_FIELD; none, if its texts are written by other schemas"
        yield Result("registry", True, found, mend)


def _print(result: Result) -> None:
    verdict = "PROBLEM" if not result.ok else "hint" if result.mend else "ok"
    text = f"{result.detail}: {result.mend}" if result.mend else result.detail
    sys.stdout.write(f"{verdict:<8} {result.check:<9} {text}\n")
    sys.stdout.flush()  # the next part may take seconds
