"""Labels and their ids."""

from collections.abc import Sequence
from pathlib import Path

import datasets
import numpy as np
import pytest

from trainer.data.labels import EMOTION_LABELS, label_ids, label_names, label_shares, shares_of_flags
from trainer.data.rows import Columns, Row
from trainer.data.splits import Split, load_split
from trainer.errors import UserError

COLUMNS = Columns("text", "label")


def parquet_of(names: list[str], labels: list[int], file: Path) -> str:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)})
    rows = {"text": [f"text {n}" for n in range(len(labels))], "label": labels}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(file)
    return str(file)


def split_of(labels: Sequence[str]) -> Split:
    return Split("train.txt", [Row(f"train.txt, line {n}", "a text", label) for n, label in enumerate(labels, start=1)])


@pytest.mark.parametrize(
    ("labels", "given", "names", "ids"),
    [
        (sorted(EMOTION_LABELS), None, list(EMOTION_LABELS), [3, 4, 1, 2, 0, 5]),
        (["up", "down"], None, ["down", "up"], [1, 0]),
        (["10", "9", "10"], None, ["9", "10"], [1, 0, 1]),
        (["2", "1", "3"], None, ["1", "2", "3"], [1, 0, 2]),
        (["1", "0"], ["sadness", "joy"], ["sadness", "joy"], [1, 0]),
        (["b", "a"], ["b", "a"], ["b", "a"], [0, 1]),
    ],
    ids=["emotions", "names", "numbers", "numbers-are-names-first", "ids-of-given-names", "given-order"],
)
def test_labels_have_documented_ids(
    labels: list[str], given: list[str] | None, names: list[str], ids: list[int]
) -> None:
    split = split_of(labels)

    assert label_names(split, given) == names
    assert label_ids(split, names) == ids


def test_the_names_of_a_class_label_column_keep_their_order(tmp_path: Path) -> None:
    parquet_of(["neg", "pos", "mid"], [1, 2], tmp_path / "train.parquet")

    split = load_split(str(tmp_path), "train", COLUMNS)

    assert label_names(split, None) == ["neg", "pos", "mid"]
    assert label_ids(split, ["neg", "pos", "mid"]) == [1, 2]


def test_an_unknown_label_is_refused_by_its_row() -> None:
    with pytest.raises(
        UserError, match=r"train.txt, line 2: unknown label 'envy'; use one of joy, sadness, or an id below 2"
    ):
        label_ids(split_of(["joy", "envy"]), ["joy", "sadness"])


def test_an_id_out_of_range_is_refused() -> None:
    with pytest.raises(UserError, match="line 2: unknown label '2'"):
        label_ids(split_of(["1", "2"]), ["joy", "sadness"])


def test_one_label_is_too_few() -> None:
    with pytest.raises(UserError, match="at least two labels"):
        label_names(split_of(["joy", "joy"]), None)


def test_one_given_name_is_too_few_and_the_data_is_not_blamed() -> None:
    with pytest.raises(UserError, match=r"^--labels pos: just one label; name all of them, in id order; the data has"):
        label_names(split_of(["pos", "neg", "mid"]), ["pos"])


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(UserError, match="given twice"):
        label_names(split_of(["joy"]), ["joy", "joy"])


def test_a_number_among_numbers_is_no_position() -> None:
    with pytest.raises(UserError, match=r"train\.txt, line 2: unknown label '1'; use one of 0, 2$"):
        label_ids(split_of(["2", "1"]), ["0", "2"])


def test_a_number_too_long_for_an_id_is_a_name() -> None:
    long = "9" * 5000

    assert label_names(split_of(["1", long]), None) == ["1", long]


def test_the_ids_of_a_class_label_column_are_positions_where_its_names_are_numbers_too(tmp_path: Path) -> None:
    parquet_of(["1", "2"], [0, 1], tmp_path / "train.parquet")

    split = load_split(str(tmp_path), "train", COLUMNS)

    assert label_ids(split, ["1", "2"]) == [0, 1]
    assert label_shares(split, ["1", "2"]) == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("names", "ids"),
    [(["neg", "pos", "mid"], [0, 2]), (["mid", "neg", "pos"], [1, 0]), (["mid", "neg", "pos", "none"], [1, 0])],
)
def test_the_ids_of_a_class_label_column_mean_its_own_names_in_whatever_order_the_model_has_them(
    names: list[str], ids: list[int], tmp_path: Path
) -> None:
    parquet_of(["neg", "pos", "mid"], [0, 2], tmp_path / "validation.parquet")

    split = load_split(str(tmp_path), "validation", COLUMNS)

    assert label_ids(split, names) == ids


@pytest.mark.parametrize(
    ("declared", "labels", "ids"),
    [
        (["never", "sad", "calm"], [1, 2, 1], [2, 1, 2]),
        (["Sad", "Calm", "Angry"], [0, 1, 2], [2, 1, 0]),
    ],
    ids=["a-name-that-no-row-has", "another-case"],
)
def test_declared_names_are_looked_up_also_where_the_model_does_not_have_all_of_them(
    declared: list[str], labels: list[int], ids: list[int], tmp_path: Path
) -> None:
    split = load_split(parquet_of(declared, labels, tmp_path / "d.parquet"), "train", COLUMNS)

    assert label_ids(split, ["angry", "calm", "sad"]) == ids


def test_a_row_with_a_declared_name_that_the_model_lacks_is_refused(tmp_path: Path) -> None:
    split = load_split(parquet_of(["never", "sad", "calm"], [1, 0], tmp_path / "d.parquet"), "train", COLUMNS)

    with pytest.raises(UserError, match=r"row 2: unknown label 'never'; use one of angry, calm, sad$"):
        label_ids(split, ["angry", "calm", "sad"])


def test_names_given_instead_of_those_of_a_class_label_column_are_in_its_order(tmp_path: Path) -> None:
    parquet_of(["0", "1"], [1], tmp_path / "train.parquet")

    assert label_ids(load_split(str(tmp_path), "train", COLUMNS), ["no", "yes"]) == [1]


def test_labels_of_a_text_share_it_and_a_text_without_any_has_the_last_share() -> None:
    flags = np.array([[1, 0, 1], [0, 0, 0], [0, 0.2, 0.2]])

    assert shares_of_flags(flags) == pytest.approx(np.array([[0.5, 0, 0.5, 0], [0, 0, 0, 1], [0, 0.2, 0.2, 0.6]]))
