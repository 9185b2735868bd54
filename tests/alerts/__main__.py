"""`python -m tests.alerts`: makes each alert fire and rest again, and writes docker/ALERT_TRIALS.md.

Some 20 minutes. `--only EmotionDrift` (several times, if you like) tries that alone, and prints the page in place of
writing it. `--factor` divides the durations of the rules. The exit code is 1 if an alert did not fire, or did not rest.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.alerts.page import Outcome, page
from tests.alerts.rules import FILE, faster
from tests.alerts.stack import PATIENCE_SECONDS, Stack
from tests.alerts.trials import TRIALS, Trial
from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.jars import kafka_jars
from tests.harness.prometheus import Prometheus
from tests.harness.tiny_model import write_tiny_model

PAGE = Path(__file__).parents[2] / "docker/ALERT_TRIALS.md"


def main() -> int:
    """Run; 1 if something was not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.alerts", description=__doc__)
    parser.add_argument("--only", action="append", choices=[name for names in TRIALS.values() for name in names])
    parser.add_argument("--factor", type=int, default=30)
    options = parser.parse_args()
    chosen = {trial: names for trial, names in TRIALS.items() if not options.only or {*names} & {*options.only}}
    outcomes: list[Outcome] = []
    failed = 0
    with tempfile.TemporaryDirectory(prefix="alerts-") as scratch, live_stack(Path(scratch), options.factor) as live:
        for trial, names in chosen.items():
            try:
                outcomes += attempt(live, trial, names)
            except (AssertionError, OSError) as error:  # of Prometheus, on a machine that is busy
                failed += 1
                print(f"{trial.__name__}: {error!r}", file=sys.stderr, flush=True)
    text = page(outcomes, options.factor)
    if options.only or failed:
        print(text)
    else:
        PAGE.write_text(text, encoding="utf-8")
    return int(failed > 0)


@contextmanager
def live_stack(folder: Path, factor: int) -> Iterator[Stack]:
    """A broker behind a proxy, and a Prometheus with the rules in a hurry, for as long as the block runs."""
    (folder / "prometheus").mkdir()
    rules = faster(FILE.read_text(encoding="utf-8"), factor)
    model = write_tiny_model(folder / "tiny")
    with (
        ApacheKafka(kafka_jars(), folder / "kafka") as cluster,
        cluster.proxy() as proxy,
        Prometheus(folder / "prometheus", rules) as prometheus,
    ):
        yield Stack(cluster, proxy, prometheus, folder, model)


def attempt(stack: Stack, trial: Trial, names: tuple[str, ...]) -> list[Outcome]:
    """Make these alerts fire, and rest again.

    Raises:
        AssertionError: they did not, or nothing could be tried.
    """
    seen: dict[str, tuple[float, str]] = {}  # when each alert fired first, and what it said

    def fire() -> bool:
        for name, said in stack.prometheus.firing().items():
            seen.setdefault(name, (time.monotonic() - stack.quiet_at, said))
        return {*names} <= seen.keys()

    with closing(trial(stack)) as steps:
        next(steps)
        eventually(fire, PATIENCE_SECONDS, f"{', '.join(names)} fires")
        next(steps)
        mended_at = time.monotonic()
        rested: dict[str, float] = {}

        def rest() -> bool:
            fire()
            for name in {*names} - stack.prometheus.firing().keys():
                rested.setdefault(name, time.monotonic() - mended_at)
            return {*names} <= rested.keys()

        eventually(rest, PATIENCE_SECONDS, f"{', '.join(names)} rests")
        next(steps, None)
    done = " ".join((trial.__doc__ or "").split())
    others = sorted(seen.keys() - {*names})
    outcomes = [Outcome(name, done, seen[name][0], rested[name], seen[name][1], others) for name in names]
    print(*outcomes, sep="\n", file=sys.stderr, flush=True)
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
