"""The command `emotion-trainer evaluate`."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from trainer.commands.common import (
    add_data_options,
    add_several_labels_options,
    columns_of,
    hide_file_progress_bars,
    new_parser,
    write_line,
)

HELP = "print how well an artifact labels a split"


def run(argv: Sequence[str]) -> None:
    """Prints the figures of a split."""
    args = _parser().parse_args(argv)
    hide_file_progress_bars()
    from trainer.evaluation.assessment import evaluate_artifact
    from trainer.evaluation.out_of_domain import OWN_TEXTS

    outside = OWN_TEXTS if args.out_of_domain is True else args.out_of_domain and Path(args.out_of_domain)
    assessment = evaluate_artifact(
        args.artifact, args.data, args.split, columns_of(args), args.robustness, outside, args.datasets, args.config
    )
    write_line(assessment.as_json() if args.json else assessment.as_table())


def _parser() -> ArgumentParser:
    parser = new_parser("evaluate", HELP)
    parser.add_argument("artifact", type=Path, help="model folder")
    add_data_options(parser)
    add_several_labels_options(parser)
    parser.add_argument("--split", default="validation", help="split of the folder or hub data set (%(default)s)")
    parser.add_argument(
        "--datasets",
        metavar="FILE",
        help="also measure further domains: JSON file, as train --validation_datasets has it",
    )
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
    return parser
