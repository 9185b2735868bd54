"""`emotion-worker bench`: what this machine can do, and how much of it the pipeline gets."""

import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from tqdm import tqdm

from schemas.machine.cores import usable_cores
from worker import loop
from worker.build import checked_topics
from worker.commands import bench_report
from worker.commands.bench_report import Measured
from worker.commands.bench_run import BenchRun, StageClock, predict_nothing, tokenize_nothing
from worker.commands.embedded_broker import embedded_broker
from worker.commands.scratch_topics import scratch_topics
from worker.errors import UserError
from worker.flow import Outcome, Partition, Request, TokenizedText
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients
from worker.labelling import load_model
from worker.model.sample_texts import sample_texts
from worker.model.warm_up import forward_texts_per_s
from worker.process.memory import set_aside
from worker.settings import Settings
from worker.settings.reading import OF_MESSAGES

_PARTITIONS = 4
_CPU_BUDGETS = (256, 512, 1_024, 2_048)
_GPU_BUDGETS = (4_096, 8_192, 16_384, 32_768, 65_536)
_SEND_SECONDS = 60


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    input: Path | None = None
    texts: int = 2_000
    records: int = 20_000
    rounds: int = 3
    target_rate: float | None = None
    price_per_hour: float | None = None
    plots: Path | None = None


def bench(settings: Settings, options: Options) -> int:
    """Measure, then print a table and one line of JSON; returns 0.

    Raises:
        UserError: There are no texts, no broker, or no matplotlib for `--plots`.
    """
    if options.plots:
        bench_report.require_matplotlib()
    texts = _texts(options)
    usual = {name: Settings.model_fields[name].default for name in OF_MESSAGES}
    settings = settings.model_copy(update=usual | {"cache_texts": 0, "review_topic": None, "start_offset": "earliest"})
    with ExitStack() as stack:
        servers, name = settings.bootstrap_servers, f"Kafka at {settings.bootstrap_servers}"
        if servers is None:
            servers, name = stack.enter_context(embedded_broker()), "embedded (Tansu, in memory)"
            settings = settings.model_copy(update={"delivery": "at_least_once", "session_timeout_ms": 6_000})
        settings = settings.model_copy(update={"bootstrap_servers": servers})
        clients = KafkaClients(settings)
        topics = stack.enter_context(scratch_topics(clients, "emotion-bench", _PARTITIONS))
        names = dict(zip(("input_topic", "output_topic", "dead_letter_topic"), topics, strict=True))
        measured = _Bench(settings.model_copy(update=names), clients, texts, options).measure(name)
    bench_report.print_report(measured, options.target_rate, options.price_per_hour)
    if options.plots:
        bench_report.plot(measured, options.plots)
    return 0


def _texts(options: Options) -> list[str]:
    if options.input is None:
        return sample_texts(options.texts)
    if not options.input.is_file():
        raise UserError(f"--input: no such file: {options.input}")
    lines = options.input.read_text(encoding="utf-8", errors="replace").splitlines()
    texts = list(dict.fromkeys(line for line in lines if line.strip()))[: options.texts]
    if not texts:
        raise UserError(f"--input: {options.input} holds no text")
    return texts


class _Bench:
    def __init__(self, settings: Settings, clients: KafkaClients, texts: list[str], options: Options) -> None:
        self._settings = settings
        self._clients = clients
        self._texts = texts
        self._options = options
        self._topics = checked_topics(clients, settings)
        self._model, self._tokenizer = load_model(settings)

    def measure(self, broker_name: str) -> Measured:
        """Everything, what is compared with one another in turns."""
        model, tokenizer, rounds = self._model, self._tokenizer, range(self._options.rounds)
        requests = [Request(index, str(index), text, None) for index, text in enumerate(self._texts)]
        tokenizer_us, tokenized = _cpu_us(lambda: tokenizer.tokenize(requests), len(requests))
        self._produce(self._texts)
        set_aside()
        budgets = [self._settings.batch_tokens] if self._settings.batch_tokens else self._budgets()
        ceilings: dict[int, list[float]] = {budget: [] for budget in budgets}
        pipelines, peaks = [], []
        with tqdm(total=len(rounds) * (len(budgets) + 2), unit=" runs", disable=None) as progress:
            for _ in rounds:
                peaks.append(self._peak())
                progress.update()
                for budget, rates in ceilings.items():
                    rates.append(forward_texts_per_s(model, tokenized, budget))
                    progress.update()
                model.batch_tokens = max(ceilings, key=lambda budget: statistics.median(ceilings[budget]))
                pipelines.append(self._pipeline(len(self._texts)))
                progress.update()
        self._produce(self._texts[index % len(self._texts)] for index in range(self._options.records))
        costs = statistics.median_low  # keeps a figure that was measured
        runs = [self._costs(len(self._texts) + self._options.records) for _ in rounds]
        client_us, decode_us, encode_us = (costs([run[part] for run in runs]) for part in range(3))
        tokens = sum(len(item.ids) for item in tokenized)
        return Measured(
            broker=broker_name,
            delivery=self._settings.delivery,
            model=f"{model.info.name} {model.info.revision[:19]}",
            device=model.fingerprint().split(" | ")[0],
            dtype=str(model.dtype).removeprefix("torch."),
            processes_fit=max(1, usable_cores() // model.threads()),
            texts=len(self._texts),
            tokens_per_text=tokens / len(self._texts),
            operations_per_text=2 * model.matrix_weights * tokens / len(self._texts),
            matrix_peak_operations_per_s=statistics.median(peaks),
            batch_tokens=model.batch_tokens,
            ceilings={budget: statistics.median(rates) for budget, rates in ceilings.items()},
            pipelines=pipelines,
            tokenizer_us_per_record=tokenizer_us,
            client_us_per_record=client_us,
            decode_us_per_record=decode_us,
            encode_us_per_record=encode_us,
        )

    def _budgets(self) -> tuple[int, ...]:
        return _CPU_BUDGETS if self._model.device.type == "cpu" else _GPU_BUDGETS

    def _peak(self) -> float:
        from worker.model.device import matrix_peak

        return matrix_peak(self._model.device, self._model.dtype)

    def _produce(self, texts: Iterable[str]) -> None:
        topic = self._settings.input_topic
        groups: dict[Partition, list[Outcome]] = {Partition(topic, number): [] for number in range(_PARTITIONS)}
        for index, text in enumerate(texts):
            number = index % _PARTITIONS
            value = orjson.dumps({"id": f"bench-{index}", "text": text})
            key = str(index).encode()
            groups[Partition(topic, number)].append(Outcome(index, topic, number, key, value, [], None))
        producer = self._clients.producer(DEFAULT_MAX_MESSAGE_BYTES)
        producer.deliver(groups, _SEND_SECONDS)
        producer.close(timeout=1)

    def _pipeline(self, records: int) -> float:
        """Texts a second through the broker, from the first window on."""
        run = BenchRun(self._settings, self._topics, self._model, self._tokenizer)
        run.until(records, lambda stages: stages)
        return records / run.seconds

    def _costs(self, records: int) -> tuple[float, float, float]:
        """µs of CPU a record of client and loop, decode and encode, behind a model that costs nothing."""
        clock = StageClock()
        labels = len(self._model.info.labels)

        def free(stages: loop.Stages) -> loop.Stages:
            return replace(
                stages,
                decode=clock.timed("decode", stages.decode),
                tokenize=clock.timed("free", tokenize_nothing),
                plan=lambda tokenized: [[tokenized]],
                predict=clock.timed("free", lambda batches: predict_nothing(batches, labels)),
                encode=clock.timed("encode", stages.encode),
            )

        run = BenchRun(self._settings, self._topics, self._model, self._tokenizer)
        run.until(records, free)
        decode, encode = clock.seconds["decode"], clock.seconds["encode"]
        client = run.cpu_seconds - sum(clock.seconds.values())
        return client / records * 1e6, decode / records * 1e6, encode / records * 1e6


def _cpu_us(function: Callable[[], list[TokenizedText]], records: int) -> tuple[float, list[TokenizedText]]:
    started = time.process_time()
    result = function()
    return (time.process_time() - started) / records * 1e6, result
