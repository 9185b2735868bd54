"""The figures of the page are the numbers behind /metrics."""

import subprocess
import sys
from pathlib import Path

import orjson

from worker.observe.figures import Figures
from worker.observe.metrics import Meters, Registry
from worker.observe.request_metrics import ALSO_SERVED, QUEUED_TEXTS, REQUEST_SECONDS
from worker.observe.runtime_metrics import READY
from worker.observe.stream_metrics import DEAD_LETTERS, END_TO_END_SECONDS, LABELS, LAG_RECORDS, LAG_SECONDS, RECORDS


def test_what_partitions_and_reasons_say_is_put_together() -> None:
    registry = Registry()
    loop, service = Meters("loop", registry), Meters("service", registry)
    service[READY].set(1)
    loop[RECORDS].inc(7)
    loop[LABELS].labels("joy").inc(3)
    loop[LABELS].labels("fear").inc(2)
    for reason in ("invalid_json", "missing_text"):
        loop[DEAD_LETTERS].labels(reason).inc()
    for partition, lag in [("0", 10), ("1", 30)]:
        loop[LAG_RECORDS].labels("texts", partition).set(lag)
        loop[LAG_SECONDS].labels("texts", partition).set(lag / 10)
    for seconds in (0.01, 0.15, 0.15, 100_000):
        loop[END_TO_END_SECONDS].observe(seconds)
    (figures,) = Figures(registry, lambda: 5.0).since(0)
    latency = dict(figures.pop("latency"))
    assert figures == {
        "at_seconds": 5.0,
        "ready": 1,
        "records": 7,
        "labels": {"joy": 3, "fear": 2},
        "not_confident": 0,
        "dead_letters": 2,
        "lag_records": 40,
        "lag_seconds": 3,
        "queued_texts": None,
    }
    assert (latency[0.02], latency[0.1], latency[0.2], latency[86400], latency[None]) == (1, 1, 3, 3, 4)


def test_over_http_probes_are_no_latency() -> None:
    registry = Registry()
    meters = Meters("serve", registry, ALSO_SERVED)
    meters[QUEUED_TEXTS].set(4)
    for path in ("/label", "/predict", "/", "/livez", "/page/events"):
        meters[REQUEST_SECONDS].labels(path).observe(0.01)
    (figures,) = Figures(registry).since(0)
    assert figures["queued_texts"] == 4
    assert figures["records"] is figures["lag_records"] is figures["lag_seconds"] is None
    assert dict(figures["latency"])[None] == 3


def test_it_reads_once_a_second_and_keeps_minutes() -> None:
    now = 100.0
    figures = Figures(Registry(), lambda: now)
    assert [reading["at_seconds"] for reading in figures.since(0)] == [100]
    now = 100.5
    assert [reading["at_seconds"] for reading in figures.since(0)] == [100]
    now = 101.0
    assert [reading["at_seconds"] for reading in figures.since(100)] == [101]
    assert figures.since(101) == []
    for second in range(102, 1000):
        now = float(second)
        figures.since(0)
    assert 300 < len(figures.since(0)) < 350
    now = 900.0  # the clock was set back
    assert figures.since(0)[-1]["at_seconds"] == 900


CHILD = """
import sys
from worker.observe import multiprocess
multiprocess.count_as(int(sys.argv[1]))
from worker.observe.metrics import Meters, Registry
from worker.observe.stream_metrics import LABELS, LAG_RECORDS, RECORDS
meters = Meters("loop", Registry())
meters[RECORDS].inc(5)
meters[LABELS].labels("joy").inc(4)
meters[LAG_RECORDS].labels("texts", sys.argv[1]).set(2)
"""
SUPERVISOR = """
import subprocess, sys
import orjson
from worker.observe import multiprocess
multiprocess.share(sys.argv[1])
from worker.observe.figures import Figures
from worker.observe.metrics import Meters
from worker.observe.runtime_metrics import READY
registry = multiprocess.collect(sys.argv[1])
Meters("service", registry)[READY].set_function(lambda: 1.0)
for slot in "01":
    subprocess.run([sys.executable, "-c", sys.argv[2], slot], check=True)
print(orjson.dumps(Figures(registry).since(0)[0]).decode())
"""


def test_several_processes_are_added_up(tmp_path: Path) -> None:
    said = subprocess.check_output([sys.executable, "-c", SUPERVISOR, str(tmp_path), CHILD], timeout=60)
    figures = orjson.loads(said)
    assert (figures["records"], figures["labels"], figures["lag_records"]) == (10, {"joy": 8}, 4)
    assert figures["ready"] == 1
