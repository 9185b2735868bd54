"""The tokenizer of a model folder: what tokenizer.json says is what counts.

transformers 5 makes many tokenizers anew from their vocabulary and options, and leaves out what the file has beyond
that, such as a normalizer of its own. transformers 4, tokenizers and other servers read the file as it is.
"""

from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer

from worker.errors import UserError, first_line
from worker.model.rebuilt_tokenizer import COMPARED_TEXTS
from worker.model.token_limits import known_limit
from worker.model.tokenizer_file import TokenizerFile, read_tokenizer


def load_tokenizer(folder: Path) -> TokenizerFile:
    """The tokenizer as its file has it; what transformers makes of the folder, where that gives the same tokens.

    Raises:
        UserError: It cannot be loaded, or is none that knows tokenizer.json.
    """
    return read_tokenizer(folder) or _held_against_file(folder, _made_by_transformers(folder))


def _made_by_transformers(folder: Path) -> TokenizerFile:
    from transformers import AutoTokenizer  # takes seconds and memory

    try:
        made = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # whatever a broken file makes the code of others raise
        raise _unreadable(folder, error) from error
    if not made.is_fast:
        raise UserError(f"EMOTION_MODEL: {folder} needs a fast tokenizer (tokenizer.json)")
    return TokenizerFile(
        tokenizer=made.backend_tokenizer,
        max_tokens=known_limit(made.model_max_length),
        pad_token=made.pad_token,
        unknown_token=made.unk_token,
        pads_left=made.padding_side == "left",
        cuts_left=made.truncation_side == "left",
        gives_types="token_type_ids" in made.model_input_names,
    )


def _held_against_file(folder: Path, made: TokenizerFile) -> TokenizerFile:
    file = folder / "tokenizer.json"
    if not file.is_file():
        return made
    try:
        own = Tokenizer.from_buffer(file.read_bytes())
    except ValueError as error:
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
