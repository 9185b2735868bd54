"""Folders that hold no classifier: each is refused with what is wrong and what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.model_folder import WrongFolderError, check_fetched, check_model_folder, lacking_weights_error

WORDS = {"[PAD]": 0, "[UNK]": 1, "joy": 2, "anger": 3}
CONFIG = {
    "architectures": ["BertForSequenceClassification"],
    "model_type": "bert",
    "id2label": {"0": "joy", "1": "anger"},
    "vocab_size": 4,
    "pad_token_id": 0,
}
SHAPES = {"bert.embeddings.word_embeddings.weight": (4, 2), "classifier.weight": (2, 2), "classifier.bias": (2,)}

Change = Callable[[Path], object]


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def write_weights(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """As the safetensors library does, in float32."""
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * (shape[0] * (shape[1] if len(shape) > 1 else 1))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_json(tmp_path / "config.json", CONFIG)
    write_json(tmp_path / "tokenizer.json", {"model": {"type": "WordPiece", "vocab": WORDS}, "added_tokens": []})
    write_json(tmp_path / "tokenizer_config.json", {"pad_token": "[PAD]", "model_max_length": 512})
    write_weights(tmp_path / "model.safetensors", SHAPES)
    return tmp_path


def changed(file: str, **values: Any) -> Change:
    return lambda folder: write_json(folder / file, json.loads((folder / file).read_bytes()) | values)


def written(file: str, content: bytes) -> Change:
    return lambda folder: (folder / file).write_bytes(content)


def renamed(file: str, name: str) -> Change:
    return lambda folder: (folder / file).rename(folder / name)


def weights(shapes: dict[str, tuple[int, ...]]) -> Change:
    return lambda folder: write_weights(folder / "model.safetensors", shapes)


def both(*changes: Change) -> Change:
    return lambda folder: [change(folder) for change in changes]


def sharded(*missing: str) -> Change:
    """In two files, without some of them."""

    def change(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        places = {name: f"model-0000{1 + (name[0] == 'c')}-of-00002.safetensors" for name in SHAPES}
        for file in set(places.values()):
            write_weights(folder / file, {name: shape for name, shape in SHAPES.items() if places[name] == file})
        write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": places})
        for file in missing:
            (folder / file).unlink()

    return change


def cut(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-4])


def in_a_folder_within(folder: Path) -> None:
    (folder / "0_Transformer").mkdir()
    (folder / "config.json").rename(folder / "0_Transformer" / "config.json")


def link_to_nothing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("../blobs/gone")


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
ENCODER: dict[str, tuple[int, ...]] = {"bert.embeddings.word_embeddings.weight": (4, 2)}
BITS_AND_BYTES = {"quant_method": "bitsandbytes", "load_in_8bit": True}

CASES: dict[str, tuple[Change, str, str]] = {
    "no config": (renamed("config.json", "c.json"), "holds no config.json", "save_pretrained"),
    "a folder around it": (in_a_folder_within, "holds no config.json", "0_Transformer"),
    "config no JSON": (written("config.json", b"{"), "config.json that is no JSON", "copy that file again"),
    "config an array": (written("config.json", b"[]"), "config.json that is no JSON object", "copy that file again"),
    "an adapter": (
        written("adapter_config.json", b'{"base_model_name_or_path": "org/base"}'),
        "is an adapter of org/base",
        "remove adapter_config.json if these weights are the merged ones",
    ),
    "pointers": (written("model.safetensors", POINTER), "cloned without Git LFS: model.safetensors", "git lfs pull"),
    "weights of torch a pointer": (
        both(renamed("model.safetensors", "pytorch_model.bin"), written("pytorch_model.bin", POINTER)),
        "cloned without Git LFS: pytorch_model.bin",
        "git lfs pull",
    ),
    "tokenizer a pointer": (written("tokenizer.json", POINTER), "Git LFS: tokenizer.json", "git lfs pull"),
    "links": (link_to_nothing, "links to files that are not there: model.safetensors", "cp -rL"),
    "gap in labels": (changed("config.json", id2label={"0": "a", "1": "b", "3": "c"}), "0, 1, 3", "from 0 on"),
    "names for numbers": (changed("config.json", id2label={"joy": 0}), "has 'joy' for a number", "from 0 on"),
    "labels in a list": (changed("config.json", id2label=["a", "b"]), "names no labels", "from 0 on"),
    "labels alike": (changed("config.json", id2label={"0": "a", "1": "a"}), "names two labels alike", "each output"),
    "other number of labels": (
        changed("config.json", id2label={str(number): f"label {number}" for number in range(3)}),
        "3 labels in config.json, but 2 outputs in its weights (classifier.weight)",
        "id2label",
    ),
    "regression": (changed("config.json", problem_type="regression"), "is a regression", "multi_label_classification"),
    "one output": (changed("config.json", id2label={"0": "a"}), "is a regression", "multi_label_classification"),
    "other problem": (changed("config.json", problem_type="ranking"), "problem_type 'ranking'", "set single_label"),
    "quantized": (changed("config.json", quantization_config=BITS_AND_BYTES), "bitsandbytes is not", "as it was"),
    "attention": (
        changed("config.json", attn_implementation="flash_attention_2"),
        "flash_attn is not installed",
        "remove attn_implementation",
    ),
    "no layers": (changed("config.json", num_hidden_layers=-1), "num_hidden_layers -1", "copy config.json"),
    "pickled": (
        renamed("model.safetensors", "pytorch_model.bin"),
        "holds no safetensors, but pytorch_model.bin",
        "from_",
    ),
    "ONNX": (renamed("model.safetensors", "model.onnx"), "but weights for ONNX", "save_pretrained"),
    "GGUF": (renamed("model.safetensors", "model.gguf"), "but weights for GGUF", "save_pretrained"),
    "other name": (renamed("model.safetensors", "weights.safetensors"), "but weights.safetensors", "rename it"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "holds no weights", "save_pretrained"),
    "cut weights": (cut, "model.safetensors that is cut short", "copy that file again"),
    "empty weights": (written("model.safetensors", b""), "is cut short (0 bytes)", "copy that file again"),
    "no safetensors": (written("model.safetensors", bytes(99)), "is no safetensors file", "copy that file again"),
    "shard gone": (
        sharded("model-00002-of-00002.safetensors"),
        "lacks 1 of the 2 files of its weights: model-00002-of-00002.safetensors",
        "copy them too",
    ),
    "index gone": (sharded("model.safetensors.index.json"), "model.safetensors.index.json", "copy it too"),
    "no head": (
        both(changed("config.json", architectures=["BertModel"]), weights(ENCODER)),
        "without a class",
        "train it",
    ),
    "sentence encoder": (both(written("modules.json", b"[]"), weights(ENCODER)), "sentence-transformers", "train it"),
    "no tokenizer": (renamed("tokenizer.json", "t.json"), "holds no tokenizer", "AutoTokenizer"),
    "broken tokenizer": (written("tokenizer.json", b'{"model"'), "tokenizer.json that is no JSON", "copy that file"),
    "no vocabulary": (changed("tokenizer.json", model=None), "tokenizer.json without a vocabulary", "copy that file"),
    "larger vocabulary": (changed("config.json", vocab_size=3), "ids up to 3, but a model of 3 tokens", "one folder"),
    "added token": (
        changed("tokenizer.json", added_tokens=[{"id": 4, "content": "<x>"}]),
        "ids up to 4, but a model of 4 tokens",
        "resize_token_embeddings",
    ),
    "special token of its own vocabulary": (
        both(
            changed("config.json", vocab_size=3),
            changed("tokenizer.json", added_tokens=[{"id": 3, "content": "anger", "special": True}]),
        ),
        "ids up to 3, but a model of 3 tokens",
        "one folder",
    ),
    "other vocabulary": (
        changed("config.json", model_type="roberta", pad_token_id=1),
        "padding token [PAD] has the id 0, but 1 in config.json",
        "one model",
    ),
    "longest text of text": (changed("tokenizer_config.json", model_max_length="x"), "model_max_length 'x'", "set the"),
}


@pytest.mark.parametrize(("change", "detail", "mend"), CASES.values(), ids=CASES)
def test_a_folder_that_holds_no_classifier_is_refused(change: Change, detail: str, mend: str, folder: Path) -> None:
    check_model_folder(folder)
    change(folder)
    with pytest.raises(WrongFolderError) as refused:
        check_model_folder(folder)
    assert detail in refused.value.detail
    assert mend in refused.value.mend
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        sharded(),
        changed("config.json", problem_type="multi_label_classification"),
        both(changed("config.json", id2label={"0": "a"}, problem_type="multi_label_classification"), weights(ENCODER)),
        changed("config.json", id2label=None),
        changed("config.json", architectures=["MyOwnName"]),
        changed("config.json", attn_implementation="sdpa"),
        changed("config.json", vocab_size=None),
        renamed("tokenizer.json", "spiece.model"),
        written("modules.json", b"[]"),
        written("pytorch_model.bin", POINTER),
        both(written("training_args.bin", POINTER), lambda folder: (folder / "flax.bin").symlink_to("gone")),
        changed("tokenizer.json", added_tokens=[{"id": 4, "content": "[EXTRA]", "special": True}]),
        changed("tokenizer.json", model={"type": "Unigram", "vocab": [["<s>", 0.0], ["a", -1.5]]}),
    ],
)
def test_a_folder_that_may_hold_one_is_not_refused(change: Change, folder: Path) -> None:
    change(folder)
    check_fetched(folder)
    check_model_folder(folder)


@pytest.mark.parametrize(
    "change",
    [
        both(changed("config.json", architectures=["BertModel"], id2label=None), weights(ENCODER)),
        changed("config.json", id2label={"0": "a"}),
        renamed("model.safetensors", "pytorch_model.bin"),
    ],
    ids=["an encoder", "other labels", "weights of torch"],
)
def test_what_is_to_be_trained_on_needs_no_head(change: Change, folder: Path) -> None:
    change(folder)
    check_model_folder(folder, is_base=True)


@pytest.mark.parametrize(
    "content", [b"", b"null", b'"x"', b"[" * 100_000, bytes(range(256)), b'{"model": {"vocab": 3}}']
)
@pytest.mark.parametrize(
    "file", ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors.index.json"]
)
def test_a_file_of_other_content_raises_nothing_else(file: str, content: bytes, folder: Path) -> None:
    if "index" in file:
        (folder / "model.safetensors").unlink()
    (folder / file).write_bytes(content)
    try:
        check_model_folder(folder)
    except WrongFolderError as error:
        assert error.mend  # noqa: PT017 - an object of other fields may be taken


def test_weights_that_are_lacking_below_the_head_tell_of_another_model() -> None:
    other = lacking_weights_error(["bert.embeddings.LayerNorm.bias", "classifier.bias"], "bert")
    assert "belong to different models" in other.detail
    untrained = lacking_weights_error(["bert.pooler.dense.bias", "classifier.bias"], "bert")
    assert "was not fine-tuned for text classification" in untrained.detail
