"""Further validation data by domain."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.conftest import write_json_lines
from trainer.data.domains import load_domains
from trainer.errors import UserError

NAMES = ["joy", "anger", "fear"]


def write_domains(folder: Path, *domains: dict[str, Any]) -> str:
    file = folder / "domains.json"
    file.write_text(json.dumps(domains), encoding="utf-8")
    return str(file)


def test_texts_without_a_feeling_and_without_one_right_label_are_told_apart(tmp_path: Path) -> None:
    rows = [
        ("a", "joy"),
        ("b", "neutral"),
        ("c", "joy,anger"),
        ("d", "other"),
        ("e", "fear,neutral"),
        ("f", "joy,other"),
    ]
    write_json_lines(tmp_path / "d.jsonl", [{"text": text, "label": label} for text, label in rows])
    entry = {"name": "reddit", "data": str(tmp_path / "d.jsonl"), "label_separator": ","}
    label_map = {"neutral": {"joy": 1, "anger": 1, "fear": 1}, "other": None}

    (domain,) = load_domains("--datasets", write_domains(tmp_path, entry | {"label_map": label_map}), NAMES)

    assert domain.name == "reddit"
    assert domain.source == "d.jsonl"
    assert (domain.texts, domain.ids) == (["a", "e", "f"], [0, 2, 0])
    assert domain.without_feeling == ["b"]
    assert domain.left_out == 1


def test_shares_that_should_be_equal_are_so_in_spite_of_rounding(tmp_path: Path) -> None:
    shares = {"joy": 0.1 + 0.2, "anger": 0.3, "fear": 0.3}
    write_json_lines(tmp_path / "d.jsonl", [{"text": "a", "scores": shares}])

    (domain,) = load_domains(
        "--datasets", write_domains(tmp_path, {"name": "x", "data": str(tmp_path / "d.jsonl")}), NAMES
    )

    assert domain.without_feeling == ["a"]


def test_another_map_is_another_digest(tmp_path: Path) -> None:
    write_json_lines(tmp_path / "d.jsonl", [{"text": "a", "label": "neutral"}, {"text": "b", "label": "joy"}])
    digests = set()
    for names in (["joy", "anger"], ["joy", "anger", "fear"], ["fear", "anger", "joy"]):
        label_map = {"neutral": dict.fromkeys(names, 1)}
        entry = {"name": "x", "data": str(tmp_path / "d.jsonl"), "label_map": label_map}
        digests.add(load_domains("--datasets", write_domains(tmp_path, entry), NAMES)[0].digest)

    assert len(digests) == 2


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"data": "d.jsonl"}], "entry 1, name: Field required; write a list of objects with the fields data, split,"),
        ([{"name": "a", "data": "d.jsonl", "repeat": 2}], "entry 1, repeat: Extra inputs are not permitted"),
        ([{"name": "a", "data": "d.jsonl"}] * 2, "the name 'a' is taken; give each domain one of its own"),
        ([{"name": "validation", "data": "d.jsonl"}], "the name 'validation' is taken"),
        ([{"name": "a", "data": "d.jsonl", "label_separator": ","}], "line 1: unknown label 'awe'; use one of joy"),
        (
            [{"name": "a", "data": "d.jsonl", "label_separator": ",", "label_map": {"awe": "joy", "ire": "anger"}}],
            "d.jsonl: each text has several labels alike, so that none is right; give texts of one",
        ),
    ],
)
def test_a_bad_file_is_refused(
    entries: list[dict[str, Any]], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_json_lines(tmp_path / "d.jsonl", [{"text": "a", "label": "awe,ire"}])

    with pytest.raises(UserError) as caught:
        load_domains("--datasets", write_domains(tmp_path, *entries), NAMES)
    assert message in str(caught.value)
