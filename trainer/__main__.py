"""The command line: `emotion-trainer train | evaluate | export | data-report`."""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

from safetensors import SafetensorError

from trainer.errors import UserError

# Heavy imports (torch, transformers) wait until a command needs them, so that --help answers at once.

_COMMANDS = {
    "train": "fine-tune a base model and write an artifact",
    "evaluate": "print how well an artifact labels a split",
    "export": "write an artifact again with its weights in another number format",
    "data-report": "tell what is in a data set: balance, duplicates, contradictions, leakage, debris",
}
# What the extra `trainer` of the distribution brings; the worker does without.
_EXTRA = ("accelerate", "datasets", "matplotlib", "sklearn")


def main() -> None:
    """Runs one command and exits: 0 if all went well, 1 on an error that the user can mend, 2 on a wrong option."""
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Runs one command and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="emotion-trainer",
        description="Fine-tune, measure and export emotion models.",
        epilog="commands:\n" + "\n".join(f"  {name:13}{text}" for name, text in _COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=_COMMANDS, metavar="command", help="see below; each has its own --help")
    command = parser.parse_args(argv[:1]).command
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        return _fail(f"{', '.join(missing)} not installed; run: pip install 'emotion-labeller[trainer]'")
    try:
        commands = {"train": _train, "evaluate": _evaluate, "export": _export, "data-report": _data_report}
        commands[command](argv[1:])
    except UserError as error:
        return _fail(str(error))
    except (OSError, SafetensorError) as error:  # no space, no right, a disk that fails
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted")
    return 0


def _train(argv: list[str]) -> None:
    from trainer.options import parse

    options, arguments = parse(argv)
    _hide_bars_of_files()
    from trainer.training import train

    manifest = train(options, arguments)
    if manifest is not None:
        _write(f"{options.output}: {manifest.name} {manifest.revision}")


def _evaluate(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="emotion-trainer evaluate", description=_COMMANDS["evaluate"])
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
    from trainer.assessment import evaluate_artifact
    from trainer.out_of_domain import OWN_TEXTS
    from trainer.readers import Columns

    columns = Columns(args.text_column, args.label_column)
    outside = OWN_TEXTS if args.out_of_domain is True else args.out_of_domain and Path(args.out_of_domain)
    assessment = evaluate_artifact(args.artifact, args.data, args.split, columns, args.robustness, outside)
    _write(assessment.as_json() if args.json else assessment.as_table())


def _export(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="emotion-trainer export", description=_COMMANDS["export"])
    parser.add_argument("artifact", type=Path, help="folder that `emotion-trainer train` wrote")
    parser.add_argument("--dtype", required=True, choices=("float32", "bfloat16", "float16"), help="number format")
    parser.add_argument("--output", required=True, type=Path, help="folder of the new artifact")
    parser.add_argument("--overwrite", action="store_true", help="replace an artifact that is in the place")
    args = parser.parse_args(argv)

    _hide_bars_of_files()
    from trainer.artifact import export

    manifest = export(args.artifact, args.output, args.dtype, overwrite=args.overwrite)
    _write(f"{args.output}: {manifest.name} {manifest.revision}")


def _data_report(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="emotion-trainer data-report", description=_COMMANDS["data-report"])
    _add_data(parser)
    parser.add_argument(
        "--splits", nargs="+", default=["train", "validation"], help="splits of a folder or hub data set (%(default)s)"
    )
    parser.add_argument("--output", type=Path, help="folder for data.md and data.json, instead of printing")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    args = parser.parse_args(argv)

    from trainer.data import load_split
    from trainer.data_report import as_markdown, data_report
    from trainer.readers import Columns

    columns = Columns(args.text_column, args.label_column)
    names = [Path(args.data).stem] if Path(args.data).is_file() else args.splits
    report = data_report({name: load_split(args.data, name, columns) for name in names})
    as_json = json.dumps(report, indent=2, ensure_ascii=False)
    if args.output is None:
        _write(as_json if args.json else as_markdown(report))
        return
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "data.md").write_text(as_markdown(report) + "\n", encoding="utf-8")
    (args.output / "data.json").write_text(as_json + "\n", encoding="utf-8")


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


def _fail(message: str) -> int:
    sys.stderr.write(f"emotion-trainer: error: {message}\n")
    return 1


if __name__ == "__main__":
    main()
