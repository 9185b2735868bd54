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
# In which tokenizers that are not the same differ.
HOSTILE_TEXTS = [
    *("", " ", "\t\r\n", "so happy!", "SO  Happy ,today .", "don't_stop-now 12:30 #proud &amp; 100%", "##ing ##", "@"),
    *("see https://a.b/c?d=e, or www.f.g", "HTTP://A xhttps://b", "@Name (@name) a@b.c é@d \ufe0f@e @名前 @\u0301"),
    *("naïve café", "nai\u0308ve cafe\u0301", "e\u0301\u0327\u0316", "\u0301alone", "İIıi ΣΑΣ σς ß ẞ ŉ ǰ ﬁ Ａ ½ Ⅳ K Å"),
    *("a\x00b\x01c\x0bd\x0ce\x1cf\x7fg\x85h", "a\u00a0b\u1680c\u2003d\u2028e\u202ff\u3000g", "a\u00adb\u200bc\ufeffd"),
    *(
        "a\ufffdb\ue000c\ufdd0d",
        "中文字 x中y 漢\U00020000字",
        "こんにちは カタカナ",
        "한국어 \u1112\u1161\u11ab",
        "สวัสดี नमस्ते শুভ",
    ),
    *("a😀b 👍🏽 👩\u200d👧 ❤\ufe0f", "so❤\ufe0f\u200d🔥happy🤷🏽\u200d♂\ufe0fx 1\ufe0f\u20e3 🇫🇷a 😂😭 ok™ \ufe0f b"),
    *("€+±×¬^`~$|<=>", "“q” — … ‘r’ ¿¡ «»", "مرحبا שלום", "Привет Ёлка"),
    *("[CLS] [SEP] [PAD] [UNK]", "a[MASK]b", "[mask] [MASK", "@a[MASK]b https://c[MASK]d"),
    *("a" * 100, "a" * 101, "x" * 90 + "é" * 20),
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
