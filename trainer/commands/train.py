"""The command `emotion-trainer train`."""

from collections.abc import Sequence

from trainer.commands.common import hide_file_progress_bars, write_line

HELP = "fine-tune a base model and write an artifact"


def run(argv: Sequence[str]) -> None:
    """Trains, and prints folder, name and revision of the artifact."""
    from trainer.training.arguments import parse

    options, arguments = parse(argv)
    hide_file_progress_bars()
    from trainer.pipeline import train

    manifest = train(options, arguments)
    if manifest is not None:
        write_line(f"{options.output}: {manifest.name} {manifest.revision}")
