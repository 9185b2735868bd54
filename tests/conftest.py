"""Which brokers and which browser the tests run on, and how many tests ran on real Apache Kafka."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.harness.apache_kafka import ApacheKafka, KafkaUnderTest
from tests.harness.browser import Browser, browser, require_browser
from tests.harness.container import NoContainerError, kafka_container
from tests.harness.jars import JarsUnavailableError, kafka_jars

MARKER = "apache_kafka"
_ON_APACHE_KAFKA = {"apache_kafka", "breakable_kafka", "apache_kafka_jars"}  # fixtures, also when another one asks
_ran: set[str] = set()
_reasons: list[str] = []


@pytest.fixture(scope="session")
def apache_kafka_jars() -> Path:
    """The jars, for tests that start a cluster of their own; skips where it cannot be run from jars."""
    try:
        return kafka_jars()
    except JarsUnavailableError as error:
        return _skip(str(error))


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaUnderTest]:
    """One real broker, shared by all tests: topics and groups need names of their own, and nobody may break it.

    KAFKA_TEST_BOOTSTRAP_SERVERS where it is set; else from jars; else in a container; else the test is skipped.
    """
    if servers := os.environ.get("KAFKA_TEST_BOOTSTRAP_SERVERS"):
        yield KafkaUnderTest(servers)
        return
    try:
        jars = kafka_jars()
    except JarsUnavailableError as no_jars:
        try:
            with kafka_container() as servers:
                yield KafkaUnderTest(servers)
        except NoContainerError as no_container:
            _skip(f"{no_jars}; {no_container}; KAFKA_TEST_BOOTSTRAP_SERVERS is not set")
        return
    with ApacheKafka(jars, tmp_path_factory.mktemp("kafka")) as cluster:
        yield KafkaUnderTest(cluster.bootstrap_servers, cluster)


@pytest.fixture(scope="module")
def breakable_kafka(apache_kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """A broker for the tests of one module alone, to stop, kill, pause and cut off; each leaves it running."""
    with ApacheKafka(apache_kafka_jars, tmp_path_factory.mktemp("breakable-kafka")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def shared_chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    require_browser()
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def chromium(shared_chromium: Browser) -> Iterator[Browser]:
    """A real browser with one empty tab. It leaves every page when the test ends."""
    shared_chromium.reset()
    yield shared_chromium
    shared_chromium.reset()


def _skip(reason: str) -> NoReturn:
    if os.environ.get("KAFKA_TEST_REQUIRED"):
        pytest.fail(f"no Apache Kafka, and KAFKA_TEST_REQUIRED is set: {reason}")
    pytest.skip(f"no Apache Kafka: {reason}")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARKER}: runs on real Apache Kafka (set by itself, from the fixtures)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _ON_APACHE_KAFKA & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKER)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count where all reports come together, also when several processes run the tests."""
    if MARKER in report.keywords:
        if report.skipped and isinstance(report.longrepr, tuple):
            _reasons.append(report.longrepr[2])
        elif report.when == "call":
            _ran.add(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line of a run."""
    why = "" if _ran else f" ({_reasons[0] if _reasons else 'none of the selected tests needs it'})"
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not hasattr(config, "workerinput"):
        reporter.write_line(f"tests on Apache Kafka: {len(_ran)}{why}")
