"""The tokenizer of a model folder: there, readable, and none of a model with a larger vocabulary."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.model_folder.errors import WrongFolderError
from schemas.model_folder.files import json_object

_FILE = "tokenizer.json"
# What transformers can make a tokenizer of where there is no tokenizer.json.
_VOCABULARIES = ("vocab.*", "*.vocab", "*.model", "*.spm", "*.codes", "*.tiktoken", "tekken.json")
_WITHOUT_VOCABULARY = ("ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer")
_SIDE_FILES = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
# Kinds that count the positions of a text from the id of the padding token on.
_COUNT_FROM_PADDING = ("camembert", "data2vec-text", "ibert", "longformer", "mpnet", "roberta", "xlm-roberta", "xmod")


def check_tokenizer(folder: Path, config: Mapping[str, Any]) -> None:
    """See whether there is a tokenizer, and whether the model can have a row for each of its tokens.

    Raises:
        WrongFolderError: There is none, it cannot be read, or it is that of another model.
    """
    sides, special = [json_object(folder / name) for name in _SIDE_FILES], set[str]()
    if (folder / _FILE).is_file():
        file = json_object(folder / _FILE)
        own, added = _ids(file), list(_added(file.get("added_tokens")))
        special = {token for token, _, is_special in added if is_special} - own.keys()
        ids = own | {token: id_ for token, id_, _ in added}
    elif any(True for pattern in _VOCABULARIES for _ in folder.glob(pattern)):
        ids = _ids_of_older_files(folder)
    elif sides[0].get("tokenizer_class") in _WITHOUT_VOCABULARY:
        return
    else:
        raise WrongFolderError(
            f"holds no tokenizer ({_FILE}, or a vocabulary such as vocab.txt)",
            "save that of its base into it (`AutoTokenizer.from_pretrained(BASE).save_pretrained(FOLDER)`)",
        )
    ids = {token: id_ for token, id_ in sides[2].items() if isinstance(id_, int)} | ids
    if not isinstance(limit := sides[0].get("model_max_length", 0), int | float | None):
        raise WrongFolderError(
            f"has model_max_length {limit!r} in tokenizer_config.json", "set the most tokens that a text may have"
        )
    # Special tokens that were added may stand in no text; whoever loads the tokenizer leaves them out.
    _check_rows({token: id_ for token, id_ in ids.items() if token not in special}, config.get("vocab_size"))
    _check_padding(ids, sides, config)


def _ids(file: Mapping[str, Any]) -> dict[str, int]:
    """Of each token of the model's own vocabulary."""
    model = file.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, list):
        ids = {str(piece[0]): id_ for id_, piece in enumerate(vocabulary) if isinstance(piece, list) and piece}
    elif isinstance(vocabulary, dict):
        ids = {token: id_ for token, id_ in vocabulary.items() if isinstance(id_, int)}
    else:
        ids = {}
    if not ids:
        raise WrongFolderError(f"has a {_FILE} without a vocabulary", "copy that file again")
    return ids


def _added(tokens: Any) -> Iterator[tuple[str, int, bool]]:
    """Content and id of each, and whether it is special."""
    for token in tokens if isinstance(tokens, list) else []:
        if isinstance(token, dict) and isinstance(token.get("id"), int):
            yield str(token.get("content")), token["id"], token.get("special") is True


def _ids_of_older_files(folder: Path) -> dict[str, int]:
    """Of each token, where the vocabulary is text; none where it is not."""
    if (folder / "vocab.json").is_file():
        return {token: id_ for token, id_ in json_object(folder / "vocab.json").items() if isinstance(id_, int)}
    if (folder / "vocab.txt").is_file() and not any(folder.glob("*.codes")):  # there each line has a count as well
        lines = (folder / "vocab.txt").read_text(encoding="utf-8", errors="replace").split("\n")
        return {token: id_ for id_, token in enumerate(lines[:-1] if lines[-1] == "" else lines)}
    return {}


def vocabulary_error(most: int, rows: int) -> WrongFolderError:
    """What is wrong with a tokenizer that has ids up to `most`, where the model has `rows` embeddings of tokens."""
    return WrongFolderError(
        f"has a tokenizer with ids up to {most}, but a model of {rows} tokens (vocab_size in config.json)",
        "copy tokenizer and model from one folder; for tokens that were added to a tokenizer the model needs rows "
        "(`resize_token_embeddings`, then train it)",
    )


def _check_rows(ids: Mapping[str, int], rows: Any) -> None:
    if isinstance(rows, int) and ids and (most := max(ids.values())) >= rows:
        raise vocabulary_error(most, rows)


def _check_padding(ids: Mapping[str, int], sides: list[dict[str, Any]], config: Mapping[str, Any]) -> None:
    named = next((side["pad_token"] for side in sides if side.get("pad_token")), None)
    token = named.get("content") if isinstance(named, dict) else named
    theirs, ours = ids.get(token) if isinstance(token, str) else None, config.get("pad_token_id")
    if config.get("model_type") in _COUNT_FROM_PADDING and None not in (theirs, ours) and theirs != ours:
        raise WrongFolderError(
            f"has a tokenizer whose padding token {token} has the id {theirs}, but {ours} in config.json: they belong "
            "to different models",
            "copy tokenizer and config.json from one model",
        )
