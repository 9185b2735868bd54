"""What `emotion-worker check` tells of the model, and of the device that it runs on."""

import statistics
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, TypeAlias

from worker.canary.loading import canary_hints, canary_settings, in_canary_words, memory_hint, told_of_canary
from worker.commands.check_result import Result, each
from worker.labelling import hold_against_golden_sets, load_candidates, load_model, set_batch_tokens
from worker.messages.review_draw import check_rare_labels
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
from worker.settings import Settings
from worker.supervisor import process_count

if TYPE_CHECKING:
    from worker.model.model import Model
    from worker.model.tokenizer import Tokenizer

Look: TypeAlias = "Generator[Result, None, Model]"

_ROUNDS = 3
_SHARING = {
    Sharing.ANY_LENGTHS: "does not change the scores of built-in texts: texts of any length share a batch",
    Sharing.EQUAL_LENGTHS: "changes the scores of built-in texts: only texts of equal length share a batch",
    Sharing.NO_OTHERS: "and other texts of a batch change the scores of built-in texts: each text has its own batch",
}


def check_model(settings: Settings) -> Iterator[Result]:
    """Load it as `run` does, and say what it is; a canary as well."""
    models = yield from _both(_check_loaded, settings)
    if settings.review_topic is not None:
        check_rare_labels(settings.review_rare_labels, [model.info for model in models])


def check_device(settings: Settings) -> Iterator[Result]:
    """Warm it up as `run` does, and say what was found out and how fast it is; a canary as well."""
    from worker.model.device import memory_needed  # torch takes seconds

    models = yield from _both(_check_on_device, settings)
    yield Result("memory", True, f"{memory_needed(models[0].device)}, warm-up included; each process needs as much")


def _both(look: Callable[[Settings], Look], settings: Settings) -> "Generator[Result, None, list[Model]]":
    """What there is to see of the model, and of the canary where there is one."""
    models = [(yield from look(settings))]
    if settings.canary_model is not None:
        own = canary_settings(settings)
        with told_of_canary():
            yield from each("canary", True, filter(None, [memory_hint(own, process_count(settings))]))
            models.append((yield from _of_canary(look(own))))
        yield from each("canary", True, canary_hints(*[model.info for model in models]))
    return models


def _of_canary(results: Look) -> Look:
    """The same results, under its name, and told by the names of its settings."""
    while True:
        try:
            check, ok, detail, mend = next(results)
        except StopIteration as end:
            model: Model = end.value
            return model
        detail = detail if check == "model" else f"{check}: {detail}"
        yield Result("canary", ok, detail, mend and in_canary_words(mend))


def _check_loaded(settings: Settings) -> Look:
    model, tokenizer = load_model(settings)
    yield from described(model, tokenizer)
    hints = (pinning_hint(settings.model, settings.model_revision), glued_emoji_hint(tokenizer))
    yield from each("model", True, filter(None, hints))
    return model


def _check_on_device(settings: Settings) -> Look:
    from worker.model.device import describe

    model, exact, tokenizer = load_candidates(settings)
    yield from described(model, tokenizer)
    yield Result("device", True, describe(model.device))
    compared = _compared(model, exact, tokenizer)
    yield compared
    model = model if compared.ok or exact is None else exact
    if held := hold_against_golden_sets(model, tokenizer, settings):
        yield Result("golden set", True, f"all {held} texts come out here as they should")
    set_batch_tokens(model, settings)
    yield _batch(model, settings)
    batches = 2 * (model.full_load() + 1)
    texts = tokenized_samples(tokenizer, max(SAMPLES, batches * model.batch_tokens // 16))  # at 16 tokens a text
    speed = statistics.median(forward_texts_per_s(model, texts, model.batch_tokens) for _ in range(_ROUNDS))
    yield Result("speed", True, f"{speed:,.0f} built-in texts/s, the model alone in {model.dtype}")
    return model


def described(model: "Model", tokenizer: "Tokenizer") -> Iterator[Result]:
    """What it is."""
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
