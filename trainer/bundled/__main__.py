"""Makes the bundled model from public data and its base encoder: `python -m trainer.bundled --output FOLDER`.

Two teachers learn from one half of the labelled texts each, and say of the other half how sure one can be, which
people's labels do not. A student of three of the six layers learns from both, and from what the teachers say of tweets.
It ends with dair-ai/emotion given more weight, whose labels hang on single words that take long to learn.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.artifact.export import export
from trainer.artifact.writing import CARD_FILE, REPORT_FOLDER
from trainer.bundled.data import LABELS, Data, domains, write_halves, write_mixed
from trainer.errors import UserError
from trainer.output import check_writable
from trainer.report.markdown import cell

_BASE = "sentence-transformers/all-MiniLM-L6-v2"
_COMMON = {
    "name": "bert-finetuned-emotion",
    "base_model_name": _BASE,
    "labels": " ".join(LABELS),
    "drop_links_and_names": "",
    "per_device_eval_batch_size": "64",
    "warmup_steps": "100",
    "num_train_epochs": "2",
    "train_sampling_strategy": "group_by_length",
    "save_strategy": "no",
    "report_to": "none",
    "logging_steps": "100",
}
_TEACHER = {
    "learning_rate": "1e-4",
    "per_device_train_batch_size": "32",
    "augment": "0.3",
    "augment_most": "2",
    "augment_kinds": "url=0 mention=0",
}
_STUDENT = {
    "per_device_train_batch_size": "64",
    "emoji_tokens": "",
    "misspellings": "4000",
    "augment": "0.5",
    "augment_most": "3",
    "augment_kinds": "typo=4 url=0 mention=0",
}
_FIRST = _STUDENT | {"layers": "0 2 5", "learning_rate": "2e-4"}
_LAST = _STUDENT | {"learning_rate": "1e-4", "num_train_epochs": "1"}
_LAST_TWEETS = 0.3  # of them, so that nothing is forgotten

_Step = tuple[str, Sequence[str]]
"""What it makes, a file or folder below the work folder, and the command of `emotion-trainer` that makes it."""


def main() -> None:
    """Runs the steps whose results are not there yet, and says what went in."""
    parser = argparse.ArgumentParser(prog="python -m trainer.bundled", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", required=True, type=Path, help="folder of the artifact")
    parser.add_argument("--work", type=Path, help="folder of what lies between; a run goes on there (OUTPUT-work)")
    parser.add_argument("--base", default=_BASE, help="the encoder: hub id or folder (%(default)s)")
    parser.add_argument("--emotion", default="dair-ai/emotion", help="hub data set or folder (%(default)s)")
    parser.add_argument(
        "--goemotions", default="google-research-datasets/go_emotions", help="hub data set or folder (%(default)s)"
    )
    parser.add_argument("--tweets", required=True, type=Path, help="file of texts without labels, one a line")
    parser.add_argument("--seed", type=int, default=42, help="(%(default)s)")
    parser.add_argument("--rows", type=int, help="so many texts of each data set, to try it out")
    given = parser.parse_args()
    work = given.work or given.output.with_name(f"{given.output.name}-work")
    try:
        check_writable(given.output, work)
        _make(given, work)
    except UserError as error:
        sys.stderr.write(f"trainer.bundled: error: {error}\n")
        sys.exit(2)


def _make(given: argparse.Namespace, work: Path) -> None:
    data = Data(given.emotion, given.goemotions)
    digests = write_halves(data, work, given.seed, given.rows) | {given.tweets.name: _digest(given.tweets)}
    _claim(work, digests | {"seed": str(given.seed), "rows": str(given.rows)})
    for steps in _labelling(given, work):
        _side_by_side(work, steps)
    for half, teacher in (("a", "b"), ("b", "a")):
        write_mixed(work / f"{half}.jsonl", work / f"{half}-by-{teacher}.jsonl", work / f"{half}-mixed.jsonl")
    _list(work, "student.json", ["b-mixed"], tweets=1)
    _list(work, "last.json", ["a-mixed", "b-mixed"], tweets=_LAST_TWEETS)
    (work / "domains.json").write_text(json.dumps(domains(data)), encoding="utf-8")
    for step in _students(given, work):
        _side_by_side(work, [step])
    if not given.output.exists():
        export(work / "last", given.output, "float16", overwrite=False)
        _complete_card(given.output, _how(given.seed, digests))
    sys.stdout.write(f"{given.output}: seed {given.seed}\n")


def _digest(tweets: Path) -> str:
    try:
        return f"sha256:{hashlib.sha256(tweets.read_bytes()).hexdigest()}"
    except OSError as error:
        raise UserError(
            f"--tweets {tweets}: cannot be read: {error.strerror}; give a file of texts, one a line"
        ) from error


def _claim(work: Path, inputs: Mapping[str, str]) -> None:
    """Notes what went in, so that no run goes on with what was made of other data or by another seed.

    Raises:
        UserError: if the folder is of another run.
    """
    file = work / "inputs.json"
    if file.is_file() and json.loads(file.read_bytes()) != inputs:
        raise UserError(f"--work {work}: holds what another seed or other data made; give another folder, or remove it")
    file.write_text(json.dumps(inputs, indent=1), encoding="utf-8")


def _complete_card(artifact: Path, how: str) -> None:
    """Adds how the model was made, and leaves out the report on the data, which are not ours."""
    for file in (artifact / REPORT_FOLDER).iterdir():
        if file.suffix != ".png":
            file.unlink()
    card = artifact / CARD_FILE
    lines = [line for line in card.read_text(encoding="utf-8").splitlines() if "(report/data.md)" not in line]
    card.write_text("\n".join(lines) + "\n" + how, encoding="utf-8")


def _how(seed: int, digests: Mapping[str, str]) -> str:
    """Returns the card's section on the whole way from data to model."""
    rows = "".join(f"| {cell(name)} | `{digest}` |\n" for name, digest in digests.items())
    return (
        f"\n## How it was made\n\nBy `python -m trainer.bundled --seed {seed}`, which says how. The table of the "
        f"training is that of its last step.\n\nThe encoder is {_BASE} (Apache-2.0). What it learnt from are "
        "dair-ai/emotion, GoEmotions (Demszky et al. 2020, Apache-2.0) and tweets without labels. None of these texts "
        "is in this folder. Before you use these weights commercially, read the terms of the data sets.\n\n"
        f"| what went in | digest |\n| --- | --- |\n{rows}"
    )


def _labelling(given: argparse.Namespace, work: Path) -> Sequence[Sequence[_Step]]:
    """Returns the steps before the student, those of one line side by side."""
    a, b = str(work / "teacher-a"), str(work / "teacher-b")
    tweets, seed = ["--data", str(given.tweets)], ["--seed", str(given.seed)]
    teach = _training(given, _TEACHER, {"model": given.base})
    return [
        [(f"teacher-{half}", [*teach, "--train-file", str(work / f"{half}.jsonl")]) for half in "ab"],
        [
            ("a-by-b.jsonl", ["soft-label", b, "--data", str(work / "a.jsonl")]),
            ("b-by-a.jsonl", ["soft-label", a, "--data", str(work / "b.jsonl")]),
        ],
        [("tweets.jsonl", ["soft-label", a, b, *tweets, "--format", "text"])],
        [
            ("cued.jsonl", ["cue-label", *tweets, "--most", "1000", *seed]),
            ("negated.jsonl", ["negate", "--data", given.emotion, "--most", "4000", *seed]),
        ],
    ]


def _list(work: Path, name: str, mixed: Sequence[str], *, tweets: float) -> None:
    """Writes the list of what a student learns from beside its --train-file."""
    entries: list[dict[str, Any]] = [{"data": str(work / f"{each}.jsonl")} for each in (*mixed, "cued", "negated")]
    entries += [{"data": str(work / "tweets.jsonl"), "repeat": tweets}]
    (work / name).write_text(json.dumps(entries), encoding="utf-8")


def _students(given: argparse.Namespace, work: Path) -> Sequence[_Step]:
    """Returns the two trainings of what ships; its scores are to be believed on every kind of text."""
    domains = {"validation_datasets": str(work / "domains.json")}
    first = {"model": str(work / "teacher-a"), "train-file": str(work / "a-mixed.jsonl")}
    last = {"model": str(work / "student"), "train-file": given.emotion}
    return [
        ("student", _training(given, _FIRST, {**first, "datasets": str(work / "student.json"), **domains})),
        ("last", _training(given, _LAST, {**last, "datasets": str(work / "last.json"), **domains})),
    ]


def _training(given: argparse.Namespace, recipe: Mapping[str, str], more: Mapping[str, str]) -> list[str]:
    """Returns a command of `emotion-trainer train`, which measures on the validation split of dair-ai/emotion."""
    options = [part for name, value in {**_COMMON, **recipe}.items() for part in (f"--{name}", *value.split())]
    own = {"seed": str(given.seed), "validation-file": given.emotion, **more}
    return ["train", *options, *(part for name, value in own.items() for part in (f"--{name}", value))]


def _side_by_side(work: Path, steps: Sequence[_Step]) -> None:
    """Runs commands at once, an even share of the cores each, but those that have made their result before.

    Raises:
        UserError: if one fails.
    """
    started = {}
    threads = str(max(1, (os.cpu_count() or 1) // len(steps)))
    for makes, command in steps:
        if not (work / makes).exists():
            sys.stdout.write(f"{makes} …\n")
            sys.stdout.flush()
            argv = [sys.executable, "-m", "trainer", *command, "--output", str(work / makes)]
            environment = os.environ | {"OMP_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": "false"}
            with (work / f"{makes}.log").open("w") as log:
                started[makes] = subprocess.Popen(argv, stdout=log, stderr=log, env=environment)  # noqa: S603
    failed = [makes for makes, process in started.items() if process.wait()]
    if failed:
        raise UserError(f"{failed[0]} was not made; {work / failed[0]}.log says why")


if __name__ == "__main__":
    main()
