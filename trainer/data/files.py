"""Files of data, whether they lie in a folder or in a zip archive, as they are or compressed with gzip."""

import gzip
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from trainer.errors import UserError, first_line

_GZIP = ".gz"
_ZIP = ".zip"
_PACKED = (_ZIP, ".7z", ".rar", ".tar", ".tgz")
# What archives and repositories hold beside the data.
_NO_DATA = re.compile(r"readme|licen[cs]e", re.IGNORECASE)
# A config of a hub data set, a split, its parts.
_LEVELS = ("*", "*/*", "*/*/*")
_ENCRYPTED = 0x1  # a bit of a member's flags


@dataclass(frozen=True)
class DataFile:
    """A file, opened or not."""

    place: str
    """For messages: `data/train.csv`, or `data.zip/train.csv`."""
    parts: tuple[str, ...]
    """Its path below the folder or archive that was given, the name last."""
    stored: Callable[[], bytes]
    """Reads it as it is stored."""

    @property
    def name(self) -> str:
        """The name without `.gz`."""
        return self.parts[-1][: -len(_GZIP)] if self._is_compressed else self.parts[-1]

    @property
    def suffix(self) -> str:
        """What names the format, in lower case: `.csv` of `train.CSV.gz`."""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def _is_compressed(self) -> bool:
        return self.parts[-1].lower().endswith(_GZIP)

    def content(self) -> bytes:
        """Reads the file.

        Raises:
            UserError: if it is not there, or broken.
        """
        try:
            return gzip.decompress(self.stored()) if self._is_compressed else self.stored()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise UserError(f"{self.place}: no such file") from error
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError) as error:
            raise UserError(f"{self.place}: cannot be unpacked: {first_line(error)}; pack the file again") from error


def file_at(path: Path) -> DataFile:
    """Returns the file of a path."""
    return DataFile(str(path), (path.name,), path.read_bytes)


def is_archive(path: Path) -> bool:
    """Returns whether a path is that of a zip archive, by its name."""
    return path.suffix.lower() == _ZIP


def data_files(path: Path, suffixes: Iterable[str]) -> list[DataFile]:
    """Returns the files with one of the suffixes in a zip archive, or in a folder and two levels of folders in it.

    Hidden files, and what macOS adds to archives, are passed over, and so are README and LICENSE. A folder that holds
    all that an archive has is passed over as well.

    Raises:
        UserError: if an archive is not there, broken or encrypted, or if there are none but packed ones.
    """
    files = _members(path) if is_archive(path) else _below(path)
    wanted = set(suffixes)
    found = [each for each in files if each.suffix in wanted and not _NO_DATA.match(each.name)]
    if not found and (packed := [each for each in files if each.suffix in _PACKED]):
        raise UserError(f"{path}: {packed[0].parts[-1]} in it is packed by itself; unpack it, and give what it holds")
    return found


def _below(folder: Path) -> list[DataFile]:
    paths = sorted(path for pattern in _LEVELS for path in folder.glob(pattern) if path.is_file())
    parts = [path.relative_to(folder).parts for path in paths]
    return [
        DataFile(str(path), own, path.read_bytes) for path, own in zip(paths, parts, strict=True) if not _is_hidden(own)
    ]


def _members(path: Path) -> list[DataFile]:
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except zipfile.BadZipFile as error:
        raise UserError(f"{path}: cannot be unpacked: {first_line(error)}; pack the files again") from error
    members = [each for each in archive.infolist() if not each.is_dir()]
    parts = {each.filename: PurePosixPath(each.filename).parts for each in members}
    members = sorted((each for each in members if not _is_hidden(parts[each.filename])), key=lambda each: each.filename)
    if locked := [each.filename for each in members if each.flag_bits & _ENCRYPTED]:
        raise UserError(f"{path}: {locked[0]} is encrypted; unpack the archive with its password, and give the files")
    tops = {parts[each.filename][0] for each in members}
    inner = 1 if len(tops) == 1 and all(len(parts[each.filename]) > 1 for each in members) else 0
    return [
        DataFile(f"{path}/{each.filename}", parts[each.filename][inner:], partial(archive.read, each))
        for each in members
    ]


def _is_hidden(parts: Iterable[str]) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in parts)
