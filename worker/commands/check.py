"""`emotion-worker check`: everything that `run` needs, tried in order, with a report."""

import statistics
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import orjson

from worker.build import make_sink
from worker.errors import NotDeliveredError, Problem, UserError
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients, trial_transactional_id
from worker.kafka.committed_offsets import CommittedOffsets
from worker.kafka.topics import topic_hints, topic_problems
from worker.labelling import load_candidates, load_model, set_batch_tokens
from worker.messages.schema_registry import LabelSubject
from worker.model.artifact import pinning_hint
from worker.model.glued_emoji import glued_emoji_hint
from worker.model.rebuilt_tokenizer import rebuilt_hint
from worker.model.sharing import Sharing
from worker.model.token_limits import MOST_TOKENS
from worker.model.warm_up import (
    MAX_DIFFERENT,
    SAMPLES,
    cache_file,
    different_labels,
    forward_texts_per_s,
    tokenized_samples,
)
from worker.observe.tracing import exporters, tracing
from worker.settings import Settings, load_settings
from worker.settings.listing import changed_settings

if TYPE_CHECKING:
    from worker.model.model import Model
    from worker.model.tokenizer import Tokenizer

_ROUNDS = 3
_SHARING = {
    Sharing.ANY_LENGTHS: "does not change the scores of built-in texts: texts of any length share a batch",
    Sharing.EQUAL_LENGTHS: "changes the scores of built-in texts: only texts of equal length share a batch",
    Sharing.NO_OTHERS: "and other texts of a batch change the scores of built-in texts: each text has its own batch",
}


class Result(NamedTuple):
    """What one look at one part found. Well with a mend is a hint: it works, but perhaps not as it is meant."""

    check: str
    ok: bool
    detail: str
    mend: str | None = None


def check(as_json: bool, device_only: bool = False) -> int:
    """Print what was found; returns 0 if all is well, else 1. It joins no group and writes nothing.

    Args:
        as_json: Print one list of `{check, ok, detail, mend}` at the end, in place of a line for each.
        device_only: Do what `run` does to warm up, and look at the model on its device; need no broker.
    """
    results = []
    for result in _results(device_only):
        results.append(result)
        if not as_json:
            _print(result)
    if as_json:
        sys.stdout.write(orjson.dumps([result._asdict() for result in results]).decode() + "\n")
    return 0 if all(result.ok for result in results) else 1


def _results(device_only: bool) -> Iterator[Result]:
    try:
        settings = load_settings()
    except UserError as error:
        yield from (Result("settings", False, line, "correct or unset it") for line in str(error).splitlines())
        return
    changed = " ".join(f"{name}={value}" for name, value in changed_settings(settings).items())
    yield Result("settings", True, changed or "all have their defaults")
    if device_only:
        yield from _tried("device", _device, settings)
        return
    connected = True
    for result in _tried("broker", _broker, settings):
        connected &= result.ok
        yield result
    if connected:
        for name, part in {"topics": _topics, "group": _group, "delivery": _delivery}.items():
            yield from _tried(name, part, settings)
    if exporters():
        yield from _tried("traces", _traces, settings)
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
    except RuntimeError as error:  # of torch, which has no narrower one for all that a device can do wrong
        yield Result(
            name,
            False,
            f"the model fails on its device: {type(error).__name__}: {str(error).partition(chr(10))[0]}",
            "look at the device, its driver and its memory, or take another by EMOTION_DEVICE or EMOTION_DTYPE",
        )


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
        yield from _each("topics", False, problems)
        return
    partitions = ", ".join(f"{topic.name} ({topic.partitions} partitions)" for topic in topics.values())
    yield Result("topics", True, partitions)
    yield from _each("topics", True, topic_hints(topics, settings))


def _group(settings: Settings) -> Iterator[Result]:
    with KafkaClients(settings).admin() as admin:
        group = admin.group(settings.group_id)
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
    yield from _described(model, tokenizer)
    hints = (pinning_hint(settings.model, settings.model_revision), glued_emoji_hint(tokenizer))
    yield from _each("model", True, [hint for hint in hints if hint])


def _device(settings: Settings) -> Iterator[Result]:
    from worker.model.device import describe, memory_needed  # torch takes seconds

    model, exact, tokenizer = load_candidates(settings)
    yield from _described(model, tokenizer)
    yield Result("device", True, describe(model.device))
    compared = _compared(model, exact, tokenizer)
    yield compared
    model = model if compared.ok or exact is None else exact
    set_batch_tokens(model, settings)
    yield _batch(model, settings)
    batches = 2 * (model.full_load() + 1)
    texts = tokenized_samples(tokenizer, max(SAMPLES, batches * model.batch_tokens // 16))  # at 16 tokens a text
    speed = statistics.median(forward_texts_per_s(model, texts, model.batch_tokens) for _ in range(_ROUNDS))
    yield Result("speed", True, f"{speed:,.0f} built-in texts/s, the model alone in {model.dtype}")
    yield Result("memory", True, f"{memory_needed(model.device)}, warm-up included; each process needs as much")


def _described(model: "Model", tokenizer: "Tokenizer") -> Iterator[Result]:
    info = model.info
    longest = f"up to {tokenizer.max_tokens} tokens" if tokenizer.max_tokens < MOST_TOKENS else "of any length"
    yield Result(
        "model",
        True,
        f"{info.name} {info.revision[:19]} on {model.device} in {model.dtype}; "
        f"{_labels(info.labels, info.thresholds)}; texts {longest}",
    )
    if tokenizer.max_tokens == MOST_TOKENS:
        yield Result(
            "model",
            True,
            "neither config.json nor tokenizer_config.json names a longest text: none is cut",
            "set model_max_length in tokenizer_config.json if memory does not hold the longest that come",
        )
    if hint := rebuilt_hint(tokenizer.differing):
        yield Result("tokenizer", True, hint.detail, hint.mend)
    if model.row_tokens == 0:
        yield Result("padding", True, _SHARING[model.sharing])


def _labels(labels: list[str], thresholds: list[float] | None) -> str:
    if thresholds is None:
        return f"labels {', '.join(labels)}"
    return f"several labels a text: {', '.join(map('{} from {:g}'.format, labels, thresholds))}"


def _compared(model: "Model", exact: "Model | None", tokenizer: "Tokenizer") -> Result:
    if exact is None:
        return Result("dtype", True, f"{model.dtype}: there is no other to compare it with")
    different = different_labels(model, exact, tokenizer)
    detail = f"{different} of {SAMPLES} built-in texts get another label in {model.dtype} than in {exact.dtype}"
    if different <= MAX_DIFFERENT:
        return Result("dtype", True, detail)
    return Result("dtype", False, detail, "set EMOTION_DTYPE=float32, to which `run` steps back by itself")


def _batch(model: "Model", settings: Settings) -> Result:
    if settings.batch_tokens is not None:
        return Result("batch", True, f"{model.batch_tokens} padded tokens at once, by EMOTION_BATCH_TOKENS")
    detail, file = f"{model.batch_tokens} padded tokens at once are the fastest", cache_file()
    if file.exists():
        return Result("batch", True, f"{detail}; kept in {file}")
    mend = "let XDG_CACHE_HOME name a folder that can be written, or set EMOTION_BATCH_TOKENS"
    return Result("batch", True, f"{detail}, but {file} cannot be written: every start measures again", mend)


def _each(name: str, ok: bool, problems: list[Problem]) -> Iterator[Result]:
    return (Result(name, ok, problem.detail, problem.mend) for problem in problems)


def _print(result: Result) -> None:
    verdict = "PROBLEM" if not result.ok else "hint" if result.mend else "ok"
    text = f"{result.detail}: {result.mend}" if result.mend else result.detail
    sys.stdout.write(f"{verdict:<8} {result.check:<9} {text}\n")
    sys.stdout.flush()  # the next part may take seconds
