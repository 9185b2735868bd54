"""Golden sets as files."""

from pathlib import Path

import pytest

from schemas.golden_set import GoldenSetError, GoldenText, read_golden_set, write_golden_set


def test_what_is_written_is_read(tmp_path: Path) -> None:
    texts = [
        GoldenText(text="so\nhappy \N{FACE WITH TEARS OF JOY}", label="joy", scores={"joy": 0.9, "fear": 0.1}),
        GoldenText(text="of my own", label="fear"),
    ]

    with (tmp_path / "g.jsonl").open("w", encoding="utf-8") as file:
        write_golden_set(file, texts)

    assert read_golden_set(tmp_path / "g.jsonl") == texts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "secret", "label": "joy"}\n\n{"text": "secret"}\n', "g.jsonl, line 3: label: Field required"),
        ('{"text": "secret", "label": 3}', "line 1: label: Input should be a valid string"),
        (
            '{"text": "secret", "label": "joy", "scores": {"joy": "much"}}',
            "line 1: scores.joy: Input should be a valid",
        ),
        ('{"text": "secret", ', "line 1: Invalid JSON"),
        ("\n", "g.jsonl: holds no text"),
        (None, "g.jsonl: cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_golden_set_is_told_by_line_and_field_without_its_texts(
    content: str | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "g.jsonl").write_text(content, encoding="utf-8")

    with pytest.raises(GoldenSetError) as error:
        read_golden_set(tmp_path / "g.jsonl")

    assert message in str(error.value)
    assert "secret" not in str(error.value)
