"""What the commands have in common.

Each is a file with HELP, which tells what it does, and `run`, which takes the arguments behind its name. Heavy imports
(torch, transformers) wait until a command needs them, so that --help answers at once.
"""

import argparse
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.data.rows import Columns


def new_parser(name: str, description: str) -> argparse.ArgumentParser:
    """Returns the parser of a command, still without arguments."""
    return argparse.ArgumentParser(prog=f"emotion-trainer {name}", description=description)


def add_data_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Adds the options that name labelled texts and their columns."""
    parser.add_argument(
        "--data", required=required, help="file, folder or .zip with files for each split, or hub data set"
    )
    parser.add_argument("--config", help="config of the hub data set, or folder of it in --data, where it has several")
    parser.add_argument("--text-column", default="text", help="name of the column of the text (%(default)s)")
    parser.add_argument("--label-column", default="label", help="name of the column of the label or id (%(default)s)")


def add_several_labels_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say where the several labels of a text are."""
    parser.add_argument(
        "--label-separator", metavar="TEXT", help="what parts the labels of a cell that holds several, such as a comma"
    )
    parser.add_argument(
        "--label-columns", nargs="+", metavar="COLUMN", help="columns of 0 and 1, one a label; a text may have several"
    )


def columns_of(args: argparse.Namespace) -> "Columns":
    """Returns the columns that the options of `add_data_options` and `add_several_labels_options` name.

    Raises:
        UserError: if the options contradict each other.
    """
    from trainer.data.several_labels import columns_of_options

    return columns_of_options(args.text_column, args.label_column, args.label_separator, args.label_columns)


def hide_file_progress_bars() -> None:
    """Hides the progress bars of loading and saving files, which would break up that of the training."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def write_line(line: str) -> None:
    """Prints a line, or text of several, to standard output."""
    sys.stdout.write(line + "\n")


def flush_output() -> None:
    """Finds out here, and not when Python ends, that the output cannot be written; then nothing is tried again.

    Raises:
        OSError: if so.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
