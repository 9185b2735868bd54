#!/usr/bin/env bash
# tokie 0.1.4 loads a tokenizer.json with the normalizer Replace and does not replace anything, without a word.
#
# Setting: a WordPiece tokenizer whose normalizer replaces links by a space, as a file.
#   tokie reads tokenizer.json files to do what tokenizers 0.23.3 does, faster.
# Most expect: the same token ids, or an error that names what it does not know.
# Seen: it loads without an error or a warning, gives the same ids for a plain text, and 12 tokens in place of 3 for one
#   with a link. Only a comparison of tokens tells a file that it knows from one that it does not.
# Seen on 2026-11-30. Fails if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet tokie==0.1.4 tokenizers==0.23.3
cat >finding.py <<'PYTHON'
import json

import tokie
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "see", "https", ":", "/", "a", ".", "example")
own = Tokenizer(models.WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
own.normalizer = normalizers.Sequence([normalizers.Replace(Regex(r"https?://\S+"), " "), normalizers.BertNormalizer()])
own.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
own.add_special_tokens(list(WORDS[:5]))
own.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
own.save("tokenizer.json")
other = tokie.Tokenizer.from_json("tokenizer.json")
TEXT = "see https://a.example/a"
plain, found = own.encode("see a").ids, other.encode("see a").ids
file, read = own.encode(TEXT).ids, other.encode(TEXT).ids
print(f"tokenizers {len(file)} tokens, tokie {len(read)}")
assert plain == found, "it does not even read the rest"
assert file == [2, 5, 3]
assert len(read) > len(file), "it does what the file says"
PYTHON
venv/bin/python finding.py
