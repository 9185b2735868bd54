"""How often the intervals of `emotion-trainer reviews` hold what is true of a simulated stream."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Estimate
from tests.harness.answered_stream import AnsweredStream, answered_stream, drawn
from tests.harness.tiny_model import LABELS
from trainer.evaluation.calibration import calibration_error
from trainer.evaluation.weighted_ece import weighted_ece
from trainer.evaluation.weighted_f1 import weighted_f1
from trainer.evaluation.weighted_share import weighted_share

STREAMS = ((2.0, 1.8), (2.8, 1.3), (3.6, 1.0))
"""How well the model tells labels apart, and how much its scores claim."""
_NO_ERROR = 2e-4  # an ECE that is no more than rounding of a stream with right scores
_EYE = np.eye(len(LABELS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    sys.stdout.write(
        "| stream | not confident drawn | answers | figure | true | coverage | ± |\n" + "| --- " * 7 + "|\n"
    )
    for signal, boldness in STREAMS:
        stream = answered_stream(signal, boldness)
        for over_drawn in (10, 1):
            for answers in (200, 2000):
                for name, (value, coverage, half) in covered(stream, over_drawn, answers, runs).items():
                    place = f"{signal}, {boldness} | {over_drawn} × | {answers:,}"
                    sys.stdout.write(f"| {place} | {name} | {value:.4f} | {coverage:.1%} | {half:.4f} |\n")
                sys.stdout.flush()


def covered(
    stream: AnsweredStream, over_drawn: float, answers: int, runs: int
) -> Mapping[str, tuple[float, float, float]]:
    """Of each figure: what is true, how often an interval holds it, and the mean half of the interval's width."""
    true = true_figures(stream)
    probabilities, rng = stream.probabilities(over_drawn), np.random.default_rng(1)
    found: dict[str, list[tuple[bool, float]]] = {name: [] for name in true}
    for _ in range(runs):
        indices = drawn(probabilities, answers, rng)
        for name, each in estimated(stream, indices, 1 / probabilities[indices]):
            low = each.low - (_NO_ERROR if name == "ECE" else 0)
            found[name].append((low <= true[name] <= each.high, (each.high - each.low) / 2))
    means = {name: np.mean(each, axis=0) for name, each in found.items()}
    return {name: (true[name], float(mean[0]), float(mean[1])) for name, mean in means.items()}


def true_figures(stream: AnsweredStream) -> dict[str, float]:
    right = stream.right == stream.given
    everyone = np.ones(len(right))
    macro_f1 = weighted_f1(everyone, _EYE[stream.right], _EYE[stream.given]).macro().value
    return {
        "accuracy": float(right.mean()),
        "macro-F1": macro_f1,
        "ECE": calibration_error(stream.scores, right),
        "confident": float(stream.confident.mean()),
        "right of the confident": float(right[stream.confident].mean()),
    }


def estimated(
    stream: AnsweredStream, indices: NDArray[np.intp], weights: NDArray[Any]
) -> Iterator[tuple[str, Estimate]]:
    right = (stream.right == stream.given)[indices].astype(float)
    confident = stream.confident[indices]
    found = {
        "accuracy": weighted_share(weights, right),
        "macro-F1": weighted_f1(weights, _EYE[stream.right[indices]], _EYE[stream.given[indices]]).macro(),
        "ECE": weighted_ece(weights, stream.scores[indices], right),
        "confident": weighted_share(weights, confident.astype(float)),
        "right of the confident": weighted_share(weights[confident], right[confident]),
    }
    return ((name, each) for name, each in found.items() if each is not None)


if __name__ == "__main__":
    main()
