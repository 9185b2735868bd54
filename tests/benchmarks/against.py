"""The worker against what users would pick instead: same model, texts, threads and float32, in turns.

Each peer as people run it, and with the settings that its documentation recommends for throughput.
"""

import os
import subprocess
from functools import partial
from pathlib import Path

from tests.benchmarks.harness.command import filled_stream, options
from tests.benchmarks.harness.environments import peer_python
from tests.benchmarks.harness.report import in_turns, medians, report, say
from tests.benchmarks.harness.streams import Stream, drain, rate
from tests.benchmarks.harness.texts import distinct_texts, uniform_texts
from tests.harness.independent import RunningReader
from worker.artifact import find_artifact

# Program and requirements. MLServer and Infinity are not written yet.
PEERS = {
    "plain loop": ("plain_loop", []),
    "FastStream": ("faststream_app", ["faststream[kafka]==0.7.8"]),
    "Quix Streams": ("quix_app", ["quixstreams==3.28.1"]),
}
_ROOT = Path(__file__).parents[2]


def main() -> None:
    given = options(
        __doc__ or "", texts=3000, rounds=3, threads=2, model="bundled", delivery="exactly_once", lengths="mixed"
    )
    texts, origin = distinct_texts(given.texts)
    if given.lengths == "uniform":
        texts, origin = uniform_texts(given.texts), "made up, all of one length"
    model = str(find_artifact(given.model, None).folder)
    with filled_stream(texts) as (_, stream):
        settings = {"model": model, "delivery": given.delivery, "dtype": "float32", "batch_tokens": 512}
        variants = {"worker": partial(_worker, stream, len(texts), given.threads, settings)}
        for name, (module, requirements) in PEERS.items():
            try:
                python = peer_python(module, requirements)
            except subprocess.CalledProcessError as error:
                say(f"left out: {name} cannot be installed here ({error})")
                continue
            for tuned in (False, True):
                shown = f"{name}, {'tuned' if tuned else 'as people run it'}"
                variants[shown] = partial(_peer, stream, len(texts), given.threads, model, python, module, tuned)
        found = medians(in_turns(given.rounds, variants))
    ours = found.pop("worker")
    best = {kind: max((r for n, r in found.items() if n.endswith(kind)), default=ours) for kind in ("run it", "tuned")}
    report(
        "against",
        ("what", "texts/s", "worker / this"),
        [
            ("worker", ours, 1.0),
            *((name, texts_per_s, round(ours / texts_per_s, 2)) for name, texts_per_s in found.items()),
        ],
        f"worker / best peer: {ours / best['run it']:.2f} as people run them, {ours / best['tuned']:.2f} tuned",
        texts=origin,
        threads=given.threads,
        worker_texts_per_s=ours,
        results=found,
    )


def _worker(stream: Stream, records: int, threads: int, settings: dict[str, object]) -> float:
    stream.renew()
    return drain(stream, [stream.worker(threads=threads, **settings)], records)


def _peer(stream: Stream, records: int, threads: int, model: str, python: Path, module: str, tuned: bool) -> float:
    stream.renew()
    told = {
        "SERVERS": stream.servers,
        "INPUT": stream.input,
        "OUTPUT": stream.output,
        "GROUP": stream.group,
        "MODEL": model,
        "TUNED": str(int(tuned)),
    }
    environment = os.environ | {f"PEER_{name}": value for name, value in told.items()}
    environment |= {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(_ROOT)}
    log = stream.folder / f"{stream.group}.log"
    with RunningReader(stream.servers, stream.output) as reader, log.open("wb") as output:
        command = [str(python), "-m", f"tests.benchmarks.peers.{module}"]
        process = subprocess.Popen(command, env=environment, cwd=stream.folder, stdout=output, stderr=output)
        try:
            return rate(reader, records, timeout_s=3600, alive=lambda: _alive(process, log))
        finally:
            process.kill()
            process.wait(30)


def _alive(process: "subprocess.Popen[bytes]", log: Path) -> None:
    if process.poll() is not None:
        raise AssertionError(f"the peer ended with {process.returncode}:\n{log.read_text()[-2000:]}")


if __name__ == "__main__":
    main()
