"""`emotion-worker label`: lines in, JSON lines out, no Kafka."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from schemas.codec import encode_label
from schemas.emotion_label import EmotionLabel
from schemas.text_message import DecodedMessage
from worker.errors import UserError
from worker.flow import Batch, Prediction, Rejected, Request, TokenizedText
from worker.labelling import load_model, make_reader, make_splitter, now_ms, planner
from worker.messages.decode import decode_texts
from worker.messages.encode import LabelMaker, encode_rejected
from worker.messages.split import Split
from worker.process.memory import set_aside
from worker.settings import Settings

_READ_BYTES = 1 << 20
_WINDOW_LINES = 512


@dataclass(frozen=True)
class LabelStages:
    """The stages between a line and its label."""

    read: Callable[[bytes], DecodedMessage]
    tokenize: Callable[[list[Request]], list[TokenizedText]]
    plan: Callable[[list[TokenizedText]], Iterable[Batch]]
    predict: Callable[[Iterable[Batch]], Iterable[Prediction | Rejected]]
    make_label: Callable[[Prediction], EmotionLabel]
    split: Split | None = None
    skip_without_text: bool = False


def label(settings: Settings, files: list[Path], line_format: str) -> int:
    """Label the lines of `files`, or of standard input; returns the exit code.

    Raises:
        UserError: A file or the model is missing.
    """
    missing = [str(path) for path in files if not path.exists() or path.is_dir()]
    if missing:
        raise UserError(f"no such file: {', '.join(missing)}")
    model, tokenizer = load_model(settings)
    set_aside()
    stages = LabelStages(
        read=make_reader(settings, line_format),
        tokenize=tokenizer.tokenize,
        plan=planner(model),
        predict=model.predict,
        make_label=LabelMaker(model.info, now_ms),
        split=make_splitter(settings, line_format) if (settings.split, line_format) == ("array", "json") else None,
        skip_without_text=settings.without_text == "skip",
    )
    streams = _opened(files) if files else [sys.stdin.buffer]
    label_lines(stages, streams, sys.stdout.buffer)
    return 0


def label_lines(stages: LabelStages, streams: Iterable[BinaryIO], output: BinaryIO) -> None:
    """Write one JSON line for each text of the streams, in order, as soon as their lines are there.

    A line without an id is named by its number, counted from 1 across all streams.
    """
    number = 1
    with tqdm(unit=" texts", disable=None) as progress:
        for stream in streams:
            for window in _windows(stream):
                output.writelines(answer + b"\n" for answer in _label_window(stages, window, number))
                output.flush()
                number += len(window)
                progress.update(len(window))


def _opened(files: list[Path]) -> Iterator[BinaryIO]:
    for path in files:
        with path.open("rb") as stream:
            yield stream


def _windows(stream: BinaryIO) -> Iterator[list[bytes]]:
    """The lines that are there, so many at most, without waiting for more than one."""
    rest: list[bytes] = []
    while chunk := stream.read1(_READ_BYTES):  # type: ignore[attr-defined]
        *lines, last = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join([*rest, lines[0]])
            rest = []
        rest.append(last)
        for start in range(0, len(lines), _WINDOW_LINES):
            yield lines[start : start + _WINDOW_LINES]
    if any(rest):
        yield [b"".join(rest)]


def _label_window(stages: LabelStages, lines: list[bytes], first_number: int) -> list[bytes]:
    names, texts = _parts(stages, lines, first_number)
    requests, others = decode_texts(stages.read, zip(names, texts, strict=True), stages.skip_without_text)
    answers = {
        other.index: encode_rejected(names[other.index], other) for other in others if isinstance(other, Rejected)
    }
    names_of = {request.index: request.id for request in requests}
    for prediction in stages.predict(stages.plan(stages.tokenize(requests))):
        if isinstance(prediction, Rejected):
            answers[prediction.index] = encode_rejected(names_of[prediction.index], prediction)
        else:
            answers[prediction.request.index] = encode_label(stages.make_label(prediction))
    return [answers[index] for index in range(len(texts)) if index in answers]


def _parts(stages: LabelStages, lines: list[bytes], first_number: int) -> tuple[list[str], list[bytes]]:
    """The texts of the lines, each with what it is called if it has no id of its own."""
    names: list[str] = []
    texts: list[bytes] = []
    for number, line in enumerate(lines, first_number):
        line = line.removesuffix(b"\r")
        parts = stages.split(line) if stages.split else []
        names += [f"{number}-{part}" for part in range(len(parts))] or [str(number)]
        texts += parts or [line]
    return names, texts
