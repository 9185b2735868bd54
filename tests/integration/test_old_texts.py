"""Labels of old texts: what retention would delete at once is said, and may be stamped with today's time."""

import time
from collections.abc import Callable

from tests.integration.conftest import Stream, identities
from tests.integration.test_refused import DAY_MS, names, set_config, stamped


def old_stream(make_stream: Callable[..., Stream], **settings: object) -> Stream:
    """Its input keeps texts for ever, its outputs keep labels for a week."""
    stream = make_stream(settings=settings)
    set_config(stream.servers, stream.input, retention_ms=-1)
    return stream


def test_labels_that_retention_deletes_at_once_are_said_once_a_partition(make_stream: Callable[..., Stream]) -> None:
    stream = old_stream(make_stream)
    code, report = stream.worker().check()
    assert code == 0
    assert report.count("keeps records for 7 days, and the input for ever") == 2
    assert "EMOTION_LABEL_TIMESTAMP=now" in report
    month_ago_ms = int(time.time() * 1000) - 30 * DAY_MS
    with stream.worker(window_max_records=4) as worker:
        worker.wait_until_ready()
        stream.produce([stamped(f"{n}", month_ago_ms, partition=n % 2) for n in range(20)])
        stream.wait_until_read()
        assert worker.terminate() == 0
    assert worker.log.count("outcome_past_retention") == 2
    assert worker.log.count("retention_shorter_than_input") == 2


def test_labels_may_be_stamped_with_the_time_of_labelling(make_stream: Callable[..., Stream]) -> None:
    stream = old_stream(make_stream, label_timestamp="now")
    _, report = stream.worker().check()
    assert "keeps records for" not in report
    started_ms = int(time.time() * 1000)
    with stream.worker() as worker:
        worker.wait_until_ready()
        stream.produce([stamped(name, started_ms - 30 * DAY_MS) for name in names("old", 5)])
        labels = stream.labels(5)
        assert worker.terminate() == 0
    assert identities(labels) == names("old", 5)
    assert all(started_ms <= label.timestamp_ms <= time.time() * 1000 for label in labels)
    assert "outcome_past_retention" not in worker.log
