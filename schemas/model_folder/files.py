"""The files of a model folder: there, whole, and of the kind that they are named for."""

from pathlib import Path
from typing import Any

import orjson

from schemas.model_folder.errors import WrongFolderError

_POINTER = b"version https://git-lfs"
_POINTER_MAX_BYTES = 1024
_LOADED_SUFFIXES = {".json", ".model", ".safetensors", ".txt"}


def json_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if there is no such file.

    Raises:
        WrongFolderError: It holds anything else.
    """
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except orjson.JSONDecodeError as error:
        reason = str(error).partition(":")[0]
        raise WrongFolderError(f"has a {path.name} that is no JSON ({reason})", "copy that file again") from error
    if not isinstance(content, dict):
        raise WrongFolderError(f"has a {path.name} that is no JSON object", "copy that file again")
    return content


def check_fetched(folder: Path) -> None:
    """See whether its files are there themselves, and not what stands for them.

    Raises:
        WrongFolderError: They are pointers of Git LFS, or links to files that are not there.
    """
    pickled = [] if any(folder.glob("*.safetensors")) else folder.glob("pytorch_model*.bin")
    files = sorted([path for path in folder.iterdir() if path.suffix in _LOADED_SUFFIXES] + list(pickled))
    if gone := [path.name for path in files if path.is_symlink() and not path.exists()]:
        raise WrongFolderError(
            f"has links to files that are not there: {', '.join(gone)}",
            "copy it with what its links lead to (`cp -rL`), or mount the whole cache that it lies in",
        )
    if pointers := [path.name for path in files if _is_pointer(path)]:
        raise WrongFolderError(
            f"was cloned without Git LFS: {', '.join(pointers)} only name the files themselves",
            "run `git lfs install` and `git lfs pull` in it, or fetch it with `hf download`",
        )


def check_is_whole_model(folder: Path) -> None:
    """See whether it has a configuration, and is no part of a model or a folder around it.

    Raises:
        WrongFolderError: It has none, or is an adapter.
    """
    if (folder / "adapter_config.json").is_file():
        base = json_object(folder / "adapter_config.json").get("base_model_name_or_path")
        of_base = f" of {base}" if base else ""
        raise WrongFolderError(
            f"is an adapter{of_base} (adapter_config.json), not a whole model",
            "merge it with its base (peft: `merge_and_unload()`, then `save_pretrained`), and give the merged model's "
            "folder, with its tokenizer; remove adapter_config.json if these weights are the merged ones",
        )
    if (folder / "config.json").is_file():
        return
    inner = sorted(path.parent for pattern in ("*", "snapshots/*") for path in folder.glob(f"{pattern}/config.json"))
    raise WrongFolderError(
        "holds no config.json: it is no Hugging Face model folder",
        f"give the folder within that holds one: {inner[-1]}"
        if inner
        else "give the folder that `save_pretrained` wrote",
    )


def _is_pointer(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size > _POINTER_MAX_BYTES:
        return False
    return path.read_bytes().startswith(_POINTER)
