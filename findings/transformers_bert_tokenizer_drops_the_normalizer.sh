#!/usr/bin/env bash
# transformers 5.23.0 loads a BERT folder without the normalizer that its tokenizer.json has, and says nothing.
#
# Setting: tokenizer.json with a normalizer of two steps, Replace(links) and BertNormalizer; tokenizer_config.json names
#   BertTokenizer. The folder is loaded with AutoTokenizer, by transformers 4.57.6 and by 5.23.0.
# Most expect: the tokens that the file describes, as tokenizers itself gives them, and as 4.57.6 does.
# Seen: 5.23.0 makes the tokenizer anew from the vocabulary and tokenizer_config.json. The link is cut into pieces, which
#   the author's model never saw. There is no warning. With tokenizer_class PreTrainedTokenizerFast the file counts.
# Seen on 2026-11-30. Fails if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

for version in 4.57.6 5.23.0; do
  python3 -m venv "venv-$version"
  "venv-$version/bin/pip" install --quiet "transformers==$version"
done
cat >finding.py <<'PYTHON'
import json
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, __version__

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "see", "https", ":", "/", "a", ".", "example")
model = Path("model")
model.mkdir(exist_ok=True)
tokenizer = Tokenizer(models.WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
tokenizer.normalizer = normalizers.Sequence([normalizers.Replace(Regex(r"https?://\S+"), " "), normalizers.BertNormalizer()])
tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
tokenizer.add_special_tokens(list(WORDS[:5]))
tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
tokenizer.save(str(model / "tokenizer.json"))
(model / "config.json").write_text(json.dumps({"model_type": "bert"}))


def loaded(name):
    special = {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]"}
    (model / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name, "do_lower_case": True} | special))
    return AutoTokenizer.from_pretrained(model)("see https://a.example/a")["input_ids"]


whole, file = loaded("BertTokenizerFast"), tokenizer.encode("see https://a.example/a").ids
print(f"transformers {__version__}: the file {len(file)} tokens, BertTokenizerFast {len(whole)}, "
      f"PreTrainedTokenizerFast {len(loaded('PreTrainedTokenizerFast'))}")
kept = whole == file and loaded("PreTrainedTokenizerFast") == file
dropped = whole != file and loaded("PreTrainedTokenizerFast") == file
sys.exit(not {"kept": kept, "dropped": dropped}[sys.argv[1]])
PYTHON

venv-4.57.6/bin/python finding.py kept 2>err.log
venv-5.23.0/bin/python finding.py dropped 2>>err.log
if grep -qi "normalizer" err.log; then exit 1; fi
echo "5.23.0 drops the normalizer of tokenizer.json without a word"
