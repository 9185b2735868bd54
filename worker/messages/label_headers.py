"""Which headers of a text its label carries: not those that describe the bytes of the text."""

from collections.abc import Iterable

from schemas.wire_format import SCHEMA_ID_HEADER

DESCRIBE_BYTES = (
    "__TypeId__",  # Spring builds that class of the value
    "__ContentTypeId__",
    "spring_json_header_types",
    "contentType",
    "content-type",
    "content-encoding",
    SCHEMA_ID_HEADER,  # Confluent's serializers
    "apicurio.value.*",
)
"""What a label never carries; a name that ends with `*` stands for all that begin like it."""

_MOST_NAMES = 1_000


class LabelHeaders:
    """Takes the headers of a text that its label carries."""

    def __init__(self, dropped: Iterable[str] = ()) -> None:
        """Prepare; `dropped` are further names, as in DESCRIBE_BYTES."""
        names = [name.lower() for name in (*DESCRIBE_BYTES, *dropped)]
        self._names = {name for name in names if not name.endswith("*")}
        self._beginnings = tuple(name[:-1] for name in names if name.endswith("*"))
        self._known: dict[str, bool] = {}  # a stream has few names

    def __call__(self, headers: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """Those that are carried on, in their order."""
        return [header for header in headers if self._is_carried(header[0])]

    def _is_carried(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            lower = name.lower()
            known = lower not in self._names and not lower.startswith(self._beginnings)
            if len(self._known) < _MOST_NAMES:
                self._known[name] = known
        return known
