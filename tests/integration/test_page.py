"""The page of `run`, on real Apache Kafka, in a real browser: the numbers of /metrics, and no text."""

from collections.abc import Callable

import pytest

from tests.harness.browser import Browser
from tests.harness.endpoint import Endpoint
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord
from tests.integration.conftest import Stream, message

MIX = """
  const rows = [...document.querySelectorAll("#mix tbody tr")];
  return rows.map(row => [row.cells[0].textContent, row.cells[3].textContent]);
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_it_shows_what_metrics_say_and_no_text(
    processes: int, make_stream: Callable[..., Stream], endpoint: Endpoint, chromium: Browser
) -> None:
    stream = make_stream()
    with stream.worker(http_port=endpoint.port, processes=processes, page=True) as worker:
        eventually(endpoint.is_ready, 90, "ready")
        url = f"http://127.0.0.1:{endpoint.port}/page"
        chromium.open(url)
        texts = [message(f"m{index}", f"a text of mine {index}", partition=index % 2) for index in range(300)]
        stream.produce([*texts, NewRecord(b"broken", b"k", partition=0)])
        stream.labels(300)

        def mix() -> dict[str, float]:
            return {label: float(count) for label, count in chromium.script(MIX) if count != "0"}

        def by_metrics() -> dict[str, float]:
            counted = {
                dict(labels)["label"]: value
                for (name, labels), value in endpoint.scrape().items()
                if name == "emotion_labels_total" and value
            }
            return counted if sum(counted.values()) == 300 else {}

        expected = eventually(by_metrics, 30, "all are counted")
        eventually(lambda: mix() == expected, 30, f"the page shows {expected}")
        eventually(lambda: chromium.text("#lag") == "0 records", 30, "no lag")
        eventually(lambda: chromium.text("#state") == "Live", 30, "it is ready")
        assert chromium.text("#dead") == "1"
        assert chromium.text("#latency").split()[1] in ("ms", "s")
        assert chromium.script("return document.querySelectorAll('form, input, #stream').length") == 0
        assert "of mine" not in chromium.script("return document.documentElement.outerHTML")
        assert chromium.console() == []
        assert set(chromium.requested()) == {url, f"{url}/events"}
        assert worker.terminate() == 0
    eventually(lambda: chromium.text("#state").startswith("Connection lost"), 30, "its end is noticed")
    assert "of mine" not in worker.log
