#!/usr/bin/env bash
# transformers 5.23.0 makes the tokenizer of a Qwen2 folder anew even where it names the class that takes the file as it is.
#
# Setting: a folder of model_type qwen2 with a tokenizer.json that lower-cases. tokenizer_config.json names
#   PreTrainedTokenizerFast, which for a BERT folder is how a normalizer of one's own is kept.
# Most expect: the class that is named, and so the tokens that tokenizers itself gives: `JOY` is `joy`.
# Seen: AutoTokenizer gives a Qwen2Tokenizer, which does not lower-case. There is no warning. The same folder with
#   model_type bert, and PreTrainedTokenizerFast.from_pretrained, lower-case.
# Seen on 2026-11-30. Fails if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet transformers==5.23.0
cat >finding.py <<'PYTHON'
import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast, __version__

model = Path("model")
model.mkdir()
pieces = {piece: number for number, piece in enumerate([*"JOYjoy", "<|endoftext|>"])}
tokenizer = Tokenizer(models.BPE(pieces, []))
tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.save(str(model / "tokenizer.json"))
said = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
(model / "tokenizer_config.json").write_text(json.dumps(said))


def auto(kind):
    (model / "config.json").write_text(json.dumps({"model_type": kind}))
    return AutoTokenizer.from_pretrained(model)


lower = tokenizer.encode("JOY").ids
named, qwen2, bert = PreTrainedTokenizerFast.from_pretrained(model), auto("qwen2"), auto("bert")
print(f"transformers {__version__}: {type(qwen2).__name__} of model_type qwen2, {type(bert).__name__} of bert")
assert named("JOY")["input_ids"] == bert("JOY")["input_ids"] == lower
assert qwen2("JOY")["input_ids"] != lower, "the file counts now"
PYTHON
venv/bin/python finding.py 2>err.log
if grep -qiE "normalizer|tokenizer_class|class" err.log; then exit 1; fi
