"""The tokenizer of a model folder: what tokenizer.json says is what counts.

transformers 5 makes many tokenizers anew from their vocabulary and options, and leaves out what the file has beyond
that, such as a normalizer of its own. tokenizers and other servers read the file as it is.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from worker.errors import UserError, first_line
from worker.model.rebuilt_tokenizer import COMPARED_TEXTS
from worker.model.spare_tokens import has_spare_tokens, tokenizer_of
from worker.model.token_limits import known_limit
from worker.model.tokenizer_file import TokenizerFile, read_tokenizer


def load_tokenizer(folder: Path) -> TokenizerFile:
    """The tokenizer as its file has it; what transformers makes of the folder, where that gives the same tokens.

    It neither pads nor truncates.

    Raises:
        UserError: It cannot be loaded, or is none that knows tokenizer.json.
    """
    found = read_tokenizer(folder) or _held_against_file(folder, _made_by_transformers(folder))
    found.tokenizer.no_padding()
    found.tokenizer.no_truncation()
    return found


def _made_by_transformers(folder: Path) -> TokenizerFile:
    made = _transformers_tokenizer(folder)
    tokenizer = made.backend_tokenizer
    if has_spare_tokens(folder, tokenizer):
        tokenizer = tokenizer_of(folder, tokenizer.to_str().encode())
    return TokenizerFile(
        tokenizer=tokenizer,
        max_tokens=known_limit(made.model_max_length),
        pad_token=made.pad_token,
        unknown_token=made.unk_token,
        pads_left=made.padding_side == "left",
        cuts_left=made.truncation_side == "left",
        gives_types="token_type_ids" in made.model_input_names,
    )


def _transformers_tokenizer(folder: Path) -> Any:
    """By its own class; where that is unknown, is code of the folder or reads no tokenizer.json, by the plain one."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast  # they take seconds and memory

    has_file = (folder / "tokenizer.json").is_file()
    try:
        made = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # whatever a broken file makes the code of others raise
        if not has_file:
            raise _unreadable(folder, error) from error
    else:
        if made.is_fast:
            return made
        if not has_file:
            raise UserError(f"EMOTION_MODEL: {folder} needs a fast tokenizer (tokenizer.json)")
    try:
        return PreTrainedTokenizerFast.from_pretrained(folder)
    except Exception as error:
        raise _unreadable(folder, error) from error


def _held_against_file(folder: Path, made: TokenizerFile) -> TokenizerFile:
    file = folder / "tokenizer.json"
    if not file.is_file():
        return made
    try:
        own = tokenizer_of(folder, file.read_bytes())
    except Exception as error:  # of the library, which has no narrower one
        raise _unreadable(folder, error) from error
    differing = sum(ours != its for ours, its in zip(_ids(own), _ids(made.tokenizer), strict=True))
    return replace(made, tokenizer=own, differing=differing) if differing else made


def _unreadable(folder: Path, error: Exception) -> UserError:
    return UserError(
        f"EMOTION_MODEL: the tokenizer of {folder} cannot be loaded: {first_line(error)}", "copy its files again"
    )


def _ids(tokenizer: Tokenizer) -> list[list[int]]:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [encoding.ids for encoding in tokenizer.encode_batch(COMPARED_TEXTS)]
