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


class LabelHeaders(dict[str, bool]):
    """Whether a label carries a header, by its name: looked up once, because a stream has few names."""

    def __init__(self, dropped: Iterable[str] = ()) -> None:
        """Prepare; `dropped` are further names, as in DESCRIBE_BYTES."""
        names = [name.lower() for name in (*DESCRIBE_BYTES, *dropped)]
        self._names = {name for name in names if not name.endswith("*")}
        self._beginnings = tuple(name[:-1] for name in names if name.endswith("*"))

    def __call__(self, headers: list[tuple[str, bytes | None]]) -> list[tuple[str, bytes]]:
        """Those that are carried on, in their order. The client cannot send a null value: it becomes an empty one."""
        return [(name, value or b"") for name, value in headers if self[name]] if headers else []

    def __missing__(self, name: str) -> bool:
        lower = name.lower()
        is_carried = lower not in self._names and not lower.startswith(self._beginnings)
        if len(self) < _MOST_NAMES:
            self[name] = is_carried
        return is_carried
