"""The command `emotion-trainer soft-label`."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from trainer.commands.common import hide_file_progress_bars, new_parser, write_line

HELP = "write what artifacts say about texts, to train another model on"


def run(argv: Sequence[str]) -> None:
    """Writes the file, and prints how many texts it holds."""
    parser = new_parser("soft-label", HELP)
    parser.add_argument(
        "artifacts", type=Path, nargs="+", metavar="artifact", help="model folder; several are averaged"
    )
    parser.add_argument("--data", required=True, help="file, folder or .zip with files for each split, or hub data set")
    parser.add_argument("--config", help="config of the hub data set, or folder of it in --data, where it has several")
    parser.add_argument("--format", choices=("text",), help="text: one plain text a line; else as the suffix says")
    parser.add_argument("--split", default="train", help="split of the folder or hub data set (%(default)s)")
    parser.add_argument("--text-column", default="text", help="name of the column of the text (%(default)s)")
    parser.add_argument("--temperature", type=_positive, default=1.0, help="above 1 flattens the scores (%(default)s)")
    parser.add_argument("--output", required=True, type=Path, help="JSON Lines file to write")
    args = parser.parse_args(argv)

    hide_file_progress_bars()
    from trainer.data.splits import load_texts
    from trainer.labelling.distillation import soft_label

    rows = load_texts(args.data, args.split, args.text_column, args.config, is_plain=args.format == "text")
    count = soft_label(args.artifacts, rows, args.output, args.temperature)
    write_line(f"{args.output}: {count} texts")


def _positive(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{value!r} is no number above 0")
    return number
