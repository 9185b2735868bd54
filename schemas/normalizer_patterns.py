"""The patterns by which the trainer's tokenizers normalize texts: it writes them, and the worker knows them again.

In tokenizer.json they stand as the patterns of `Replace`, in the regular expressions of Oniguruma.
"""

LINKS_AND_NAMES = r"https?://\S+|www\.\S+|(?<!\w)@\w+"
"""What is left out of a text."""

_EMOJI = r"\p{Extended_Pictographic}"
# What varies an emoji, keycaps and flags: it changes no feeling, and would be a word that nobody knows.
_VARIANT = "\ufe0e\ufe0f\u20e3\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_JOINER = "\u200d"
# In one pass, and cheap tests first: a single space, as every text has, stays, and ASCII is never asked for properties.
# So it takes less time than one space in the place of each run of spaces.
SPACES_AND_EMOJI = (
    rf"[\s{_VARIANT}](?:[\s{_VARIANT}]+|(?<! ))"
    rf"|(?=[^\x00-\x7f])(?:{_JOINER}(?:[♀♂]|(?={_EMOJI}))|(?={_EMOJI})(?<=[^\s{_VARIANT}{_JOINER}]))"
    rf"|(?<=[^\x00-\x7f])(?<={_EMOJI})(?=\S)"
)
"""What becomes one space, or gets one beside it."""
