"""The number of a key: the same for ever, evenly spread, and what is shared out by it."""

import pytest

from schemas.dead_letter import Reason
from schemas.emotion_label import Source
from schemas.text_message import SkipReason
from worker.errors import UserError
from worker.flow import Decoded, Record, Rejected, Request, Skipped, Tombstone
from worker.kafka.key_share import share_of
from worker.kafka.own_keys import ALL_KEYS, KeyShare, decode_own, without_mark
from worker.settings.canary import parse_key_share

MANY = 20_000


def record(
    key: bytes | None, offset: int = 7, partition: int = 0, topic: str = "texts", part: int | None = None
) -> Record:
    return Record(Source(topic, partition, offset, None), key, b"{}", [], part)


@pytest.mark.parametrize(
    ("key", "share"),
    [
        (b"", 0.8666040914613156),
        (b"user-1", 0.4452256841542379),
        (b"\x00\xff", 0.5949531757966291),
        ("zoë".encode(), 0.8297832997512948),
    ],
)
def test_the_number_of_a_key_never_changes(key: bytes, share: float) -> None:
    assert share_of(record(key)) == share
    assert share_of(record(key, 8, 3, "others", 5)) == share, "nothing but the key counts"


def test_a_record_without_a_key_goes_by_its_place() -> None:
    assert share_of(record(None)) == 0.8868055244217317
    assert share_of(record(None, part=3)) == share_of(record(None)), "parts of one record stay together"
    assert len({share_of(record(None, *place)) for place in ((7, 0), (8, 0), (7, 1), (7, 0, "others"))}) == 4


def test_shares_are_as_large_as_they_say_and_grow_only_by_what_others_lose() -> None:
    numbers = [share_of(record(b"user-%d" % index)) for index in range(MANY)]
    assert all(0 <= number < 1 for number in numbers)
    taken: set[int] = set()
    for percent in (0, 1, 5, 25, 50, 99, 100):
        now = {index for index, number in enumerate(numbers) if number < percent / 100}
        assert taken <= now
        assert abs(len(now) / MANY - percent / 100) < 0.015  # 4 standard deviations
        taken = now
    assert len(taken) == MANY


def test_complementary_shares_give_each_key_to_exactly_one() -> None:
    shares = [KeyShare(0.0, 0.05), KeyShare(0.05, 0.9), KeyShare(0.9, 1.0)]
    records = [record(b"user-%d" % index) for index in range(2_000)] + [record(None, index) for index in range(2_000)]
    assert {sum(share.holds(each) for share in shares) for each in records} == {1}
    assert all(ALL_KEYS.holds(each) for each in records)


def test_what_is_not_of_the_share_is_skipped_whatever_it_holds() -> None:
    share = KeyShare(0.0, 0.5)
    records = [record(b"user-%d" % index) for index in range(40)]

    def decode(given: list[Record]) -> Decoded:
        requests = [Request(index, "", "", None) for index in (0, *range(4, len(given)))]
        return requests, [Rejected(1, Reason.MODEL_FAILED, ""), Tombstone(2), Skipped(3, SkipReason.CONDITION)]

    requests, others = decode_own(share, decode, records)
    own = {index for index, each in enumerate(records) if share.holds(each)}
    assert 0 < len(own) < 40
    assert {request.index for request in requests} == own - {1, 2, 3}
    foreign = [other for other in others if isinstance(other, Skipped) and other.reason == SkipReason.OTHER_SHARE]
    assert {other.index for other in foreign} == set(range(40)) - own
    assert {other.index for other in others} - {other.index for other in foreign} == own & {1, 2, 3}
    assert len(requests) + len(others) == 40


def test_what_is_committed_tells_of_which_keys_it_holds() -> None:
    assert ALL_KEYS.marked("cluster/id") == "cluster/id"
    marked = KeyShare(0.0, 0.95).marked("cluster/id")
    assert without_mark(marked) == "cluster/id"
    for fits in (KeyShare(0.0, 0.95), KeyShare(0.1, 0.5)):
        fits.check(marked, "g")
    for committed in ("", "cluster/id"):  # of all keys, or set by hand
        KeyShare(0.2, 0.3).check(committed, "g")
        ALL_KEYS.check(committed, "g")


@pytest.mark.parametrize("percent", ["0.001-100", "0-0.005", "0.0001-0.0002"])
def test_what_is_committed_of_a_very_small_share_is_read_as_it_was_written(percent: str) -> None:
    share = KeyShare(*parse_key_share(percent))
    share.check(share.marked("cluster/id"), "g")
    with pytest.raises(UserError, match=r"^EMOTION_KEY_SHARE: group g has read on for the keys "):
        ALL_KEYS.check(share.marked("cluster/id"), "g")


@pytest.mark.parametrize("share", [ALL_KEYS, KeyShare(0.0, 0.96), KeyShare(0.95, 1.0)])
def test_offsets_up_to_which_some_of_the_keys_were_skipped_are_refused_in_words(share: KeyShare) -> None:
    with pytest.raises(UserError, match=f"^EMOTION_KEY_SHARE: group g has read on for the keys 0-95 .* label {share}:"):
        share.check(KeyShare(0.0, 0.95).marked("cluster/id"), "g")
