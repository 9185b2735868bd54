"""What `emotion-worker bench` says: a table, advice, one line of JSON, and pictures."""

import math
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import orjson

from worker.errors import UserError

_LOAD = 0.7  # what a worker should carry at most, so that it catches up after a restart
FIELDS = {
    "pipeline_texts_per_s": "texts a second from topic to topic, median of the rounds",
    "ceiling_texts_per_s": "texts a second of the forward pass alone: the same distinct texts, tokenized and packed "
    "into batches beforehand, over the whole set, at its best batch size",
    "pipeline_to_ceiling": "the one divided by the other",
    "ceiling_to_matrix_peak": "the ceiling divided by what plain matrix products of the dtype would give: their "
    "operations a second by 2 x weights of linear layers x real tokens",
    "client_us_per_record": "µs of CPU a record of Kafka client and loop, measured behind a model that costs nothing",
    "decode_us_per_record": "µs of CPU a record from bytes to text; `encode_us_per_record`: from scores to bytes",
    "tokenizer_us_per_record": "µs of CPU a record from text to token ids",
    "batch_tokens": "the best batch size, in padded tokens",
    "advice": "with --target-rate: replicas, processes in each and partitions",
    "cost_per_million": "with --price-per-hour: of a replica that is busy all the time",
}


@dataclass(frozen=True)
class Measured:
    """All figures of one run."""

    broker: str
    delivery: str
    model: str
    device: str
    dtype: str
    processes_fit: int
    texts: int
    tokens_per_text: float
    operations_per_text: float
    matrix_peak_operations_per_s: float
    batch_tokens: int
    ceilings: dict[int, float]
    pipelines: list[float]
    tokenizer_us_per_record: float
    client_us_per_record: float
    decode_us_per_record: float
    encode_us_per_record: float

    @property
    def ceiling(self) -> float:
        """Texts a second of the forward pass at its best batch size."""
        return self.ceilings[self.batch_tokens]

    @property
    def pipeline(self) -> float:
        """Texts a second from topic to topic."""
        return statistics.median(self.pipelines)

    @property
    def peak(self) -> float:
        """Texts a second if the model were matrix products alone, at full speed."""
        return self.matrix_peak_operations_per_s / self.operations_per_text


def summary(measured: Measured, target_rate: float | None, price_per_hour: float | None) -> dict[str, object]:
    """The line of JSON; `FIELDS` says what its figures mean."""
    named = {name: getattr(measured, name) for name in ("broker", "delivery", "model", "device", "dtype", "texts")}
    costs = ("tokenizer_us_per_record", "decode_us_per_record", "encode_us_per_record", "client_us_per_record")
    cost = None if price_per_hour is None else round(price_per_hour / measured.pipeline / 3600 * 1e6, 4)
    return named | {
        "tokens_per_text": round(measured.tokens_per_text, 1),
        "matrix_peak_gflop_per_s": round(measured.matrix_peak_operations_per_s / 1e9, 1),
        "batch_tokens": measured.batch_tokens,
        "ceiling_texts_per_s": round(measured.ceiling, 1),
        "ceiling_to_matrix_peak": round(measured.ceiling / measured.peak, 3),
        "pipeline_texts_per_s": round(measured.pipeline, 1),
        "pipeline_to_ceiling": round(measured.pipeline / measured.ceiling, 3),
        **{name: round(getattr(measured, name), 1) for name in costs},
        "advice": None if target_rate is None else advice(measured, target_rate),
        "cost_per_million": cost,
    }


def advice(measured: Measured, target_rate: float) -> dict[str, int]:
    """How to run it for so many texts a second; each replica carries 70 % of what was measured at most."""
    replicas = math.ceil(target_rate / (measured.pipeline * _LOAD))
    processes = measured.processes_fit
    return {
        "replicas": replicas,
        "processes": processes,
        "partitions": 2 * replicas * processes,  # twice, so that there is room to grow, and no replica is without work
        "batch_tokens": measured.batch_tokens,
    }


def print_report(measured: Measured, target_rate: float | None, price_per_hour: float | None) -> None:
    """The table, the advice and, last, the JSON."""
    found = summary(measured, target_rate, price_per_hour)
    lines = [f"{measured.model} on {measured.device} in {measured.dtype}; {measured.broker}, {measured.delivery}", ""]
    lines += [
        f"{'matrix products alone':<32}{measured.peak:>12.1f} texts/s",
        *(f"{f'forward pass, {budget} tokens':<32}{rate:>12.1f} texts/s" for budget, rate in measured.ceilings.items()),
        f"{'pipeline through the broker':<32}{measured.pipeline:>12.1f} texts/s   "
        f"{found['pipeline_to_ceiling']} of the forward pass",
        "",
        *(f"{name:<32}{us:>12.1f} µs of CPU a record" for name, us in _costs(measured).items()),
        "",
    ]
    if target_rate is not None:
        said = advice(measured, target_rate)
        lines.append(
            f"For {target_rate:g} texts/s at 70 % load: {said['replicas']} replicas of {said['processes']} processes, "
            f"{said['partitions']} partitions, EMOTION_BATCH_TOKENS={said['batch_tokens']}"
        )
    if price_per_hour is not None:
        lines.append(f"A million texts cost {found['cost_per_million']} on a replica that is busy all the time")
    sys.stdout.write("\n".join(lines) + "\n" + orjson.dumps(found).decode() + "\n")


def require_matplotlib() -> None:
    """Say so before the measurement if pictures cannot be drawn.

    Raises:
        UserError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise UserError("--plots needs matplotlib: run `pip install 'emotion-labeller[trainer]'`") from error
    matplotlib.use("Agg")


def plot(measured: Measured, folder: Path) -> None:
    """Write `throughput.png` and `costs.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    rates = {"matrix products": measured.peak} | {f"forward, {b} tokens": r for b, r in measured.ceilings.items()}
    _bars(rates | {"pipeline": measured.pipeline}, "texts a second", folder / "throughput.png")
    _bars(_costs(measured), "µs of CPU a record", folder / "costs.png")


def _costs(measured: Measured) -> dict[str, float]:
    return {
        "client and loop": measured.client_us_per_record,
        "decode": measured.decode_us_per_record,
        "encode": measured.encode_us_per_record,
        "tokenizer": measured.tokenizer_us_per_record,
    }


def _bars(values: dict[str, float], unit: str, file: Path) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 0.6 * len(values) + 1.2), layout="constrained")
    axes.bar_label(axes.barh(list(values), list(values.values())), fmt="%.1f", padding=4)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.15)
    figure.savefig(file, dpi=120)
    pyplot.close(figure)
