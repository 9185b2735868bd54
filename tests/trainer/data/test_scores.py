"""Rows with scores instead of a label."""

from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.trainer.conftest import write_json_lines
from trainer.__main__ import run
from trainer.data.labels import label_ids, label_names, label_shares
from trainer.data.rows import Columns
from trainer.data.splits import load_split
from trainer.errors import UserError

SOFT = Columns("text", "label", "scores")


def test_scores_of_json_lines_and_parquet_are_normalised_shares(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"text": "a", "scores": {"up": 3.0, "down": 1.0}},
        {"text": "b", "scores": {"flat": 0.5}},
        {"text": "c", "label": "down", "scores": None},
    ]
    write_json_lines(tmp_path / "d.jsonl", records)
    datasets.Dataset.from_list([{"label": None} | record for record in records]).to_parquet(tmp_path / "d.parquet")

    for name in ("d.jsonl", "d.parquet"):
        split = load_split(str(tmp_path / name), "train", SOFT)
        names = label_names(split, None)
        assert names == ["down", "flat", "up"]
        assert label_shares(split, names) == [[0.25, 0, 0.75], [0, 1, 0], [1, 0, 0]]
        assert label_ids(split, names) == [2, 1, 0]


def test_other_scores_are_other_data(tmp_path: Path) -> None:
    digests = set()
    for share in (0.1, 0.2, 0.2):
        file = write_json_lines(tmp_path / "d.jsonl", [{"text": "a", "scores": {"up": 1, "down": share}}])
        digests.add(load_split(str(file), "train", SOFT).digest)

    assert len(digests) == 2


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"scores": {"joy": -0.1}}, "line 1: the score of 'joy' is -0.1; give a number of 0 or more"),
        ({"scores": {"joy": "high"}}, "line 1: the score of 'joy' is 'high'; give a number of 0 or more"),
        ({"scores": {"joy": float("nan")}}, "line 1: the score of 'joy' is nan; give a number of 0 or more"),
        ({"scores": {"joy": 0}}, "line 1: no score above 0; give each label its share, or leave it out"),
        ({"scores": {}}, "line 1: no score above 0"),
        ({"scores": [0.1, 0.9]}, "line 1: no column 'label' among 'text', 'scores'"),
    ],
)
def test_scores_that_are_no_distribution_are_refused(record: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = write_json_lines(tmp_path / "d.jsonl", [{"text": "hi", **record}])

    with pytest.raises(UserError, match=r"d\.jsonl") as caught:
        load_split(str(file), "train", SOFT)
    assert message in str(caught.value)


def test_an_unknown_label_among_scores_is_refused_by_its_row(tmp_path: Path) -> None:
    file = write_json_lines(tmp_path / "d.jsonl", [{"text": "hi", "scores": {"joy": 1, "envy": 1}}])

    with pytest.raises(UserError, match=r"d\.jsonl, line 1: unknown label 'envy'; use one of joy, fear"):
        label_shares(load_split(str(file), "train", SOFT), ["joy", "fear"])


def test_validation_takes_labels_only(
    cased_base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soft = write_json_lines(tmp_path / "soft.jsonl", [{"text": "hi", "scores": {"joy": 1}}])
    files = ("--train-file", str(data / "train.txt"), "--validation-file", str(soft))

    assert run(["train", "--model", str(cased_base), "--output", str(tmp_path / "artifact"), *files]) == 2

    assert "soft.jsonl, line 1: no column 'label' among 'text', 'scores'" in capsys.readouterr().err
