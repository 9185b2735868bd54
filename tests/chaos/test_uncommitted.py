"""Why readers of the labels have to read committed: what one that does not sees after a kill."""

from collections import Counter
from pathlib import Path

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.independent import Isolation, read_topic
from tests.harness.tiny_model import write_tiny_model
from tests.integration.conftest import Stream, identities, message

COUNT = 500
TXN_OFFSET_COMMIT = 28  # the api key of the request that puts offsets into a transaction


def test_an_uncommitted_reader_sees_labels_that_were_never_delivered(
    breakable_kafka: ApacheKafka, tmp_path: Path
) -> None:
    servers = breakable_kafka.bootstrap_servers
    stream = Stream(servers, tmp_path, write_tiny_model(tmp_path / "model"), settings={"delivery": "exactly_once"})
    stream.settings["bootstrap_servers"] = breakable_kafka.proxied_bootstrap_servers

    def seen(isolation: Isolation, at_least: int = 0) -> Counter[str]:
        return Counter(identities(read_topic(servers, stream.output, at_least=at_least, isolation=isolation)))

    stream.produce([message(f"m{index}", f"text number {index}", partition=0) for index in range(COUNT)])
    with breakable_kafka.proxy() as proxy, stream.worker() as killed:
        proxy.swallow(TXN_OFFSET_COMMIT)
        eventually(lambda: proxy.swallowed, 90, "a transaction is open, with labels in it")
        killed.kill()
    assert seen("read_committed") == {}
    undelivered = len(seen("read_uncommitted"))
    assert undelivered > 0
    with breakable_kafka.proxy(), stream.worker() as second:
        assert set(seen("read_committed", at_least=COUNT).values()) == {1}
        assert second.terminate() == 0
    assert Counter(seen("read_uncommitted").values()) == {2: undelivered, 1: COUNT - undelivered}
