"""The weights of a model folder: whole, in safetensors, with an output for each label.

A safetensors file begins with the length of its header, 8 bytes, little-endian. The header is a JSON object: where each
tensor lies behind it, and its shape.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from schemas.model_folder.errors import WrongFolderError
from schemas.model_folder.files import json_object

WEIGHTS_FILE = "model.safetensors"
_INDEX_FILE = f"{WEIGHTS_FILE}.index.json"
_LENGTH_BYTES = 8
_MOST_HEADER_BYTES = 100_000_000  # what the library takes

Shapes = dict[str, tuple[int, ...]]

_PICKLED = (".bin", ".pt", ".pth", ".ckpt")
_OTHER_FORMATS = {
    ".onnx": "ONNX",
    ".gguf": "GGUF",
    ".h5": "TensorFlow",
    ".msgpack": "Flax",
    ".tflite": "TensorFlow Lite",
}
# The last layer of each architecture that has just one, and what the weights of any head begin with.
_LAST_LAYERS = ("classifier", "classifier.out_proj", "classification_head.out_proj", "score", "logits_proj")
_HEADS = {"classification_head", "classifier", "logits_proj", "score", "sequence_summary"}
_CLASSIFIER = "ForSequenceClassification"


def weight_shapes(folder: Path, *, may_be_pickled: bool) -> Shapes:
    """The shape of each weight by name; none where they lie in files of torch, and may.

    Raises:
        WrongFolderError: There are none, or a file of them is missing or not whole.
    """
    if (folder / WEIGHTS_FILE).is_file():
        return _shapes(folder / WEIGHTS_FILE)
    if (folder / _INDEX_FILE).is_file():
        return _sharded_shapes(folder)
    if may_be_pickled and any((folder / f"pytorch_model.bin{end}").is_file() for end in ("", ".index.json")):
        return {}
    raise _no_weights(folder)


def check_head(folder: Path, config: Mapping[str, Any], shapes: Shapes, labels: int) -> None:
    """See whether the weights end in a head with an output for each label, as far as names tell.

    Raises:
        WrongFolderError: There is no head, or one of other labels.
    """
    for layer in () if config.get("quantization_config") else _LAST_LAYERS:
        shape = shapes.get(f"{layer}.weight", ())
        if len(shape) == 2 and shape[0] != labels:
            raise WrongFolderError(
                f"has {labels} labels in config.json, but {shape[0]} outputs in its weights ({layer}.weight)",
                "give id2label a name for each output, or copy config.json and weights from one model",
            )
    kinds = config.get("architectures")
    says_other = isinstance(kinds, list) and not any(str(kind).endswith(_CLASSIFIER) for kind in kinds)
    if (says_other or (folder / "modules.json").is_file()) and not any(name.split(".")[0] in _HEADS for name in shapes):
        kind = "a sentence-transformers encoder" if (folder / "modules.json").is_file() else "an encoder"
        raise WrongFolderError(
            f"holds {kind} without a classification head: it was not fine-tuned for text classification",
            "train it first (`emotion-trainer train --model …`)",
        )


def _shapes(path: Path) -> Shapes:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        is_cut = size < _LENGTH_BYTES or _LENGTH_BYTES + length > size
        header = b"" if is_cut or length > _MOST_HEADER_BYTES else file.read(length)
    try:
        tensors = orjson.loads(header)
        tensors.pop("__metadata__", None)
        shapes = {name: tuple(map(int, tensor["shape"])) for name, tensor in tensors.items()}
        end = max((int(tensor["data_offsets"][1]) for tensor in tensors.values()), default=0)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        what = "is cut short" if is_cut else "is no safetensors file"
        raise WrongFolderError(f"has a {path.name} that {what} ({size} bytes)", "copy that file again") from error
    if (expected := _LENGTH_BYTES + length + end) != size:
        what = "is cut short" if size < expected else "is not whole"
        raise WrongFolderError(f"has a {path.name} that {what}: {size} of {expected} bytes", "copy that file again")
    return shapes


def _sharded_shapes(folder: Path) -> Shapes:
    places = json_object(folder / _INDEX_FILE).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise WrongFolderError(f"has a {_INDEX_FILE} that names no files (weight_map)", "copy that file again")
    shards = sorted(set(places.values()))
    if missing := [name for name in shards if not (folder / name).is_file()]:
        raise WrongFolderError(
            f"lacks {len(missing)} of the {len(shards)} files of its weights: {', '.join(missing[:3])}",
            "copy them too, or download the model again",
        )
    shapes: Shapes = {}
    for name in shards:
        shapes |= _shapes(folder / name)
    if lost := sorted(places.keys() - shapes.keys()):
        raise WrongFolderError(
            f"has no {lost[0]} and {len(lost) - 1} more where {_INDEX_FILE} says", "copy all files from one model"
        )
    return shapes


def _no_weights(folder: Path) -> WrongFolderError:
    files = sorted(path.name for path in folder.iterdir() if path.is_file())
    if any("-of-" in name and name.endswith(".safetensors") for name in files):
        return WrongFolderError(
            f"holds parts of weights, but not the file that says which belong together: {_INDEX_FILE}",
            "copy it too, or download the model again",
        )
    if other := [name for name in files if name.endswith(".safetensors")]:
        return WrongFolderError(f"holds no {WEIGHTS_FILE}, but {', '.join(other)}", f"rename it to {WEIGHTS_FILE}")
    pickled = [name for name in files if name.endswith(_PICKLED) and name != "training_args.bin"]
    if pickled:
        convert = (
            "from transformers import AutoModelForSequenceClassification as Model; "
            f"Model.from_pretrained({str(folder)!r}).save_pretrained('NEW')"
        )
        return WrongFolderError(
            f"holds no safetensors, but {pickled[0]}, a format that can run code when it is loaded",
            f'convert it where you trust it (python -c "{convert}"), and copy the tokenizer\'s files to NEW',
        )
    formats = {_OTHER_FORMATS[Path(name).suffix] for name in files if Path(name).suffix in _OTHER_FORMATS}
    only = f", but weights for {' and '.join(sorted(formats))}" if formats else ""
    return WrongFolderError(
        f"holds no weights in safetensors ({WEIGHTS_FILE}){only}",
        "give the folder that the trained model was saved to by `save_pretrained`",
    )
