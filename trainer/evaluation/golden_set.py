"""The golden set of an artifact: texts, and what it makes of them, so that others see whether it does so there too."""

from collections.abc import Sequence
from pathlib import Path

from schemas.golden_set import GOLDEN_FILE, GoldenText, write_golden_set
from trainer.artifact.loading import load_artifact, names_of, read_manifest
from trainer.evaluation.decision import rule_of
from trainer.evaluation.feelings import read_sentences
from trainer.evaluation.outputs import outputs_of
from trainer.output import new_file

_EVERY = 16  # of our own sentences
# What tokenizers and their options differ in, and a text that most models cut.
_ODD_TEXTS = [
    "SO HAPPY TODAY!!!",
    "so happy\N{FACE WITH TEARS OF JOY} today \N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}",
    "@someone see https://example.com/a?b=c #proud &amp; more",
    "na\u00efve caf\u00e9, e\u0301t\u00e9  and\ttabs\u00a0there",
    "\u4e2d\u6587\u5b57 \u3053\u3093\u306b\u3061\u306f \u0441\u0447\u0430\u0441\u0442\u044c\u0435",
    "soooo haaappy, definately",
    " ".join(f"day {day} was fine, then it got scary" for day in range(1, 121)),
]


def write_golden_set_of(folder: Path, texts: Sequence[str] | None = None, output: Path | None = None) -> int:
    """Writes the golden set of a model folder, as float32 has it; returns how many texts it holds.

    Args:
        folder: The model, whole: it is loaded as others will load it.
        texts: None for built-in ones.
        output: The file; None for the one beside the weights, which the worker looks for.

    Raises:
        UserError: if the model cannot be loaded, or the file cannot be written.
    """
    model, tokenizer = load_artifact(folder, "float32")
    texts = _built_in() if texts is None else list(dict.fromkeys(texts))
    names = names_of(model)
    scores = rule_of(model, read_manifest(folder)).scores(outputs_of(model, tokenizer, texts).logits).round(6)
    golden = [
        GoldenText(text=text, label=names[row.argmax()], scores=dict(zip(names, row.tolist(), strict=True)))
        for text, row in zip(texts, scores, strict=True)
    ]
    with new_file(f"--output {output}" if output else str(folder), output or folder / GOLDEN_FILE) as file:
        write_golden_set(file, golden)
    return len(golden)


def _built_in() -> list[str]:
    return [sentence.text for sentence in read_sentences()[::_EVERY]] + _ODD_TEXTS
