"""The command `emotion-trainer compare`."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.commands.common import (
    add_data_options,
    hide_file_progress_bars,
    new_parser,
    write_line,
)
from trainer.errors import UserError

if TYPE_CHECKING:
    from trainer.evaluation.compared_data import ComparedData

HELP = "tell whether a new model is better than an old one, and what would change"


def run(argv: Sequence[str]) -> int:
    """Prints the page, or writes it; returns 1 if the new model is worse beyond the margin."""
    args = _parser().parse_args(argv)
    if not (args.data or args.reviews):
        raise UserError("--data, --reviews: give texts with right labels, answers to reviewed texts, or both")
    if not 0 <= args.margin <= 1:
        raise UserError(f"--margin {args.margin:g}: give a share from 0 to 1, such as 0.01 for one point")
    hide_file_progress_bars()
    from trainer.evaluation.comparison import compare, load_contenders
    from trainer.output import check_writable, new_file
    from trainer.report.comparison_page import comparison_page

    if args.output is not None:
        check_writable(args.output, args.output)
    old, new = load_contenders(args.old, args.new)
    comparison = compare(old, new, _kinds(args, old.labels))
    worse = comparison.worse(args.margin)
    page = comparison_page(comparison, args.old.name, args.new.name, args.margin)
    as_json = json.dumps(comparison.as_dict() | {"margin": args.margin, "worse": worse}, indent=2, ensure_ascii=False)
    if args.output is None:
        write_line(as_json if args.json else page)
    else:
        for name, content in (("comparison.md", page), ("comparison.json", as_json)):
            with new_file(f"--output {args.output}", args.output / name) as file:
                file.write(content + "\n")
    if worse:
        sys.stderr.write(f"emotion-trainer: {args.new} is worse beyond --margin {args.margin:g}: {', '.join(worse)}\n")
    return 1 if worse else 0


def _kinds(args: Namespace, labels: list[str]) -> "list[ComparedData]":
    from trainer.data.rows import Columns
    from trainer.evaluation.compared_data import domain_data, own_data, reviewed_data

    own = (
        [own_data(args.data, args.split, Columns(args.text_column, args.label_column), args.config, labels)]
        if args.data
        else []
    )
    reviewed = [reviewed_data(args.reviews, labels)] if args.reviews else []
    kinds = [*own, *reviewed, *domain_data(args.datasets, labels)]
    names = [kind.name for kind in kinds]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"--datasets {args.datasets}: the name {twice[0]!r} is taken; give each domain one of its own")
    return kinds


def _parser() -> ArgumentParser:
    parser = new_parser("compare", HELP)
    parser.add_argument("old", type=Path, help="folder of the model that labels now")
    parser.add_argument("new", type=Path, help="folder of the model that may take its place")
    add_data_options(parser, required=False)
    parser.add_argument("--split", default="validation", help="split of the folder or hub data set (%(default)s)")
    parser.add_argument(
        "--reviews",
        nargs="+",
        metavar="FILE",
        help="also compare on the stream: answers to reviewed texts, of which the half that never trains is taken",
    )
    parser.add_argument(
        "--datasets",
        metavar="FILE",
        help="also compare in further domains: JSON file, as train --validation_datasets has it",
    )
    parser.add_argument(
        "--margin",
        type=float,
        default=0.01,
        help="accuracy or macro-F1 that may be lost on each kind of texts; what loses more ends with 1 (%(default)s)",
    )
    parser.add_argument("--output", type=Path, help="folder for comparison.md and comparison.json; else prints")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    return parser
