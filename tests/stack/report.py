"""docker/STACK.md: what the last `make stack` did and saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tests.stack import engine
from tests.stack.checker import Verdict

_IMAGES = ("emotion-worker", "apache/kafka:4.3.1")


@dataclass(frozen=True)
class Fault:
    """A fault, what an operator sees of it, and how long after it each text that was written before had its label."""

    name: str
    seen: str
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What came of the run."""

    faults: Sequence[Fault]
    verdict: Verdict
    dead_letters: int


def page(day: date, versions: Mapping[str, str], outcome: Outcome, figures: Mapping[str, str]) -> str:
    """The page."""
    counts = {"texts": outcome.verdict.written, "labels": outcome.verdict.labelled, "lost": outcome.verdict.lost}
    counts |= {"twice": outcome.verdict.twice, "out of order": outcome.verdict.out_of_order}
    counts |= {"labels of no text": outcome.verdict.phantom, "dead letters": outcome.dead_letters}
    faults = [(f"`{fault.name}`", fault.seen, f"{fault.seconds:.1f}") for fault in outcome.faults]
    sizes = [(f"size of `{image}`, MB", f"{int(engine.inspect(image)['Size']) / 1e6:.0f}") for image in _IMAGES]
    layers = [(size, f"`{short(making)}`") for size, making in engine.layers("emotion-worker")]
    return f"""# The stack on an engine

`make stack` wrote this page on {day}: {", ".join(f"{name} {version}" for name, version in versions.items())}.
It builds the image, starts [compose.yaml](compose.yaml) with two workers and labels the sample. Then it breaks things
while texts stream in, and reads all labels by another client (librdkafka, `read_committed`).

{table(tuple(counts), [tuple(map(str, counts.values()))])}

{table(("fault", "what was seen", "seconds until all earlier texts had labels"), faults)}

{table(("figure", "value"), [*figures.items(), *sizes])}

## Layers of the worker's image

The lowest first, as `docker history emotion-worker` has them. {torch_build()}

{table(("size", "made by"), layers)}
"""


def torch_build() -> str:
    """What the image says of its torch."""
    return engine.run("docker", "run", "--rm", "--entrypoint", "cat", "emotion-worker", "/venv/torch_build.txt")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def short(making: str) -> str:
    """The beginning of what made a layer; its source, where it was copied, is a digest."""
    return making.replace("/bin/sh -c", "").replace("#(nop)", "").replace("|", "/").strip()[:70] or "base image"
