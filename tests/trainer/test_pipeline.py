"""What `emotion-trainer train` leaves behind."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, BertTokenizer, pipeline

from schemas.manifest import ModelManifest
from tests.trainer.conftest import LEARNING, POSITIONS, WORDS, Train, make_rows, write_text_file
from trainer.__main__ import run

RELOAD = """
import json, sys
from transformers import AutoTokenizer, pipeline
folder, *texts = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
classifier = pipeline("text-classification", folder, top_k=None, device="cpu")
print(json.dumps({
    "ids": [tokenizer(text)["input_ids"] for text in texts],
    "pipeline_ids": [classifier.tokenizer(text)["input_ids"] for text in texts],
    "tokens": [tokenizer.tokenize(text) for text in texts],
    "scores": classifier(texts),
}))
"""


def reload_elsewhere(artifact: Path, *texts: str) -> dict[str, Any]:
    """Loads an artifact in a fresh process as a stranger would."""
    done = subprocess.run([sys.executable, "-c", RELOAD, artifact, *texts], capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def nearly(manifest: ModelManifest) -> dict[str, Any]:
    """The figures that a manifest gives for validation, for comparison."""
    figures: dict[str, Any] = manifest.model_dump()["metrics"]["validation"]
    labels = {name: pytest.approx(label, abs=1e-5) for name, label in figures.pop("labels").items()}
    return {name: pytest.approx(value, abs=1e-5) for name, value in figures.items()} | {"labels": labels}


def test_lower_casing_of_a_cased_base_survives_a_reload(artifact: Path, cased_base: Path) -> None:
    before = AutoTokenizer.from_pretrained(cased_base)
    assert before("HELLO Café")["input_ids"] != before("hello café")["input_ids"]

    after = reload_elsewhere(artifact, "HELLO Café", "hello café")

    assert after["ids"][0] == after["ids"][1]
    assert after["pipeline_ids"][0] == after["pipeline_ids"][1] == after["ids"][0]
    assert after["tokens"] == [["hello", "café"]] * 2
    assert after["scores"][0] == after["scores"][1]


def test_training_sees_the_texts_as_a_reload_does(artifact: Path, data: Path, evaluate: Callable[..., Any]) -> None:
    # The validation texts are in capitals, the training texts are not.
    measured = evaluate(artifact, data / "validation.txt")
    manifest = ModelManifest.read(artifact)

    assert manifest is not None
    assert measured["accuracy"] == 1.0
    assert measured == nearly(manifest)


def test_an_uncased_base_goes_on_stripping_accents(train: Train, uncased_base: Path, data: Path) -> None:
    artifact = train("--model", str(uncased_base), "--data", str(data), "--max_steps", "1")

    tokenizer = AutoTokenizer.from_pretrained(artifact)
    assert tokenizer.tokenize("CAFÉ") == ["cafe"]
    assert tokenizer("CAFÉ")["input_ids"] == AutoTokenizer.from_pretrained(uncased_base)("CAFÉ")["input_ids"]


def test_a_base_without_a_case_switch_is_lower_cased_too(
    train: Train, byte_level_base: Path, data: Path, tmp_path: Path
) -> None:
    long = write_text_file(tmp_path / "long.txt", [("scared " * 200, "fear")])

    artifact = train("--model", str(byte_level_base), "--data", str(data), "--max_steps", "1")

    after = reload_elsewhere(artifact, "HELLO Café", "hello café")
    assert after["ids"][0] == after["ids"][1] == after["pipeline_ids"][0]
    assert run(["evaluate", str(artifact), "--data", str(long)]) == 0  # its positions begin behind the padding index


def test_the_length_limit_is_the_models_own(artifact: Path) -> None:
    manifest = ModelManifest.read(artifact)
    tokenizer = AutoTokenizer.from_pretrained(artifact)

    assert manifest is not None
    assert manifest.max_tokens == POSITIONS == tokenizer.model_max_length
    assert len(tokenizer("hello " * 100, truncation=True)["input_ids"]) == POSITIONS
    assert len(tokenizer("hello")["input_ids"]) == 3  # the base's tokenizer.json pads to 16
    stored = json.loads((artifact / "tokenizer.json").read_text(encoding="utf-8"))
    assert stored["truncation"] is None
    assert stored["padding"] is None


def test_an_artifact_is_a_plain_folder_without_training_leftovers(artifact: Path) -> None:
    files = {path.name for path in artifact.iterdir()}

    model = {"config.json", "manifest.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert files == model | {"README.md", "golden.jsonl", "report"}


def test_an_artifact_names_no_folder_of_the_machine(artifact: Path, cased_base: Path, data: Path) -> None:
    for path in (*artifact.glob("*.json"), artifact / "README.md", *artifact.glob("report/*.[jm]*")):
        text = path.read_text(encoding="utf-8")
        for folder in (artifact.parent, cased_base.parent, data):
            assert str(folder) not in text, path.name


def test_the_loss_of_every_step_is_kept(artifact: Path) -> None:
    state = json.loads((artifact.with_name("artifact-checkpoints") / "trainer_state.json").read_text(encoding="utf-8"))

    steps = [entry["step"] for entry in state["log_history"] if "loss" in entry]
    assert steps == list(range(1, state["max_steps"] + 1))


def test_each_epoch_is_reported_with_its_figures(
    cased_base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--output", str(tmp_path / "artifact"), "--use_cpu", "--num_train_epochs", "2"]
    assert run(["train", "--model", str(cased_base), "--data", str(data), *options]) == 0

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    state = json.loads((tmp_path / "artifact-checkpoints" / "trainer_state.json").read_text(encoding="utf-8"))
    for epoch, step in ((1, 12), (2, 24)):
        figures = next(entry for entry in state["log_history"] if entry["step"] == step and "eval_loss" in entry)
        losses = [
            entry["loss"] for entry in state["log_history"] if "loss" in entry and step - 12 < entry["step"] <= step
        ]
        row = next(line for line in lines if line[:2] == [f"{epoch}.00", str(step)])
        assert [float(cell) for cell in row[2:]] == pytest.approx(
            [sum(losses) / 12, figures["eval_loss"], figures["eval_accuracy"], figures["eval_macro_f1"]], abs=1e-4
        )


def test_figures_hold_when_texts_are_grouped_by_length_in_bf16(
    train: Train, cased_base: Path, data: Path, evaluate: Callable[..., Any]
) -> None:
    # A Trainer that groups by length predicts in another order than that of the data.
    artifact = train(
        *("--model", str(cased_base), "--data", str(data), *LEARNING),
        *("--train_sampling_strategy", "group_by_length", "--bf16"),
    )
    manifest = ModelManifest.read(artifact)

    assert manifest is not None
    assert evaluate(artifact, data) == nearly(manifest)
    assert manifest.metrics["validation"].accuracy > 0.5


def test_other_labels_from_a_csv_file_simply_work(train: Train, cased_base: Path, tmp_path: Path) -> None:
    words = {"calls for help": WORDS["fear"], "praise": WORDS["joy"], "complaint": WORDS["anger"]}
    for split, seed in (("train", 1), ("validation", 2)):
        rows = "".join(f'{n},"{text}",{label}\n' for n, (text, label) in enumerate(make_rows(words, 96, seed)))
        (tmp_path / f"{split}.csv").write_text("Nr,Message,Kind\n" + rows, encoding="utf-8")

    artifact = train(
        *("--model", str(cased_base), "--data", str(tmp_path), "--text-column", "Message", "--label-column", "Kind"),
        *("--name", "support", *LEARNING),
    )

    manifest = ModelManifest.read(artifact)
    assert manifest is not None
    assert manifest.name == "support"
    assert manifest.labels == ["calls for help", "complaint", "praise"]
    classifier = pipeline("text-classification", str(artifact), device="cpu")
    assert [result["label"] for result in classifier(["I feel SCARED", "so happy"])] == ["calls for help", "praise"]


def test_a_base_with_a_head_for_other_labels_gets_a_new_head(train: Train, artifact: Path, tmp_path: Path) -> None:
    words = {"yes": WORDS["joy"], "no": WORDS["anger"]}
    for split in ("train", "validation"):
        write_text_file(tmp_path / f"{split}.txt", make_rows(words, 16, seed=1))

    again = train("--model", str(artifact), "--data", str(tmp_path), "--max_steps", "1")

    manifest = ModelManifest.read(again)
    assert manifest is not None
    assert manifest.labels == ["no", "yes"]


def test_a_folder_with_a_vocabulary_alone_is_a_base_too(
    train: Train, cased_base: Path, data: Path, tmp_path: Path
) -> None:
    # bert-base-cased carries a tokenizer_config.json that says do_lower_case: false, and older bases a vocab.txt only.
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((cased_base / name).read_bytes())
    vocabulary = BertTokenizer.from_pretrained(cased_base).get_vocab()
    (tmp_path / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)), encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}', encoding="utf-8")

    artifact = train("--model", str(tmp_path), "--data", str(data), "--max_steps", "1")

    tokenizer = AutoTokenizer.from_pretrained(artifact)
    assert tokenizer.tokenize("HELLO Café") == tokenizer.tokenize("hello café") == ["hello", "café"]
