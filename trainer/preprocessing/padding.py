"""The padding token of a tokenizer and its model: both know the same one."""

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from trainer.errors import UserError

# Decoders whose head is not called `score`.
_OTHER_DECODERS = ("ctrl", "modernbert-decoder")


def takes_last_token(model: PreTrainedModel) -> bool:
    """Returns whether it is a decoder, whose head counts at the last token of a text that is no padding."""
    return hasattr(model, "score") or model.config.model_type in _OTHER_DECODERS


def set_padding(source: str, tokenizer: PreTrainedTokenizerFast, model: PreTrainedModel) -> None:
    """Sees to it that texts of different length can be put into one batch, and changes nothing of a text alone.

    A decoder finds the end of a text by the id of the padding token in its own configuration, and most come without
    one. Then it is the token that ends a text, or another that no text gets from the tokenizer. Padding is on the
    right, because a decoder counts positions from the left.

    Args:
        source: Hub id or folder of the tokenizer, for the message.
        tokenizer: Gets a padding token, and a side for it, where the model is a decoder.
        model: Gets the token's id where it is a decoder.

    Raises:
        UserError: if there is no padding token.
    """
    if takes_last_token(model):
        token = _padding_token(tokenizer, model.config.pad_token_id)
        if token is not None and token != tokenizer.pad_token:
            tokenizer.pad_token = token
        tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        raise UserError(f"{source}: the tokenizer has no padding token; set pad_token in its tokenizer_config.json")
    if takes_last_token(model):
        model.config.pad_token_id = tokenizer.pad_token_id


def _padding_token(tokenizer: PreTrainedTokenizerFast, known: int | None) -> str | None:
    """Returns the token of the model's own id, else that of the tokenizer, else one that no text gets."""
    if known in tokenizer.all_special_ids:
        return str(tokenizer.convert_ids_to_tokens(known))
    if tokenizer.pad_token is not None:
        return str(tokenizer.pad_token)
    around_a_text = tokenizer("a text")["input_ids"]
    candidates = (tokenizer.eos_token, tokenizer.bos_token, tokenizer.unk_token)
    return next((t for t in candidates if t and tokenizer.convert_tokens_to_ids(t) not in around_a_text), None)
