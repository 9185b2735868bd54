"""What the model sees of a row, epoch by epoch."""

import string
from pathlib import Path

from tests.trainer.conftest import WORDS, make_rows
from trainer.data.rows import Row
from trainer.preprocessing.augmentation import CHANGES, Augmentation
from trainer.preprocessing.tokenizer import load_tokenizer
from trainer.training.batch_order import EpochRows
from trainer.training.training_set import TrainingSet

ROWS = [Row(f"d.txt, line {number}", text, label) for number, (text, label) in enumerate(make_rows(WORDS, 60, 1))]
Ids = list[list[int]]


def seen(base: Path, epoch: int, *, augment: float = 0.5, seed: int = 1, rows: list[Row] = ROWS) -> Ids:
    dataset = TrainingSet(load_tokenizer(base), rows, range(len(rows)), augmentation=Augmentation(augment), seed=seed)
    dataset.begin_epoch(epoch)
    items = [dataset[index] for index in range(len(rows))]
    assert [item["labels"] for item in items] == list(range(len(rows)))
    return [item["input_ids"] for item in items]


def test_without_augmentation_texts_are_as_the_tokenizer_gives_them(cased_base: Path) -> None:
    plain = load_tokenizer(cased_base)([row.text for row in ROWS], truncation=True)["input_ids"]

    assert seen(cased_base, 0, augment=0.0) == plain


def test_an_epoch_changes_about_the_share_and_each_epoch_others(cased_base: Path) -> None:
    plain, first, second = seen(cased_base, 0, augment=0.0), seen(cased_base, 0), seen(cased_base, 1)

    assert 15 <= sum(one != other for one, other in zip(plain, first, strict=True)) <= 45
    assert first != second


def test_what_a_row_is_depends_on_seed_epoch_and_row_alone(cased_base: Path) -> None:
    assert seen(cased_base, 3) == seen(cased_base, 3)
    assert seen(cased_base, 3) != seen(cased_base, 3, seed=2)


def test_a_row_that_is_spared_is_never_changed(cased_base: Path) -> None:
    spared = [row._replace(augment=False) for row in ROWS]

    assert seen(cased_base, 0, augment=1.0, rows=spared) == seen(cased_base, 0, augment=0.0)


def test_a_word_that_occurs_in_every_text_is_seldom_mistyped(cased_base: Path) -> None:
    common = next(word for word in WORDS if len(word) >= 4)
    letters = string.ascii_lowercase
    rows = [Row("d.txt", f"{common} {one}{other}{other}{one}", "joy") for one in letters for other in letters]
    typos = Augmentation(1.0, 1, dict.fromkeys(CHANGES, 0.0) | {"typo": 1.0})
    tokenizer = load_tokenizer(cased_base)

    dataset = TrainingSet(tokenizer, rows, range(len(rows)), augmentation=typos, seed=1)

    plain = tokenizer(common)["input_ids"][:-1]  # without the end
    mistyped = sum(dataset[index]["input_ids"][: len(plain)] != plain for index in range(len(rows)))
    assert 0 < mistyped < len(rows) * 0.1  # one in 27 by the inverse root, one in two if all words were alike


def test_length_groups_hold_every_row_once_in_an_order_of_the_epoch(cased_base: Path) -> None:
    rows = [Row("d.txt", "so " * length, "joy") for length in (7, 3, 9, 4, 8, 2, 6, 5)] * 20
    dataset = TrainingSet(load_tokenizer(cased_base), rows, [0] * len(rows), augmentation=Augmentation(), seed=1)
    lengths = dataset.lengths
    groups = EpochRows(dataset, batch_size=4, seed=1)

    orders = []
    for epoch in (0, 1, 0):
        dataset.begin_epoch(epoch)
        orders.append(list(groups))

    assert sorted(orders[0]) == list(range(len(lengths)))
    assert orders[0] == orders[2] != orders[1]
    spreads = [
        max(lengths[index] for index in batch) - min(lengths[index] for index in batch)
        for batch in (orders[0][start : start + 4] for start in range(4, len(lengths), 4))
    ]
    assert sum(spreads) / len(spreads) < 1
