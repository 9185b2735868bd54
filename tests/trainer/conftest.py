"""A tiny cased BERT and a few dozen labelled texts: real parts, seconds to train."""

import json
import random
import resource
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tokenizers import ByteLevelBPETokenizer
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    RobertaConfig,
    RobertaModel,
    RobertaTokenizer,
    set_seed,
)

from trainer.__main__ import run

WORDS = {
    "sadness": ("lonely", "hopeless"),
    "joy": ("happy", "glad"),
    "love": ("tender", "fond"),
    "anger": ("furious", "bitter"),
    "fear": ("scared", "shaky"),
    "surprise": ("amazed", "stunned"),
}
FILLERS = ("i", "feel", "so", "and", "today", "hello", "café", "really")
POSITIONS = 48
LEARNING = ("--learning_rate", "1e-2", "--num_train_epochs", "8")

Rows = Sequence[tuple[str, str]]
Train = Callable[..., Path]


def make_rows(words: Mapping[str, Sequence[str]], count: int, seed: int) -> list[tuple[str, str]]:
    """Texts of differing length that hold one word of their label."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    labels = [list(words)[index % len(words)] for index in range(count)]
    return [
        (" ".join([*rng.choices(FILLERS, k=rng.randint(1, 12)), rng.choice(words[label])]), label) for label in labels
    ]


def write_text_file(path: Path, rows: Rows) -> Path:
    path.write_text("".join(f"{text};{label}\n" for text, label in rows), encoding="utf-8")
    return path


def write_json_lines(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@contextmanager
def full_disk() -> Iterator[None]:
    """Lets no file grow beyond 20 kB, as a disk without room would."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def write_bert(folder: Path, *, lower_case: bool, layers: int = 2) -> Path:
    """A random BERT as the sentence encoders ship it: without a head, truncation in its tokenizer.json."""
    words = [*FILLERS, *(word for pair in WORDS.values() for word in pair), "HELLO", "Café", "cafe"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(words)]
    letters = "abcdefghijklmnopqrstuvwxyzé"
    pieces += [*(letter for letter in letters if letter not in pieces), *(f"##{letter}" for letter in letters)]
    tokenizer = BertTokenizer(
        vocab={piece: index for index, piece in enumerate(pieces)}, do_lower_case=lower_case, model_max_length=512
    )
    tokenizer.backend_tokenizer.enable_truncation(16)
    tokenizer.backend_tokenizer.enable_padding(length=16)
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=POSITIONS,
        initializer_range=0.1,  # so wide that a few dozen steps teach it
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    set_seed(1)
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def cased_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bert(tmp_path_factory.mktemp("base") / "tiny-bert-cased", lower_case=False)


@pytest.fixture(scope="session")
def base_with_dropout(cased_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dropout") / "tiny-bert"
    shutil.copytree(cased_base, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def uncased_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bert(tmp_path_factory.mktemp("base") / "tiny-bert-uncased", lower_case=True)


@pytest.fixture(scope="session")
def byte_level_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RoBERTa, whose tokenizer knows bytes instead of words and has no switch for the case."""
    folder = tmp_path_factory.mktemp("base") / "tiny-roberta"
    corpus = [*FILLERS, *(word for pair in WORDS.values() for word in pair)]
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    backend = ByteLevelBPETokenizer()
    backend.train_from_iterator([f"{word} {word.upper()}" for word in corpus], vocab_size=400, special_tokens=specials)
    trained = json.loads(backend.to_str())["model"]
    merges: Any = [tuple(merge) for merge in trained["merges"]]
    RobertaTokenizer(vocab=trained["vocab"], merges=merges).save_pretrained(folder)
    set_seed(1)
    RobertaModel(
        RobertaConfig(
            vocab_size=400,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=POSITIONS,
            pad_token_id=1,
            initializer_range=0.1,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.txt, and a validation.txt in capitals."""
    folder = tmp_path_factory.mktemp("data")
    write_text_file(folder / "train.txt", make_rows(WORDS, 96, seed=1))
    write_text_file(folder / "validation.txt", [(text.upper(), label) for text, label in make_rows(WORDS, 48, seed=2)])
    return folder


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Runs `emotion-trainer train` on the CPU and returns the artifact's folder."""

    def run_train(*options: str) -> Path:
        artifact = tmp_path_factory.mktemp("trained") / "artifact"
        assert run(["train", "--output", str(artifact), "--use_cpu", "--report_to", "none", *options]) == 0
        return artifact

    return run_train


@pytest.fixture(scope="session")
def artifact(train: Train, cased_base: Path, data: Path) -> Path:
    """An artifact of the cased base; no test may change it."""
    return train("--model", str(cased_base), "--data", str(data), *LEARNING)


@pytest.fixture
def evaluate(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, object]]:
    """Runs `emotion-trainer evaluate --json` and returns its object."""

    def run_evaluate(artifact: Path, data: Path) -> dict[str, object]:
        capsys.readouterr()
        assert run(["evaluate", str(artifact), "--data", str(data), "--json"]) == 0
        result: dict[str, object] = json.loads(capsys.readouterr().out)
        return result

    return run_evaluate


@pytest.fixture
def base_options(cased_base: Path, data: Path) -> list[str]:
    return ["--model", str(cased_base), "--data", str(data)]
