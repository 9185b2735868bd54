"""Changes of a text that leave its emotion what it is, and negation, which does not. Each is the same in every run."""

import random
import re
from collections.abc import Callable, Mapping, Sequence

_SEED = 0
_EMOJI = ("📌", "☕", "🎵", "📷", "🚌", "🕐", "🌐", "📦")  # things, no faces and no hearts
_NAMES = ("@sam_k", "@user", "@jt1990", "@the_lena", "@northbound")
_HASHTAGS = ("#monday", "#news", "#office", "#thread", "#2day")
_WORD = re.compile(r"[^\W\d_]{4,}")
_NEGATED = {"feel": "do not feel", "felt": "did not feel", "am": "am not", "was": "was not"}
_STATEMENT = re.compile(rf"\bi ({'|'.join(_NEGATED)})\b(?! not)", re.IGNORECASE)


def _elongated(text: str, rng: random.Random) -> str:
    """Draws out the last vowel of a word: `sooo haaappy`."""
    words = [word for word in _WORD.finditer(text) if re.search("[aeiou]", word[0], re.IGNORECASE)]
    if not words:
        return text
    start, end = rng.choice(words).span()
    return (
        text[:start] + re.sub(r"([aeiou])(?=[^aeiou]*$)", r"\1\1\1", text[start:end], flags=re.IGNORECASE) + text[end:]
    )


def _mistyped(text: str, rng: random.Random) -> str:
    """Swaps two neighbouring inner letters of one word."""
    words = [
        [place for place in range(word.start() + 1, word.end() - 2) if text[place] != text[place + 1]]
        for word in _WORD.finditer(text)
    ]
    words = [places for places in words if places]
    if not words:
        return text
    place = rng.choice(rng.choice(words))
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


PERTURBATIONS: Mapping[str, Callable[[str, random.Random], str]] = {
    "upper case": lambda text, _: text.upper(),
    "capital first": lambda text, _: text[:1].upper() + text[1:],
    "final period": lambda text, _: text.rstrip(" .!?…") + ".",
    "no final punctuation": lambda text, _: text.rstrip(" .!?…"),
    "emoji": lambda text, rng: f"{text} {rng.choice(_EMOJI)}",
    "URL": lambda text, rng: f"{text} https://t.co/{''.join(rng.choices('aBc3dEf7GhJ9kLm', k=10))}",
    "@name": lambda text, rng: f"{rng.choice(_NAMES)} {text}",
    "hashtag": lambda text, rng: f"{text} {rng.choice(_HASHTAGS)}",
    "elongation": _elongated,
    "typo": _mistyped,
}


def perturbed(name: str, texts: Sequence[str]) -> list[str]:
    """Returns each text with one change; a text that has no place for it stays as it is."""
    rng = random.Random(f"{_SEED} {name}")  # noqa: S311 - no secret
    return [PERTURBATIONS[name](text, rng) for text in texts]


def glued(text: str) -> str:
    """Returns the text with its last word right behind the one before: of `perturbed("emoji", …)`, the emoji."""
    return "".join(text.rsplit(" ", 1))


def negated(text: str) -> str:
    """Returns the text with its first `i feel` or `i am` negated; one without such a statement stays as it is."""
    return _STATEMENT.sub(lambda found: f"{found[0][0]} {_NEGATED[found[1].lower()]}", text, count=1)
