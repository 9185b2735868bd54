"""Further validation data: a training that is measured in several domains, and an artifact that is measured again."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from schemas.manifest import ModelManifest, SplitMetrics
from tests.trainer.conftest import LEARNING, WORDS, Train, make_rows, write_json_lines, write_text_file
from trainer.__main__ import run
from trainer.data.domains import Domain
from trainer.evaluation.decision import OneLabel
from trainer.evaluation.domains import DomainOutputs, confident_mistakes, domain_figures

PLAIN = [
    f"{first} {second} {third}"
    for first in ("i", "and", "so")
    for second in ("today", "hello", "café")
    for third in ("really", "feel", "and", "so", "hello", "i")
]
ONE_LABEL = {"label_map": {"none": dict.fromkeys(WORDS, 1)}}


def write_domains(folder: Path) -> Path:
    """A domain of which each twentieth label is wrong, with texts without a feeling; and one of these alone."""
    rows = [(text, "joy" if n % 20 == 3 else label) for n, (text, label) in enumerate(make_rows(WORDS, 240, seed=5))]
    rows += [(text, "none") for text in PLAIN] + [("happy furious", "joy,anger")] * 3
    for name, own in (("reddit", rows), ("plain", [(text, "none") for text in PLAIN[:9]])):
        write_json_lines(folder / f"{name}.jsonl", [{"text": text, "label": label} for text, label in own])
    entries = [
        {"name": "reddit", "data": str(folder / "reddit.jsonl"), "label_separator": ",", **ONE_LABEL},
        {"name": "plain", "data": str(folder / "plain.jsonl"), **ONE_LABEL},
    ]
    (folder / "domains.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder / "domains.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("domains")
    write_text_file(folder / "train.txt", make_rows(WORDS, 96, seed=1))
    write_text_file(folder / "validation.txt", make_rows(WORDS, 240, seed=2))
    write_domains(folder)
    return folder


@pytest.fixture(scope="module")
def options(cased_base: Path, folder: Path) -> tuple[str, ...]:
    files = ("--train-file", str(folder / "train.txt"), "--validation-file", str(folder / "validation.txt"))
    return ("--model", str(cased_base), *files, "--validation_datasets", str(folder / "domains.json"))


@pytest.fixture(scope="module")
def measured(train: Train, options: tuple[str, ...]) -> Path:
    return train(*options, *LEARNING)


def manifest_of(artifact: Path) -> ModelManifest:
    manifest = ModelManifest.read(artifact)
    assert manifest is not None
    return manifest


def test_the_manifest_has_the_figures_of_each_domain(measured: Path) -> None:
    manifest = manifest_of(measured)

    assert {name: own.rows for name, own in manifest.metrics.items()} == {"validation": 240, "reddit": 240}
    assert {name: own.rows for name, own in manifest.without_feeling.items()} == {"reddit": len(PLAIN), "plain": 9}
    goals = manifest.confident_goals
    assert goals is not None
    assert (goals.validation, goals.domains, goals.without_feeling) == (0.98, 0.94, 0.04)
    assert manifest.confident_score is not None
    reddit = manifest.metrics["reddit"].confident
    assert reddit is not None
    assert reddit.score == manifest.confident_score


def test_the_threshold_keeps_its_word_in_each_domain_or_it_is_said(measured: Path) -> None:
    manifest = manifest_of(measured)
    goals = manifest.confident_goals
    assert goals is not None

    missed = {words.partition(":")[0] for words in goals.missed}
    for name, least in (("validation", goals.validation), ("reddit", goals.domains)):
        confident = manifest.metrics[name].confident
        assert confident is not None
        assert (confident.accuracy.value >= least) == (name not in missed)
    rows = sum(own.rows for own in manifest.without_feeling.values())
    share = sum((own.confident or 0) * own.rows for own in manifest.without_feeling.values()) / rows
    assert (share <= 0.04) == ("texts without a feeling" not in missed)


def test_an_evaluation_gives_the_same_figures(measured: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", str(measured), "--data", str(folder / "validation.txt")]
    arguments += ["--datasets", str(folder / "domains.json")]
    capsys.readouterr()

    assert run([*arguments, "--json"]) == 0
    domains = json.loads(capsys.readouterr().out)["domains"]
    assert run(arguments) == 0
    table = capsys.readouterr().out

    manifest = manifest_of(measured)
    reddit = SplitMetrics.model_validate(domains["reddit"])
    assert reddit.loss == pytest.approx(manifest.metrics["reddit"].loss, abs=1e-5)
    assert reddit.accuracy == manifest.metrics["reddit"].accuracy
    assert domains["reddit"]["left_out"] == 3
    for name in ("reddit", "plain"):
        assert domains[name]["without_feeling"] == pytest.approx(manifest.without_feeling[name].model_dump(), abs=1e-5)
    assert "accuracy" not in domains["plain"]
    row = next(line for line in table.splitlines() if line.startswith("reddit  "))
    assert row.split()[1:3] == ["240", f"{reddit.accuracy:.4f}"]
    assert "reddit: 3 texts with several labels alike are left out" in table


def test_the_card_shows_the_domains_side_by_side_without_any_text(measured: Path) -> None:
    card = (measured / "README.md").read_text(encoding="utf-8")
    manifest = manifest_of(measured)

    section = card.partition("## Domains side by side")[2].partition("\n## ")[0]
    assert f"| reddit | 240 | {manifest.metrics['reddit'].accuracy:.4f} |" in section
    assert "| plain | – | – |" in section
    assert "![domains](report/domains.png)" in section
    assert re.search(r"\| reddit \| joy \| (?!joy)\w+ \| \d+ \|", section)
    assert re.search(r"\| plain \| plain\.jsonl \| 0 \| 0 \| `sha256:", section)
    assert not any(text in section for text in PLAIN)
    assert "temperature and threshold on the domains below too" in card
    with Image.open(measured / "report" / "domains.png") as picture:
        assert picture.width > 1.5 * picture.height
        assert picture.convert("L").getextrema() == (0, 255)


def test_the_weights_are_those_of_a_training_without_but_for_the_temperature(
    train: Train, options: tuple[str, ...], measured: Path
) -> None:
    without = train(*options[:-2], *LEARNING)
    manifest = manifest_of(without)

    assert manifest.confident_goals is None
    assert manifest.without_feeling == {}
    assert list(manifest.metrics) == ["validation"]
    assert "omains" not in (without / "README.md").read_text(encoding="utf-8").replace("the domain's", "")
    assert not (without / "report" / "domains.png").exists()
    differing = {name for name, digest in manifest.files.items() if digest != manifest_of(measured).files[name]}
    assert differing <= {"model.safetensors"}
    recipes = [
        json.loads((each.with_name("artifact-checkpoints") / "recipe.json").read_bytes())
        for each in (without, measured)
    ]
    assert set(recipes[1]) - set(recipes[0]) == {"further validation data"}
    assert recipes[0].items() <= recipes[1].items()


def test_a_checkpoint_with_other_domains_is_refused(
    train: Train, options: tuple[str, ...], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = ("--max_steps", "2", "--save_strategy", "steps", "--save_steps", "1")
    first = train(*options, *steps)
    write_json_lines(tmp_path / "other.jsonl", [{"text": "so happy", "label": "joy"}] * 60)
    entries = [{"name": "reddit", "data": str(tmp_path / "other.jsonl")}]
    (tmp_path / "domains.json").write_text(json.dumps(entries), encoding="utf-8")
    checkpoint = first.with_name("artifact-checkpoints") / "checkpoint-1"

    with pytest.raises(AssertionError):
        train(*options[:-1], str(tmp_path / "domains.json"), *steps, "--resume_from_checkpoint", str(checkpoint))

    assert "its training had further validation data {'reddit': 'sha256:" in capsys.readouterr().err


def test_a_domain_that_is_too_small_to_fit_on_is_refused_before_the_training(
    train: Train, options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json_lines(tmp_path / "few.jsonl", [{"text": "so happy", "label": "joy"}] * 49)
    entries = [{"name": "few", "data": str(tmp_path / "few.jsonl")}]
    (tmp_path / "domains.json").write_text(json.dumps(entries), encoding="utf-8")

    with pytest.raises(AssertionError):
        train(*options[:-1], str(tmp_path / "domains.json"))

    assert "domains.json, few: 49 texts with a right label; give 50 or more" in capsys.readouterr().err


def test_confident_mistakes_are_counted_by_kind() -> None:
    logits = np.array([[9.0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0.1, 0], [9, 0, 0]])
    labelled = (logits, np.array([1, 1, 2, 2, 0]))

    assert confident_mistakes(labelled, ["joy", "anger", "fear"], 0.9) == [("anger", "joy", 2), ("fear", "anger", 1)]


def test_a_model_without_a_threshold_is_measured_too() -> None:
    domain = Domain("d", "d.csv", ["a"], [0], ["b"], 0, "sha256:0")
    outputs = DomainOutputs(domain, (np.array([[1.0, 0.0]]), np.array([0])), np.array([[0.0, 0.0]]))

    figures = domain_figures(outputs, ["joy", "anger"], OneLabel()).as_dict()

    assert figures["accuracy"] == 1.0
    assert figures["confident"] is None
    assert figures["without_feeling"] == {"rows": 1, "mean_score": 0.5, "confident": None}
