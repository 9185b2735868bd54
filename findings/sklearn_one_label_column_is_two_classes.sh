#!/usr/bin/env bash
# scikit-learn 1.9.1 takes an indicator matrix with one column for two classes, and halves the macro-F1.
#
# Setting: right labels and predictions of a multi-label model as indicator matrices of shape [texts, labels], once with
#   one label, once with two columns that are the same.
# Most expect: the macro-F1 of the one label, the same as the mean over two equal columns: 0.6667.
# Seen: 0.3333. One column is "binary": the texts without the label are a class of its own, `average=None` gives two rows,
#   and `macro` is their mean. Code that goes through labels in a loop is off by one row, and nothing warns.
# Seen on 2026-11-30. Fails if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet scikit-learn==1.9.1
cat >finding.py <<'PYTHON'
import numpy as np
import sklearn
from sklearn.metrics import f1_score, precision_recall_fscore_support

right, given = np.array([[1], [0], [1], [1]]), np.array([[1], [1], [1], [0]])
one = f1_score(right, given, average="macro")
two = f1_score(np.hstack([right, right]), np.hstack([given, given]), average="macro")
rows = len(precision_recall_fscore_support(right, given, average=None)[2])
print(f"scikit-learn {sklearn.__version__}: one column {one:.4f} in {rows} rows, two equal columns {two:.4f}")
assert (round(one, 4), rows, round(two, 4)) == (0.3333, 2, 0.6667)
PYTHON
venv/bin/python finding.py
