#!/usr/bin/env bash
# tokenizers 0.23.3: a normalizer never sees past an added token, so what it should replace stays in part.
#
# Setting: a WordPiece tokenizer with the special tokens of BERT, and a normalizer that replaces links,
#   Replace(Regex("https?://\S+"), "link").
# Most expect: the text is normalized, and then special tokens are looked for in it. The link goes as a whole.
# Seen: special tokens are cut out of the raw text first, and each piece between them is normalized by itself. A link that
#   holds the letters of one, `https://example.org/[MASK]/page`, leaves "link [MASK] / page"; its end is taken for words.
#   Declared with normalized=True an added token is looked for afterwards, and the link goes as a whole.
# Seen on 2026-11-29. Fails if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet tokenizers==0.23.3
cat >finding.py <<'PYTHON'
from tokenizers import AddedToken, Regex, Tokenizer, __version__
from tokenizers.models import WordLevel
from tokenizers.normalizers import Replace
from tokenizers.pre_tokenizers import BertPreTokenizer

WORDS = ("[UNK]", "see", "link", "/", "page")


def tokens(token):
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = Replace(Regex(r"https?://\S+"), "link")
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.add_tokens([token])
    return tokenizer.encode("see https://example.org/[MASK]/page").tokens


special = tokens(AddedToken("[MASK]", special=True))
normalized = tokens(AddedToken("[MASK]", normalized=True))
print(f"tokenizers {__version__}: {special}; with normalized=True: {normalized}")
assert special == ["see", "link", "[MASK]", "/", "page"], special
assert normalized == ["see", "link"], normalized
PYTHON
venv/bin/python finding.py
