"""Folders of which transformers makes another tokenizer than their tokenizer.json is."""

from worker.errors import Problem
from worker.model.sample_texts import HOSTILE_TEXTS, sample_texts

COMPARED_TEXTS = [*sample_texts(200), *HOSTILE_TEXTS]


def rebuilt_hint(differing: int) -> Problem | None:
    """What is to be said of a folder of which transformers makes other tokens for so many built-in texts."""
    if not differing:
        return None
    return Problem(
        f"transformers 5 makes other tokens of this folder than its tokenizer.json, of {differing} of "
        f"{len(COMPARED_TEXTS)} built-in texts; the worker uses tokenizer.json as it is",
        "to have pipeline() do so too, give it tokenizer=PreTrainedTokenizerFast.from_pretrained(FOLDER); to have the "
        "worker use the other, write it: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)",
    )
