"""The golden set that comes with an artifact, and one of a user's own texts."""

from pathlib import Path

import numpy as np
import pytest

from schemas.golden_set import GOLDEN_FILE, read_golden_set
from trainer.__main__ import run
from trainer.artifact.loading import load_artifact, names_of
from trainer.evaluation.decision import OneLabel
from trainer.evaluation.outputs import outputs_of


def test_an_artifact_says_what_it_makes_of_texts_of_every_odd_kind(artifact: Path) -> None:
    golden = read_golden_set(artifact / GOLDEN_FILE)

    model, tokenizer = load_artifact(artifact, "float32")
    lengths = [len(ids) for ids in tokenizer([each.text for each in golden], truncation=True)["input_ids"]]
    assert max(lengths) == tokenizer.model_max_length
    scores = OneLabel().scores(outputs_of(model, tokenizer, [each.text for each in golden]).logits)
    assert [each.label for each in golden] == [names_of(model)[row.argmax()] for row in scores]
    assert np.array([list((each.scores or {}).values()) for each in golden]) == pytest.approx(scores, abs=1e-6)


def test_an_export_has_scores_of_its_own(artifact: Path, tmp_path: Path) -> None:
    assert run(["export", str(artifact), "--dtype", "bfloat16", "--output", str(tmp_path / "small")]) == 0

    golden, before = read_golden_set(tmp_path / "small" / GOLDEN_FILE), read_golden_set(artifact / GOLDEN_FILE)
    assert [each.text for each in golden] == [each.text for each in before]
    assert golden != before


def test_texts_may_be_the_users_own(artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.txt").write_text("I am so glad\nshe left\nI am so glad\n", encoding="utf-8")
    output = tmp_path / "own.jsonl"

    command = ["golden-set", str(artifact), "--data", str(tmp_path / "own.txt"), "--format", "text"]
    assert run([*command, "--output", str(output)]) == 0

    assert capsys.readouterr().out == f"{output}: 2 texts\n"
    assert [each.text for each in read_golden_set(output)] == ["I am so glad", "she left"]


def test_a_place_that_cannot_be_written_to_is_told(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")

    assert run(["golden-set", str(artifact), "--output", str(tmp_path / "file")]) == 2
    assert "file: exists; choose another file or remove it" in capsys.readouterr().err
    assert run(["golden-set", str(artifact), "--output", str(tmp_path / "file" / "g.jsonl")]) == 2
    assert "nothing can be written to" in capsys.readouterr().err
