"""The command `emotion-trainer data-report`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from trainer.commands.common import add_data_options, columns_of, new_parser, write_line

HELP = "tell what is in a data set: balance, duplicates, contradictions, leakage, debris"


def run(argv: Sequence[str]) -> None:
    """Prints the report, or writes it."""
    parser = new_parser("data-report", HELP)
    add_data_options(parser)
    parser.add_argument(
        "--splits", nargs="+", default=["train", "validation"], help="splits of a folder or hub data set (%(default)s)"
    )
    parser.add_argument("--output", type=Path, help="folder for data.md and data.json, instead of printing")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    args = parser.parse_args(argv)

    from trainer.data.label_checks import label_counts, spellings, told_spellings
    from trainer.data.splits import SCORES, load_one_or_several, splits_in
    from trainer.output import check_writable, new_file
    from trainer.report.data_report import as_markdown, data_report

    if args.output is not None:
        check_writable(args.output, args.output)
    columns = columns_of(args)._replace(scores=SCORES)
    names = splits_in(args.data, args.splits)
    splits = {name: load_one_or_several(args.data, name, columns, args.config)[0] for name in names}
    if groups := spellings(label_counts(list(splits.values()))):
        sys.stderr.write(f"emotion-trainer: {told_spellings(groups)}\n")
    report = data_report(splits)
    as_json = json.dumps(report, indent=2, ensure_ascii=False)
    if args.output is None:
        write_line(as_json if args.json else as_markdown(report))
        return
    for name, content in (("data.md", as_markdown(report)), ("data.json", as_json)):
        with new_file(f"--output {args.output}", args.output / name) as file:
            file.write(content + "\n")
