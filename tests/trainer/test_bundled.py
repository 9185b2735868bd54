"""The recipe of the bundled model, from its data to an artifact, with an encoder and data sets of a few seconds."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.manifest import ModelManifest
from tests.trainer.conftest import FILLERS, WORDS, make_rows, write_bert, write_text_file
from trainer.bundled.data import LABELS

NAMES = json.loads((Path(__file__).parents[2] / "trainer" / "bundled" / "goemotions.json").read_text(encoding="utf-8"))


def write_goemotions(folder: Path) -> Path:
    """As it is published: tab-separated, several labels with commas between, every label at least once."""
    folder.mkdir()
    rng = random.Random(3)  # noqa: S311 - no secret
    for split in ("train", "validation"):
        rows = [(" ".join(rng.choices(FILLERS, k=4)), name) for name in NAMES for _ in range(3)]
        rows += [('"lonely', "sadness,grief"), ("happy and stunned", "joy,surprise")]
        lines = ["text\tlabels", *(f"{text}\t{labels}" for text, labels in rows)]
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.mark.timeout(900)  # a dozen commands, each of which imports transformers
def test_one_command_makes_it_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    base = write_bert(tmp_path / "tiny-bert", lower_case=True, layers=6)
    emotion = tmp_path / "emotion"
    emotion.mkdir()
    for split, seed in (("train", 1), ("validation", 2)):
        write_text_file(emotion / f"{split}.txt", make_rows(WORDS, 60, seed))
    tweets = tmp_path / "tweets.txt"
    tweets.write_text("".join(f"{text}\n" for text, _ in make_rows(WORDS, 40, 3)), encoding="utf-8")
    output = tmp_path / "made"
    command = [sys.executable, "-m", "trainer.bundled", "--output", str(output), "--base", str(base), "--rows", "100"]
    command += ["--emotion", str(emotion), "--goemotions", str(write_goemotions(tmp_path / "goemotions"))]
    command += ["--tweets", str(tweets), "--seed", "7"]

    refusals = {
        ("--seed", "-1", "--work", str(tmp_path / "other")): "teacher-a was not made",
        ("--tweets", str(tmp_path / "none.txt")): "none.txt: cannot be read: No such file or directory; give a file",
    }
    for options, told in refusals.items():
        refused = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        assert refused.returncode == 2
        assert told in refused.stderr
        assert "Traceback" not in refused.stderr

    first = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "seed 7" in first.stdout
    manifest = ModelManifest.model_validate_json((output / "manifest.json").read_text(encoding="utf-8"))
    assert tuple(manifest.labels) == LABELS
    assert json.loads((output / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"] == 3
    assert manifest.dtype == "float16"
    assert "## How it was made" in (output / "README.md").read_text(encoding="utf-8")

    other = subprocess.run([*command, "--seed", "8"], capture_output=True, text=True, check=False)
    assert "holds what another seed or other data made; give another folder, or remove it" in other.stderr

    again = subprocess.run(command, capture_output=True, text=True, check=True)  # nothing is left to do
    assert "…" not in again.stdout
