"""Places in a topic as users name them."""

import pytest

from worker.kafka.offset_spec import OffsetSpec, parse_offset_spec, parse_time_ms


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("earliest", OffsetSpec("earliest")),
        ("now", OffsetSpec("now")),
        ("1:20,0:0", OffsetSpec("1:20,0:0", offsets={0: 0, 1: 20})),
        ("2025-11-24T16:00:00Z", OffsetSpec("2025-11-24T16:00:00Z", time_ms=1_764_000_000_000)),
        ("2025-11-24T18:00:00.5+02:00", OffsetSpec("2025-11-24T18:00:00.5+02:00", time_ms=1_764_000_000_500)),
    ],
)
def test_a_place_is_a_word_a_time_or_offsets(text: str, place: OffsetSpec) -> None:
    assert parse_offset_spec(text) == place


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("latest", "expected `earliest`, `now`"),
        ("0:1,0:2", "a partition twice"),
        ("2025-11-24T16:00:00", "offset from UTC"),
        ("1969-01-01T00:00:00Z", "before 1970"),
        ("0:-1", "expected `earliest`"),
        ("", "expected `earliest`"),
    ],
)
def test_what_is_none_is_refused_with_what_is_meant(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_offset_spec(text)


def test_a_time_of_a_filter_needs_its_offset_from_utc() -> None:
    assert parse_time_ms("1970-01-01T00:00:01Z") == 1000
    with pytest.raises(ValueError, match="offset from UTC"):
        parse_time_ms("2025-11-24")
