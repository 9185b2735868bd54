"""How fast encoders of other families are beside a BERT of the same size, by our forward pass and by transformers'.

Of the same size: as many layers of the same width, and as many weights in their products. Weights are random. The
model alone is measured, without Kafka: the texts are tokenized and packed beforehand, by the bundled tokenizer.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch.profiler import ProfilerActivity, profile
from transformers import AutoConfig, AutoModelForSequenceClassification

from tests.benchmarks.harness.command import options
from tests.benchmarks.harness.report import in_turns, medians, report
from tests.benchmarks.harness.texts import distinct_texts
from worker.flow import Batch, Request
from worker.model.artifact import Artifact, find_artifact
from worker.model.batcher import plan
from worker.model.model import Model
from worker.model.tokenizer import Tokenizer

_HEAD_SIZE = 32
_VOCABULARY = 34_682  # the bundled tokenizer's
_EMBEDDING = 128
_OPERATORS = 8


def families(width: int, layers: int) -> dict[str, dict[str, Any]]:
    """What config.json says of each."""
    common = {"vocab_size": _VOCABULARY, "num_labels": 6}
    shape = {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // _HEAD_SIZE,
        "intermediate_size": 4 * width,
    }
    distilbert = dict(zip(("dim", "n_layers", "n_heads", "hidden_dim"), shape.values(), strict=True))
    gated = shape | {"intermediate_size": 8 * width // 3}  # three matrices of it have the weights of two
    ids = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 0)
    modernbert = common | gated | ids | {"model_type": "modernbert"}
    deberta = {
        "relative_attention": True,
        "position_buckets": 256,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": "p2c|c2p",
        "position_biased_input": False,
    }
    return {
        "BERT": common | shape | {"model_type": "bert"},
        "RoBERTa": common | shape | {"model_type": "roberta", "max_position_embeddings": 514},
        "DistilBERT": common | distilbert | {"model_type": "distilbert"},
        "ELECTRA": common | shape | {"model_type": "electra", "embedding_size": _EMBEDDING},
        "MPNet": common | shape | {"model_type": "mpnet", "max_position_embeddings": 514},
        "ALBERT": common | shape | {"model_type": "albert", "embedding_size": _EMBEDDING},
        "ModernBERT, first token": modernbert,
        "ModernBERT, mean": modernbert | {"classifier_pooling": "mean"},
        "DeBERTa-v3": common | shape | deberta | {"model_type": "deberta-v2"},
    }


def main() -> None:
    given = options(__doc__ or "", texts=256, layers=6, width=384, rounds=3, minutes=4.0, dtype="float32", profile="")
    texts, origin = distinct_texts(given.texts)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        paths: dict[str, Callable[[], None]] = {}
        for name, config in families(given.width, given.layers).items():
            place = _written(Path(folder) / name, config)
            for path, is_ours in ((name, True), (f"{name}, transformers", False)):
                model = _model(place, given.dtype, is_ours)
                paths[path] = partial(_predict, model, _batches(model, texts))
                paths[path]()  # warm
    if given.profile:
        print(_profile(paths[given.profile]))
        return
    runs = in_turns(given, {path: partial(_rate, run, len(texts)) for path, run in paths.items()})
    _report(given, runs, origin)


def _report(given: argparse.Namespace, runs: Mapping[str, list[float]], origin: str) -> None:
    found = medians(runs)

    def of_bert(path: str) -> float:
        return round(statistics.median(a / b for a, b in zip(runs[path], runs["BERT"], strict=True)), 3)

    names = list(families(given.width, given.layers))
    slowest = min(names, key=of_bert)
    report(
        given,
        ("family", "texts/s", "/ BERT", "texts/s by transformers", "/ BERT (ours)"),
        [
            (name, found[name], of_bert(name), found[theirs := f"{name}, transformers"], of_bert(theirs))
            for name in names
        ],
        f"slowest beside a BERT of the same size: {slowest}, {of_bert(slowest)}",
        given.dtype,
        broker="no broker",
        texts=origin,
        runs=runs,
    )


def _written(folder: Path, config: dict[str, Any]) -> Path:
    torch.manual_seed(0)
    made: Any = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(**config))  # type: ignore[no-untyped-call]
    made.save_pretrained(folder)
    for file in find_artifact("bundled", None).folder.glob("tokenizer*.json"):
        shutil.copy(file, folder)
    return folder


def _model(folder: Path, dtype: str, is_ours: bool) -> Model:
    with ExitStack() as stack:
        if not is_ours:
            for place in ("checkpoint", "any_architecture"):
                stack.enter_context(patch(f"worker.model.{place}.EncoderShape.of", lambda _: None))
        model = Model(Artifact(folder, folder.name, "random weights", None), "cpu", dtype)
    assert (model.row_tokens > 0) == is_ours
    return model


def _batches(model: Model, texts: list[str]) -> list[Batch]:
    tokenizer = Tokenizer(find_artifact("bundled", None), model.positions)
    requests = [Request(index, str(index), text, None) for index, text in enumerate(texts)]
    return plan(tokenizer.tokenize(requests), model.batch_tokens, model.row_tokens, model.shares)


def _predict(model: Model, batches: list[Batch]) -> None:
    for _ in model.predict(batches):
        pass


def _rate(run: Callable[[], None], texts: int) -> float:
    started = time.perf_counter()
    run()
    return texts / (time.perf_counter() - started)


def _profile(run: Callable[[], None]) -> str:
    """The operators that take the most time."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        run()
    operators = sorted(found.key_averages(), key=lambda operator: -operator.self_cpu_time_total)
    total = sum(operator.self_cpu_time_total for operator in operators)
    return "\n".join(f"{o.self_cpu_time_total / total:6.1%}  {o.key}" for o in operators[:_OPERATORS])


if __name__ == "__main__":
    main()
