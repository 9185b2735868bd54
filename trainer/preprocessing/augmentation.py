"""Augmentation for real messages: what people's typing adds to clean texts.

Each change leaves the emotion as it is, so a text keeps its label. Letter case is not among them: the tokenizer
lower-cases every text. The idea of label-keeping perturbations is that of Ribeiro et al., "Beyond Accuracy: Behavioral
Testing of NLP Models with CheckList", 2020.
"""

import random
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

Change = Callable[[Sequence[str], random.Random], list[str]]  # of a text's words

# fmt: off
# Objects and signs that go with any emotion, so that none can contradict the label.
_EMOJI = (
    "✨", "👀", "🙏", "💯", "📷", "☕", "🌍", "🎧", "📚", "🌙", "⏰", "🚗", "🏠", "🎬", "📱", "🍕", "👉", "🔁", "🗓️",
    "🌧️",
)
_ENDINGS = (".", ".", "!", "!!", "!!!", "?", "?!", "...", "…", " .", " !")
_JOINTS = (",", ",", ".", ";", ":", " -", " —", "...", "!", " /")
_TAGS = (
    "#monday", "#today", "#life", "#blog", "#news", "#work", "#thoughts", "#fyi", "#weekend", "#np",
    "#2day", "#story",
)
_HOSTS = ("https://t.co/", "http://bit.ly/", "https://youtu.be/", "www.example.com/", "http://example.org/p/")
_HANDLES = (
    "alex", "anna", "blue", "chris", "city", "coffee", "daily", "home", "its", "jones", "maria", "mike",
    "mr", "photo", "real", "river", "studio", "tom",
)
# fmt: on
_VOWELS = "aeiou"
_NO_COUNTS: Mapping[str, int] = {}


@dataclass(frozen=True)
class Augmentation:
    """Which texts are changed, how often and in which ways."""

    share: float = 0.0
    """Share of the texts, 0…1, that an epoch changes."""
    most: int = 3
    """A text that is changed gets one to so many changes."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """How often each kind is drawn against the others; 1 where none is given, never for 0."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How often each word, in lower case, occurs in all texts: the rarer a word, the more often it is mistyped."""

    def __call__(self, text: str, key: str) -> str:
        """Returns the text as it is, or with changes of kinds that are drawn by weight, each as often as it is drawn.

        Args:
            text: A message.
            key: Alone decides, with the text, what comes out.
        """
        rng = random.Random(key)  # noqa: S311 - no secret
        words = text.split()
        if rng.random() >= self.share or not words:
            return text
        weights = [self.weights.get(kind, 1.0) for kind in CHANGES]
        drawn = rng.choices(range(len(CHANGES)), weights, k=rng.randint(1, self.most))
        kinds: dict[str, Change] = {**CHANGES, "typo": partial(_typo, counts=self.counts)}
        changes = list(kinds.values())
        for at in sorted(drawn):
            words = changes[at](words, rng)
        return " ".join(words)


def slips(word: str, at: int) -> tuple[str, str, str]:
    """Returns the word with the letter at a place and the next one swapped, with it left out, and with it twice."""
    before, letter, after = word[:at], word[at], word[at + 1 :]
    return before + after[0] + letter + after[1:], before + after, before + letter + letter + after


def _typo(words: Sequence[str], rng: random.Random, counts: Mapping[str, int] = _NO_COUNTS) -> list[str]:
    """Swaps, drops or doubles one inner letter of a word of four or more.

    The words that a label hangs on are rare, and a tokenizer makes other pieces of a mistyped one: were all words
    mistyped alike, the model would hardly ever see those.
    """

    def fits(word: str) -> bool:
        return word.isalpha() and len(word) >= 4

    def mistyped(word: str) -> str:
        return rng.choice(slips(word, rng.randrange(1, len(word) - 2)))

    return _with_one_word(words, rng, fits, mistyped, lambda word: counts.get(word.lower(), 1) ** -0.5)


def _elongation(words: Sequence[str], rng: random.Random) -> list[str]:
    """Draws out the last vowel of a word: `so` becomes `soooo`."""

    def fits(word: str) -> bool:
        return word.isalpha() and len(word) > 1 and not set(word).isdisjoint(_VOWELS)

    def drawn_out(word: str) -> str:
        at = max(word.rfind(vowel) for vowel in _VOWELS)
        return word[:at] + word[at] * rng.randint(3, 5) + word[at + 1 :]

    return _with_one_word(words, rng, fits, drawn_out)


def _hashtag(words: Sequence[str], rng: random.Random) -> list[str]:
    """Makes a hashtag of one of the words, or appends one that says nothing of a feeling."""
    if rng.random() < 0.5:
        return [*words, rng.choice(_TAGS)]
    return _with_one_word(words, rng, str.isalpha, lambda word: f"#{word}")


def _inner_punctuation(words: Sequence[str], rng: random.Random) -> list[str]:
    """Puts a sign behind a word that is not the last."""
    if len(words) < 2:
        return list(words)
    at = rng.randrange(len(words) - 1)
    return [*words[:at], words[at] + rng.choice(_JOINTS), *words[at + 1 :]]


def _final_punctuation(words: Sequence[str], rng: random.Random) -> list[str]:
    return [*words[:-1], words[-1] + rng.choice(_ENDINGS)]


def _emoji(words: Sequence[str], rng: random.Random) -> list[str]:
    """Appends one to three emoji, apart or together."""
    return [*words, rng.choice(("", " ")).join(rng.choices(_EMOJI, k=rng.randint(1, 3)))]


def _url(words: Sequence[str], rng: random.Random) -> list[str]:
    """Appends a link, or sometimes puts it first."""
    link = rng.choice(_HOSTS) + "".join(rng.choices(string.ascii_letters + string.digits, k=rng.randint(4, 10)))
    return [*words, link] if rng.random() < 0.8 else [link, *words]


def _mention(words: Sequence[str], rng: random.Random) -> list[str]:
    """Puts one or two user names first, or sometimes last."""
    names = [_user(rng) for _ in range(rng.randint(1, 2))]
    return [*names, *words] if rng.random() < 0.7 else [*words, *names]


def _user(rng: random.Random) -> str:
    """Returns the stand-in of public data sets, a name of words, or one of letters that mean nothing."""
    form = rng.random()
    if form < 0.4:
        return "@user"
    letters = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 9)))
    name = rng.choice(("", "_")).join(rng.sample(_HANDLES, rng.randint(1, 2))) if form < 0.8 else letters
    return f"@{name}{rng.choice(('', '', '_', '1', '99', str(rng.randint(1960, 2015))))}"


def _with_one_word(
    words: Sequence[str],
    rng: random.Random,
    fits: Callable[[str], bool],
    change: Callable[[str], str],
    weight: Callable[[str], float] | None = None,
) -> list[str]:
    """Returns the words with one of those that fit changed, drawn by weight if given; as they are where none fits."""
    fitting = [at for at, word in enumerate(words) if fits(word)]
    if not fitting:
        return list(words)
    at = rng.choice(fitting) if weight is None else rng.choices(fitting, [weight(words[at]) for at in fitting])[0]
    return [*words[:at], change(words[at]), *words[at + 1 :]]


CHANGES: Mapping[str, Change] = {
    "typo": _typo,
    "elongation": _elongation,
    "hashtag": _hashtag,
    "inner_punctuation": _inner_punctuation,
    "final_punctuation": _final_punctuation,
    "emoji": _emoji,
    "url": _url,
    "mention": _mention,
}
"""The kinds in the order they apply in: letters before what stands around them."""
