"""Where results go, tried before the work that makes them."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from trainer.errors import UserError


def check_writable(output: Path, folder: Path) -> None:
    """Makes a folder where it is missing, and checks that something can be written into it.

    Args:
        output: The place as given, for the message.
        folder: What it is written into.

    Raises:
        UserError: if not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Made and removed, because root has every right, and still nothing can be written below /proc.
        tempfile.TemporaryDirectory(dir=folder).cleanup()
    except OSError as error:
        raise UserError(
            f"--output {output}: nothing can be written to {folder}: {error.strerror}; choose another place"
        ) from error


@contextmanager
def writing(place: str) -> Iterator[None]:
    """Names a place, such as `--output FILE`, that the files within cannot be written to.

    Raises:
        UserError: if one cannot.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"{place}: cannot be written: {error.strerror}; make room, or choose another place") from error


@contextmanager
def new_file(place: str, path: Path) -> Iterator[TextIO]:
    """Opens a file to write to, which comes into its place whole, or not at all.

    Args:
        place: As in `writing`.
        path: The file.

    Raises:
        UserError: if it cannot be written; then whatever was in its place still is.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with writing(place):
            with aside.open("w", encoding="utf-8") as file:
                yield file
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
