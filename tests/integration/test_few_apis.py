"""Services that speak Kafka's protocol and leave parts of it out, transactions above all."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.proxy import API_VERSIONS, INIT_PRODUCER_ID, TcpProxy
from tests.integration.conftest import Stream, identities, message

TRANSACTIONS = {22, 24, 25, 26, 28}  # the api keys of InitProducerId, AddPartitionsToTxn, … TxnOffsetCommit
ALL_BUT_THE_CORE = TRANSACTIONS | {16, 23, 32, 38, 60, 61, 65, 66, 69, 75}  # list and describe whatever there is
_FIRST_KEY = 4 + 4 + 2  # behind size, correlation id and error
_ERROR = 4 + 4 + 1 + 4  # behind size, correlation id, tags and throttle time
_UNSUPPORTED_VERSION = 35


def hide(api_keys: set[int]) -> Callable[[bytearray], None]:
    """Give these keys another number in the list of what a broker has (ApiVersions, from version 3 on)."""

    def change(answer: bytearray) -> None:
        count, at = answer[_FIRST_KEY] - 1, _FIRST_KEY + 1
        for place in range(at, at + 7 * count, 7):
            (key,) = struct.unpack_from(">h", answer, place)
            if key in api_keys:
                struct.pack_into(">h", answer, place, 10_000 + key)

    return change


def refuse(answer: bytearray) -> None:
    struct.pack_into(">h", answer, _ERROR, _UNSUPPORTED_VERSION)


@pytest.fixture
def proxied(breakable_kafka: ApacheKafka) -> Iterator[tuple[ApacheKafka, TcpProxy]]:
    with breakable_kafka.proxy() as proxy:
        yield breakable_kafka, proxy


def make_stream(kafka: ApacheKafka, tiny_model: Path, tmp_path: Path, delivery: str) -> Stream:
    settings: dict[str, object] = {"bootstrap_servers": kafka.proxied_bootstrap_servers, "delivery": delivery}
    return Stream(kafka.bootstrap_servers, tmp_path, tiny_model, settings=settings)


@pytest.mark.parametrize(
    ("api_key", "change"),
    [
        (API_VERSIONS, hide(TRANSACTIONS)),
        (API_VERSIONS, hide(TRANSACTIONS - {INIT_PRODUCER_ID})),
        (INIT_PRODUCER_ID, refuse),
    ],
    ids=["no transactions", "idempotent producers only", "refused"],
)
def test_brokers_without_transactions_are_found_by_check_and_end_run_with_the_mend(
    api_key: int,
    change: Callable[[bytearray], None],
    proxied: tuple[ApacheKafka, TcpProxy],
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    kafka, proxy = proxied
    proxy.rewrite(api_key, change)
    stream = make_stream(kafka, tiny_model, tmp_path, "exactly_once")
    code, report = stream.worker().check()
    assert code == 1
    (problem,) = [line for line in report.splitlines() if line.startswith("PROBLEM")]
    with stream.worker() as worker:
        assert worker.wait_for_exit() == 2
    for told in (problem, worker.log):
        assert "no transactions" in told
        assert "set EMOTION_DELIVERY=at_least_once" in told
    assert "Traceback" not in report + worker.log


def test_at_least_once_needs_the_core_of_the_protocol_alone(
    proxied: tuple[ApacheKafka, TcpProxy], tiny_model: Path, tmp_path: Path
) -> None:
    kafka, proxy = proxied
    proxy.rewrite(API_VERSIONS, hide(ALL_BUT_THE_CORE))
    stream = make_stream(kafka, tiny_model, tmp_path, "at_least_once")
    code, report = stream.worker().check()
    assert code == 0, report
    with stream.worker(window_max_records=10) as worker:
        stream.produce([message(str(n), f"text {n}", partition=0) for n in range(100)] + [message("-", "", 1)])
        labels, letters = stream.labels(100), stream.letters(1)
        stream.wait_until_read()
        assert worker.terminate() == 0
    assert identities(labels) == [str(n) for n in range(100)]
    assert len(letters) == 1
    assert "producer_not_idempotent" in worker.log
