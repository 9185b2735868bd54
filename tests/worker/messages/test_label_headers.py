"""A label carries the headers of its text, without those that describe the text's bytes."""

from pathlib import Path

import pytest

from worker.messages.label_headers import DESCRIBE_BYTES, LabelHeaders

TRACE = ("traceparent", b"00-1")


@pytest.mark.parametrize(
    "name",
    [
        "__TypeId__",
        "spring_json_header_types",
        "contentType",
        "Content-Type",
        "content-encoding",
        "__value_schema_id",
        "apicurio.value.globalId",
        "apicurio.value.encoding",
    ],
)
def test_what_describes_the_bytes_of_the_text_is_not_carried_on(name: str) -> None:
    carried = LabelHeaders()
    for _ in range(2):
        assert carried([(name, b"x"), TRACE, ("__KeyTypeId__", b"k"), TRACE]) == [TRACE, ("__KeyTypeId__", b"k"), TRACE]


def test_a_setting_adds_to_the_list() -> None:
    carried = LabelHeaders(["x-secret", "internal-*"])
    assert carried([("X-Secret", b"1"), ("internal-a", b"2"), ("internal", b"3"), TRACE]) == [("internal", b"3"), TRACE]


def test_the_list_is_documented() -> None:
    page = (Path(__file__).parents[3] / "schemas" / "README.md").read_text(encoding="utf-8")
    assert [name for name in DESCRIBE_BYTES if f"`{name}`" not in page] == []
