"""What `emotion-worker check` found out about one part."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from worker.errors import Problem


class Result(NamedTuple):
    """What one look at one part found. Well with a mend is a hint: it works, but perhaps not as it is meant."""

    check: str
    ok: bool
    detail: str
    mend: str | None = None


def each(name: str, ok: bool, problems: Iterable[Problem]) -> Iterator[Result]:
    """A result for each of them."""
    return (Result(name, ok, problem.detail, problem.mend) for problem in problems)
