"""The tokenizer of an artifact: normalizers, and the model's own length limit, that survive every reload.

What is done to a text lives in the tokenizer, so that training, the worker and any other loader see the same. A loader
may rebuild the tokenizer from `tokenizer_config.json` and ignore `tokenizer.json`, or the other way round, so both must
say the same. Therefore the training itself uses a tokenizer that was saved and loaded again.
"""

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import Embedding
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER

from schemas.model_folder import vocabulary_error
from trainer.errors import UserError, first_line
from trainer.preprocessing.normalization import lower_cases, normalizers_with_wanted, probes, same_ids
from trainer.preprocessing.padding import set_padding

# What transformers copies from the truncation and padding stored in a tokenizer.json.
_LENGTH_LEFTOVERS = ("max_length", "stride", "truncation_strategy", "pad_to_multiple_of")


def load_tokenizer(source: str | Path, **kwargs: Any) -> PreTrainedTokenizerFast:
    """Loads the tokenizer of a hub id or folder as any other loader does; `kwargs` override its configuration.

    Raises:
        UserError: if there is none, if it has no `tokenizers` backend, or if it is empty.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False, **kwargs)
        tokenizer("a text", truncation=True)
    except Exception as error:  # whatever a broken file makes the code of others raise
        raise UserError(f"{source}: the tokenizer cannot be loaded: {first_line(error)}") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise UserError(f"{source}: the tokenizer has no tokenizer.json; choose a base model that has one")
    if tokenizer.vocab_size <= len(tokenizer.all_special_tokens):  # transformers makes an empty one where files lack
        raise UserError(
            f"{source}: the tokenizer has no vocabulary; add tokenizer.json or the vocabulary to the folder"
        )
    return tokenizer


def load_tokenizer_of(model: PreTrainedModel, source: str | Path) -> PreTrainedTokenizerFast:
    """Loads the tokenizer of a hub id or folder, with a padding token that the model knows too.

    Special tokens that were added to the tokenizer alone, as many fine-tunes have one to pad with, get a row of the
    model: no text holds them, and a training saves what it used.

    Raises:
        UserError: as `load_tokenizer`, if there is no padding token, or if the model has no row for one of its tokens.
    """
    tokenizer = load_tokenizer(source)
    most, rows = max(tokenizer.get_vocab().values()), len(embedding(model))
    if most >= rows:
        added = tokenizer.added_tokens_decoder
        if any(id_ >= rows and not (id_ in added and added[id_].special) for id_ in tokenizer.get_vocab().values()):
            error = vocabulary_error(most, rows)
            raise UserError(f"{source}: {error.detail}; {error.mend}")
        model.resize_token_embeddings(most + 1, mean_resizing=False)
    set_padding(str(source), tokenizer, model)
    return tokenizer


def lower_cased_tokenizer(
    base: str, model: PreTrainedModel, drop_links_and_names: bool = False
) -> PreTrainedTokenizerFast:
    """Returns the base's tokenizer, made to lower-case and to know the model's length limit, as a reload gives it.

    One of whole words and pieces also parts emoji from words, and leaves out colours of skin and other variants.
    Accents stay what they are to the base (an uncased BERT strips them, a cased one keeps them). Truncation and padding
    stored with the base, such as the 128 tokens of a sentence encoder, are dropped. Upper case stays too where
    transformers makes the tokenizer anew for the model's kind, whatever its folder says (Qwen2).

    Args:
        base: Hub id or folder of the base model.
        model: The model loaded from it, which limits the length.
        drop_links_and_names: Leave out links and user names (`@name`), so that they cannot change a label.

    Raises:
        UserError: if the tokenizer cannot be loaded or cannot be made to do this.
    """
    own = tokenizer = load_tokenizer_of(model, base)
    max_tokens = min(tokenizer.model_max_length, _positions(model))
    if max_tokens >= VERY_LARGE_INTEGER:
        raise UserError(f"{base}: states no longest input; set model_max_length in its tokenizer_config.json")
    wanted = probes(tokenizer, drop_links_and_names)
    if not all(same_ids(tokenizer, texts) for texts in wanted.values()):  # an artifact's does all
        content = json.loads(tokenizer.backend_tokenizer.to_str())
        steps = normalizers_with_wanted(tokenizer, drop_links_and_names)
        content["normalizer"] = {"type": "Sequence", "normalizers": steps}
        tokenizer = _generic(Tokenizer.from_str(json.dumps(content)), tokenizer)
    reloaded = _limited(tokenizer, model, max_tokens)
    if not lower_cases(reloaded) and not drop_links_and_names and type(reloaded) is type(own):
        sys.stderr.write(f"emotion-trainer: {base}: the tokenizer of its kind cannot be made to lower-case: it stays\n")
        return _limited(own, model, max_tokens)
    for what, texts in wanted.items():
        if not same_ids(reloaded, texts):
            raise UserError(f"{base}: the tokenizer cannot be made to {what}; choose another base model")
    return reloaded


def with_words(
    tokenizer: PreTrainedTokenizerFast, model: PreTrainedModel, words: Iterable[str], option: str
) -> PreTrainedTokenizerFast:
    """Returns the tokenizer with further whole words, as a reload gives it; their ids follow those that it has.

    Args:
        tokenizer: As `lower_cased_tokenizer` returns it.
        model: Its model; gets a row of the embedding for each.
        words: In lower case; those that it knows stay as they are.
        option: Which option asks for them.

    Raises:
        UserError: if it has no WordPiece vocabulary.
    """
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    if (kind := content["model"]["type"]) != "WordPiece":
        raise UserError(
            f"{option}: needs a vocabulary of words and pieces, such as BERT's, and no {kind}; leave it out, or "
            "choose another base model"
        )
    vocabulary = content["model"]["vocab"]
    # Or tokens that were added to the base would be numbered anew at the next load, behind the words.
    vocabulary |= {token["content"]: token["id"] for token in content["added_tokens"]}
    first = 1 + max(tokenizer.get_vocab().values())
    vocabulary |= {word: id_ for id_, word in enumerate((word for word in words if word not in vocabulary), first)}
    if (rows := 1 + max(vocabulary.values())) > len(embedding(model)):
        model.resize_token_embeddings(rows, mean_resizing=False)
    extended = _generic(Tokenizer.from_str(json.dumps(content)), tokenizer)
    return _reloaded(extended, model)


def embedding(model: PreTrainedModel) -> Tensor:
    """Returns the row of each token, of shape [tokens, size]."""
    layer: Any = model.get_input_embeddings()
    weight: Tensor = layer.weight
    return weight


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes the tokenizer's files without the truncation and padding that its last call left in it."""
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)
    # transformers 4 knows the generic class by its old name alone, which 5 goes on reading.
    file = folder / "tokenizer_config.json"
    config = file.read_text(encoding="utf-8")
    file.write_text(config.replace('"TokenizersBackend"', '"PreTrainedTokenizerFast"'), encoding="utf-8")


def _generic(backend: Tokenizer, like: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Returns a tokenizer of the class that loads tokenizer.json as it stands.

    The classes of single model types rebuild their normalizer at load and know none but their own.
    """
    generic: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerFast = generic(
        tokenizer_object=backend,
        model_input_names=like.model_input_names,
        padding_side=like.padding_side,
        model_max_length=like.model_max_length,
        **like.special_tokens_map,
    )
    return tokenizer


def _limited(tokenizer: PreTrainedTokenizerFast, model: PreTrainedModel, max_tokens: int) -> PreTrainedTokenizerFast:
    tokenizer.model_max_length = max_tokens
    for leftover in _LENGTH_LEFTOVERS:
        tokenizer.init_kwargs.pop(leftover, None)
    return _reloaded(tokenizer, model)


def _reloaded(tokenizer: PreTrainedTokenizerFast, model: PreTrainedModel) -> PreTrainedTokenizerFast:
    with tempfile.TemporaryDirectory() as folder:
        model.config.save_pretrained(folder)  # AutoTokenizer picks the class by it
        save_tokenizer(tokenizer, Path(folder))
        return load_tokenizer_of(model, folder)


def _positions(model: PreTrainedModel) -> int:
    """Returns how many tokens a text may have before the model runs out of positions."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, Embedding):
            # RoBERTa and its kin count positions from behind the padding index.
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    limit: int = getattr(model.config, "max_position_embeddings", VERY_LARGE_INTEGER)
    return limit
