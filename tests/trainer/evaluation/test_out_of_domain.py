"""Texts from outside the domain."""

from pathlib import Path

import numpy as np
import pytest

from trainer.__main__ import run
from trainer.evaluation.decision import OneLabel
from trainer.evaluation.out_of_domain import OWN_TEXTS, load_texts, measure_out_of_domain, separate
from trainer.evaluation.outputs import Outputs

KINDS = {"code": ["a", "b"], "logs": ["c", "d", "e", "f"]}


def outputs(logits: "np.ndarray[tuple[int, int], np.dtype[np.float64]]", **features: object) -> Outputs:
    return Outputs(logits, features.get("features"), np.ones(len(logits)), 0)  # type: ignore[arg-type]


def test_separation_is_that_of_its_definition() -> None:
    inside = np.arange(1.0, 21.0)
    outside = np.array([0.5, 1.5, 2.5, 30.0])

    figures = separate(inside, outside)

    wins = sum((a > b) for a in inside for b in outside) / (len(inside) * len(outside))
    assert figures.auroc == pytest.approx(wins)
    # 19 of 20 pass at 2: of those outside, 2.5 and 30 do.
    assert figures.fpr_at_95 == 2 / 4


def test_scores_and_threshold_are_told_by_kind() -> None:
    certain, torn = [10.0, 0.0], [0.0, 0.0]
    inside = outputs(np.array([certain] * 10))
    outside = outputs(np.array([certain, certain, *[torn] * 4]))
    measured = measure_out_of_domain(inside, np.zeros(10, dtype=int), outside, KINDS, OneLabel(0.8))

    assert measured.texts == 6
    assert measured.mean_score_by_kind == pytest.approx({"code": 1.0, "logs": 0.5}, abs=1e-4)
    assert measured.confident == pytest.approx(2 / 6)
    assert measured.mean_score == pytest.approx((2 + 4 / 2) / 6, abs=1e-4)
    assert set(measured.separation) == {"max_score", "energy"}


def test_distance_tells_what_scores_and_energy_cannot() -> None:
    rng = np.random.default_rng(0)
    ids = np.arange(200) % 2
    near = rng.normal(size=(200, 5)) + 5 * ids[:, None]
    far = rng.normal(size=(6, 5)) * [1, 1, 1, 1, 0] + [0, 0, 0, 0, 30]
    logits = np.eye(2)[ids] * 4
    inside, outside = outputs(logits, features=near), outputs(logits[:6], features=far)

    separation = measure_out_of_domain(inside, ids, outside, KINDS, OneLabel()).separation

    assert separation["max_score"].auroc == separation["energy"].auroc == 0.5
    assert separation["mahalanobis"].auroc == 1
    assert separation["mahalanobis"].fpr_at_95 == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("texts", "has_distance"), [(2, False), (3, False), (4, True)])
def test_a_few_texts_have_no_distance(texts: int, has_distance: bool) -> None:
    logits = np.eye(2)[np.arange(texts) % 2]
    few = outputs(logits, features=np.arange(texts * 5.0).reshape(texts, 5))

    measured = measure_out_of_domain(few, np.arange(texts) % 2, few, {"code": ["x"] * texts}, OneLabel())

    assert ("mahalanobis" in measured.separation) == has_distance


def test_our_own_texts_are_many_and_of_many_kinds() -> None:
    kinds = load_texts(OWN_TEXTS)
    texts = [text for kind in kinds.values() for text in kind]

    assert len(texts) == len(set(texts)) >= 150
    assert {"code", "logs", "German", "Arabic", "Chinese", "Thai"} <= set(kinds)


def test_a_file_of_lines_takes_their_place(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("first line\n\nsecond\tline\n", encoding="utf-8")

    assert load_texts(tmp_path / "lines.txt") == {"lines.txt": ["first line", "second\tline"]}


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot be read"), (b"\xff\xfe", "cannot be read"), (b"\n \n", "no text")]
)
def test_a_file_that_cannot_be_used_is_named(
    artifact: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    file = tmp_path / "lines.txt"
    if content is not None:
        file.write_bytes(content)

    assert run(["evaluate", str(artifact), "--data", str(data), "--out-of-domain", str(file)]) == 1

    assert f"--out-of-domain {file}: {message}" in capsys.readouterr().err
