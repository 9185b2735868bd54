"""The commands of `emotion-trainer`: what each is told, and what it prints."""

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trainer.errors import UserError

# Heavy imports (torch, transformers) wait until a command needs them, so that --help answers at once.

HELP: Mapping[str, str] = {
    "train": "fine-tune a base model and write an artifact",
    "evaluate": "print how well an artifact labels a split",
    "soft-label": "write what artifacts say about texts, to train another model on",
    "cue-label": "write the texts that name their own feeling, in a word, a hashtag or an emoji, to train on",
    "export": "write an artifact again with its weights in another number format",
    "data-report": "tell what is in a data set: balance, duplicates, contradictions, leakage, debris",
}
"""What each command does, in the order in which they are listed."""


def _train(argv: Sequence[str]) -> None:
    from trainer.training.options import parse

    options, arguments = parse(argv)
    _hide_bars_of_files()
    from trainer.pipeline import train

    manifest = train(options, arguments)
    if manifest is not None:
        _write(f"{options.output}: {manifest.name} {manifest.revision}")


def _evaluate(argv: Sequence[str]) -> None:
    parser = _parser("evaluate")
    parser.add_argument("artifact", type=Path, help="model folder")
    _add_data(parser)
    parser.add_argument("--split", default="validation", help="split of the folder or hub data set (%(default)s)")
    parser.add_argument(
        "--robustness", action="store_true", help="also run suites that change texts or the people in them"
    )
    parser.add_argument(
        "--out-of-domain",
        nargs="?",
        const=True,
        metavar="FILE",
        help="also measure texts that carry no emotion: our own, or the lines of a file",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    args = parser.parse_args(argv)

    _hide_bars_of_files()
    from trainer.data.rows import Columns
    from trainer.evaluation.assessment import evaluate_artifact
    from trainer.evaluation.out_of_domain import OWN_TEXTS

    columns = Columns(args.text_column, args.label_column)
    outside = OWN_TEXTS if args.out_of_domain is True else args.out_of_domain and Path(args.out_of_domain)
    assessment = evaluate_artifact(args.artifact, args.data, args.split, columns, args.robustness, outside)
    _write(assessment.as_json() if args.json else assessment.as_table())


def _soft_label(argv: Sequence[str]) -> None:
    parser = _parser("soft-label")
    parser.add_argument(
        "artifacts", type=Path, nargs="+", metavar="artifact", help="model folder; several are averaged"
    )
    parser.add_argument("--data", required=True, help="file, folder with a file for each split, or hub data set")
    parser.add_argument("--format", choices=("text",), help="text: one plain text a line; else as the suffix says")
    parser.add_argument("--split", default="train", help="split of the folder or hub data set (%(default)s)")
    parser.add_argument("--text-column", default="text", help="name of the column of the text (%(default)s)")
    parser.add_argument("--temperature", type=_positive, default=1.0, help="above 1 flattens the scores (%(default)s)")
    parser.add_argument("--output", required=True, type=Path, help="JSON Lines file to write")
    args = parser.parse_args(argv)

    _hide_bars_of_files()
    from trainer.data.splits import load_texts
    from trainer.labelling.distillation import soft_label

    rows = load_texts(args.data, args.split, args.text_column, is_plain=args.format == "text")
    count = soft_label(args.artifacts, rows, args.output, args.temperature)
    _write(f"{args.output}: {count} texts")


def _cue_label(argv: Sequence[str]) -> None:
    parser = _parser("cue-label")
    parser.add_argument("--data", required=True, type=Path, help="file of plain texts, one a line")
    parser.add_argument("--cues", type=Path, help="JSON object of label to words and emoji (default: our own)")
    parser.add_argument("--labels", nargs="+", help="all labels of the model (default: the emotions)")
    parser.add_argument("--share", type=float, default=0.7, help="what the label gets of the score (%(default)s)")
    parser.add_argument("--most", type=int, help="texts of each label at most (default: all)")
    parser.add_argument("--seed", type=int, default=42, help="of the choice of texts (%(default)s)")
    parser.add_argument("--output", required=True, type=Path, help="JSON Lines file to write")
    args = parser.parse_args(argv)

    from trainer.data.labels import EMOTION_LABELS
    from trainer.data.splits import load_texts
    from trainer.labelling.cue_labels import DEFAULT_CUES, check_choices, cue_labelled, read_cues
    from trainer.labelling.soft_labels import check_free, write_soft_labels

    labels = args.labels or EMOTION_LABELS
    check_choices(labels, args.share, args.most)
    check_free(args.output)
    rows = load_texts(str(args.data), "", "text", is_plain=True)
    cues = read_cues(args.cues or DEFAULT_CUES)
    if unknown := sorted(set(cues.values()) - set(labels)):
        raise UserError(f"--labels: the cues tell {', '.join(unknown)} too; name all labels, or leave out those cues")
    labelled = list(cue_labelled(rows, cues, labels, share=args.share, most=args.most, seed=args.seed))
    if not labelled:
        raise UserError(
            f"{args.data}: no text holds a cue of just one label; give other texts, or cues of your own with --cues"
        )
    _write(f"{args.output}: {write_soft_labels(args.output, labelled)} texts")


def _positive(value: str) -> float:
    number = float(value)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def _export(argv: Sequence[str]) -> None:
    parser = _parser("export")
    parser.add_argument("artifact", type=Path, help="folder that `emotion-trainer train` wrote")
    parser.add_argument("--dtype", required=True, choices=("float32", "bfloat16", "float16"), help="number format")
    parser.add_argument("--output", required=True, type=Path, help="folder of the new artifact")
    parser.add_argument("--overwrite", action="store_true", help="replace an artifact that is in the place")
    args = parser.parse_args(argv)

    _hide_bars_of_files()
    from trainer.artifact.export import export

    manifest = export(args.artifact, args.output, args.dtype, overwrite=args.overwrite)
    _write(f"{args.output}: {manifest.name} {manifest.revision}")


def _data_report(argv: Sequence[str]) -> None:
    parser = _parser("data-report")
    _add_data(parser)
    parser.add_argument(
        "--splits", nargs="+", default=["train", "validation"], help="splits of a folder or hub data set (%(default)s)"
    )
    parser.add_argument("--output", type=Path, help="folder for data.md and data.json, instead of printing")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    args = parser.parse_args(argv)

    from trainer.data.rows import Columns
    from trainer.data.splits import SCORES, load_split
    from trainer.output import check_writable, new_file
    from trainer.report.data_report import as_markdown, data_report

    if args.output is not None:
        check_writable(args.output, args.output)
    columns = Columns(args.text_column, args.label_column, SCORES)
    names = [Path(args.data).stem] if Path(args.data).is_file() else args.splits
    report = data_report({name: load_split(args.data, name, columns) for name in names})
    as_json = json.dumps(report, indent=2, ensure_ascii=False)
    if args.output is None:
        _write(as_json if args.json else as_markdown(report))
        return
    for name, content in (("data.md", as_markdown(report)), ("data.json", as_json)):
        with new_file(f"--output {args.output}", args.output / name) as file:
            file.write(content + "\n")


def _parser(name: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"emotion-trainer {name}", description=HELP[name])


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, help="file, folder with a file for each split, or hub data set")
    parser.add_argument("--text-column", default="text", help="name of the column of the text (%(default)s)")
    parser.add_argument("--label-column", default="label", help="name of the column of the label or id (%(default)s)")


def _hide_bars_of_files() -> None:
    """Hides the progress bars of loading and saving files, which would break up that of the training."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")


COMMANDS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "train": _train,
    "evaluate": _evaluate,
    "soft-label": _soft_label,
    "cue-label": _cue_label,
    "export": _export,
    "data-report": _data_report,
}
"""Each command by name; it takes the arguments behind the name."""
