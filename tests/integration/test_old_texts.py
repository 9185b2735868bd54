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


def test_an_output_that_stamps_arrivals_is_said_and_takes_and_keeps_texts_of_any_time(
    make_stream: Callable[..., Stream],
) -> None:
    stream = old_stream(make_stream)
    for topic in (stream.output, stream.dead_letters):
        limits = {"message_timestamp_before_max_ms": DAY_MS, "message_timestamp_after_max_ms": DAY_MS}
        set_config(stream.servers, topic, message_timestamp_type="LogAppendTime", **limits)
    code, report = stream.worker().check()
    assert code == 0
    assert report.count("stamps records with the time of their arrival") == 2
    assert "keeps records for" not in report
    started_ms = int(time.time() * 1000)
    with stream.worker() as worker:
        worker.wait_until_ready()
        stream.produce([stamped(f"{n}", started_ms + months * 30 * DAY_MS) for n, months in enumerate((-1, 0))])
        labels = stream.labels(2)
        assert worker.terminate() == 0
    assert identities(labels) == ["0", "1"]
    assert all(label.timestamp_ms >= started_ms for label in labels)
    assert worker.log.count("timestamps_of_arrival") == 2
    assert "outcome_past_retention" not in worker.log
    assert "retention_shorter_than_input" not in worker.log


def test_an_input_that_stamps_arrivals_is_said_and_labels_have_that_time(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    set_config(stream.servers, stream.input, message_timestamp_type="LogAppendTime")
    _, report = stream.worker().check()
    assert report.count("stamps records with the time of their arrival") == 1
    assert stream.input in next(line for line in report.splitlines() if "time of their arrival" in line)
    _, report = stream.worker(label_timestamp="now").check()
    assert "time of their arrival" not in report
    started_ms = int(time.time() * 1000)
    with stream.worker() as worker:
        stream.produce([stamped("old", started_ms - 30 * DAY_MS)])
        (label,) = stream.labels(1)
        assert worker.terminate() == 0
    assert label.timestamp_ms >= started_ms
    assert worker.log.count("timestamps_of_arrival") == 1
