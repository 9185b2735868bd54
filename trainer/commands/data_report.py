"""The command `emotion-trainer data-report`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.commands.common import add_data_options, add_several_labels_options, columns_of, new_parser, write_line
from trainer.errors import UserError

if TYPE_CHECKING:
    from trainer.data.rows import Columns
    from trainer.data.splits import Split

HELP = "tell what is in a data set: balance, duplicates, contradictions, leakage, debris"


def run(argv: Sequence[str]) -> None:
    """Prints the report, or writes it."""
    parser = new_parser("data-report", HELP)
    add_data_options(parser)
    add_several_labels_options(parser)
    parser.add_argument(
        "--splits", nargs="+", default=["train", "validation"], help="splits of a folder or hub data set (%(default)s)"
    )
    parser.add_argument("--output", type=Path, help="folder for data.md and data.json, instead of printing")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    args = parser.parse_args(argv)

    from trainer.data.label_checks import told_findings
    from trainer.data.splits import SCORES, splits_in
    from trainer.output import check_writable, new_file
    from trainer.report.data_report import as_markdown, data_report

    if args.output is not None:
        check_writable(args.output, args.output)
    columns = columns_of(args)._replace(scores=SCORES)
    names = splits_in(args.data, args.splits)
    splits = {name: _load(args.data, name, columns, args.config) for name in names}
    for line in told_findings(list(splits.values())):
        sys.stderr.write(f"emotion-trainer: {line}\n")
    report = data_report(splits)
    as_json = json.dumps(report, indent=2, ensure_ascii=False)
    if args.output is None:
        write_line(as_json if args.json else as_markdown(report))
        return
    for name, content in (("data.md", as_markdown(report)), ("data.json", as_json)):
        with new_file(f"--output {args.output}", args.output / name) as file:
            file.write(content + "\n")


def _load(data: str, split: str, columns: "Columns", config: str | None) -> "Split":
    """Loads a split; what would be refused in a training is pointed out, and reported as it is."""
    from trainer.data.several_labels import check_one_label_each, load_own

    loaded = load_own(data, split, columns, config)
    if not loaded.several:
        try:
            check_one_label_each(loaded, None)
        except UserError as error:
            sys.stderr.write(f"emotion-trainer: {error}\n")
    return loaded
