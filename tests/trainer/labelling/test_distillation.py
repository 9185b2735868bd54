"""Training on distributions, and the command that writes them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from torch.nn.functional import one_hot
from transformers import AutoModelForSequenceClassification, pipeline
from transformers.trainer_pt_utils import LabelSmoother

from schemas.manifest import ModelManifest
from tests.trainer.conftest import WORDS, Train, make_rows, write_text_file
from trainer.__main__ import run
from trainer.data.labels import label_ids, label_names, label_shares
from trainer.data.rows import Columns
from trainer.data.splits import load_split
from trainer.errors import UserError
from trainer.training.loss import CrossEntropy

SOFT = Columns("text", "label", "scores")
LOGITS = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
IDS = torch.tensor([0, 3, 1, 1, 2, 0])


def losses(artifact: Path) -> list[float]:
    """The training loss of each step."""
    state = json.loads((artifact.with_name("artifact-checkpoints") / "trainer_state.json").read_text(encoding="utf-8"))
    return [entry["loss"] for entry in state["log_history"] if "loss" in entry]


def write_json_lines(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_of_one_hot_targets_is_that_of_transformers(smoothing: float) -> None:
    theirs = LabelSmoother(smoothing)({"logits": LOGITS}, IDS)

    ours = CrossEntropy(smoothing)({"logits": LOGITS}, one_hot(IDS, 4).float())

    assert ours.item() == pytest.approx(theirs.item(), abs=1e-6)


def test_the_loss_of_ids_is_that_of_transformers(cased_base: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(cased_base, num_labels=4)
    ids, targets = torch.randint(5, 40, (6, 9)), IDS

    outputs = model(input_ids=ids, labels=targets)

    assert CrossEntropy(0.1)(outputs, targets).item() == pytest.approx(outputs.loss.item(), abs=1e-6)


@pytest.mark.parametrize("targets", [IDS, one_hot(IDS, 4).float()], ids=["ids", "shares"])
def test_the_losses_of_a_steps_batches_sum_to_that_of_one(targets: torch.Tensor) -> None:
    loss = CrossEntropy(0.0)
    parts = [loss({"logits": LOGITS[part]}, targets[part], targets.numel()) for part in (slice(2), slice(2, 6))]

    assert sum(parts).item() == pytest.approx(loss({"logits": LOGITS}, targets).item(), abs=1e-6)  # type: ignore[union-attr]


def test_the_loss_is_least_where_the_scores_are_the_target() -> None:
    target = torch.tensor([[0.7, 0.2, 0.1, 0.0]])
    logits = target.clamp(min=1e-30).log().requires_grad_()

    CrossEntropy(0.0)({"logits": logits}, target).backward()  # type: ignore[no-untyped-call]

    assert logits.grad is not None
    assert logits.grad.abs().max().item() < 1e-6


def test_one_hot_scores_train_as_labels_do(train: Train, cased_base: Path, data: Path, tmp_path: Path) -> None:
    rows = [line.rpartition(";") for line in (data / "train.txt").read_text(encoding="utf-8").splitlines()]
    soft = write_json_lines(tmp_path / "soft.jsonl", [{"text": text, "scores": {label: 3}} for text, _, label in rows])
    options = ["--model", str(cased_base), "--validation-file", str(data / "validation.txt")]
    options += ["--max_steps", "5", "--learning_rate", "1e-2", "--gradient_accumulation_steps", "2"]

    hard_run = train(*options, "--train-file", str(data / "train.txt"))
    soft_run = train(*options, "--train-file", str(soft))

    assert losses(soft_run) == pytest.approx(losses(hard_run), abs=1e-4)


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


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"scores": {"joy": -0.1}}, "line 1: the score of 'joy' is -0.1; give a number of 0 or more"),
        ({"scores": {"joy": "high"}}, "line 1: the score of 'joy' is 'high'; give a number of 0 or more"),
        ({"scores": {"joy": float("nan")}}, "line 1: the score of 'joy' is nan; give a number of 0 or more"),
        ({"scores": {"joy": 0}}, "line 1: no score above 0; give each label its share, or remove the row"),
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

    assert run(["train", "--model", str(cased_base), "--output", str(tmp_path / "artifact"), *files]) == 1

    assert "soft.jsonl, line 1: no column 'label' among 'text', 'scores'" in capsys.readouterr().err


SoftLabel = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def soft_label(tmp_path: Path) -> SoftLabel:
    """Runs `emotion-trainer soft-label` and returns the lines that it wrote."""

    def run_soft_label(*arguments: object) -> list[dict[str, Any]]:
        output = tmp_path / "new" / "soft.jsonl"
        output.unlink(missing_ok=True)
        assert run(["soft-label", *map(str, arguments), "--output", str(output)]) == 0
        assert [path.name for path in output.parent.iterdir()] == ["soft.jsonl"]
        return [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]

    return run_soft_label


def test_soft_labels_are_the_scores_of_the_pipeline_in_the_order_of_the_texts(
    artifact: Path, soft_label: SoftLabel, tmp_path: Path
) -> None:
    rows = make_rows(WORDS, 70, seed=4)
    classifier: Any = pipeline("text-classification", str(artifact), dtype="float32", device="cpu", top_k=None)
    expected = [
        {e["label"]: pytest.approx(e["score"], abs=1e-5) for e in of} for of in classifier([t for t, _ in rows])
    ]

    labelled = soft_label(artifact, "--data", write_text_file(tmp_path / "d.txt", rows))

    assert [line["text"] for line in labelled] == [text for text, _ in rows]
    assert [line["scores"] for line in labelled] == expected


def test_plain_lines_are_labelled_at_a_temperature_by_the_mean_of_models(
    artifact: Path, train: Train, cased_base: Path, data: Path, soft_label: SoftLabel, tmp_path: Path
) -> None:
    labels = list(reversed(WORDS))
    other = train("--model", str(cased_base), "--data", str(data), "--max_steps", "1", "--labels", *labels)
    (tmp_path / "plain.txt").write_text("so happy; really\n\nso LONELY\n", encoding="utf-8")
    options = ("--data", tmp_path / "plain.txt", "--format", "text", "--temperature", "4")

    one, two = soft_label(artifact, *options), soft_label(other, *options)
    both = soft_label(artifact, other, *options)
    sharp = soft_label(artifact, *options[:-1], "1")

    assert [line["text"] for line in both] == ["so happy; really", "so LONELY"]
    for line, first, second, third in zip(both, one, two, sharp, strict=True):
        mean = {label: (first["scores"][label] + second["scores"][label]) / 2 for label in labels}
        assert line["scores"] == pytest.approx(mean, abs=1e-6)
        assert max(first["scores"].values()) < max(third["scores"].values())


def test_a_student_trains_on_what_its_teacher_wrote(
    artifact: Path, train: Train, cased_base: Path, data: Path, soft_label: SoftLabel, tmp_path: Path
) -> None:
    lines = soft_label(artifact, "--data", data)
    file = write_json_lines(tmp_path / "soft.jsonl", lines)
    options = ("--model", str(cased_base), "--validation-file", str(data / "validation.txt"), "--max_steps", "1")

    student = train(*options, "--train-file", str(file))

    # An untrained student's loss is near that of a guess, and never below the entropy of what it learns.
    assert losses(student)[0] == pytest.approx(1.8, abs=0.4)


def test_a_student_of_another_tokenizer_learns_what_its_teacher_wrote(
    artifact: Path, train: Train, byte_level_base: Path, data: Path, soft_label: SoftLabel, tmp_path: Path
) -> None:
    rows = make_rows(WORDS, 200, seed=6)
    (tmp_path / "plain.txt").write_text("".join(f"{text}\n" for text, _ in rows), encoding="utf-8")
    lines = soft_label(artifact, "--data", tmp_path / "plain.txt", "--format", "text", "--temperature", "2")
    write_json_lines(tmp_path / "taught.jsonl", lines)
    (tmp_path / "datasets.json").write_text(json.dumps([{"data": str(tmp_path / "taught.jsonl")}]), encoding="utf-8")

    student = train(
        *("--model", str(byte_level_base), "--data", str(data), "--datasets", str(tmp_path / "datasets.json")),
        *("--learning_rate", "5e-3", "--num_train_epochs", "3", "--augment", "0.2"),
    )

    manifest = ModelManifest.read(student)
    assert manifest is not None
    assert manifest.data.train == "train.txt + taught.jsonl"
    assert manifest.data.train_rows == 96 + 200
    found = losses(student)
    assert sum(found[-10:]) < 0.9 * sum(found[:10])


def test_a_file_in_the_place_and_models_of_other_labels_are_refused(
    artifact: Path, train: Train, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "soft.jsonl"
    taken.write_text("mine", encoding="utf-8")
    words = {"yes": WORDS["joy"], "no": WORDS["anger"]}
    for split in ("train", "validation"):
        write_text_file(tmp_path / f"{split}.txt", make_rows(words, 16, seed=1))
    other = train("--model", str(artifact), "--data", str(tmp_path), "--max_steps", "1")

    assert run(["soft-label", str(artifact), "--data", str(data), "--output", str(taken)]) == 1
    assert "soft.jsonl: exists; choose another file or remove it" in capsys.readouterr().err
    assert taken.read_text(encoding="utf-8") == "mine"
    assert run(["soft-label", str(artifact), str(other), "--data", str(data), "--output", str(tmp_path / "n")]) == 1
    assert "average models of the same labels" in capsys.readouterr().err
    assert not (tmp_path / "n").exists()
