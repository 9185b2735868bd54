"""What the cluster does not tell now it may tell later: the exit code says so."""

from collections.abc import Callable
from typing import Any

import pytest
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, UnknownMemberIdError

from worker.errors import NotAnsweredError, UserError
from worker.flow import Partition
from worker.kafka import admin
from worker.kafka.admin import Admin


class Refusing:
    """A client whose questions about groups come to nothing."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer

    def describe_groups(self, _groups: list[str]) -> Any:
        return self._answer()

    def alter_group_offsets(self, _group: str, _offsets: object) -> Any:
        return self._answer()

    def close(self) -> None: ...


def no_coordinator() -> None:
    raise CoordinatorNotAvailableError


def test_a_coordinator_that_does_not_answer_may_do_so_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "_COORDINATOR_SECONDS", 0)
    with pytest.raises(NotAnsweredError, match=r"do not answer for group g .*try again") as raised:
        Admin(Refusing(no_coordinator)).group("g")
    assert raised.value.exit_code == 1


@pytest.mark.parametrize("answer", [no_coordinator, lambda: {"in-0": CoordinatorLoadInProgressError}])
def test_offsets_that_cannot_be_set_now_may_be_set_later(answer: Callable[[], Any]) -> None:
    with pytest.raises(NotAnsweredError, match=r"the offsets of group g cannot be set .*try again"):
        Admin(Refusing(answer)).commit_offsets("g", {Partition("in", 0): 1})


def test_offsets_of_a_group_with_members_are_its_users_to_mend() -> None:
    with pytest.raises(UserError, match="stop whoever is a member") as raised:
        Admin(Refusing(lambda: {"in-0": UnknownMemberIdError})).commit_offsets("g", {Partition("in", 0): 1})
    assert raised.value.exit_code == 2
