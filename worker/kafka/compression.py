"""The compression of what is written, and what must be installed for it."""

from kafka.codec import has_lz4, has_snappy, has_zstd

from worker.errors import UserError
from worker.settings.writing import WritingSettings

_PACKAGES = {"snappy": (has_snappy, "python-snappy"), "lz4": (has_lz4, "lz4"), "zstd": (has_zstd, "zstandard")}


def compression_type(settings: WritingSettings) -> str | None:
    """The producer's name of it; None for none.

    Raises:
        UserError: A package is missing here.
    """
    if settings.compression == "none":
        return None
    is_there, package = _PACKAGES.get(settings.compression, (lambda: True, ""))
    if not is_there():
        raise UserError(
            f"EMOTION_COMPRESSION={settings.compression} needs the package {package}, which cannot be imported here",
            f"install it (`pip install {package}`), or choose another compression",
        )
    return settings.compression
