"""What config.json says: labels that belong to outputs, and nothing that is not installed."""

import importlib.util
from collections.abc import Mapping
from typing import Any

from schemas.model_folder.errors import WrongFolderError
from schemas.problem_type import MULTI_LABEL, SINGLE_LABEL, problem_type_of

_PROBLEM_TYPES = (None, SINGLE_LABEL, MULTI_LABEL, "regression")
# What reads weights of each quantization; methods that are not listed need nothing, or are left to transformers.
_QUANTIZERS = {
    "aqlm": "aqlm",
    "auto-round": "auto_round",
    "awq": "gptqmodel",
    "bitsandbytes": "bitsandbytes",
    "bitsandbytes_4bit": "bitsandbytes",
    "bitsandbytes_8bit": "bitsandbytes",
    "compressed-tensors": "compressed_tensors",
    "eetq": "kernels",
    "gptq": "gptqmodel",
    "higgs": "flute",
    "hqq": "hqq",
    "quanto": "optimum.quanto",
    "quark": "quark",
    "spqr": "spqr_quant",
    "torchao": "torchao",
    "vptq": "vptq",
}
_SIZES = ("hidden_size", "num_attention_heads", "num_hidden_layers", "vocab_size")
_ATTENTIONS = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}


def check_labels(config: Mapping[str, Any]) -> int:
    """See whether the outputs are labels; gives their number.

    Raises:
        WrongFolderError: They are none, or are not numbered from 0 on.
    """
    labels, kind = _label_count(config), config.get("problem_type")
    if kind not in _PROBLEM_TYPES:
        raise WrongFolderError(f"has problem_type {kind!r} in config.json", f"set {SINGLE_LABEL} or {MULTI_LABEL}")
    if problem_type_of(kind, labels) is None:
        what = "problem_type regression" if kind else "one output and no problem_type"
        raise WrongFolderError(
            f"is a regression, not a classifier ({what} in config.json)",
            f"give a classifier; if each output is a label's sigmoid, set problem_type to {MULTI_LABEL}",
        )
    return labels


def _label_count(config: Mapping[str, Any]) -> int:
    names = config.get("id2label")
    if names is None:
        count = config.get("num_labels", 2)
        if not isinstance(count, int) or count < 1:
            raise WrongFolderError(f"has num_labels {count!r} in config.json", "set the number of the model's outputs")
        return count
    mend = 'name each output by its number, from 0 on, such as {"0": "joy", "1": "anger"}'
    if not isinstance(names, dict) or not names:
        raise WrongFolderError("has an id2label in config.json that names no labels", mend)
    if wrong := [key for key in names if not (key.isascii() and key.isdecimal())]:
        raise WrongFolderError(f"has {wrong[0]!r} for a number in the id2label of config.json", mend)
    numbers = sorted(map(int, names))
    if numbers != list(range(len(numbers))):
        shown = ", ".join(map(str, numbers[:20]))
        raise WrongFolderError(f"numbers its labels {shown} in the id2label of config.json", mend)
    if twice := sorted({str(name) for name in names.values() if list(names.values()).count(name) > 1}):
        raise WrongFolderError(f"names two labels alike in the id2label of config.json: {', '.join(twice)}", mend)
    return len(names)


def check_requirements(config: Mapping[str, Any]) -> None:
    """See whether it describes a model of a possible size, and asks for nothing that is not installed.

    Raises:
        WrongFolderError: A size is none, or a quantization or an attention is not installed.
    """
    for name in _SIZES:
        size = config.get(name)
        if isinstance(size, str | float) or (isinstance(size, int) and size < 1):
            raise WrongFolderError(f"has {name} {size!r} in config.json", "copy config.json again")
    quantization = config.get("quantization_config")
    if isinstance(quantization, dict):
        method = str(quantization.get("quant_method") or "bitsandbytes")  # older ones name none
        if (package := _QUANTIZERS.get(method)) and not _is_installed(package):
            raise WrongFolderError(
                f"holds weights quantized by {method} (quantization_config in config.json), and {package} is not "
                "installed",
                "give the model as it was before, in float32, bfloat16 or float16",
            )
    for name in ("attn_implementation", "_attn_implementation"):
        wanted = config.get(name)
        package = _ATTENTIONS.get(wanted) if isinstance(wanted, str) else None
        if package and not _is_installed(package):
            raise WrongFolderError(
                f"asks for {wanted} ({name} in config.json), and {package} is not installed",
                f"remove {name} from config.json: the scores stay what they are",
            )


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # of a package within another one
        return False
