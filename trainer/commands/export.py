"""The command `emotion-trainer export`."""

from collections.abc import Sequence
from pathlib import Path

from trainer.commands.common import hide_file_progress_bars, new_parser, write_line

HELP = "write an artifact again with its weights in another number format"


def run(argv: Sequence[str]) -> None:
    """Exports, and prints folder, name and revision of the new artifact."""
    parser = new_parser("export", HELP)
    parser.add_argument("artifact", type=Path, help="folder that `emotion-trainer train` wrote")
    parser.add_argument("--dtype", required=True, choices=("float32", "bfloat16", "float16"), help="number format")
    parser.add_argument("--output", required=True, type=Path, help="folder of the new artifact")
    parser.add_argument("--overwrite", action="store_true", help="replace an artifact that is in the place")
    args = parser.parse_args(argv)

    hide_file_progress_bars()
    from trainer.artifact.export import export
    from trainer.evaluation.golden_set import write_golden_set_of

    manifest = export(args.artifact, args.output, args.dtype, overwrite=args.overwrite)
    write_golden_set_of(args.output)
    write_line(f"{args.output}: {manifest.name} {manifest.revision}")
