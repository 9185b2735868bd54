"""The command `emotion-trainer data-report`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from trainer.commands.common import add_data_options, named_columns, new_parser, write_line
from trainer.errors import UserError

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

    from trainer.data.several_labels import check_one_label_each, load_own
    from trainer.data.splits import SCORES
    from trainer.output import check_writable, new_file
    from trainer.report.data_report import as_markdown, data_report

    if args.output is not None:
        check_writable(args.output, args.output)
    columns = named_columns(args)._replace(scores=SCORES)
    names = [Path(args.data).stem] if Path(args.data).is_file() else args.splits
    splits = {name: load_own(args.data, name, columns) for name in names}
    for split in splits.values():
        try:
            check_one_label_each(split, None)
        except UserError as doubt:  # of a training that would be refused; the report is of the data as they are
            sys.stderr.write(f"emotion-trainer: {doubt}\n")
    report = data_report(splits)
    as_json = json.dumps(report, indent=2, ensure_ascii=False)
    if args.output is None:
        write_line(as_json if args.json else as_markdown(report))
        return
    for name, content in (("data.md", as_markdown(report)), ("data.json", as_json)):
        with new_file(f"--output {args.output}", args.output / name) as file:
            file.write(content + "\n")
