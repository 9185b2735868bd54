"""The command `emotion-trainer golden-set`."""

from collections.abc import Sequence
from pathlib import Path

from trainer.commands.common import hide_file_progress_bars, new_parser, write_line

HELP = "write what a model makes of some texts, to hold its copies elsewhere against"


def run(argv: Sequence[str]) -> None:
    """Writes the file, and prints how many texts it holds."""
    parser = new_parser("golden-set", HELP)
    parser.add_argument("artifact", type=Path, help="model folder, from whomever")
    parser.add_argument("--data", help="texts of your own: file, folder or hub data set; without, built-in ones")
    parser.add_argument("--config", help="config of the hub data set, or folder of it in --data, where it has several")
    parser.add_argument("--format", choices=("text",), help="text: one plain text a line; else as the suffix says")
    parser.add_argument("--split", default="validation", help="split of the folder or hub data set (%(default)s)")
    parser.add_argument("--text-column", default="text", help="name of the column of the text (%(default)s)")
    parser.add_argument("--output", type=Path, help="JSON Lines file to write; without, golden.jsonl in the folder")
    args = parser.parse_args(argv)

    hide_file_progress_bars()
    from schemas.golden_set import GOLDEN_FILE
    from trainer.data.splits import load_texts
    from trainer.evaluation.golden_set import write_golden_set_of
    from trainer.labelling.soft_labels import check_free

    if args.output:
        check_free(args.output)
    texts = None
    if args.data:
        rows = load_texts(args.data, args.split, args.text_column, args.config, is_plain=args.format == "text")
        texts = [row.text for row in rows]
    count = write_golden_set_of(args.artifact, texts, args.output)
    write_line(f"{args.output or args.artifact / GOLDEN_FILE}: {count} texts")
