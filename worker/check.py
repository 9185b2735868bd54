"""`emotion-worker check`: everything that `run` needs, tried in order, with a report."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import orjson

from worker.artifact import pinning_hint
from worker.broker import DEFAULT_MAX_MESSAGE_BYTES, Broker
from worker.build import load_model, make_sink
from worker.errors import NotDeliveredError, Problem, UserError
from worker.registry import LabelSubject
from worker.settings import Settings, changed_settings, load_settings
from worker.topics import topic_hints, topic_problems


@dataclass(frozen=True)
class Result:
    """What one look at one part found. Well with a mend is a hint: it works, but perhaps not as it is meant."""

    check: str
    ok: bool
    detail: str
    mend: str | None = None


def check(as_json: bool) -> int:
    """Print what was found; returns 0 if `run` would work, else 1. It joins no group and writes nothing.

    Args:
        as_json: Print one list of `{check, ok, detail, mend}` at the end, in place of a line for each.
    """
    results = []
    for result in _results():
        results.append(result)
        if not as_json:
            _print(result)
    if as_json:
        sys.stdout.write(orjson.dumps([asdict(result) for result in results]).decode() + "\n")
    return 0 if all(result.ok for result in results) else 1


def _results() -> Iterator[Result]:
    try:
        settings = load_settings()
    except UserError as error:
        yield from (Result("settings", False, line, "correct or unset it") for line in str(error).splitlines())
        return
    changed = " ".join(f"{name}={value}" for name, value in changed_settings(settings).items())
    yield Result("settings", True, changed or "all have their defaults")
    connected = True
    for result in _tried("broker", _broker, settings):
        connected &= result.ok
        yield result
    if connected:
        for name, part in {"topics": _topics, "group": _group, "delivery": _delivery}.items():
            yield from _tried(name, part, settings)
    if settings.schema_registry_url:
        yield from _tried("registry", _registry, settings)
    yield from _tried("model", _model, settings)


def _tried(name: str, part: Callable[[Settings], Iterator[Result]], settings: Settings) -> Iterator[Result]:
    try:
        yield from part(settings)
    except UserError as error:
        for line in error.detail.splitlines():
            yield Result(name, False, line, error.mend)
    except NotDeliveredError as error:
        yield Result(name, False, f"the brokers do not take what we write: {error}", "look at the brokers; try again")


def _broker(settings: Settings) -> Iterator[Result]:
    with Broker(settings).admin() as admin:
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
    with Broker(settings).admin() as admin:
        topics = admin.topics([settings.input_topic, settings.output_topic, settings.dead_letter_topic])
    problems = topic_problems(topics, settings)
    if problems:
        yield from _each("topics", False, problems)
        return
    partitions = ", ".join(f"{topic.name} ({topic.partitions} partitions)" for topic in topics.values())
    yield Result("topics", True, partitions)
    yield from _each("topics", True, topic_hints(topics, settings))


def _group(settings: Settings) -> Iterator[Result]:
    with Broker(settings).admin() as admin:
        group = admin.group(settings.group_id)
    if group.operations is not None and "READ" not in group.operations:
        raise UserError(f"this user has no right to read group {settings.group_id}", "grant it Read on the group")
    yield Result(
        "group",
        True,
        f"{settings.group_id} has {group.members} members and committed offsets of {len(group.committed)} partitions",
    )


def _delivery(settings: Settings) -> Iterator[Result]:
    make_sink(Broker(settings), settings, None, DEFAULT_MAX_MESSAGE_BYTES).close()
    yield Result("delivery", True, settings.delivery)


def _registry(settings: Settings) -> Iterator[Result]:
    subject = LabelSubject(settings)
    schema_id = subject.find()
    if schema_id is None:
        subject.rehearse()
    state = "will hold the label's schema" if schema_id is None else f"holds the label's schema under id {schema_id}"
    yield Result("registry", True, f"{settings.schema_registry_url}; subject {subject.name} {state}")
    if settings.schema_registry_password and not str(settings.schema_registry_url).startswith("https:"):
        yield Result("registry", True, "the password travels unencrypted", "use https outside of a lab")


def _model(settings: Settings) -> Iterator[Result]:
    model, tokenizer = load_model(settings)
    info = model.info
    yield Result(
        "model",
        True,
        f"{info.name} {info.revision[:19]} on {model.device} in {model.dtype}; labels {', '.join(info.labels)}; "
        f"texts up to {tokenizer.max_tokens} tokens",
    )
    if hint := pinning_hint(settings.model, settings.model_revision):
        yield from _each("model", True, [hint])


def _each(name: str, ok: bool, problems: list[Problem]) -> Iterator[Result]:
    return (Result(name, ok, problem.detail, problem.mend) for problem in problems)


def _print(result: Result) -> None:
    verdict = "PROBLEM" if not result.ok else "hint" if result.mend else "ok"
    text = f"{result.detail}: {result.mend}" if result.mend else result.detail
    sys.stdout.write(f"{verdict:<8} {result.check:<9} {text}\n")
    sys.stdout.flush()  # the next part may take seconds
