"""What every command that labels has in common: what a message is, the model, its tokenizer, its batches."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from worker.errors import UserError, first_line
from worker.flow import Batch, Request, TokenizedText
from worker.messages.decode import ReadMessage, message_reader
from worker.messages.split import Split, splitter
from worker.model.artifact import find_artifact
from worker.model.batcher import plan
from worker.model.glued_emoji import glued_emoji_hint
from worker.model.golden_set import golden_files, hold_against
from worker.model.rebuilt_tokenizer import rebuilt_hint
from worker.model.sample_texts import HOSTILE_TEXTS
from worker.model.warm_up import MAX_DIFFERENT, cache_file, different_labels, find_batch_tokens, warm_up_shapes
from worker.settings import Settings

if TYPE_CHECKING:
    from worker.model.model import Model
    from worker.model.tokenizer import Tokenizer

_log = logging.getLogger(__name__)

_FILES = "see whether its files belong together and are whole, and whether its kind takes texts alone"
_DEVICE = "look at the device and its memory, or take another by EMOTION_DEVICE or EMOTION_DTYPE"


def now_ms() -> int:
    """Milliseconds since 1970 in UTC."""
    return time.time_ns() // 1_000_000


def load_model(settings: Settings) -> "tuple[Model, Tokenizer]":
    """The model and its tokenizer.

    In another number format than float32 it is compared with float32 first, and left in float32 if the labels differ.

    Raises:
        UserError: There is no such model, device or dtype, or it does not label here as it did where it was made.
    """
    model, exact, tokenizer = load_candidates(settings)
    with _told(settings.model, "fails on texts", _DEVICE):
        different = 0.0 if exact is None else different_labels(model, exact, tokenizer)
    if exact is not None and different > MAX_DIFFERENT:
        _log.warning(
            "dtype_stepped_back",
            extra={"from": str(model.dtype), "to": str(exact.dtype), "different_labels": different},
        )
        model = exact
    hold_against_golden_sets(model, tokenizer, settings)
    return model, tokenizer


def load_candidates(settings: Settings) -> "tuple[Model, Model | None, Tokenizer]":
    """The model in the number format of the settings; in float32 as well, where that is another; and its tokenizer.

    Raises:
        UserError: There is no such model, device or dtype.
    """
    artifact = find_artifact(settings.model, settings.model_revision)
    from worker.model.model import Model
    from worker.model.neighbours import settle_sharing
    from worker.model.tokenizer import Tokenizer

    load = partial(
        Model, artifact, settings.device, batch_tokens=settings.batch_tokens, confident_score=settings.confident_score
    )
    told = partial(_told, artifact.folder)
    with told("cannot be loaded", _FILES), told("cannot be put on its device", _DEVICE, RuntimeError):
        model = load(dtype=settings.dtype)
        exact = None if model.is_exact else load(dtype="float32")
    with told("has a tokenizer that fails", "copy its files again"):
        tokenizer = Tokenizer(artifact, model.positions)
        tokenizer.tokenize([Request(0, "", text, None) for text in HOSTILE_TEXTS])  # some are loaded and cannot
    with told("fails on texts", f"{_FILES}; look at the device and its memory"):
        settle_sharing(model, exact, tokenizer)
    return model, exact, tokenizer


def hold_against_golden_sets(model: "Model", tokenizer: "Tokenizer", settings: Settings) -> int:
    """See whether built-in texts of the model, and the user's own, come out here as they should; how many there are.

    Raises:
        UserError: They do not.
    """
    with _told(settings.model, "fails on texts", _DEVICE):
        return hold_against(model, tokenizer, planner(model), golden_files(model.folder, settings.golden_set))


@contextmanager
def _told(folder: Path | str, what: str, mend: str, kind: type[Exception] = Exception) -> Iterator[None]:
    """Whatever the code of others raises about a model folder is told in one line.

    Of torch even a device's errors have no narrower type than RuntimeError; tokenizers raises Exception itself.
    """
    try:
        yield
    except UserError:
        raise
    except kind as error:
        raise UserError(f"EMOTION_MODEL: {folder} {what}: {first_line(error)}", mend) from error


def set_batch_tokens(model: "Model", settings: Settings) -> None:
    """Let the model see as many padded tokens at once as the settings say, or as are fastest here."""
    if settings.batch_tokens is None:
        with _told(settings.model, "fails on batches of texts", f"{_DEVICE}; or set EMOTION_BATCH_TOKENS"):
            model.batch_tokens = find_batch_tokens(model, cache_file())


def warm_up(model: "Model", settings: Settings) -> None:
    """What is done with a model before its first text."""
    set_batch_tokens(model, settings)
    warm_up_shapes(model)


def planner(model: "Model") -> Callable[[list[TokenizedText]], Iterable[Batch]]:
    """Makes batches as the model takes them now: out of memory it takes smaller ones."""
    return lambda tokenized: plan(tokenized, model.batch_tokens, model.row_tokens, model.shares, model.sharing)


def log_hints(tokenizer: "Tokenizer") -> None:
    """Say what about this model's tokenizer its user had better know."""
    if hint := rebuilt_hint(tokenizer.differing):
        _log.warning("tokenizer_read_two_ways", extra={"detail": hint.detail, "mend": hint.mend})
    if hint := glued_emoji_hint(tokenizer):
        _log.warning("words_lost_to_emoji", extra={"detail": hint.detail, "mend": hint.mend})


def make_reader(settings: Settings, input_format: str, prefixed: bool = False) -> ReadMessage:
    """Reads a record or a line by the settings; the one place in which `run` and `label` agree what a message is."""
    return message_reader(input_format, settings.fields, settings.max_message_bytes, prefixed)


def make_splitter(settings: Settings, input_format: str, prefixed: bool = False) -> Split | None:
    """Splits a record or a line into its texts, if the settings say so."""
    return settings.split and splitter(settings.split, input_format, prefixed, settings.max_message_bytes)
