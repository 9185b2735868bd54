"""Texts that look like messages, made up on the spot: to measure and to compare with, never to train on."""

import random

_OPENINGS = ["", "", "@user ", "so ", "honestly, ", "ok but ", "I can't believe ", "today ", "guys, ", "WOW ", "ugh, "]
_FEELINGS = [
    "i feel so happy with how this turned out",
    "my heart breaks for them, i am so sad",
    "this makes me furious, nobody even listens",
    "i love you more than words can say",
    "i am scared of what comes next",
    "i did not see that coming at all",
    "feeling lonely and tired again",
    "they were so rude to her it made me angry",
    "what a lovely evening with the kids",
    "nervous about the exam tomorrow",
    "we won the match in the last minute",
    "i miss the old days by the sea",
    "she said yes and i could cry for joy",
    "the doctor called and i am shaking",
    "he forgot my birthday once more",
    "who would have thought, a snow day in may",
]
_FILLERS = [
    "the train was late",
    "coffee helps",
    "see you at 8",
    "it rained all week",
    "new phone, same number",
    "my sister thinks so too",
    "read this: https://example.com/a1",
    "back to work",
    "no words",
    "thanks for asking",
]
_ENDINGS = [
    "",
    "",
    ".",
    "!",
    "!!!",
    "?!",
    " \N{FACE WITH TEARS OF JOY}",
    " \N{LOUDLY CRYING FACE}",
    " #mood",
    " lol",
    " \N{HEAVY BLACK HEART}",
]


def sample_texts(count: int, seed: int = 7) -> list[str]:
    """So many different texts, the same ones each time; most are short, a few long."""
    chance = random.Random(seed)  # noqa: S311 - no secret hangs on it
    texts: dict[str, None] = {}
    while len(texts) < count:
        clauses = [chance.choice(_FEELINGS)]
        while chance.random() < 0.45:
            clauses.append(chance.choice(_FILLERS + _FEELINGS))
        number = f" {chance.randrange(1_000_000)}" if chance.random() < 0.3 or len(texts) > 2_000 else ""
        texts[chance.choice(_OPENINGS) + ", ".join(clauses) + number + chance.choice(_ENDINGS)] = None
    return list(texts)
