"""Lines of text files."""

from trainer.data.files import DataFile
from trainer.errors import UserError


def lines_of(file: DataFile) -> list[str]:
    """Reads the lines of a UTF-8 file, which only a line feed ends: other separators may stand inside a text.

    Raises:
        UserError: if it is not there or broken, is no UTF-8, or ends its lines otherwise.
    """
    content = file.content()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{file.place}, line {line}: no UTF-8; save the file as UTF-8") from error
    if "\r" in text and "\n" not in text:
        raise UserError(f"{file.place}: its lines end in a carriage return alone; save the file with line feeds")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]
