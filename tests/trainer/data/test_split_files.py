"""Splits in the folders and archives that people, the hub and TweetEval give them."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import datasets
import pytest

from trainer.data.rows import Columns
from trainer.data.splits import Split, load_split, splits_in
from trainer.errors import UserError

COLUMNS = Columns("text", "label")
NAMES = ["joy", "anger"]
ROWS = [(f"text {number}", NAMES[number % 2]) for number in range(12)]
CSV = "text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS)


def table(rows: list[tuple[str, str]] = ROWS) -> Any:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=NAMES)})
    columns = {"text": [text for text, _ in rows], "label": [NAMES.index(label) for _, label in rows]}
    return datasets.Dataset.from_dict(columns, features=features)


def write_zip(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_pair(folder: Path, split: str, labels: list[str]) -> None:
    (folder / f"{split}_text.txt").write_text("".join(f"{text}\n" for text, _ in ROWS), encoding="utf-8")
    (folder / f"{split}_labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")


def read(split: Split) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in split.rows]


def test_what_is_packed_by_itself_is_named(tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "train.csv.zip", {"train.csv": CSV})
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.write(inner, "inner.zip")

    with pytest.raises(
        UserError, match=r"d.zip: inner.zip in it is packed by itself; unpack it, and give what it hold"
    ):
        load_split(str(tmp_path / "d.zip"), "train", COLUMNS)
    with pytest.raises(UserError, match=r": d.zip in it is packed by itself; unpack it"):
        load_split(str(tmp_path), "train", COLUMNS)
    (tmp_path / "d.tar.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(UserError, match=r"d.tar.gz: neither a folder nor a file that ends in .txt, "):
        splits_in(str(tmp_path / "d.tar.gz"), ["train"])


def test_the_name_of_a_file_is_known_in_any_case_and_its_own_goes_first(tmp_path: Path) -> None:
    (tmp_path / "Train.CSV").write_text(CSV, encoding="utf-8")
    assert read(load_split(str(tmp_path), "train", COLUMNS)) == ROWS

    (tmp_path / "train.csv").write_text("text,label\nown,joy\n", encoding="utf-8")
    assert read(load_split(str(tmp_path), "train", COLUMNS)) == [("own", "joy")]


def refusal(data: Path, split: str = "train", config: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        load_split(str(data), split, COLUMNS, config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["validation", "valid", "val", "dev"])
def test_a_split_is_found_by_the_names_that_people_give_it(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "README.md").write_text("# Data", encoding="utf-8")

    assert read(load_split(str(tmp_path), "validation", COLUMNS)) == ROWS


@pytest.mark.parametrize("folder", [".", "data"])
def test_shards_as_the_hub_stores_them_are_one_split_in_their_order(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    for number in range(12):
        table(ROWS[number : number + 1]).to_parquet(tmp_path / folder / f"train-{number:05d}-of-00012.parquet")

    split = load_split(str(tmp_path), "train", COLUMNS)

    assert read(split) == ROWS
    assert split.label_names == NAMES
    assert split.source == "train-00000-of-00012.parquet and 11 more"


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_shard_that_is_missing_is_named(missing: int, tmp_path: Path) -> None:
    for number in {0, 1, 2} - {missing}:
        table().to_parquet(tmp_path / f"train-{number:05d}-of-00003.parquet")

    assert f"the split 'train' has 3 parts, but number {missing} is missing" in refusal(tmp_path)


def test_shards_may_be_numbered_from_1(tmp_path: Path) -> None:
    for number in (1, 2):
        table(ROWS[:number]).to_parquet(tmp_path / f"train-{number}-of-2.parquet")

    assert read(load_split(str(tmp_path), "train", COLUMNS)) == [*ROWS[:1], *ROWS[:2]]


def test_shards_as_the_hub_names_them_may_lie_in_a_folder_for_the_split(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / "train").mkdir(exist_ok=True)
        table(ROWS[number : number + 1]).to_parquet(tmp_path / "train" / f"train-{number:05d}-of-00002.parquet")

    assert read(load_split(str(tmp_path), "train", COLUMNS)) == ROWS[:2]


def test_numbered_files_and_a_folder_for_each_split_are_shards_too(tmp_path: Path) -> None:
    (tmp_path / "validation").mkdir()
    for number, part in ((2, ROWS[4:8]), (10, ROWS[8:]), (1, ROWS[:4])):
        (tmp_path / f"train_{number}.jsonl").write_text(
            "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in part), encoding="utf-8"
        )
        table(part).to_parquet(tmp_path / "validation" / f"{number:04d}.parquet")

    assert read(load_split(str(tmp_path), "train", COLUMNS)) == ROWS
    assert read(load_split(str(tmp_path), "validation", COLUMNS)) == ROWS


def test_a_folder_with_several_configs_needs_one_of_them(tmp_path: Path) -> None:
    for config, rows in (("split", ROWS), ("unsplit", ROWS[:1])):
        (tmp_path / config).mkdir()
        table(rows).to_parquet(tmp_path / config / "train-00000-of-00001.parquet")

    assert read(load_split(str(tmp_path), "train", COLUMNS, "split")) == ROWS
    assert "the split 'train' is in the folders split, unsplit; choose one with --config" in refusal(tmp_path)
    assert "no config 'raw' with the split 'train'; it has split, unsplit" in refusal(tmp_path, config="raw")


def test_a_config_of_the_hub_is_given_on_and_a_missing_one_names_those_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for config, rows in (("split", ROWS), ("unsplit", ROWS[:1])):
        (tmp_path / config).mkdir()
        table(rows).to_parquet(tmp_path / config / "train-00000-of-00001.parquet")
    configs = [{"config_name": each, "data_files": f"{each}/*.parquet"} for each in ("split", "unsplit")]
    (tmp_path / "README.md").write_text(f"---\nconfigs: {json.dumps(configs)}\n---\n", encoding="utf-8")
    load = datasets.load_dataset
    cache = str(tmp_path / "cache")
    monkeypatch.setattr(
        datasets, "load_dataset", lambda _, config, split: load(str(tmp_path), config, split=split, cache_dir=cache)
    )

    split = load_split("someone/emotion", "train", COLUMNS, "split")

    assert read(split) == ROWS
    assert split.source == "someone/emotion (split, train)"
    assert refusal(Path("someone/emotion")) == (
        "someone/emotion: several configs; choose one with --config: split, unsplit"
    )
    assert refusal(Path("someone/emotion"), config="raw") == (
        "someone/emotion: no config 'raw'; choose one with --config: split, unsplit"
    )


def test_a_config_where_there_can_be_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(CSV, encoding="utf-8")
    table().save_to_disk(tmp_path / "saved")
    one = write_zip(tmp_path / "one.zip", {"emotions.csv": CSV})

    assert refusal(tmp_path / "train.csv", config="raw").endswith(
        "train.csv: no config 'raw'; it has none, so leave it out"
    )
    assert refusal(tmp_path / "saved", config="raw").endswith("saved: no config 'raw'; it has none, so leave it out")
    assert "one.zip: no config 'raw' with the split 'train'; it has none" in refusal(one, config="raw")


@pytest.mark.parametrize(
    "error", [RuntimeError("Dataset scripts are no longer supported"), ValueError("Feature type 'New' not found")]
)
def test_whatever_the_library_raises_is_one_line(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    table().save_to_disk(tmp_path / "saved")
    table().to_parquet(tmp_path / "train.parquet")
    for name in ("load_dataset", "load_from_disk", "Dataset"):
        monkeypatch.setattr(datasets, name, fail)

    for data in (Path("someone/emotion"), tmp_path / "saved", tmp_path / "train.parquet"):
        assert str(error) in refusal(data)


def test_a_folder_of_save_to_disk_is_read_by_split(tmp_path: Path) -> None:
    datasets.DatasetDict({"train": table(), "dev": table(ROWS[:2])}).save_to_disk(tmp_path / "saved")

    train = load_split(str(tmp_path / "saved"), "train", COLUMNS)

    assert read(train) == ROWS
    assert (train.source, train.label_names) == ("saved (train)", NAMES)
    assert read(load_split(str(tmp_path / "saved"), "validation", COLUMNS)) == ROWS[:2]
    assert "no split 'test'; it has train, dev" in refusal(tmp_path / "saved", "test")


def test_one_saved_data_set_is_taken_whole_and_so_is_one_of_its_arrow_files(tmp_path: Path) -> None:
    table().save_to_disk(tmp_path / "saved")

    assert read(load_split(str(tmp_path / "saved"), "train", COLUMNS)) == ROWS
    assert splits_in(str(tmp_path / "saved"), ["train", "validation"]) == ["saved"]
    (file,) = (tmp_path / "saved").glob("*.arrow")
    assert read(load_split(str(file), "train", COLUMNS)) == ROWS


def test_a_broken_folder_of_save_to_disk_is_refused(tmp_path: Path) -> None:
    table().save_to_disk(tmp_path / "saved")
    (file,) = (tmp_path / "saved").glob("*.arrow")
    file.write_bytes(file.read_bytes()[:100])

    assert "saved: cannot be read as a folder of save_to_disk: " in refusal(tmp_path / "saved")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.csv.gz", CSV),
        ("train.tsv.gz", CSV.replace(",", "\t")),
        ("train.jsonl.gz", "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in ROWS)),
        ("train.txt.gz", "".join(f"{text};{label}\n" for text, label in ROWS)),
        ("train.CSV.GZ", CSV),
    ],
)
def test_a_text_format_may_be_compressed(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(content.encode()))
    (tmp_path / f"._{name}").write_bytes(b"\x00\x05\x16\x07")

    for data in (tmp_path, tmp_path / name):
        split = load_split(str(data), "train", COLUMNS)
        assert read(split) == ROWS
        assert split.source == name


def test_a_compressed_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress(CSV.encode())[:-9])

    assert "train.csv.gz: cannot be unpacked: Compressed file ended before the end" in refusal(tmp_path)


def test_an_archive_holds_splits_below_one_folder_beside_what_macos_adds(tmp_path: Path) -> None:
    files = {"emotions/train.csv": CSV, "emotions/val.csv": "text,label\nhi,joy\n", "__MACOSX/emotions/._train.csv": ""}
    data = write_zip(tmp_path / "data.zip", files | {"emotions/README.txt": "Not data", ".DS_Store": ""})

    split = load_split(str(data), "train", COLUMNS)

    assert read(split) == ROWS
    assert split.source == "data.zip/train.csv"
    assert read(load_split(str(data), "validation", COLUMNS)) == [("hi", "joy")]


def test_an_archive_of_one_file_is_taken_whole(tmp_path: Path) -> None:
    data = write_zip(tmp_path / "emotions.csv.zip", {"emotions.csv": CSV})

    assert read(load_split(str(data), "validation", COLUMNS)) == ROWS
    assert splits_in(str(data), ["train", "validation"]) == ["emotions"]


def test_an_archive_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    two = write_zip(tmp_path / "two.zip", {"a.csv": CSV, "b.csv": CSV})
    whole = write_zip(tmp_path / "whole.zip", {"a.csv": CSV}).read_bytes()
    cut, locked = tmp_path / "cut.zip", tmp_path / "locked.zip"
    cut.write_bytes(whole[:60])
    directory = whole.index(b"PK\x01\x02")
    locked.write_bytes(whole[: directory + 8] + b"\x01" + whole[directory + 9 :])  # the flag of an encrypted member

    assert "needs one file for the split 'train', such as train.csv; found none among a.csv, b.csv" in refusal(two)
    assert "cut.zip: cannot be unpacked: File is not a zip file" in refusal(cut)
    assert "locked.zip: a.csv is encrypted; unpack the archive with its password" in refusal(locked)
    assert "nowhere.zip: no such file" in refusal(tmp_path / "nowhere.zip")


def test_a_pair_of_texts_and_labels_is_read_line_by_line_with_its_mapping(tmp_path: Path) -> None:
    write_pair(tmp_path, "train", [str(NAMES.index(label)) for _, label in ROWS])
    write_pair(tmp_path, "val", [label for _, label in ROWS])
    (tmp_path / "mapping.txt").write_text("0\tjoy\n1\tanger\n", encoding="utf-8")

    for data in (tmp_path, tmp_path / "train_text.txt"):
        split = load_split(str(data), "train", COLUMNS)
        assert read(split) == ROWS
        assert split.label_names == NAMES
    assert read(load_split(str(tmp_path), "validation", COLUMNS)) == ROWS


def test_a_pair_with_unequal_numbers_of_lines_is_refused_with_both(tmp_path: Path) -> None:
    write_pair(tmp_path, "train", ["0"] * 11)

    assert "train_text.txt: 12 lines, but " in refusal(tmp_path)
    assert "train_labels.txt has 11; give each text one label" in refusal(tmp_path)


def test_a_mapping_that_does_not_count_from_0_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "train", ["1"] * 12)
    (tmp_path / "mapping.txt").write_text("1\tjoy\n2\tanger\n", encoding="utf-8")

    assert "mapping.txt, line 1: '1\\tjoy' is no number and name; number the labels from 0 on" in refusal(tmp_path)
